"""What a request is counted as, that it is counted once, and that nothing a client chose becomes a series."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.auth.apikeys.problems import KeyRefused
from edge.auth.sessions.problems import RefreshRefused
from edge.auth.tokens.problems import TokenRefused
from edge.clock import ManualClock, SystemClock
from edge.problems import DependencyUnavailable, InvalidValues, NotAllowed, NotAuthenticated, Unexpected
from edge.signing.problems import Replayed, SignatureRefused
from edge.telemetry.labels import METHODS, ROUTES
from edge.telemetry.recorder import BODY_BOUNDS_BYTES, DURATION_BOUNDS_SECONDS, Recorder
from edge.telemetry.sketch import relative_error

if TYPE_CHECKING:
    from edge.problems import Problem

START_MS = 2_000_000_000_000


def counters_of(
    function: str, route: str, *, status: int = 200, method: str = "POST", **facts: Any
) -> set[str]:
    recorder = Recorder(function, ManualClock(now_ms=START_MS))
    recorder.record(route=route, method=method, status=status, duration_ns=1_000_000, **facts)
    counters = recorder.totals().counters
    assert set(counters.values()) == {1}
    return {key for key in counters if not key.startswith("q ")}


def test_request_is_counted_by_route_method_and_class_of_status() -> None:
    recorder = Recorder("geo_route", ManualClock(now_ms=START_MS))
    for status in (200, 201, 304, 422, 503):
        recorder.record(route="/api/geo/route", method="POST", status=status, duration_ns=1)

    assert recorder.totals().counters == {
        "q /api/geo/route POST 2xx": 2,
        "q /api/geo/route POST 3xx": 1,
        "q /api/geo/route POST 4xx": 1,
        "q /api/geo/route POST 5xx": 1,
    }


@pytest.mark.parametrize(
    ("function", "route", "facts", "expected"),
    [
        (
            "ratelimit_check",
            "/api/ratelimit/check",
            {"outcome": {"decision": "allowed", "because": "within_limit", "degraded": False}},
            {"l allowed within_limit false"},
        ),
        (
            "ratelimit_check",
            "/api/ratelimit/check",
            {"outcome": {"decision": "denied", "because": "over_limit", "degraded": True}, "status": 429},
            {"l denied over_limit true"},
        ),
        (
            "geo_route",
            "/api/geo/route",
            {"outcome": {"decision": "cdg1", "routed_by": "model", "mode": "normal"}, "caller": "key"},
            {"g cdg1 model normal", "a key_accepted"},
        ),
        (
            "optimize_response",
            "/api/optimize/response",
            {"outcome": {"decision": "304", "because": "as_asked"}, "caller": "anonymous"},
            {"c hit", "a anonymous"},
        ),
        (
            "optimize_response",
            "/api/optimize/response",
            {"outcome": {"decision": "200", "because": "response_forbids_storing"}},
            set(),
        ),
        ("dashboard", "/monitoring-dashboard", {"status": 304, "method": "GET"}, {"c hit"}),
        ("dashboard", "/monitoring-dashboard", {"status": 200, "method": "GET"}, {"c miss"}),
        ("auth_token", "/api/auth/token", {"caller": "key"}, {"a key_accepted", "a issued"}),
        ("auth_refresh", "/api/auth/refresh", {}, {"a refreshed"}),
        ("auth_validate", "/api/auth/validate", {"outcome": {"active": False}}, {"a inactive"}),
        ("auth_validate", "/api/auth/validate", {"outcome": {"active": True}}, {"a active"}),
        ("auth_revoke", "/api/auth/revoke", {"outcome": {"revoked": True}}, {"a revoked"}),
        ("auth_revoke", "/api/auth/revoke", {"outcome": {"revoked": False}}, {"a nothing_to_revoke"}),
        ("sign_request", "/api/sign/request", {"caller": "token"}, {"a token_accepted", "s signed"}),
        ("sign_verify", "/api/sign/verify", {}, {"s valid"}),
        ("sign_verify", "/api/sign/verify", {"cold": True}, {"s valid", "k"}),
    ],
)
def test_outcome_is_counted(function: str, route: str, facts: dict[str, Any], expected: set[str]) -> None:
    assert counters_of(function, route, **facts) == expected


@pytest.mark.parametrize(
    ("function", "problem", "expected"),
    [
        ("geo_route", NotAuthenticated(), {"e not_authenticated", "a not_authenticated"}),
        ("geo_route", NotAllowed(), {"e not_allowed", "a not_allowed"}),
        ("sign_verify", KeyRefused("unknown_key"), {"e unknown_key", "a key_refused"}),
        ("sign_verify", TokenRefused("unknown_key"), {"e unknown_key", "a token_refused"}),
        ("sign_verify", SignatureRefused("unknown_key"), {"e unknown_key", "s unknown_key"}),
        ("sign_verify", Replayed(), {"e replayed", "s replayed", "y nonce"}),
        ("sign_verify", DependencyUnavailable(1), {"e dependency_unavailable", "s unavailable"}),
        ("sign_verify", InvalidValues([]), {"e invalid_values"}),
        ("auth_refresh", RefreshRefused("refresh_expired"), {"e refresh_expired", "a refresh_refused"}),
        (
            "auth_refresh",
            RefreshRefused("token_reuse_detected"),
            {"e token_reuse_detected", "a refresh_reused", "y refresh_token"},
        ),
        ("auth_token", DependencyUnavailable(1), {"e dependency_unavailable", "a unavailable"}),
        ("health", Unexpected(), {"e unexpected"}),
    ],
)
def test_problem_is_counted_by_its_reason_and_as_what_it_means(
    function: str, problem: Problem, expected: set[str]
) -> None:
    route = next(iter(ROUTES[function]))
    assert counters_of(function, route, status=problem.status, problem=problem) == expected


def test_denial_of_a_guard_is_a_decision_of_the_limiter() -> None:
    denied = NotAllowed()
    denied.__class__ = type(
        "Denied", (NotAllowed,), {"slug": "too-many-requests", "reason": "too_many_requests"}
    )

    assert counters_of("geo_route", "/api/geo/route", status=429, problem=denied) == {
        "e too_many_requests",
        "l denied over_limit false",
    }


text = st.text(max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(text, text, st.integers(0, 999), text, text), max_size=40))
def test_values_outside_the_closed_sets_make_no_series_of_their_own(
    requests: list[tuple[str, str, int, str, str]],
) -> None:
    """However hostile: route, method, outcome come out as ``other``, and there are never more keys than sets allow."""
    recorder = Recorder("geo_route", ManualClock(now_ms=START_MS))
    for route, method, status, decision, mode in requests:
        outcome = {"decision": decision, "method": method, "mode": mode}
        recorder.record(
            route=route, method=method, status=status, duration_ns=5, outcome=outcome, caller=mode
        )
    totals = recorder.totals()
    known = METHODS | {"other", "2xx", "3xx", "4xx", "5xx", "q", "g", "a", "normal", "fail-open", "unmatched"}
    words = {word for key in totals.counters for word in key.split(" ")}

    assert words <= known | {
        "key_accepted",
        "token_accepted",
        "anonymous",
        "haversine",
        "model",
        "measured",
    } | {
        "default",
        *ROUTES["geo_route"],
    }
    assert sum(count for key, count in totals.counters.items() if key[0] == "q") == len(requests)


def test_memory_is_bounded_and_nothing_is_lost_when_kinds_are_forgotten() -> None:
    recorder = Recorder("ratelimit_check", ManualClock(now_ms=START_MS))
    for number in range(5_000):
        outcome = {"decision": "allowed", "because": "within_limit", "tiers": f"t{number}"}
        recorder.record(
            route="/api/ratelimit/check", method="POST", status=200, duration_ns=1, outcome=outcome
        )

    assert len(recorder._kinds) <= 512
    assert len(recorder._pending) < 64
    assert recorder.totals().counters == {
        "q /api/ratelimit/check POST 2xx": 5_000,
        "l allowed within_limit false": 5_000,
    }


def test_histograms_have_each_observation_in_the_bucket_of_its_bound() -> None:
    recorder = Recorder("geo_route", ManualClock(now_ms=START_MS))
    for bound in DURATION_BOUNDS_SECONDS:
        recorder.record(route="/api/geo/route", method="POST", status=200, duration_ns=round(bound * 1e9))
    recorder.record(route="/api/geo/route", method="POST", status=200, duration_ns=60_000_000_000)
    *buckets, sum_ns = recorder.totals().histograms["t /api/geo/route"]

    assert buckets == [1] * (len(DURATION_BOUNDS_SECONDS) + 1)
    assert sum_ns == sum(round(bound * 1e9) for bound in DURATION_BOUNDS_SECONDS) + 60_000_000_000


@settings(deadline=None)
@given(st.integers(0, 8 << 20))
def test_body_is_in_the_bucket_of_its_length(length: int) -> None:
    recorder = Recorder("geo_route", ManualClock(now_ms=START_MS))
    recorder.record(route="/api/geo/route", method="POST", status=200, duration_ns=1, body_bytes=length)
    *buckets, total = recorder.totals().histograms["b"]

    assert buckets.index(1) == sum(length > bound for bound in BODY_BOUNDS_BYTES)
    assert total == length


@pytest.mark.parametrize(
    "facts",
    [
        {"duration_ns": -1},
        {"duration_ns": 1 << 60},
        {"duration_ns": "soon"},
        {"duration_ns": 1, "body_bytes": -5},
        {"duration_ns": 1, "body_bytes": 1.5},
        {"duration_ns": 1, "outcome": {"decision": []}},
    ],
)
def test_what_cannot_be_counted_is_counted_as_dropped(facts: dict[str, Any]) -> None:
    recorder = Recorder("geo_route", ManualClock(now_ms=START_MS))
    recorder.record(**{"route": "/api/geo/route", "method": "POST", "status": 200, **facts})
    totals = recorder.totals()

    assert totals.counters == {"x unusable": 1}
    assert totals.minutes[START_MS // 60_000].numbers() == (0, 0, 0, 1, 0)


def test_minutes_hold_what_trends_need_and_go_into_their_hours() -> None:
    clock = ManualClock(now_ms=START_MS)
    recorder = Recorder("geo_route", clock)
    for minute in range(180):
        status = 500 if minute % 10 == 0 else 200
        recorder.record(route="/api/geo/route", method="POST", status=status, duration_ns=2_000_000)
        clock.advance(60_000)
    totals = recorder.totals()
    last = START_MS // 60_000 + 179

    assert set(totals.minutes) == set(range(last - 59, last + 1))
    slot = totals.minutes[last - 9]
    assert slot.numbers() == (1, 1, 0, 0, 2_000_000)
    assert slot.sketch.quantile(0.5) == pytest.approx(2_000_000, rel=relative_error(0))
    assert sum(requests for requests, _ in totals.hours.values()) == 180
    assert sum(errors for _, errors in totals.hours.values()) == 18


def test_clock_that_jumps_moves_slots_and_no_sum() -> None:
    clock = ManualClock(now_ms=START_MS)
    recorder = Recorder("geo_route", clock)
    for jump_ms in (0, 400 * 86_400_000, -400 * 86_400_000, -7_200_000, 60_000):
        clock.advance(max(0, jump_ms))
        clock.set_back(max(0, -jump_ms))
        recorder.record(route="/api/geo/route", method="POST", status=200, duration_ns=5)

    assert recorder.totals().counters["q /api/geo/route POST 2xx"] == 5
    assert len(recorder._minutes) <= 62
    assert len(recorder._hours) <= 28


def test_threads_lose_nothing() -> None:
    recorder = Recorder("geo_route", SystemClock())

    def work() -> None:
        for _ in range(3_000):
            recorder.record(route="/api/geo/route", method="POST", status=200, duration_ns=5)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert recorder.totals().counters == {"q /api/geo/route POST 2xx": 24_000}
    assert sum(slot.requests for slot in recorder.totals().minutes.values()) == 24_000


def test_totals_do_not_change_afterwards() -> None:
    recorder = Recorder("geo_route", ManualClock(now_ms=START_MS))
    recorder.record(route="/api/geo/route", method="POST", status=200, duration_ns=5)
    first, again = recorder.totals(), recorder.totals()
    recorder.record(route="/api/geo/route", method="POST", status=200, duration_ns=5)
    recorder.totals()

    assert first == again
