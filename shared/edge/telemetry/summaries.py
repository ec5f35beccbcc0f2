"""
The document that the dashboard shows: each region's numbers, and those of all regions together.

Totals of several regions are made of what they counted, not of their results: the p95 of the world is that of all requests,
within one percent. What is not known is ``null`` and never zero.
"""

from __future__ import annotations

from collections import Counter
from math import isnan
from typing import TYPE_CHECKING, Final

from edge.telemetry.alerts import find_alerts
from edge.telemetry.definitions import (
    AUTH,
    CACHE,
    DROPPED_SAMPLES,
    DURATIONS,
    RATE_LIMIT,
    REQUESTS,
    ROUTING,
    SIGNATURES,
)
from edge.telemetry.known_series import label_values
from edge.telemetry.labels import STATUSES
from edge.telemetry.region_totals import merge_regions
from edge.telemetry.sketch import histogram_quantile
from edge.telemetry.snapshots import WINDOW_MINUTES, window_sketch
from edge.telemetry.summary_shapes import (
    Cache,
    Errors,
    HourNumbers,
    Latency,
    MinuteNumbers,
    Numbers,
    RateLimit,
    RegionView,
    Requests,
    RouteNumbers,
    Summary,
)
from edge.telemetry.totals import KEPT_HOURS, KEPT_MINUTES, Totals, added

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.regions import Region
    from edge.telemetry.definitions import Counted
    from edge.telemetry.region_totals import RegionTotals
    from edge.telemetry.summary_shapes import Data, Health

STALE_AFTER_MS: Final = 15_000
"""A region that is used flushes every ten seconds; older numbers are shown as old."""

UNKNOWN_HEALTH: Final[Health] = {
    "status": "unknown",
    "voices": 0,
    "down": 0,
    "since": None,
    "latency_ms": None,
    "drain": None,
}


def summarise(
    totals: Mapping[Region, RegionTotals | None],
    health: Mapping[str, Health],
    *,
    here: Region,
    scope: str,
    now_ms: int,
) -> Summary:
    """
    Return the summary.

    Args:
        totals: of each region that is asked about; None for one that could not be read.
        health: by region code; a region that is not in it is ``unknown``.
        here: the region that answers.
        scope: ``region`` or ``all``, as it was asked for.
        now_ms: epoch milliseconds.
    """
    known = {region.code: each for region, each in totals.items() if each is not None and _is_known(each)}
    views = {
        region.code: region_view(
            region, known.get(region.code), health.get(region.code, UNKNOWN_HEALTH), now_ms=now_ms
        )
        for region in totals
    }
    return Summary(
        generated_at=now_ms // 1000,
        region=here.code,
        scope=scope,
        regions=views,
        total=numbers(merge_regions(known.values()), now_ms=now_ms) if known else None,
        missing=[region.code for region, each in totals.items() if each is None],
        alerts=find_alerts(
            {code: region_minutes(each) for code, each in known.items()},
            {code: (view["health"]["status"], view["health"]["since"]) for code, view in views.items()},
            now_ms=now_ms,
        ),
    )


def region_view(region: Region, totals: RegionTotals | None, health: Health, *, now_ms: int) -> RegionView:
    """
    Return one region's part.

    Args:
        region: of the catalogue.
        totals: None if they could not be read.
        health: what the regions say of it.
        now_ms: epoch milliseconds.
    """
    data: Data = "unknown"
    age_seconds = None
    if totals is not None and totals.flushed_at_ms is not None:
        # A clock that is a little ahead of ours makes nothing younger than now.
        age_seconds = max(0, now_ms - totals.flushed_at_ms) / 1000
        data = "stale" if age_seconds * 1000 > STALE_AFTER_MS else "fresh"
    return RegionView(
        aws_region=region.aws_region,
        data=data,
        data_age_seconds=age_seconds,
        health=health,
        numbers=None if totals is None or data == "unknown" else numbers(totals, now_ms=now_ms),
    )


def region_minutes(totals: RegionTotals) -> Totals:
    """Return everything that a region counted, of all functions together."""
    return added([each.totals for each in totals.functions.values()])


