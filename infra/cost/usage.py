"""
What one request of each function uses, and what containers do beside requests.

Calls to DynamoDB are those that ``tests/functional`` counts. Billed milliseconds are the processor time that
``tests/bench/cold_start.py`` measures, at the 0.29 vCPU of 512 MB, and 5 ms for each call that is waited for: a warm
container beside its table. Bytes of a log line are held by ``tests/functional/test_invoke_events.py``, bytes of a shard are
those of ``tests/bench/telemetry.py``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MEMORY_GB: Final = 0.5
CALL_MS: Final = 5.0
PROCESSOR_MS: Final = 1.5
"""Of a warm request at 0.29 vCPU; 0.3 to 0.5 ms on a whole one."""

COLD_SHARE: Final = 0.002
COLD_MS: Final = 450.0
"""Init is billed since August 2025; it has two whole processors."""

LINE_BYTES: Final = 1_000
"""The function's line, 250 to 300 bytes of it for CloudWatch's metrics."""

PLATFORM_BYTES: Final = 700
"""Lambda's own two lines about an invocation, in JSON."""

ACCESS_BYTES: Final = 350
"""The API's line; the template says what is in it."""

LOG_BYTES: Final = LINE_BYTES + PLATFORM_BYTES + ACCESS_BYTES + 4 * 26
"""CloudWatch adds 26 bytes to each event."""

ANSWER_BYTES: Final = 1_500
"""Of one answer, headers included."""

TRACED_SHARE: Final = 0.05
TRACED_PER_SECOND: Final = 1.0
"""Lambda traces one request a second of each function in each region, and a twentieth of the others."""

CONTAINERS_PER_RPS: Final = 0.02
"""So many containers of a function serve a request a second; at least one does, if there are any."""

FLUSH_SECONDS: Final = 10
SHARD_WRITE_UNITS: Final = 4
"""What counters take when a container writes them: 0.7 KB for a request a minute, 3.8 KB for ten a second."""

SECRET_SECONDS: Final = 300
"""How often a container reads the keys of the house."""

ROUND_SECONDS: Final = 10
"""How often a region looks at the others: one request to each of them, one item written in every replica."""

FOLDS_A_HOUR: Final = 4
FOLD_READ_UNITS: Final = 60
"""Two shards of each function, of 4 KB."""

CHECKERS: Final = 16
"""Of Route 53, each of which asks ``ready`` every ten seconds, and none knows of the others."""


class Usage(NamedTuple):
    """
    One request.

    Attributes:
        writes: write units in tables of the region.
        replicated_writes: write units in global tables; each is paid in every replica.
        reads: consistent read units.
        calls: to DynamoDB that are waited for.
        processor_ms: beyond :data:`PROCESSOR_MS`, at 0.29 vCPU.
    """

    writes: float = 0
    replicated_writes: float = 0
    reads: float = 0
    calls: float = 0
    processor_ms: float = 0


COUNTED: Final = Usage(writes=1, calls=1)
"""Whoever calls is counted against his plan or his address: one write. His key is known to the container."""

PER_REQUEST: Final[dict[str, Usage]] = {
    "ratelimit_check": Usage(writes=2, calls=2),
    "auth_token": Usage(writes=1, replicated_writes=1, calls=2, processor_ms=2),
    "auth_validate": Usage(writes=1, reads=1.5, calls=2, processor_ms=1),
    "auth_refresh": Usage(writes=1, replicated_writes=1, reads=1.5, calls=3, processor_ms=2),
    "auth_revoke": Usage(writes=1, replicated_writes=1, calls=2),
    "auth_jwks": Usage(),
    "authorizer": Usage(reads=1.5, calls=1, processor_ms=1),
    "keys": Usage(writes=1, replicated_writes=1, calls=2),
    "geo_route": COUNTED,
    "sign_request": COUNTED,
    "sign_verify": Usage(writes=2, calls=2, processor_ms=1),
    "optimize_response": Usage(writes=1, calls=1, processor_ms=3),
    "health": Usage(reads=0.1, calls=0.1),
    "metrics": Usage(writes=1, reads=60, calls=3, processor_ms=20),
    "dashboard": Usage(processor_ms=1),
    "docs": Usage(processor_ms=1),
}
"""Functions that a request reaches."""

MIX: Final[dict[str, float]] = {
    "auth_validate": 0.35,
    "ratelimit_check": 0.35,
    "geo_route": 0.10,
    "sign_verify": 0.08,
    "sign_request": 0.04,
    "optimize_response": 0.04,
    "auth_refresh": 0.02,
    "auth_token": 0.01,
    "auth_jwks": 0.01,
}
"""What a month's requests are taken to be; they sum up to one."""


class Standing(NamedTuple):
    """
    What the templates have, asked or not.

    Attributes:
        alarms: of one metric, in one region.
        composite_alarms: in one region.
        dashboards: in one region.
        global_dashboards: in the stack that exists once.
        probe_gb: memory of the probe, which runs all the time.
        route_metrics: that API Gateway makes of the routes in one region; none without detailed metrics.
        probed_route_metrics: those of them that the probes keep alive.
    """

    alarms: int
    composite_alarms: int
    dashboards: int
    global_dashboards: int
    probe_gb: float
    route_metrics: int
    probed_route_metrics: int
