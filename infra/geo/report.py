"""
``report``: what the model loses against a measured table.

Regret is the time of the region chosen less that of the best of those regions; top-1 counts the places within a
millisecond of the best. Only places count that were measured to every region in question: the four deployed, the six
routable. Nothing is read from AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from edge.geo.distance import haversine_km
from edge.geo.locations import Location
from edge.geo.router import Router
from edge.regions import DEPLOYED, ROUTABLE
from infra.geo.measured_csv import parse_table
from infra.operate.answers import Answer, table
from infra.operate.failures import Failure
from infra.operate.inputs import read_text

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Sequence

    from edge.regions import Region
    from infra.geo.measured_csv import MeasuredRow
    from infra.operate.place import Place

WORST: Final = 20
SAME_MS: Final = 1.0


class MeasuredPlace(NamedTuple):
    """A place and the mean of what was measured there, by region code."""

    name: str
    continent: str
    location: Location
    ms: dict[str, float]


class Loss(NamedTuple):
    """What one place loses by the region chosen for it."""

    place: MeasuredPlace
    chosen: str
    best: str
    ms: float


def compare(open_place: Callable[[], Place], arguments: Namespace) -> Answer:  # noqa: ARG001 - as every command
    """Compare the model, and the great circle, with a measured table."""
    places = gathered(parse_table(read_text(arguments.file), refuse_impossible=False))
    summary: list[dict[str, object]] = []
    worst: list[dict[str, object]] = []
    for catalogue, regions in (("four deployed", DEPLOYED), ("six routable", ROUTABLE)):
        codes = {region.code for region in regions}
        known = [place for place in places if codes <= place.ms.keys()]
        if not known:
            continue
        router = Router(regions)
        model = [loss(place, codes, _routed(router, place)) for place in known]
        ruler = [loss(place, codes, _nearest(regions, place)) for place in known]
        summary += [
            _figures(catalogue, "great circle", "all", ruler),
            _figures(catalogue, "model", "all", model),
        ]
        summary += [
            _figures(
                catalogue, "model", continent, [one for one in model if one.place.continent == continent]
            )
            for continent in sorted({place.continent for place in known} - {""})
        ]
        ranked = sorted(model, key=lambda one: (-one.ms, one.place.name))
        worst += [
            {"regions": catalogue, "place": one.place.name, "chosen": one.chosen, "best": one.best,
             "regret_ms": round(one.ms, 1)}
            for one in ranked[:WORST]
            if one.ms > SAME_MS
        ]  # fmt: skip
    if not summary:
        raise Failure(
            "too_few_regions", "No place of this table was measured to all of the four deployed regions."
        )
    text = table([*summary[0]], [[*line.values()] for line in summary])
    if worst:
        text += "\n\n" + table([*worst[0]], [[*line.values()] for line in worst])
    return Answer({"summary": summary, "worst": worst}, text)


def gathered(rows: Iterable[MeasuredRow]) -> list[MeasuredPlace]:
    """Return the places of a table, each with all that was measured there."""
    found: dict[tuple[str, float, float], tuple[str, dict[str, list[MeasuredRow]]]] = {}
    for row in rows:
        _, regions = found.setdefault((row.place, row.latitude, row.longitude), (row.continent, {}))
        regions.setdefault(row.region.code, []).append(row)
    return [
        MeasuredPlace(
            name,
            continent,
            Location(latitude, longitude, "body"),
            {
                code: sum(row.ms * row.samples for row in same) / sum(row.samples for row in same)
                for code, same in regions.items()
            },
        )
        for (name, latitude, longitude), (continent, regions) in found.items()
    ]


def loss(place: MeasuredPlace, codes: Iterable[str], chosen: str) -> Loss:
    """Return what *place* loses by *chosen*, of *codes*."""
    best = min(sorted(codes), key=lambda code: place.ms[code])
    return Loss(place, chosen, best, place.ms[chosen] - place.ms[best])


def _figures(catalogue: str, chooser: str, where: str, losses: Sequence[Loss]) -> dict[str, object]:
    ordered = sorted(one.ms for one in losses)
    count = len(ordered)
    return {
        "regions": catalogue,
        "chooser": chooser,
        "where": where,
        "places": count,
        "top1_percent": round(100 * sum(ms <= SAME_MS for ms in ordered) / count, 1),
        "mean_ms": round(sum(ordered) / count, 2),
        "p50_ms": round(ordered[count // 2], 1),
        "p95_ms": round(ordered[int(0.95 * count)], 1),
        "max_ms": round(ordered[-1], 1),
    }


def _routed(router: Router, place: MeasuredPlace) -> str:
    return router.decide(place.location, now_ms=0, statuses={}).best.region.code


def _nearest(regions: Sequence[Region], place: MeasuredPlace) -> str:
    latitude, longitude, _ = place.location
    return min(
        regions, key=lambda region: haversine_km(latitude, longitude, region.latitude, region.longitude)
    ).code
