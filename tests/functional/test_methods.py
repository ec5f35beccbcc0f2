"""Every route of every function, asked by every method: 405 with the methods that it takes, and preflights that cover them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.telemetry.labels import EVENT, METHODS, ROUTES, UNMATCHED
from edge.web.cors import ALLOW_METHODS
from tests.functions import load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from types import ModuleType

ORIGIN = "https://app.example.com"
HTTP = {name: routes for name, routes in ROUTES.items() if EVENT not in routes}
ODD = ("TRACE", "CONNECT", "PROPFIND", "get", "GET ", "G\u00cbT", "X" * 2_000, "", 'GET"} 1\nedge_forged 1')


@pytest.fixture(scope="module")
def loaded() -> dict[str, ModuleType]:
    return {}


@pytest.fixture
def function(
    request: pytest.FixtureRequest, loaded: dict[str, Any], ministack_environment: dict[str, str]
) -> Any:
    name = request.param
    if name not in loaded:
        environ = {**ministack_environment, "ANONYMOUS_TIER": "relaxed", "ALLOWED_ORIGINS": ORIGIN}
        loaded[name] = load_function(name, environ)
    return loaded[name]


def ask(function: ModuleType, method: str, path: str, **headers: str) -> Answer:
    path = path.replace("{name}", "x.js").replace("{region}", "cdg1").replace("{id}", "k_1")
    return invoke(function.handler, http_event(method, path, headers=headers))


def cases() -> list[Any]:
    return [
        pytest.param(name, path, methods, id=path)
        for name, routes in HTTP.items()
        for path, methods in routes.items()
        if path != UNMATCHED
    ]


@pytest.mark.parametrize(("function", "path", "methods"), cases(), indirect=["function"])
def test_other_methods_are_refused_before_anybody_is_asked_who_he_is(
    function: ModuleType, path: str, methods: tuple[str, ...]
) -> None:
    taken = {*methods, *(("HEAD",) if "GET" in methods else ())}
    for method in (*sorted(METHODS - taken), *ODD):
        answer = ask(function, method, path)
        assert answer.status == 405, method
        allow = answer.headers["allow"].split(", ")
        assert (sorted(allow), len(set(allow))) == (sorted(taken), len(allow)), method
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("function", "path", "methods"), cases(), indirect=["function"])
def test_preflight_covers_the_route_and_asks_for_no_credentials(
    function: ModuleType, path: str, methods: tuple[str, ...]
) -> None:
    for method in methods:
        answer = ask(function, "OPTIONS", path, origin=ORIGIN, **{"access-control-request-method": method})
        assert (answer.status, answer.body) == (204, b"")
        assert method in ALLOW_METHODS.decode().split(", ")
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "origin" in answer.headers["vary"].lower()
    for origin in (
        "null",
        "https://app.example.com.evil.test",
        "HTTPS://APP.EXAMPLE.COM",
        f"{ORIGIN}, {ORIGIN}",
    ):
        answer = ask(function, "OPTIONS", path, origin=origin, **{"access-control-request-method": "GET"})
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers


def test_odd_methods_make_no_series(ministack_environment: dict[str, str]) -> None:
    environ = {**ministack_environment, "ANONYMOUS_TIER": "relaxed"}
    health = load_function("health", environ)
    for number in range(200):
        ask(health, f"M{number}", f"/api/monitoring/{number}")
        ask(health, ODD[-1], "/api/monitoring/live")
    recorder = health.app._edge_telemetry._metrics.record.__self__
    totals = recorder.totals()
    assert {key for key in totals.counters if key.startswith("q ")} <= {
        "q unmatched other 4xx",
        "q /api/monitoring/live other 4xx",
        "q unmatched OTHER 4xx",
        "q /api/monitoring/live OTHER 4xx",
    }
    assert len(totals.counters) + len(totals.histograms) < 20
