"""Situations that an operator meets, as the API tells them. Deterministic: the same every time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, cast

from edge.regions import DEPLOYED

if TYPE_CHECKING:
    from typing import Literal

    from tests.browser.contract import (
        Alert,
        Check,
        ErrorGroup,
        ErrorReport,
        Health,
        Hour,
        Minute,
        Numbers,
        RegionView,
        Summary,
    )

    Severity = Literal["error", "critical"]

NOW = 1_795_201_490
"""Epoch seconds: 2026-11-20 19:04:50 UTC."""

HOSTILE = '<img src=x onerror="document.title=1">"\'&amp;</script><script>alert(1)</script>'


class Situation(NamedTuple):
    """Documents of the three routes; the health document's status is 503 for an unhealthy region."""

    summary: Summary
    errors: ErrorReport
    health: Health


def numbers(weight: float = 1.0, *, phase: int = 0) -> Numbers:
    """Return a region's numbers: *weight* scales the traffic, *phase* shifts its waves."""
    minutes: list[Minute] = [
        {
            "at": NOW - NOW % 60 - 60 * (59 - index),
            "requests": round(weight * (320 + 110 * math.sin((index + phase) / 7) + 37 * (index * 7 % 5))),
            "errors": [0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 5][(index + phase) % 12],
            "p95_ms": None
            if (index + phase) % 29 == 11
            else round(71 + 16 * math.sin((index + phase) / 5) + index % 4, 1),
        }
        for index in range(60)
    ]
    hours: list[Hour] = [
        {
            "at": NOW - NOW % 3600 - 3600 * (23 - index),
            "requests": round(weight * (19_000 + 9_000 * math.sin((index + phase) / 3.8))),
            "errors": [3, 0, 7, 1, 0, 12, 4, 2][(index + phase) % 8],
        }
        for index in range(24)
    ]
    asked = round(1_204_118 * weight)
    by_route = [
        ("/api/ratelimit/check", "ratelimit_check", 0.46, 21, 38.4),
        ("/api/geo/route", "geo_route", 0.21, 0, 12.7),
        ("/api/auth/validate", "auth_validate", 0.17, 4, 44.0),
        ("/api/sign/verify", "sign_verify", 0.07, 2, 61.5),
        ("/api/optimize/response", "optimize_response", 0.05, 0, 88.1),
        ("/api/auth/token", "auth_token", 0.02, 1, 133.2),
        ("/api/monitoring/health", "health", 0.013, 0, 9.3),
        ("/api/sign/request", "sign_request", 0.006, 0, 30.9),
        ("/.well-known/jwks.json", "auth_jwks", 0.0008, 0, 7.7),
        ("/api/keys/{id}", "keys", 0.0002, 0, None),
    ]
    return {
        "window_seconds": 600,
        "instances": round(5 * weight) + 2,
        "requests": {
            "total": asked,
            "per_second": round(5.63 * weight, 2),
            "last_hour": sum(minute["requests"] for minute in minutes),
            "last_24h": sum(hour["requests"] for hour in hours),
        },
        "latency_ms": {
            "p50": 14.2 + phase,
            "p95": 78.6 + phase,
            "p99": 163.4 + phase,
            "mean": 22.9 + phase,
            "min": 1.8,
            "max": 811.0 + phase,
            "count": round(3_379 * weight),
        },
        "errors": {
            "ratio": round(0.0021 * (1 + phase / 4), 6),
            "total": 1_371 + phase,
            "last_24h": sum(hour["errors"] for hour in hours),
        },
        "cache": {
            "hits": round(88_412 * weight),
            "misses": round(11_020 * weight),
            "ratio": round(0.8891 - phase / 100, 4),
        },
        "rate_limit": {
            "allowed": round(548_220 * weight),
            "denied": round(5_704 * weight),
            "degraded": phase,
        },
        "auth": {
            "valid": round(201_331 * weight),
            "expired": round(2_208 * weight),
            "bad_signature": round(41 * weight),
            "revoked": round(17 * weight),
            "missing": round(640 * weight),
        },
        "signatures": {
            "valid": round(82_110 * weight),
            "replayed": round(12 * weight),
            "digest_mismatch": round(3 * weight),
            "expired": round(88 * weight),
        },
        "routing": {
            "haversine": round(12_011 * weight),
            "model": round(230_410 * weight),
            "measured": round(10_404 * weight),
        },
        "by_route": [
            {
                "route": route,
                "function": function,
                "requests": round(asked * share),
                "errors": errors,
                "p95_ms": p95,
            }
            for route, function, share, errors, p95 in by_route
        ],
        "by_method": {"GET": round(asked * 0.19), "POST": round(asked * 0.8), "DELETE": round(asked * 0.01)},
        "by_status": {
            "2xx": round(asked * 0.962),
            "3xx": round(asked * 0.021),
            "4xx": round(asked * 0.016),
            "5xx": 1_371,
        },
        "dropped": 2 * phase,
        "minutes": minutes,
        "hours": hours,
    }


