"""The dashboard's document: true over windows and regions, null where nothing is known, alerts for what stands out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edge.breaker import Breaker
from edge.clock import ManualClock
from edge.regions import CDG1, HND1, IAD1
from edge.telemetry.alerts import find_alerts
from edge.telemetry.emf import NAMESPACE, emf_members
from edge.telemetry.flushing import Flusher
from edge.telemetry.recorder import Recorder
from edge.telemetry.region_totals import RegionTotals, read_totals
from edge.telemetry.shard_memory import MemoryShardStore
from edge.telemetry.sketch import Sketch
from edge.telemetry.summaries import UNKNOWN_HEALTH, numbers, region_view, summarise
from edge.telemetry.summary_shapes import Numbers, RegionView, Summary
from edge.telemetry.totals import Minute, Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.telemetry.summary_shapes import Health

START_MS = 2_000_000_040_000
"""At the start of a minute."""
NOW = START_MS // 60_000


class Region:
    """A region with one environment of each function, of which requests can be made."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.store = MemoryShardStore(self.clock)
        self._recorders: dict[str, tuple[Recorder, Flusher]] = {}

    def serve(
        self,
        times: int,
        *,
        duration_ms: int = 10,
        status: int = 200,
        function: str = "geo_route",
        route: str = "/api/geo/route",
        outcome: dict[str, object] | None = None,
    ) -> None:
        if function not in self._recorders:
            recorder = Recorder(function, self.clock)
            self._recorders[function] = (
                recorder,
                Flusher(recorder, self.store, self.clock, breaker=Breaker(self.clock)),
            )
        recorder, flusher = self._recorders[function]
        for _ in range(times):
            recorder.record(
                route=route,
                method="POST",
                status=status,
                duration_ns=duration_ms * 1_000_000,
                outcome=outcome,
            )
        assert flusher.flush()

    def totals(self) -> RegionTotals:
        return read_totals(self.store, now_ms=self.clock.now_ms())

    def numbers(self) -> Numbers:
        return numbers(self.totals(), now_ms=self.clock.now_ms())


@pytest.fixture
def region() -> Region:
    return Region()


def test_numbers_are_of_the_window_the_hour_and_the_day(region: Region) -> None:
    region.serve(7, status=500)
    region.clock.advance(5 * 3_600_000)
    region.serve(20, duration_ms=3_000)
    region.clock.advance(10 * 60_000)
    region.serve(90, duration_ms=10)
    region.serve(10, duration_ms=1000, status=503)
    region.clock.advance(30_000)
    told = region.numbers()

    assert told["requests"] == {
        "total": 100,
        "per_second": round(100 / 570, 3),
        "last_hour": 120,
        "last_24h": 127,
    }
    assert told["errors"] == {"ratio": 0.1, "total": 10, "last_24h": 17}
    latency = told["latency_ms"]
    assert latency["count"] == 100
    assert latency["mean"] == 109.0
    assert [latency[name] for name in ("p50", "p95", "p99", "min", "max")] == pytest.approx(
        [10, 1000, 1000, 10, 1000], rel=0.01
    )
    assert told["by_status"] == {"2xx": 110, "3xx": 0, "4xx": 0, "5xx": 17}
    assert told["by_method"] == {"POST": 127}
    assert told["instances"] == 1
    assert told["window_seconds"] == 600


