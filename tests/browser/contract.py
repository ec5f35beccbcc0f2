"""What the page is promised by ``GET /api/monitoring/summary``, ``/errors`` and ``/health``."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Requests(TypedDict):
    total: int
    per_second: float
    last_hour: int
    last_24h: int


class Latency(TypedDict):
    p50: float | None
    p95: float | None
    p99: float | None
    mean: float | None
    min: float | None
    max: float | None
    count: int


class Errors(TypedDict):
    ratio: float | None
    total: int
    last_24h: int


class Cache(TypedDict):
    hits: int
    misses: int
    ratio: float | None


class RateLimit(TypedDict):
    allowed: int
    denied: int
    degraded: int


class Route(TypedDict):
    route: str
    function: str
    requests: int
    errors: int
    p95_ms: float | None


class Minute(TypedDict):
    at: int
    requests: int
    errors: int
    p95_ms: float | None


class Hour(TypedDict):
    at: int
    requests: int
    errors: int


class Numbers(TypedDict):
    window_seconds: int
    instances: int
    requests: Requests
    latency_ms: Latency
    errors: Errors
    cache: Cache
    rate_limit: RateLimit
    auth: dict[str, int]
    signatures: dict[str, int]
    routing: dict[str, int]
    by_route: list[Route]
    by_method: dict[str, int]
    by_status: dict[str, int]
    dropped: int
    minutes: list[Minute]
    hours: list[Hour]


class Drain(TypedDict):
    until: int
    reason: str


class RegionHealth(TypedDict):
    status: str
    voices: int | None
    down: int | None
    since: int | None
    latency_ms: float | None
    drain: Drain | None


class RegionView(TypedDict):
    aws_region: str
    data: Literal["fresh", "stale", "unknown"]
    data_age_seconds: float | None
    health: RegionHealth
    numbers: Numbers | None


class Alert(TypedDict):
    at: int
    until: int | None
    region: str
    rule: str
    severity: str
    value: float | None


class Summary(TypedDict):
    generated_at: int
    region: str
    scope: str
    regions: dict[str, RegionView]
    total: Numbers | None
    missing: list[str]
    alerts: list[Alert]


class Sample(TypedDict):
    at: int
    region: str
    function: str
    request_id: str
    route: str
    status: int
    message: str


class ErrorGroup(TypedDict):
    key: str
    type: str
    title: str
    where: list[str]
    functions: list[str]
    severity: str
    first_seen: int
    last_seen: int
    count: int
    by_region: dict[str, int]
    trend: list[int]
    samples: list[Sample]


class ErrorReport(TypedDict):
    generated_at: int
    region: str
    scope: str
    missing: list[str]
    unique: int
    total: int
    unreadable: int
    complete: bool
    groups: list[ErrorGroup]


class Check(TypedDict):
    status: str
    critical: bool
    fault: str | None
    latency_ms: int
    age_ms: int
    consecutive_failures: int
    since: int


class Health(TypedDict):
    status: str
    region: str
    timestamp: int
    version: NotRequired[str]
    uptime_seconds: NotRequired[int]
    memory: NotRequired[dict[str, int | None]]
    checks: NotRequired[dict[str, Check]]
    errors: NotRequired[dict[str, int]]
