"""``/api/monitoring/*`` and the routes that nobody has, on moto."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from infra.local.emulator import free_port
from tests.functions import load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from types import ModuleType

ROUTES = ["/api/monitoring/live", "/api/monitoring/ready", "/api/monitoring/health"]


@pytest.fixture(scope="module")
def function(moto_environment: dict[str, str]) -> ModuleType:
    return load_function("health", moto_environment)


@pytest.fixture
def cut_off(moto_environment: dict[str, str]) -> ModuleType:
    """The function in a region whose table cannot be reached."""
    return load_function(
        "health", {**moto_environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    )


def get(function: ModuleType, path: str) -> Answer:
    return invoke(function.handler, http_event("GET", path))


@pytest.mark.parametrize("path", ROUTES)
def test_region_that_serves_is_healthy(function: ModuleType, path: str) -> None:
    answer = get(function, path)

    assert answer.status == 200
    assert answer.body.startswith(b'{"status":"healthy",')
    assert set(answer.json()) == {"status", "region", "timestamp"}
    assert answer.json()["region"] == "cdg1"
    assert abs(answer.json()["timestamp"] - time.time()) < 5
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ROUTES[1:])
def test_region_without_its_table_is_unhealthy(cut_off: ModuleType, path: str) -> None:
    started = time.monotonic()
    answer = get(cut_off, path)

    assert time.monotonic() - started < 2
    assert (answer.status, answer.json()["status"]) == (503, "unhealthy")
    assert int(answer.headers["retry-after"]) >= 1


def test_live_asks_nothing(cut_off: ModuleType) -> None:
    assert get(cut_off, "/api/monitoring/live").status == 200


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/monitoring", "/api/monitoring/health/", "/favicon.ico", "/%2e%2e"]
)
def test_unknown_route_is_a_problem(function: ModuleType, path: str) -> None:
    answer = get(function, path)

    assert (answer.status, answer.json()["reason"]) == (404, "unknown_route")


def test_wrong_method_lists_the_right_ones(function: ModuleType) -> None:
    answer = invoke(function.handler, http_event("POST", ROUTES[0], {}))

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