def region(
    code: str, weight: float, *, phase: int, age: float = 3.2, voices: int = 3, latency_ms: float = 12
) -> RegionView:
    """Return a region that does well."""
    return {
        "aws_region": next(region.aws_region for region in DEPLOYED if region.code == code),
        "data": "fresh",
        "data_age_seconds": age,
        "health": {
            "status": "healthy",
            "voices": voices,
            "down": 0,
            "since": NOW - 93_600,
            "latency_ms": latency_ms,
            "drain": None,
        },
        "numbers": numbers(weight, phase=phase),
    }


def traffic() -> Situation:
    """All four regions serve; one alert is over, one is on."""
    regions = {
        "iad1": region("iad1", 1.6, phase=1, age=2.1, latency_ms=83),
        "sfo1": region("sfo1", 0.9, phase=3, age=6.4, latency_ms=148),
        "cdg1": region("cdg1", 1.0, phase=0, age=0.4, latency_ms=4),
        "hnd1": region("hnd1", 0.4, phase=5, age=8.9, latency_ms=235),
    }
    alerts: list[Alert] = [
        {
            "at": NOW - 1_380,
            "until": None,
            "region": "hnd1",
            "rule": "latency",
            "severity": "warning",
            "value": 231.0,
        },
        {
            "at": NOW - 20_940,
            "until": NOW - 20_480,
            "region": "iad1",
            "rule": "error_rate",
            "severity": "critical",
            "value": 0.031,
        },
        {
            "at": NOW - 90_000,
            "until": NOW - 89_400,
            "region": "cdg1",
            "rule": "rate_limit_degraded",
            "severity": "warning",
            "value": 14,
        },
    ]
    summary: Summary = {
        "generated_at": NOW,
        "region": "cdg1",
        "scope": "all",
        "regions": regions,
        "total": numbers(3.9, phase=2),
        "missing": [],
        "alerts": alerts,
    }
    return Situation(summary, _errors(), _health())


def _errors() -> ErrorReport:
    groups: list[ErrorGroup] = [
        _group("0f3a", "edge.aws.faults.Throttled", "DynamoDB throttled <table>", 214, "error", 140, {"iad1": 200, "cdg1": 14}),
        _group("77c1", "builtins.ValueError", "not enough values to unpack", 31, "critical", 4_100, {"cdg1": 31}),
        _group("a9d0", "builtins.TimeoutError", "the read operation timed out", 9, "error", 61_000, {"hnd1": 9}),
    ]  # fmt: skip
    return {
        "generated_at": NOW,
        "region": "cdg1",
        "scope": "all",
        "missing": [],
        "unique": 17,
        "total": 1_379,
        "unreadable": 0,
        "complete": True,
        "groups": groups,
    }


def _group(
    key: str, type_: str, title: str, count: int, severity: str, ago: int, by_region: dict[str, int]
) -> ErrorGroup:
    return {
        "key": key,
        "type": type_,
        "title": title,
        "where": ["edge.ratelimit.dynamo:add", "edge.ratelimit.limiter:check"],
        "functions": ["ratelimit_check"],
        "severity": cast("Severity", severity),
        "first_seen": NOW - 400_000,
        "last_seen": NOW - ago,
        "count": count,
        "by_region": by_region,
        "trend": [(index * 7 + count) % 11 for index in range(24)],
        "samples": [
            {
                "at": NOW - ago - 60 * index,
                "region": next(iter(by_region)),
                "function": "ratelimit_check",
                "request_id": f"req-{key}-{index}",
                "route": "/api/ratelimit/check",
                "status": 500,
                "message": f"{title}, sample {index}",
            }
            for index in range(2)
        ],
    }


def _health() -> Health:
    return {
        "status": "healthy",
        "region": "cdg1",
        "timestamp": NOW,
        "version": "0.4.0",
        "uptime_seconds": 5_640,
        "memory": {"resident_bytes": 49_597_645, "limit_bytes": None},
        "checks": {
            "rate_windows": _check(critical=True, latency_ms=3, failures=0, fault=None),
            "keys": _check(critical=False, latency_ms=212, failures=2, fault="too_slow"),
        },
        "errors": {"unexpected": 3},
    }


def _check(*, critical: bool, latency_ms: int, failures: int, fault: str | None) -> Check:
    return {
        "status": "unhealthy" if fault else "healthy",
        "critical": critical,
        "fault": fault,
        "latency_ms": latency_ms,
        "age_ms": 2_000,
        "consecutive_failures": failures,
        "since": NOW - 900,
    }


