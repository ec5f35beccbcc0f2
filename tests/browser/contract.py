"""What the page is promised by ``GET /api/monitoring/summary``, ``/errors`` and ``/health``: the functions' own shapes."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from edge.telemetry.error_wire import ErrorsAnswer as ErrorReport
from edge.telemetry.error_wire import GroupView as ErrorGroup
from edge.telemetry.summary_shapes import Alert, Numbers, RegionView, Summary
from edge.telemetry.summary_shapes import HourNumbers as Hour
from edge.telemetry.summary_shapes import MinuteNumbers as Minute

__all__ = [
    "Alert",
    "Check",
    "ErrorGroup",
    "ErrorReport",
    "Health",
    "Hour",
    "Minute",
    "Numbers",
    "RegionView",
    "Summary",
]


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