def numbers(totals: RegionTotals, *, now_ms: int) -> Numbers:
    """
    Return the numbers of a region, or of several that were merged.

    Args:
        totals: of them.
        now_ms: epoch milliseconds; the window are its minute and the nine before.
    """
    whole = region_minutes(totals)
    minute = now_ms // 60_000
    # The current minute is not over: the window is as long as it has come.
    window_seconds = (WINDOW_MINUTES - 1) * 60 + max(1, now_ms // 1000 % 60)
    window = [slot for at, slot in whole.minutes.items() if minute - WINDOW_MINUTES < at <= minute]
    requests, errors = sum([slot.requests for slot in window]), sum([slot.errors for slot in window])
    hour_requests = sum(
        [slot.requests for at, slot in whole.minutes.items() if minute - KEPT_MINUTES < at <= minute]
    )
    hours = [whole.hours.get(at, (0, 0)) for at in range(minute // 60 - KEPT_HOURS + 1, minute // 60 + 1)]
    by_decision, degraded = _tally(whole, RATE_LIMIT, 0), _tally(whole, RATE_LIMIT, 2)
    cache = _tally(whole, CACHE, 0)
    return Numbers(
        window_seconds=WINDOW_MINUTES * 60,
        instances=sum([each.environments for each in totals.functions.values()]),
        requests=Requests(
            total=requests,
            per_second=round(requests / window_seconds, 3),
            last_hour=hour_requests,
            last_24h=sum([count for count, _ in hours]),
        ),
        latency_ms=_latency(whole, now_ms, requests, sum([slot.sum_ns for slot in window])),
        errors=Errors(
            ratio=_ratio(errors, requests), total=errors, last_24h=sum([count for _, count in hours])
        ),
        cache=Cache(
            hits=cache["hit"], misses=cache["miss"], ratio=_ratio(cache["hit"], cache["hit"] + cache["miss"])
        ),
        rate_limit=RateLimit(
            allowed=by_decision["allowed"], denied=by_decision["denied"], degraded=degraded["true"]
        ),
        auth=_sorted(_tally(whole, AUTH, 0)),
        signatures=_sorted(_tally(whole, SIGNATURES, 0)),
        routing=_sorted(_tally(whole, ROUTING, 1)),
        by_route=_by_route(totals),
        by_method=_sorted(_tally(whole, REQUESTS, 1)),
        by_status={**dict.fromkeys(STATUSES, 0), **_tally(whole, REQUESTS, 2)},
        dropped=sum(_tally(whole, DROPPED_SAMPLES, 0).values()),
        minutes=[_minute(whole, at) for at in range(minute - KEPT_MINUTES + 1, minute + 1)],
        hours=[
            HourNumbers(at=at * 3600, requests=count, errors=failed)
            for at, (count, failed) in enumerate(hours, start=minute // 60 - KEPT_HOURS + 1)
        ],
    )


def _is_known(totals: RegionTotals) -> bool:
    return totals.flushed_at_ms is not None


def _latency(whole: Totals, now_ms: int, count: int, sum_ns: int) -> Latency:
    sketch = window_sketch(whole, now_ms)
    return Latency(
        p50=_milliseconds(sketch.quantile(0.5)),
        p95=_milliseconds(sketch.quantile(0.95)),
        p99=_milliseconds(sketch.quantile(0.99)),
        mean=_milliseconds(sum_ns / count) if count else None,
        min=_milliseconds(sketch.quantile(0)),
        max=_milliseconds(sketch.quantile(1)),
        count=count,
    )


def _minute(whole: Totals, at: int) -> MinuteNumbers:
    slot = whole.minutes.get(at)
    if slot is None:
        return MinuteNumbers(at=at * 60, requests=0, errors=0, p95_ms=None)
    return MinuteNumbers(
        at=at * 60,
        requests=slot.requests,
        errors=slot.errors,
        p95_ms=_milliseconds(slot.sketch.quantile(0.95)),
    )


def _by_route(totals: RegionTotals) -> list[RouteNumbers]:
    """Return the routes that were asked for, the busiest first."""
    routes = []
    for function, each in totals.functions.items():
        requests: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        for words, count in _keys(each.totals, REQUESTS):
            requests[words[0]] += count
            errors[words[0]] += count if words[2] == "5xx" else 0
        for route, count in requests.items():
            row = each.totals.histograms.get(f"{DURATIONS.code} {route}", [0])
            p95 = histogram_quantile(0.95, DURATIONS.definition.bounds, row[:-1]) * 1e9
            routes.append(
                RouteNumbers(
                    route=route,
                    function=function,
                    requests=count,
                    errors=errors[route],
                    p95_ms=_milliseconds(p95),
                )
            )
    return sorted(routes, key=lambda each: (-each["requests"], each["route"], each["function"]))


def _tally(whole: Totals, counted: Counted, place: int) -> Counter[str]:
    """Return the counts of a metric by one of its labels."""
    tally: Counter[str] = Counter()
    for words, count in _keys(whole, counted):
        tally[words[place]] += count
    return tally


def _keys(totals: Totals, counted: Counted) -> list[tuple[tuple[str, ...], int]]:
    found = []
    for key, count in totals.counters.items():
        code, *words = key.split(" ")
        values = label_values(counted, words) if code == counted.code else None
        if values is not None:
            found.append((values, count))
    return found


def _sorted(tally: Counter[str]) -> dict[str, int]:
    return dict(sorted(tally.items()))


def _milliseconds(duration_ns: float) -> float | None:
    return None if isnan(duration_ns) else round(duration_ns / 1e6, 3)


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