def dead_region() -> Situation:
    """Tokyo is gone and nobody could read it; California is drained; Virginia counts late."""
    situation = traffic()
    summary = situation.summary
    summary["regions"]["hnd1"].update({"data": "unknown", "data_age_seconds": None, "numbers": None})
    summary["regions"]["hnd1"]["health"].update(
        {"status": "unhealthy", "voices": 3, "down": 3, "since": NOW - 340, "latency_ms": None}
    )
    summary["regions"]["sfo1"]["health"].update(
        {"status": "draining", "drain": {"until": NOW + 2_400, "reason": "planned maintenance of the tables"}}
    )
    summary["regions"]["iad1"].update({"data": "stale", "data_age_seconds": 42.0})
    summary["regions"]["iad1"]["health"].update({"status": "degraded", "down": 1})
    total = numbers(3.5, phase=2)
    total["errors"]["ratio"] = 0.0312
    total["latency_ms"]["p95"] = 243.0
    total["rate_limit"]["degraded"] = 311
    summary["total"] = total
    summary["missing"] = ["hnd1"]
    summary["alerts"].insert(
        0,
        {
            "at": NOW - 340,
            "until": None,
            "region": "hnd1",
            "rule": "region_health",
            "severity": "critical",
            "value": None,
        },
    )
    situation.errors["missing"] = ["hnd1"]
    return situation


def unknown() -> Situation:
    """Nothing could be read, and nobody has looked after the regions."""
    situation = traffic()
    summary = situation.summary
    for view in summary["regions"].values():
        view.update({"data": "unknown", "data_age_seconds": None, "numbers": None})
        view["health"].update(
            {
                "status": "unknown",
                "voices": 0,
                "down": 0,
                "since": None,
                "latency_ms": None,
                "drain": None,
            }
        )
    summary.update({"total": None, "missing": list(summary["regions"]), "alerts": []})
    health: Health = {"status": "healthy", "region": "cdg1", "timestamp": NOW}
    errors = situation.errors
    errors.update({"groups": [], "missing": list(summary["regions"])})
    return Situation(summary, errors, health)


def idle() -> Situation:
    """Regions that serve and were asked nothing: zeros that are known, and nothing to measure."""
    situation = traffic()
    summary = situation.summary
    for found in [*(view["numbers"] for view in summary["regions"].values()), summary["total"]]:
        assert found is not None
        found.update(cast("Numbers", _emptied(found)))
    summary["alerts"] = []
    situation.errors.update({"groups": [], "unique": 0, "total": 0})
    return situation


def _emptied(value: object, name: str = "") -> object:
    if isinstance(value, dict):
        return {key: _emptied(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [] if name == "by_route" else [_emptied(inner, name) for inner in value]
    if name in {"at", "window_seconds"}:
        return value
    return None if name in {"p50", "p95", "p99", "mean", "min", "max", "ratio", "p95_ms"} else 0


def hostile() -> Situation:
    """Every text is markup, every name too: nothing of it may become any."""
    situation = traffic()
    summary = situation.summary
    view = summary["regions"].pop("hnd1")
    view["aws_region"] = HOSTILE
    view["health"].update({"status": HOSTILE, "drain": {"until": NOW + 60, "reason": HOSTILE}})
    summary["regions"][HOSTILE] = view
    summary["region"] = HOSTILE
    summary["missing"] = [HOSTILE]
    alert = {"at": NOW, "until": None, "region": HOSTILE, "rule": HOSTILE, "severity": HOSTILE, "value": 1}
    summary["alerts"] = [cast("Alert", alert)]
    total = summary["total"]
    assert total is not None
    counts = {HOSTILE: 5, "__proto__": 7, "constructor": 9}
    total.update(
        {"auth": counts, "signatures": counts, "routing": counts, "by_method": counts, "by_status": counts}
    )
    total["by_route"] = [
        {"route": HOSTILE, "function": HOSTILE, "requests": 5, "errors": 1, "p95_ms": 1e300},
        {"route": "javascript:alert(1)", "function": "x" * 400, "requests": 5, "errors": 1, "p95_ms": None},
    ]
    total["minutes"][0]["at"] = 10**18
    group = _group(HOSTILE, HOSTILE, HOSTILE, 3, HOSTILE, 5, {HOSTILE: 3})
    group["where"] = [HOSTILE]
    group["functions"] = [HOSTILE]
    for sample in group["samples"]:
        sample.update(
            {
                "region": HOSTILE,
                "function": HOSTILE,
                "request_id": HOSTILE,
                "route": HOSTILE,
                "message": HOSTILE,
            }
        )
    situation.errors.update({"groups": [group, group], "missing": [HOSTILE]})
    health = situation.health
    health.update({"status": HOSTILE, "region": HOSTILE, "version": HOSTILE})
    health["checks"] = {HOSTILE: _check(critical=True, latency_ms=1, failures=1, fault=HOSTILE)}
    return situation
