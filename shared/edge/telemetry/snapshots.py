"""
The metrics of a region as renderers take them: sums become series, in the order of the definitions.

Series that can be told in advance are at 0 before anything happens, so that a rate over the first event is right, and an alert on a
metric that never was does not stay silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.telemetry.definitions import (
    BODIES,
    BUILD,
    COUNTERS,
    DURATIONS,
    ENVIRONMENTS,
    LAST_FLUSH,
    REGION_HEALTH,
    SHARDS,
    SUMMARY,
)
from edge.telemetry.known_series import always, label_values
from edge.telemetry.labels import HEALTH_STATUSES
from edge.telemetry.sketch import merged
from edge.telemetry.snapshot import Distribution, Family, Quantiles, Series, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge.telemetry.definitions import Counted
    from edge.telemetry.region_totals import RegionTotals
    from edge.telemetry.sketch import Sketch
    from edge.telemetry.totals import Totals

WINDOW_MINUTES: Final = 10

_NS: Final = 1e9


def snapshot(
    totals: RegionTotals, *, region: str, version: str, stage: str, health: Mapping[str, str]
) -> Snapshot:
    """
    Return what a scrape of *region* is told.

    Args:
        totals: of that region.
        region: its code.
        version: of the function that answers.
        stage: the same.
        health: status by the code of each region, as far as regions observe each other.
    """
    families = [
        Family(counted.definition, sorted(_counter_series(counted, totals), key=_labels))
        for counted in COUNTERS
    ]
    families += [
        Family(DURATIONS.definition, sorted(_histogram_series(DURATIONS, totals, _NS), key=_labels)),
        Family(SUMMARY, list(_summary_series(totals))),
        Family(BODIES.definition, sorted(_histogram_series(BODIES, totals, 1), key=_labels)),
        Family(
            ENVIRONMENTS,
            [Series((name,), each.environments) for name, each in sorted(totals.functions.items())],
        ),
        Family(SHARDS, [Series(("read",), totals.shards), Series(("unreadable",), totals.unreadable)]),
        Family(LAST_FLUSH, [Series((), (totals.flushed_at_ms or 0) / 1000)]),
        Family(
            REGION_HEALTH,
            [
                Series((target, status), int(status == held))
                for target, held in sorted(health.items())
                for status in sorted(HEALTH_STATUSES)
            ],
        ),
        Family(BUILD, [Series((version, stage), 1)]),
    ]
    return Snapshot(region, families, float(totals.created_at))


def window_sketch(totals: Totals, now_ms: int) -> Sketch:
    """Return the durations of the last ten minutes, in nanoseconds: of this minute and the nine before."""
    minute = now_ms // 60_000
    return merged(
        slot.sketch for at, slot in totals.minutes.items() if minute - WINDOW_MINUTES < at <= minute
    )


def _labels(series: Series) -> tuple[str, ...]:
    return series.labels


def _counter_series(counted: Counted, totals: RegionTotals) -> Iterator[Series]:
    for function, each in totals.functions.items():
        counts: dict[tuple[str, ...], int] = dict.fromkeys(always(counted, function), 0)
        for key, count in each.totals.counters.items():
            code, *words = key.split(" ")
            labels = label_values(counted, words) if code == counted.code else None
            if labels is not None:
                counts[labels] = counts.get(labels, 0) + count
        for labels, count in counts.items():
            yield Series((function, *labels), count)


def _histogram_series(counted: Counted, totals: RegionTotals, unit: float) -> Iterator[Series]:
    empty = [0] * (len(counted.definition.bounds) + 2)
    for function, each in totals.functions.items():
        rows: dict[tuple[str, ...], list[int]] = dict.fromkeys(always(counted, function), empty)
        for key, row in each.totals.histograms.items():
            code, *words = key.split(" ")
            labels = label_values(counted, words) if code == counted.code else None
            if labels is not None:
                so_far = rows.get(labels, empty)
                rows[labels] = [left + right for left, right in zip(so_far, row, strict=True)]
        for labels, row in rows.items():
            yield Series((function, *labels), Distribution(row[:-1], row[-1] / unit))


def _summary_series(totals: RegionTotals) -> Iterator[Series]:
    for function, each in sorted(totals.functions.items()):
        sketch = window_sketch(each.totals, totals.read_at_ms)
        values = [sketch.quantile(quantile) / _NS for quantile in SUMMARY.quantiles]
        rows = [row for key, row in each.totals.histograms.items() if key.split(" ")[0] == DURATIONS.code]
        count, sum_ns = sum([sum(row[:-1]) for row in rows]), sum([row[-1] for row in rows])
        yield Series((function,), Quantiles(values, count, sum_ns / _NS))
