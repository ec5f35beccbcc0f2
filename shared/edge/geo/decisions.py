"""What the router answers with, and the closed sets of words that it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from edge.geo.locations import Location
    from edge.regions import Region

Status = Literal["healthy", "degraded", "unhealthy", "draining", "unknown"]
Method = Literal["haversine", "model", "measured", "default"]
Confidence = Literal["clear", "ambiguous"]
Mode = Literal["normal", "fail-open"]
Reason = Literal[
    "nearest",
    "shorter_by_cable",
    "measured_by_client",
    "learned_from_clients",
    "penalty",
    "best_unavailable",
    "spread_after_failure",
    "no_region_healthy",
    "location_unknown",
]

NEAR_TIE_MS: Final = 15.0
"""Two regions closer than this are equal as far as anybody can tell: the model's own median error is 13 ms."""


class Ranked(NamedTuple):
    """
    One candidate as ranked.

    Attributes:
        region: the candidate.
        distance_km: great circle; None if the place is unknown.
        latency_ms: expected round-trip time, without penalties; None if nothing is known.
        cost_ms: what it was ranked by.
        status: as given.
    """

    region: Region
    distance_km: float | None
    latency_ms: float | None
    cost_ms: float
    status: Status


class Decision(NamedTuple):
    """
    The answer.

    Attributes:
        ranking: candidates that were not excluded, best first; never empty.
        location: where the client was taken to be.
        method: what the choice rests on: distance alone, the model of cables, measurements, or catalogue order.
        confidence: ambiguous when the second is within :data:`NEAR_TIE_MS` or the place is unknown.
        reason: why the first is first.
        mode: fail-open when no candidate looked fit and one was chosen all the same.
    """

    ranking: list[Ranked]
    location: Location | None
    method: Method
    confidence: Confidence
    reason: Reason
    mode: Mode

    @property
    def best(self) -> Ranked:
        """The region to go to."""
        return self.ranking[0]
