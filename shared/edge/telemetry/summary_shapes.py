"""
Shapes of the dashboard's document, ``GET /api/monitoring/summary``; types only.

What is not known is ``null``. Counts are of the window, the last ten minutes, or of the span in their name; ``cache``,
``rate_limit``, ``auth``, ``signatures``, ``routing``, ``by_*`` and ``dropped`` are since counting began.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

Data = Literal["fresh", "stale", "unknown"]
Rule = Literal["error_rate", "latency", "region_health", "metrics_dropped", "rate_limit_degraded"]
Severity = Literal["warning", "critical"]


class Drained(TypedDict):
    """Until when a region is drained, and why."""

    until: int
    reason: str


class Health(TypedDict):
    """What the regions say of one; whoever knows about health hands it over."""

    status: str
    voices: int
    down: int
    since: int | None
    latency_ms: float | None
    drain: Drained | None


class Requests(TypedDict):
    """Of the window ``total`` and ``per_second``; the others as named."""

    total: int
    per_second: float
    last_hour: int
    last_24h: int


class Latency(TypedDict):
    """Milliseconds, of the window; null while there was no request."""

    p50: float | None
    p95: float | None
    p99: float | None
    mean: float | None
    min: float | None
    max: float | None
    count: int


class Errors(TypedDict):
    """Answers of 500 and above; ``ratio`` and ``total`` of the window."""

    ratio: float | None
    total: int
    last_24h: int


class Cache(TypedDict):
    """Since counting began."""

    hits: int
    misses: int
    ratio: float | None


class RateLimit(TypedDict):
    """Since counting began; the degraded are among the allowed and denied."""

    allowed: int
    denied: int
    degraded: int


class RouteNumbers(TypedDict):
    """Since counting began."""

    route: str
    function: str
    requests: int
    errors: int
    p95_ms: float | None


class MinuteNumbers(TypedDict):
    """One minute, by the epoch second that it begins at."""

    at: int
    requests: int
    errors: int
    p95_ms: float | None


class HourNumbers(TypedDict):
    """One hour, by the epoch second that it begins at."""

    at: int
    requests: int
    errors: int


class Numbers(TypedDict):
    """What one region, or all, counted."""

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
    by_route: list[RouteNumbers]
    by_method: dict[str, int]
    by_status: dict[str, int]
    dropped: int
    minutes: list[MinuteNumbers]
    hours: list[HourNumbers]


class RegionView(TypedDict):
    """A region as the dashboard shows it."""

    aws_region: str
    data: Data
    data_age_seconds: float | None
    health: Health
    numbers: Numbers | None


class Alert(TypedDict):
    """
    One alert.

    ``at`` and ``until`` are epoch seconds, ``until`` null while it goes on; ``value`` is the worst of its span: a ratio,
    milliseconds, or a count.
    """

    at: int
    until: int | None
    region: str
    rule: Rule
    severity: Severity
    value: float | None


class Summary(TypedDict):
    """The whole document."""

    generated_at: int
    region: str
    scope: str
    regions: dict[str, RegionView]
    total: Numbers | None
    missing: list[str]
    alerts: list[Alert]
