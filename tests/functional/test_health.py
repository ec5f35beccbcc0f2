"""``/api/monitoring/live``, ``/ready``, ``/health`` and the routes that nobody has, on ministack."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from edge.auth.roles import SCOPES
from edge.clock import SystemClock
from edge.composition.health import open_checks
from edge.regions import DEPLOYED
from edge.settings import Settings
from tests.functional.auth_setup import House, an_address, open_house, reason
from tests.functional.health_setup import Network
from tests.http_events import http_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.http_events import Answer

LIVE, READY, HEALTH = "/api/monitoring/live", "/api/monitoring/ready", "/api/monitoring/health"
PUBLIC = {"status", "region", "timestamp"}
CHECKS = ["rate_windows", "keys", "sessions", "nonces", "region_health", "secrets"]


@pytest.fixture(scope="module")
def network(ministack_environment: dict[str, str]) -> Iterator[Network]:
    with Network(ministack_environment["AWS_ENDPOINT_URL"]) as network:
        yield network


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str, network: Network) -> Iterator[House]:
    for house in open_house(ministack_environment, admin_key):
        house.environ["AWS_ENDPOINT_URL"] = network.url
        house.environ.pop(
            "TELEMETRY_TABLE", None
        )  # its writes would be among the questions that are counted here
        yield house


def get(house: House, path: str = HEALTH, function: str | ModuleType = "health", **request: Any) -> Answer:
    return house.call(function, "GET", path, **request)


@pytest.mark.parametrize("path", [LIVE, READY, HEALTH])
def test_region_that_serves_is_healthy(house: House, path: str) -> None:
    answer = get(house, path)

    assert answer.status == 200
    assert answer.body.startswith(b'{"status":"healthy","region":"cdg1","timestamp":')
    assert set(answer.json()) == PUBLIC
    assert abs(answer.json()["timestamp"] - time.time()) < 5
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


def test_live_asks_nothing(house: House, network: Network) -> None:
    function = house.load("health")
    before = len(network.seen)
    get(house, LIVE, function)

    assert network.asked(before) == []


def test_ready_asks_one_question_in_five_seconds_and_looks_at_the_regions(
    house: House, network: Network
) -> None:
    function = house.load("health")
    before = len(network.seen)
    for _ in range(5):
        get(house, READY, function)

    assert sorted(network.asked(before)) == ["getitem", "query"]


def test_health_asks_each_dependency_once_in_five_seconds(house: House, network: Network) -> None:
    function = house.load("health")
    before = len(network.seen)
    for _ in range(5):
        get(house, HEALTH, function)

    assert sorted(network.asked(before)) == ["getitem"] * 5 + ["getsecretvalue", "query"]


@pytest.mark.parametrize("role", ["USER", "GUEST"])
def test_caller_without_the_scope_reads_what_anybody_reads(house: House, role: Any) -> None:
    answer = get(house, key=house.make_key(role).text)

    assert (answer.status, set(answer.json())) == (200, PUBLIC)
    assert house.last_line()["reader"] == "not_allowed"


def test_detail_in_full(house: House) -> None:
    function = house.load("health", EDGE_VERSION="1.2.3")
    answer = get(house, function=function, key=house.admin_key)

    document = answer.json()
    assert answer.status == 200
    assert list(document)[:3] == ["status", "region", "timestamp"]
    assert set(document) == PUBLIC | {"version", "uptime_seconds", "memory", "checks", "errors", "regions"}
    assert document["version"] == "1.2.3"
    assert 0 <= document["uptime_seconds"] < 60
    assert document["memory"]["resident_bytes"] > 10_000_000
    assert document["memory"]["limit_bytes"] is None
    assert document["errors"] == {"failed_checks": 0, "unidentified_callers": 0}
    assert list(document["checks"]) == CHECKS
    for name, check in document["checks"].items():
        assert check["status"] == "healthy", name
        assert check["critical"] is (name == "rate_windows")
        assert (check["fault"], check["consecutive_failures"]) == (None, 0)
        assert 0 <= check["latency_ms"] <= check["latency_ms"] + check["age_ms"] < 5_000
        assert abs(check["since"] - time.time()) < 60
    regions = document["regions"]
    assert set(regions["seen"]) == {region.code for region in DEPLOYED}
    assert (regions["source"], regions["unreadable"]) == ("table", 0)
    assert set(regions["seen"]["hnd1"]) == {
        *("status", "voices", "down", "quorum", "since", "latency_ms", "drain"),
    }
    assert house.last_line()["reader"] == "allowed"
    assert house.last_line()["client_id"]


def test_every_table_that_settings_name_is_asked_and_answers(house: House) -> None:
    variables = {**house.environ, "AWS_REGION": "eu-west-3", "TELEMETRY_TABLE": house.environ["NONCES_TABLE"]}
    checks = open_checks(Settings.from_env(variables), SystemClock())

    assert [check.find().name for check in checks] == [*CHECKS[:-1], "telemetry", "secrets"]
    faults = {check.find().name: check.find().fault for check in checks}
    assert faults == {**dict.fromkeys(CHECKS), "telemetry": "refused"}, (
        "which has a sort key, unlike this one"
    )


def test_scope_alone_is_enough_and_a_token_is_as_good(house: House) -> None:
    reader = house.make_key("ADMIN", scopes=frozenset({"monitoring:read", "auth:token"}))
    others = house.make_key("ADMIN", scopes=SCOPES["ADMIN"] - {"monitoring:read"})

    assert "checks" in get(house, key=reader.text).json()
    assert "checks" in get(house, bearer=house.sign_in(reader.text)["access_token"]).json()
    assert set(get(house, key=others.text).json()) == PUBLIC


def test_limit_of_memory_is_lambda_s(house: House) -> None:
    class Context:
        memory_limit_in_mb = "512"
        aws_request_id = "0"

    event = http_event("GET", HEALTH, headers={"x-api-key": house.admin_key})
    body = house["health"].handler(event, Context())["body"]

    assert '"limit_bytes":536870912' in body


@pytest.mark.parametrize(
    "shown",
    [
        {"x-api-key": "ek_dev_000000000000_" + "A" * 49},
        {"x-api-key": "admin"},
        {"authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im1vbml0b3Jpbmc6cmVhZCJ9."},
        {"authorization": "Basic YWRtaW46YWRtaW4="},
        {"authorization": ""},
    ],
)
def test_wrong_credentials_are_refused_as_elsewhere(house: House, shown: dict[str, str]) -> None:
    assert get(house, headers=shown).status == 401


def test_two_credentials_are_refused(house: House) -> None:
    assert get(house, key=house.admin_key, bearer="x").status == 401


def test_who_guesses_is_soon_told_to_wait_and_who_shows_nothing_never(house: House) -> None:
    function, address = house.load("health", ANONYMOUS_TIER="strict"), an_address()
    guesses = [get(house, function=function, key="ek_no", address=address).status for _ in range(12)]
    nothing = [get(house, function=function, address=address).status for _ in range(12)]

    assert guesses == [401] * 10 + [429] * 2
    assert nothing == [200] * 12


@pytest.mark.parametrize(
    "forged",
    [
        {"x-auth-role": "ADMIN", "x-auth-scope": "monitoring:read"},
        {"x-forwarded-for": "127.0.0.1", "x-edge-region": "hnd1"},
        {"x-amzn-request-context": '{"authorizer":{"lambda":{"role":"ADMIN"}}}'},
        {"x-original-url": "/api/monitoring/live", "x-http-method-override": "DELETE"},
    ],
)
def test_forged_headers_buy_nothing(house: House, forged: dict[str, str]) -> None:
    answer = get(house, headers=forged)

    assert (answer.status, set(answer.json())) == (200, PUBLIC)
    assert answer.json()["region"] == answer.headers["x-edge-region"] == "cdg1"


def test_head_is_get_without_content(house: House) -> None:
    answer = house.call("health", "HEAD", HEALTH)

    assert (answer.status, answer.body) == (200, b"")


# The draft's form


def test_draft_for_anybody(house: House) -> None:
    answer = get(house, headers={"accept": "application/health+json"})

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/health+json"
    assert answer.body == b'{"status":"pass","serviceId":"cdg1"}'


def test_draft_in_detail(house: House) -> None:
    answer = get(house, headers={"accept": "application/health+json"}, key=house.admin_key)

    document = answer.json()
    assert list(document) == ["status", "serviceId", "releaseId", "checks"]
    assert list(document["checks"]) == [f"{name}:responseTime" for name in CHECKS]
    for (check,) in document["checks"].values():
        assert check["status"] == "pass"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", check["time"])


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "application/health+json;q=0"])
def test_everybody_else_gets_json(house: House, accept: str) -> None:
    answer = get(house, headers={"accept": accept})

    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == PUBLIC


def test_answer_says_that_it_depends_on_accept_and_on_the_origin(house: House) -> None:
    function = house.load("health", ALLOWED_ORIGINS="https://status.example.com")
    answer = get(house, function=function)

    assert {name.strip() for name in answer.headers["vary"].split(",")} == {"Accept", "Origin"}


# Routes that nobody has


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/api", "/api/monitoring", "/api/monitoring/health/", "/favicon.ico", "/%2e%2e"),
        *("/api/monitoring/drain", "/api/monitoring/drain/", "/api/monitoring/drain/cdg1/x"),
    ],
)
def test_unknown_route_is_a_problem(house: House, path: str) -> None:
    answer = get(house, path)

    assert (answer.status, reason(answer)) == (404, "unknown_route")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", LIVE, "GET, HEAD"),
        ("DELETE", HEALTH, "GET, HEAD"),
        ("GET", "/api/monitoring/drain/cdg1", "DELETE, PUT"),
        ("POST", "/api/monitoring/drain/cdg1", "DELETE, PUT"),
    ],
)
def test_wrong_method_lists_the_right_ones(house: House, method: str, path: str, allow: str) -> None:
    answer = house.call("health", method, path)

    assert (answer.status, answer.headers["allow"]) == (405, allow)
