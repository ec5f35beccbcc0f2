"""
What somebody should look at, found in the last hour's minutes and in what the regions say of each other; nothing is stored.

An alert is a span of minutes in which a rule held. Rules look at the five minutes up to each, so that one slow request is no
alert, and want some requests, so that the first error of a quiet night is none either.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.telemetry.sketch import merged
from edge.telemetry.summary_shapes import Alert
from edge.telemetry.totals import KEPT_MINUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge.telemetry.summary_shapes import Rule, Severity
    from edge.telemetry.totals import Minute, Totals

ERROR_RATIO: Final = 0.01
CRITICAL_ERROR_RATIO: Final = 0.05
P95_MS: Final = 200.0
CRITICAL_P95_MS: Final = 1_000.0
MIN_REQUESTS: Final = 20
"""In five minutes; of fewer, a ratio or a quantile says little."""

MAX_ALERTS: Final = 50

_WINDOW_MINUTES: Final = 5


class _Finding(NamedTuple):
    value: float
    severity: Severity


def find_alerts(
    totals: Mapping[str, Totals],
    health: Mapping[str, tuple[str, int | None]],
    *,
    now_ms: int,
) -> list[Alert]:
    """
    Return the alerts of the last hour, the newest first, at most :data:`MAX_ALERTS`.

    Args:
        totals: by region code, of all functions together; a region that could not be read is not in it.
        health: by region code: status and since when it has been that, in epoch seconds, if that is known.
        now_ms: epoch milliseconds.
    """
    alerts = [alert for region, each in totals.items() for alert in _of_minutes(region, each, now_ms)]
    for region, (status, since) in health.items():
        severity = _HEALTH_SEVERITY.get(status)
        if severity is not None:
            at = now_ms // 1000 if since is None else since
            alerts.append(
                Alert(at=at, until=None, region=region, rule="region_health", severity=severity, value=None)
            )
    alerts.sort(key=lambda alert: (-alert["at"], alert["region"], alert["rule"]))
    return alerts[:MAX_ALERTS]


_HEALTH_SEVERITY: Final[dict[str, Severity]] = {"unhealthy": "critical", "degraded": "warning"}
"""A drain is meant, and not knowing is no finding: the data's age says that."""


def _of_minutes(region: str, totals: Totals, now_ms: int) -> list[Alert]:
    last = now_ms // 60_000
    alerts: list[Alert] = []
    for rule, look in _RULES.items():
        begun: Alert | None = None
        for minute in range(last - KEPT_MINUTES + _WINDOW_MINUTES, last + 1):
            window = [
                totals.minutes[at]
                for at in range(minute - _WINDOW_MINUTES + 1, minute + 1)
                if at in totals.minutes
            ]
            finding = look(window)
            if finding is None:
                if begun is not None:
                    begun["until"] = minute * 60
                    begun = None
            elif begun is None:
                begun = Alert(
                    at=minute * 60,
                    until=None,
                    region=region,
                    rule=rule,
                    severity=finding.severity,
                    value=finding.value,
                )
                alerts.append(begun)
            elif finding.value > (begun["value"] or 0):
                begun["value"], begun["severity"] = finding.value, finding.severity
    return alerts


def _error_rate(window: Sequence[Minute]) -> _Finding | None:
    requests = sum([slot.requests for slot in window])
    ratio = sum([slot.errors for slot in window]) / max(1, requests)
    if requests < MIN_REQUESTS or ratio < ERROR_RATIO:
        return None
    return _Finding(round(ratio, 6), "critical" if ratio >= CRITICAL_ERROR_RATIO else "warning")


def _latency(window: Sequence[Minute]) -> _Finding | None:
    if sum([slot.requests for slot in window]) < MIN_REQUESTS:
        return None
    p95_ms = merged(slot.sketch for slot in window).quantile(0.95) / 1e6
    if isnan(p95_ms) or p95_ms < P95_MS:
        return None
    return _Finding(round(p95_ms, 3), "critical" if p95_ms >= CRITICAL_P95_MS else "warning")


def _dropped(window: Sequence[Minute]) -> _Finding | None:
    dropped = sum([slot.dropped for slot in window])
    return _Finding(dropped, "warning") if dropped else None


def _degraded(window: Sequence[Minute]) -> _Finding | None:
    degraded = sum([slot.degraded for slot in window])
    return _Finding(degraded, "warning") if degraded else None


_RULES: Final[dict[Rule, Callable[[Sequence[Minute]], _Finding | None]]] = {
    "error_rate": _error_rate,
    "latency": _latency,
    "metrics_dropped": _dropped,
    "rate_limit_degraded": _degraded,
}
