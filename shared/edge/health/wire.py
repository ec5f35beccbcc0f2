"""The health endpoints' JSON, in the form that anybody may read: a word, a place and a time."""

from __future__ import annotations

from typing import Final, Literal

from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

RETRY_AFTER_SECONDS: Final = 5


class HealthReport(TypedDict):
    """``status`` comes first: Route 53 looks for it in the first bytes."""

    status: Literal["healthy", "degraded", "unhealthy"]
    region: str
    timestamp: int


def health_report(*, ready: bool, region: str, now_ms: int) -> HealthReport:
    """
    Return the report of one moment.

    Args:
        ready: whether the region can serve.
        region: its code.
        now_ms: epoch milliseconds.
    """
    return HealthReport(status="healthy" if ready else "unhealthy", region=region, timestamp=now_ms // 1000)


def health_status(report: HealthReport) -> tuple[int, dict[str, str]]:
    """Return the HTTP status of *report* and the headers that go with it."""
    if report["status"] == "unhealthy":
        return 503, {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return 200, {}
