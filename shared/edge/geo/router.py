"""
The decision: which region serves a client, in which order the others follow, and why.

Every candidate gets one number, its cost in ms, from what is known of it alone:

1. the model: :func:`~edge.geo.latency.estimate_ms` of the great circle, or of the way round where cables take one;
2. what was learned in the place's cell, blended with the model by the number of samples, and with the first
   :data:`DEAD_ZONE_MS` of the correction left out: an override by measurement has to gain about 15 ms;
3. what the client itself measured, which outweighs both four to one;
4. the operator's penalty for the region, and one for being degraded.

Candidates stand in order of (condition, cost): those that serve, then those that look sick, then those being drained.
As no number depends on the other candidates, taking one away never reorders the rest. If none serves the order stays
the same: sick regions first, since observations can be wrong, then drained ones, since the operator meant it. That is
failing open, and the answer says so.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final, Protocol

from edge.geo.cables import detours
from edge.geo.cells import ENOUGH_SAMPLES
from edge.geo.decisions import NEAR_TIE_MS, Decision, Ranked
from edge.geo.distance import chord_km, unit_vector
from edge.geo.latency import BASE_MS, MOST_MS, MS_PER_KM, estimate_ms

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edge.geo.cables import Detours
    from edge.geo.cells import Average
    from edge.geo.decisions import Method, Reason, Status
    from edge.geo.locations import Location
    from edge.regions import Region

DEAD_ZONE_MS: Final = NEAR_TIE_MS / 2
PRIOR_SAMPLES: Final = 10.0
"""How many samples in a cell weigh as much as the model: a cell is 500 km wide, and its clients differ."""
CLIENT_WEIGHT: Final = 0.8
DEGRADED_MS: Final = 25.0
MOST_PENALTY_MS: Final = 500.0
UNKNOWN_MS: Final = 140.0
"""Assumed of a region when neither place nor measurement is known: a third of the way round the earth."""

_CONDITION: Final[dict[Status, int]] = {
    "healthy": 0,
    "unknown": 0,
    "degraded": 0,
    "unhealthy": 1,
    "draining": 2,
}
_CONDITION_UNBELIEVED: Final[dict[Status, int]] = {**_CONDITION, "unhealthy": 0}


_Entry = tuple[int, float, int, Ranked, float, float, int]
"""
A candidate while it is ranked: condition, cost and number, by which it is ordered; what is told of it; what the model
says and what was known, in ms; on which evidence. A plain tuple, since a named one costs as much as the arithmetic.
"""


class KnownCells(Protocol):
    """What was measured, such as :class:`edge.geo.learning.Learning` or :class:`edge.geo.cells.LearnedCells`."""

    def near(self, latitude: float, longitude: float) -> Mapping[str, Average] | None:
        """Return what is known of the place's cell, by region code; without I/O."""


