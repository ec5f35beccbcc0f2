"""The router's JSON: what ``POST /api/geo/route`` takes and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from edge.geo.decisions import Confidence, Decision, Method, Mode, Ranked, Reason, Status
from edge.geo.locations import Location, Source, locate, place_of_country
from edge.geo.router import Router
from edge.problems import FieldError, InvalidValues
from edge.regions import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CODES: Final = 16
MOST_MEASURED_MS: Final = 60_000

RegionCode = Annotated[str, Field(max_length=16)]


class RouteRequest(BaseModel):
    """Where the client is, as far as it knows, what it measured, and where it does not want to go."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    latitude: Annotated[
        float | None, Field(ge=-90, le=90, allow_inf_nan=False, description="Degrees north.")
    ] = None
    longitude: Annotated[
        float | None, Field(ge=-180, le=180, allow_inf_nan=False, description="Degrees east.")
    ] = None
    country: Annotated[
        str | None, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2; used without coordinates.")
    ] = None
    measurements: Annotated[
        dict[RegionCode, Annotated[float, Field(ge=0, le=MOST_MEASURED_MS, allow_inf_nan=False)]],
        Field(
            max_length=MOST_CODES,
            description="Round-trip times in ms that the client measured, by region code.",
        ),
    ] = {}
    exclude: Annotated[
        list[RegionCode],
        Field(max_length=MOST_CODES, description="Region codes that the answer shall not name."),
    ] = []

    def locate(self, headers: Mapping[str, str], *, headers_trusted: bool) -> Location | None:
        """
        Return where the client is, or None; see :func:`edge.geo.locations.locate`.

        Raises:
            InvalidValues: one coordinate is missing, or no country has the code.
        """
        if (self.latitude is None) != (self.longitude is None):
            missing = "/latitude" if self.latitude is None else "/longitude"
            raise InvalidValues([FieldError(pointer=missing, reason="missing")])
        if self.country is not None and place_of_country(self.country) is None:
            raise InvalidValues([FieldError(pointer="/country", reason="unknown_country")])
        return locate(
            coordinates=None
            if self.latitude is None or self.longitude is None
            else (self.latitude, self.longitude),
            country=self.country,
            headers=headers,
            headers_trusted=headers_trusted,
        )

    def route(
        self,
        router: Router,
        location: Location | None,
        *,
        now_ms: int,
        statuses: Mapping[str, Status],
        spread_key: str | None,
        statuses_believed: bool = True,
    ) -> Decision:
        """
        Decide; see :meth:`edge.geo.router.Router.decide`. A region that exists but is no candidate is passed over.

        Raises:
            InvalidValues: there is no such region, or every candidate is excluded.
        """
        errors = [
            FieldError(pointer=f"/exclude/{number}", reason="unknown_region")
            for number, code in enumerate(self.exclude)
            if code not in BY_CODE
        ]
        if not BY_CODE.keys() >= self.measurements.keys():
            # The pointer does not name the member: its name is input.
            errors.append(FieldError(pointer="/measurements", reason="unknown_region"))
        if all(region.code in self.exclude for region in router.candidates):
            errors.append(FieldError(pointer="/exclude", reason="excludes_every_region"))
        if errors:
            raise InvalidValues(errors)
        return router.decide(
            location,
            now_ms=now_ms,
            statuses=statuses,
            measurements=self.measurements,
            exclude=self.exclude,
            spread_key=spread_key,
            statuses_believed=statuses_believed,
        )


class RankedAnswer(TypedDict):
    """
    One region of the ranking; distance is null where the place is unknown, latency where nothing is known, endpoint
    where nobody has told us.
    """

    region: str
    aws_region: str
    endpoint: str | None
    distance_km: float | None
    estimated_latency_ms: float | None
    status: Status


class LocationAnswer(TypedDict):
    """Where the client was taken to be, and who said so."""

    latitude: float
    longitude: float
    source: Source


class HealthAnswer(TypedDict):
    """
    What the statuses rest on: why they are believed or not (in mode ``fail-open``), whether the table of observations was
    read just now or this is from memory, and how old it is; null if it was never read.
    """

    basis: Literal["observed", "most_look_sick", "nothing_fresh", "nobody_observes"]
    source: Literal["table", "memory", "none"]
    age_seconds: int | None


class RouteAnswer(TypedDict):
    """
    The region to go to, why, and the whole ranking; *location* is null if nobody knows it, *health* if nobody says what
    the statuses rest on.
    """

    region: str
    aws_region: str
    endpoint: str | None
    distance_km: float | None
    estimated_latency_ms: float | None
    method: Method
    confidence: Confidence
    reason: Reason
    mode: Mode
    health: HealthAnswer | None
    location: LocationAnswer | None
    ranking: list[RankedAnswer]


def route_answer(
    decision: Decision, endpoints: Mapping[str, str], *, health: HealthAnswer | None = None
) -> RouteAnswer:
    """
    Return *decision* as it goes over the wire.

    Args:
        decision: the answer.
        endpoints: base URLs by region code, as far as they are known.
        health: what the statuses rest on that it was made with, if that is to be told.

    Returns:
        The document; km and ms are rounded to a tenth.
    """
    ranking = [_ranked_answer(ranked, endpoints) for ranked in decision.ranking]
    best, place = ranking[0], decision.location
    return RouteAnswer(
        region=best["region"],
        aws_region=best["aws_region"],
        endpoint=best["endpoint"],
        distance_km=best["distance_km"],
        estimated_latency_ms=best["estimated_latency_ms"],
        method=decision.method,
        confidence=decision.confidence,
        reason=decision.reason,
        mode=decision.mode,
        health=health,
        location=None
        if place is None
        else LocationAnswer(latitude=place.latitude, longitude=place.longitude, source=place.source),
        ranking=ranking,
    )


def _ranked_answer(ranked: Ranked, endpoints: Mapping[str, str]) -> RankedAnswer:
    region, km, ms, _, status = ranked
    return RankedAnswer(
        region=region.code,
        aws_region=region.aws_region,
        endpoint=endpoints.get(region.code),
        distance_km=None if km is None else round(km, 1),
        estimated_latency_ms=None if ms is None else round(ms, 1),
        status=status,
    )


def route_outcome(decision: Decision, *, health: HealthAnswer | None = None) -> dict[str, str | bool]:
    """Return what the log says of *decision*: members of closed sets, never the place."""
    told = {} if health is None else {"health_basis": health["basis"], "health_source": health["source"]}
    return {
        "decision": decision.best.region.code,
        "because": decision.reason,
        "routed_by": decision.method,
        "mode": decision.mode,
        "located_by": "nobody" if decision.location is None else decision.location.source,
        **told,
    }
