"""
What one request of each function uses, and what runs without any.

Calls to DynamoDB are those that ``tests/functional`` counts. Billed milliseconds are the processor time that
``tests/bench/cold_start.py`` measures, at the 0.29 vCPU of 512 MB, and 5 ms for each call that is waited for: a warm
container beside its table.
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

LOG_BYTES: Final = 1_400
"""Of the function's line with its metrics, of Lambda's own report, and of the API's access log."""

TRACED_SHARE: Final = 0.05

CONTAINERS_PER_RPS: Final = 0.02
"""So many containers serve a request a second, each of them writing its counters every ten seconds."""

SHARD_WRITE_UNITS: Final = 3
"""What counters take when a container writes them: up to 3 KB."""


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
    What is there, asked or not, in one region.

    Attributes:
        alarms: of one metric.
        metrics: that the log lines of an active region make.
        probe_gb: memory of the probe, which runs all the time.
        dashboards: in this region.
    """

    alarms: int
    metrics: int
    probe_gb: float
    dashboards: int