class Router:
    """
    Ranks a fixed set of candidates.

    Args:
        candidates: at least one; their order breaks exact ties and is the order for clients of unknown place.
        penalties_ms: by region code, what the operator adds to a region's cost, -500 to 500.
        cells: what was learned; None to do without.

    Raises:
        ValueError: there is no candidate, one comes twice, or a penalty is out of range.
    """

    def __init__(
        self,
        candidates: Sequence[Region],
        *,
        penalties_ms: Mapping[str, float] | None = None,
        cells: KnownCells | None = None,
    ) -> None:
        penalties = penalties_ms or {}
        if not candidates or len({region.code for region in candidates}) < len(candidates):
            raise ValueError("candidates must be distinct, and at least one")
        if not all(-MOST_PENALTY_MS <= ms <= MOST_PENALTY_MS for ms in penalties.values()):
            raise ValueError("a penalty is out of range")
        self.candidates = tuple(candidates)
        self._known = [
            (
                number,
                region.code,
                region,
                unit_vector(region.latitude, region.longitude),
                penalties.get(region.code, 0.0),
            )
            for number, region in enumerate(candidates)
        ]
        self._cells = cells

    def decide(
        self,
        location: Location | None,
        *,
        now_ms: int,
        statuses: Mapping[str, Status],
        measurements: Mapping[str, float] | None = None,
        exclude: Collection[str] = (),
        spread_key: str | None = None,
        statuses_believed: bool = True,
    ) -> Decision:
        """
        Rank the candidates for one client.

        Args:
            location: where it is; None if nobody knows.
            now_ms: epoch milliseconds, for the age of what was learned.
            statuses: by region code; one that is missing is unknown, and serves.
            measurements: round-trip times in ms that the client measured, by region code, finite and >= 0.
            exclude: codes that the client does not want; at least one candidate must be left.
            spread_key: names the client. When the region it would have is out and the next two are a near tie, it says
                which of the two: clients of a dead region do not all fall on one other, and each stays where it is.
            statuses_believed: False when whoever observes the regions no longer trusts it: sick ones count as healthy,
                and the mode is fail-open.

        Raises:
            ValueError: everything is excluded.
        """
        fits = _CONDITION if statuses_believed else _CONDITION_UNBELIEVED
        entries = self._entries(location, measurements or {}, statuses, fits, now_ms)
        favourite = min(entries, key=_BY_COST)
        wanted = [entry for entry in entries if entry[3].region.code not in exclude] if exclude else entries
        if not wanted:
            raise ValueError("everything is excluded")
        wanted.sort()  # no two have the same number, so that nothing after it is compared
        first = wanted[0]
        condition = first[0]
        peers = [entry for entry in wanted if entry[0] == condition]
        is_near_tie = len(peers) > 1 and peers[1][1] - first[1] <= NEAR_TIE_MS
        lost = favourite is not first
        reason: Reason
        if spread_key is not None and lost and is_near_tie and condition == 0:
            if _prefers_second(spread_key, first[3].region.code, wanted[1][3].region.code):
                wanted[0], wanted[1] = wanted[1], first
            method, reason = _why(wanted[0], peers, location)[0], "spread_after_failure"
        else:
            method, reason = _why(first, peers, location)
            if lost:
                reason = "best_unavailable"
        failed_open = condition > 0 or not statuses_believed
        return Decision(
            [ranked for _, _, _, ranked, _, _, _ in wanted],
            location,
            method,
            "ambiguous" if is_near_tie or method == "default" else "clear",
            "no_region_healthy" if failed_open else reason,
            "fail-open" if failed_open else "normal",
        )

    def _entries(
        self,
        location: Location | None,
        measurements: Mapping[str, float],
        statuses: Mapping[str, Status],
        fits: Mapping[Status, int],
        now_ms: int,
    ) -> list[_Entry]:
        entries: list[_Entry] = []
        if location is not None:
            latitude, longitude, _ = location
            here, ways = unit_vector(latitude, longitude), detours(latitude, longitude)
            averages = self._cells.near(latitude, longitude) if self._cells is not None else None
        else:
            here, ways, averages = None, _NO_WAYS, None
        client_weight = CLIENT_WEIGHT if here is not None else 1.0
        for number, code, region, there, penalty_ms in self._known:
            if here is None:
                km = told_ms = None
                known_ms = ranked_ms = model_ms = UNKNOWN_MS
            else:
                km = chord_km(here, there)
                model_ms = BASE_MS + MS_PER_KM * km
                if code in ways:
                    through, onward_km = ways[code]
                    model_ms = estimate_ms(chord_km(here, through) + onward_km, relays=1)
                told_ms = known_ms = ranked_ms = model_ms
            evidence = 0
            if averages and code in averages:
                known_ms, ranked_ms, evidence = _learned(model_ms, averages[code], now_ms)
                told_ms = known_ms
            if code in measurements:
                client_ms = measurements[code]
                if client_ms > MOST_MS:
                    client_ms = MOST_MS
                told_ms = known_ms + client_weight * (client_ms - known_ms)
                ranked_ms += client_weight * (client_ms - ranked_ms)
                evidence = _CLIENT
            status = statuses.get(code, "unknown")
            cost_ms = ranked_ms + penalty_ms
            if status == "degraded":
                cost_ms += DEGRADED_MS
            # As Ranked(...) does, without the call in between: a tenth of the whole decision.
            ranked = _new_tuple(Ranked, (region, km, told_ms, cost_ms, status))
            entries.append((fits[status], cost_ms, number, ranked, model_ms, ranked_ms, evidence))
        return entries


_new_tuple: Final = tuple.__new__
_NO_WAYS: Final[Detours] = {}
_BY_COST: Final = itemgetter(1, 2)
_LEARNED: Final = 1
_CLIENT: Final = 2


def _learned(model_ms: float, average: Average, now_ms: int) -> tuple[float, float, int]:
    """Return what is expected, what is ranked by, and on which evidence."""
    samples = average.samples_at(now_ms)
    if samples < ENOUGH_SAMPLES:
        return model_ms, model_ms, 0
    change_ms = (average.ms - model_ms) * samples / (samples + PRIOR_SAMPLES)
    if change_ms > DEAD_ZONE_MS:
        ranked_ms = model_ms + change_ms - DEAD_ZONE_MS
    elif change_ms < -DEAD_ZONE_MS:
        ranked_ms = model_ms + change_ms + DEAD_ZONE_MS
    else:
        ranked_ms = model_ms
    return model_ms + change_ms, ranked_ms, _LEARNED


def _why(chosen: _Entry, peers: list[_Entry], location: Location | None) -> tuple[Method, Reason]:
    """Return what made *chosen* the first of its *peers*, who are as fit as it is."""
    _, _, _, ranked, model_ms, ranked_ms, own_evidence = chosen
    evidence = max([entry[6] for entry in peers])
    if location is None:
        return ("measured", "measured_by_client") if evidence else ("default", "location_unknown")
    method: Method = "measured" if own_evidence else "model"
    if ranked.distance_km == min([entry[3].distance_km or 0.0 for entry in peers]):
        return method if own_evidence else "haversine", "nearest"
    if model_ms == min([entry[4] for entry in peers]):
        return method, "shorter_by_cable"
    if evidence and ranked_ms == min([entry[5] for entry in peers]):
        return "measured", "measured_by_client" if evidence == _CLIENT else "learned_from_clients"
    return method, "penalty"


def _prefers_second(key: str, first: str, second: str) -> bool:
    """Toss the client's coin between two regions; which of them is ahead at the moment does not matter."""
    import zlib  # deferred: only after a failure

    # Fibonacci hashing: single bits of a CRC are uneven over keys that differ in a few digits.
    mixed = zlib.crc32(key.encode("utf-8", "replace")) * 0x9E37_79B1
    takes_later = bool(mixed & 0x8000_0000)
    return takes_later == (second > first)
