"""
Which series there are: what a key's words mean, and what exists before anything happens.

A series that is first seen at 1 has lost its first event to every rate, and an alert on what never was stays silent. So all
that can be told in advance are there at 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.telemetry.definitions import (
    AUTH,
    BODIES,
    CACHE,
    COLD_STARTS,
    DROPPED_SAMPLES,
    DURATIONS,
    ERRORS,
    FLUSHED,
    RATE_LIMIT,
    REPLAYED,
    REQUESTS,
    ROUTING,
    SIGNATURES,
)
from edge.telemetry.labels import (
    AUTH_OUTCOMES,
    AUTH_RESULTS,
    CACHEABLE_ROUTES,
    DECISIONS,
    DROPPED,
    EVENT,
    FLUSHES,
    GENERAL_REASONS,
    GEO_METHODS,
    GEO_MODES,
    OTHER,
    REGIONS,
    REPLAYS,
    ROUTES,
    SIGNATURE_OUTCOMES,
    STATUSES,
    UNGUARDED,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.telemetry.definitions import Counted

    Labels = tuple[str, ...]


def label_values(counted: Counted, words: list[str]) -> tuple[str, ...] | None:
    """
    Return the label values of a key, ``other`` for what is not known.

    Args:
        counted: the metric.
        words: of the key, without the code.

    Returns:
        None if the key is not of this metric's shape: a later version has it otherwise.
    """
    if len(words) != len(counted.values):
        return None
    return tuple(
        [word if word in known else OTHER for word, known in zip(words, counted.values, strict=True)]
    )


def always(counted: Counted, function: str) -> Iterable[Labels]:
    """Return the label values, without the function's, of the series that *function* has before anything happens."""
    return _ALWAYS[counted.code](function)


def _once(_function: str) -> Iterable[Labels]:
    return [()]


def _requests(function: str) -> Iterable[Labels]:
    return [
        (route, method, status)
        for route, methods in ROUTES.get(function, {}).items()
        for method in methods
        for status in STATUSES
    ]


def _errors(function: str) -> Iterable[Labels]:
    is_http = EVENT not in ROUTES.get(function, {EVENT: ()})
    return [(reason,) for reason in GENERAL_REASONS] if is_http else []


def _rate_limit(function: str) -> Iterable[Labels]:
    if function == "ratelimit_check":
        return [(*decision, degraded) for decision in DECISIONS for degraded in ("false", "true")]
    return [("denied", "over_limit", "false")] if _is_guarded(function) else []


def _auth(function: str) -> Iterable[Labels]:
    if not _is_guarded(function):
        return []
    return [(outcome,) for outcome in (*AUTH_OUTCOMES, *AUTH_RESULTS.get(function, ()))]


def _signatures(function: str) -> Iterable[Labels]:
    return [(outcome,) for outcome in SIGNATURE_OUTCOMES.get(function, ())]


def _routing(function: str) -> Iterable[Labels]:
    if function != "geo_route":
        return []
    return [
        (region, method, mode) for region in sorted(REGIONS) for method in GEO_METHODS for mode in GEO_MODES
    ]


def _cache(function: str) -> Iterable[Labels]:
    has = function == "optimize_response" or not CACHEABLE_ROUTES.isdisjoint(ROUTES.get(function, {}))
    return [("hit",), ("miss",)] if has else []


def _replays(function: str) -> Iterable[Labels]:
    return [(REPLAYS[function],)] if function in REPLAYS else []


def _is_guarded(function: str) -> bool:
    return function in ROUTES and function not in UNGUARDED


_ALWAYS: Final[dict[str, Callable[[str], Iterable[Labels]]]] = {
    REQUESTS.code: _requests,
    ERRORS.code: _errors,
    COLD_STARTS.code: _once,
    RATE_LIMIT.code: _rate_limit,
    AUTH.code: _auth,
    SIGNATURES.code: _signatures,
    ROUTING.code: _routing,
    CACHE.code: _cache,
    REPLAYED.code: _replays,
    DROPPED_SAMPLES.code: lambda _function: [(reason,) for reason in DROPPED],
    FLUSHED.code: lambda _function: [(result,) for result in FLUSHES],
    DURATIONS.code: lambda function: [(route,) for route in ROUTES.get(function, {})],
    BODIES.code: _once,
}