def test_trends_have_no_gaps_and_the_newest_is_last(region: Region) -> None:
    region.serve(3)
    region.clock.advance(7 * 60_000)
    region.serve(2, status=500, duration_ms=40)
    told = region.numbers()

    minutes = told["minutes"]
    assert [minute["at"] for minute in minutes] == [(NOW + 7 - ago) * 60 for ago in range(59, -1, -1)]
    assert minutes[-1] == {
        "at": (NOW + 7) * 60,
        "requests": 2,
        "errors": 2,
        "p95_ms": pytest.approx(40, rel=0.01),
    }
    assert minutes[-2] == {"at": (NOW + 6) * 60, "requests": 0, "errors": 0, "p95_ms": None}
    assert minutes[-8]["requests"] == 3
    hours = told["hours"]
    assert [hour["at"] for hour in hours] == [((NOW + 7) // 60 - ago) * 3600 for ago in range(23, -1, -1)]
    assert sum(hour["requests"] for hour in hours) == 5
    assert sum(hour["errors"] for hour in hours) == 2


def test_domains_are_told_by_their_outcomes(region: Region) -> None:
    check = {"function": "ratelimit_check", "route": "/api/ratelimit/check"}
    region.serve(5, outcome={"decision": "allowed", "because": "within_limit", "degraded": False}, **check)  # type: ignore[arg-type]
    region.serve(2, outcome={"decision": "denied", "because": "over_limit", "degraded": True}, **check)  # type: ignore[arg-type]
    region.serve(3, outcome={"decision": "iad1", "routed_by": "model", "mode": "normal"})
    optimise = {"function": "optimize_response", "route": "/api/optimize/response"}
    region.serve(17, outcome={"decision": "304", "because": "as_asked"}, **optimise)  # type: ignore[arg-type]
    region.serve(3, outcome={"decision": "200", "because": "as_asked"}, **optimise)  # type: ignore[arg-type]
    region.serve(4, function="sign_verify", route="/api/sign/verify")
    region.serve(1, function="auth_token", route="/api/auth/token")
    told = region.numbers()

    assert told["rate_limit"] == {"allowed": 5, "denied": 2, "degraded": 2}
    assert told["routing"] == {"model": 3}
    assert told["cache"] == {"hits": 17, "misses": 3, "ratio": 0.85}
    assert told["signatures"] == {"valid": 4}
    assert told["auth"] == {"issued": 1}
    assert [each["route"] for each in told["by_route"]][:2] == [
        "/api/optimize/response",
        "/api/ratelimit/check",
    ]
    assert told["by_route"][-1] == {
        "route": "/api/auth/token",
        "function": "auth_token",
        "requests": 1,
        "errors": 0,
        "p95_ms": pytest.approx(9.75),
    }
    assert told["dropped"] == 0


def test_region_that_answered_nothing_lately_has_zeros_and_no_quantiles(region: Region) -> None:
    region.serve(5)
    region.clock.advance(2 * 86_400_000)
    told = region.numbers()

    assert told["requests"] == {"total": 0, "per_second": 0.0, "last_hour": 0, "last_24h": 0}
    assert told["latency_ms"] == dict.fromkeys(("p50", "p95", "p99", "mean", "min", "max")) | {"count": 0}
    assert told["errors"]["ratio"] is None
    assert told["by_status"]["2xx"] == 5


@pytest.mark.parametrize(
    ("age_ms", "data"), [(0, "fresh"), (15_000, "fresh"), (15_001, "stale"), (-5_000, "fresh")]
)
def test_age_of_the_data_is_told(region: Region, age_ms: int, data: str) -> None:
    region.serve(1)
    view = region_view(CDG1, region.totals(), UNKNOWN_HEALTH, now_ms=START_MS + age_ms)

    assert (view["data"], view["data_age_seconds"]) == (data, max(0, age_ms) / 1000)
    assert view["numbers"] is not None


def test_region_that_was_not_read_or_never_wrote_is_unknown_and_not_zero(region: Region) -> None:
    for totals in (None, region.totals()):
        view = region_view(CDG1, totals, UNKNOWN_HEALTH, now_ms=START_MS)
        assert (view["data"], view["data_age_seconds"], view["numbers"]) == ("unknown", None, None)


def test_total_is_of_all_requests_and_what_is_missing_is_named(region: Region) -> None:
    region.serve(95)
    other = Region()
    other.serve(5, duration_ms=2000)
    health: Health = {**UNKNOWN_HEALTH, "status": "degraded", "voices": 3, "since": START_MS // 1000 - 60}
    told = summarise(
        {CDG1: region.totals(), IAD1: other.totals(), HND1: None},
        {"cdg1": health},
        here=CDG1,
        scope="all",
        now_ms=START_MS,
    )

    assert told["total"] is not None
    assert told["total"]["requests"]["total"] == 100
    assert told["total"]["latency_ms"]["p95"] == pytest.approx(10, rel=0.01), (
        "the 95th of a hundred, not a mean"
    )
    assert told["total"]["latency_ms"]["p99"] == pytest.approx(2000, rel=0.01)
    assert told["missing"] == ["hnd1"]
    assert told["regions"]["hnd1"]["numbers"] is None
    assert told["regions"]["iad1"]["health"] == UNKNOWN_HEALTH
    assert told["regions"]["cdg1"]["aws_region"] == "eu-west-3"
    assert told["alerts"] == [
        {
            "at": START_MS // 1000 - 60,
            "until": None,
            "region": "cdg1",
            "rule": "region_health",
            "severity": "warning",
            "value": None,
        }
    ]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    for shape, document in ((Summary, told), (RegionView, told["regions"]["cdg1"]), (Numbers, told["total"])):
        assert set(document) == set(shape.__annotations__)


def test_total_of_nothing_is_null() -> None:
    told = summarise({HND1: None}, {}, here=CDG1, scope="all", now_ms=START_MS)

    assert told["total"] is None
    assert told["alerts"] == []


def minutes(*slots: tuple[int, int, int, int]) -> Totals:
    """Return totals of the last minutes: requests, errors, degraded and milliseconds of each, the last is now."""
    first = NOW - len(slots) + 1
    found = {}
    for at, (requests, errors, degraded, duration_ms) in enumerate(slots, start=first):
        sketch = Sketch()
        for _ in range(requests):
            sketch.observe(duration_ms * 1_000_000)
        found[at] = Minute(requests, errors, degraded, 0, 0, sketch)
    return Totals(minutes=found)


def alerts(*slots: tuple[int, int, int, int]) -> Sequence[tuple[object, ...]]:
    found = find_alerts({"cdg1": minutes(*slots)}, {}, now_ms=START_MS)
    return [
        (
            alert["rule"],
            alert["severity"],
            alert["at"] // 60 - NOW,
            None if alert["until"] is None else alert["until"] // 60 - NOW,
            alert["value"],
        )
        for alert in found
    ]


QUIET = (100, 0, 0, 10)


def test_errors_above_a_percent_are_an_alert_that_ends() -> None:
    assert alerts(*[QUIET] * 9, (100, 30, 0, 10), *[QUIET] * 9) == [("error_rate", "critical", -9, -4, 0.06)]


def test_errors_that_go_on_are_an_alert_without_end() -> None:
    assert alerts(*[QUIET] * 9, (100, 10, 0, 10)) == [("error_rate", "warning", 0, None, 0.02)]


def test_few_requests_are_no_alert() -> None:
    assert alerts((19, 19, 0, 5_000)) == []


def test_slow_answers_are_an_alert() -> None:
    ((rule, severity, begun, until, value),) = alerts(*[QUIET] * 5, *[(100, 0, 0, 400)] * 3)

    assert (rule, severity, begun, until) == ("latency", "warning", -2, None)
    assert value == pytest.approx(400, rel=0.01)


def test_degraded_checks_and_dropped_samples_are_alerts() -> None:
    totals = minutes(*[QUIET] * 5, (100, 0, 3, 10))
    totals.minutes[NOW].dropped = 2
    found = find_alerts({"cdg1": totals}, {}, now_ms=START_MS)

    assert [(alert["rule"], alert["value"]) for alert in found] == [
        ("metrics_dropped", 2),
        ("rate_limit_degraded", 3),
    ]


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        ("unhealthy", "critical"),
        ("degraded", "warning"),
        ("draining", None),
        ("unknown", None),
        ("healthy", None),
    ],
)
def test_health_is_an_alert_where_it_is_bad(status: str, severity: str | None) -> None:
    found = find_alerts({}, {"cdg1": (status, None)}, now_ms=START_MS)

    assert [alert["severity"] for alert in found] == ([] if severity is None else [severity])
    assert [alert["at"] for alert in found] == [START_MS // 1000] * len(found)


def test_alerts_are_the_newest_fifty() -> None:
    health: dict[str, tuple[str, int | None]] = {f"r{number}": ("unhealthy", number) for number in range(80)}
    found = find_alerts({}, health, now_ms=START_MS)

    assert [alert["at"] for alert in found] == list(range(79, 29, -1))


@pytest.mark.parametrize(("status", "sets"), [(200, 1), (429, 1), (500, 2)])
def test_emf_names_members_of_its_line_and_few_dimensions(status: int, sets: int) -> None:
    members = emf_members(status=status, degraded=True, now_ms=START_MS)
    line = {"duration_ms": 1.5, "region": "cdg1", "function": "geo_route", **members}
    block = json.loads(json.dumps(members["_aws"]))

    assert block["Timestamp"] == START_MS
    assert len(block["CloudWatchMetrics"]) == sets
    for directive in block["CloudWatchMetrics"]:
        assert directive["Namespace"] == NAMESPACE
        assert all(name in line for dimensions in directive["Dimensions"] for name in dimensions)
        assert all(isinstance(line[metric["Name"]], int | float) for metric in directive["Metrics"])
    assert members["server_errors"] == int(status >= 500)
    assert members["degraded_checks"] == 1
