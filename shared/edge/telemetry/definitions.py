"""
Every metric of the product, once: its definition, and where its numbers are found in a shard.

A function that only counts does not load this: it knows metrics by the codes here. Labels are closed sets
(:mod:`edge.telemetry.labels`); a value that a later version wrote and this one does not know is shown as ``other``.

All definitions have the label ``function`` first, but for those about the region as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from edge.telemetry.labels import (
    AUTH_OUTCOMES,
    AUTH_RESULTS,
    DECISIONS,
    DROPPED,
    FLUSHES,
    GEO_METHODS,
    GEO_MODES,
    METHODS,
    REASONS,
    REGIONS,
    REPLAYS,
    ROUTES,
    SIGNATURE_OUTCOMES,
    STATUSES,
    UNMATCHED,
)
from edge.telemetry.recorder import BODY_BOUNDS_BYTES, DURATION_BOUNDS_SECONDS
from edge.telemetry.snapshot import Definition

if TYPE_CHECKING:
    from collections.abc import Collection


class Counted(NamedTuple):
    """
    A metric that shards hold.

    Attributes:
        code: first word of its keys.
        definition: its labels are ``function`` and then the other words of a key.
        values: for each of those, what it can be.
    """

    code: str
    definition: Definition
    values: tuple[Collection[str], ...] = ()


_ALL_ROUTES: Final = frozenset({route for routes in ROUTES.values() for route in routes} | {UNMATCHED})
_SIGNATURES: Final = frozenset({each for outcomes in SIGNATURE_OUTCOMES.values() for each in outcomes})
_AUTH: Final = frozenset(AUTH_OUTCOMES) | {each for results in AUTH_RESULTS.values() for each in results}
_ALLOWED: Final = frozenset({decision for decision, _ in DECISIONS})
_BECAUSE: Final = frozenset({because for _, because in DECISIONS})

REQUESTS: Final = Counted(
    "q",
    Definition(
        "edge_requests_total",
        "counter",
        "Requests answered, by route template and class of status.",
        ("function", "route", "method", "status"),
    ),
    (_ALL_ROUTES, METHODS, STATUSES),
)
ERRORS: Final = Counted(
    "e",
    Definition(
        "edge_errors_total",
        "counter",
        "Problems answered, 4xx and 5xx, by their reason.",
        ("function", "reason"),
    ),
    (REASONS,),
)
COLD_STARTS: Final = Counted(
    "k",
    Definition(
        "edge_cold_starts_total",
        "counter",
        "Requests that were the first of their execution environment.",
        ("function",),
    ),
)
RATE_LIMIT: Final = Counted(
    "l",
    Definition(
        "edge_rate_limit_decisions_total",
        "counter",
        "Rate checks by decision, and requests that a limit turned away; degraded ones were decided without the table.",
        ("function", "decision", "because", "degraded"),
    ),
    (_ALLOWED, _BECAUSE, ("false", "true")),
)
AUTH: Final = Counted(
    "a",
    Definition(
        "edge_auth_outcomes_total",
        "counter",
        "What guards found of callers, and what came of tokens that were asked for, shown, refreshed and revoked.",
        ("function", "outcome"),
    ),
    (_AUTH,),
)
SIGNATURES: Final = Counted(
    "s",
    Definition(
        "edge_signatures_total",
        "counter",
        "Requests signed and signatures verified, by verdict.",
        ("function", "outcome"),
    ),
    (_SIGNATURES,),
)
ROUTING: Final = Counted(
    "g",
    Definition(
        "edge_route_decisions_total",
        "counter",
        "Routing decisions by the region that was chosen.",
        ("function", "chosen", "method", "mode"),
    ),
    (REGIONS, GEO_METHODS, GEO_MODES),
)
CACHE: Final = Counted(
    "c",
    Definition(
        "edge_cache_responses_total",
        "counter",
        "Answers that a client may keep: hit when it still had them (304), miss when they were sent.",
        ("function", "result"),
    ),
    (("hit", "miss"),),
)
REPLAYED: Final = Counted(
    "y",
    Definition(
        "edge_replays_total",
        "counter",
        "What was used a second time: nonces of signatures, refresh tokens.",
        ("function", "kind"),
    ),
    (frozenset(REPLAYS.values()),),
)
DROPPED_SAMPLES: Final = Counted(
    "x",
    Definition(
        "edge_metrics_dropped_total",
        "counter",
        "Requests that are in no other metric: unusable measurements, and states whose fate could not be found out.",
        ("function", "reason"),
    ),
    (DROPPED,),
)
FLUSHED: Final = Counted(
    "f",
    Definition(
        "edge_metrics_flushes_total",
        "counter",
        "Attempts of execution environments to store what they counted; a failed one is made up for by the next.",
        ("function", "result"),
    ),
    (FLUSHES,),
)

COUNTERS: Final = (
    REQUESTS,
    ERRORS,
    COLD_STARTS,
    RATE_LIMIT,
    AUTH,
    SIGNATURES,
    ROUTING,
    CACHE,
    REPLAYED,
    DROPPED_SAMPLES,
    FLUSHED,
)

DURATIONS: Final = Counted(
    "t",
    Definition(
        "edge_request_duration_seconds",
        "histogram",
        "Time until the answer began, by route template.",
        ("function", "route"),
        "seconds",
        bounds=DURATION_BOUNDS_SECONDS,
    ),
    (_ALL_ROUTES,),
)
BODIES: Final = Counted(
    "b",
    Definition(
        "edge_request_body_bytes",
        "histogram",
        "Length of request bodies.",
        ("function",),
        "bytes",
        bounds=tuple([float(bound) for bound in BODY_BOUNDS_BYTES]),
    ),
)
SUMMARY: Final = Definition(
    "edge_request_duration_recent_seconds",
    "summary",
    "Time until the answer began: quantiles of the last ten minutes, within one percent; count and sum of all time.",
    ("function",),
    "seconds",
    quantiles=(0.5, 0.95, 0.99),
)
ENVIRONMENTS: Final = Definition(
    "edge_environments",
    "gauge",
    "Execution environments that stored their metrics within the last ten minutes.",
    ("function",),
)
SHARDS: Final = Definition(
    "edge_metric_shards",
    "gauge",
    "Items that this answer is the sum of, and items that could not be read and are left out.",
    ("state",),
)
LAST_FLUSH: Final = Definition(
    "edge_metrics_last_flush_timestamp_seconds",
    "gauge",
    "When an execution environment of this region last stored its metrics; 0 if none ever did.",
    (),
    "seconds",
)
REGION_HEALTH: Final = Definition(
    "edge_region_health",
    "gauge",
    "1 for the status that the regions together hold a region to have, 0 for the others.",
    ("target", "status"),
)
BUILD: Final = Definition(
    "edge_build_info",
    "gauge",
    "Always 1; the labels say what answers.",
    ("version", "stage"),
)

DEFINITIONS: Final = (
    *[counted.definition for counted in COUNTERS],
    DURATIONS.definition,
    SUMMARY,
    BODIES.definition,
    ENVIRONMENTS,
    SHARDS,
    LAST_FLUSH,
    REGION_HEALTH,
    BUILD,
)
"""In the order in which they are told."""
