"""Health while what it asks hangs, breaks or lies, over real sockets: answered in time, and about the right thing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.health.region_watch import REFRESH_MS
from tests import faults
from tests.functional.auth_setup import House, later, open_house
from tests.functional.health_setup import SECRET_STORE, Network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.faults import Fault
    from tests.http_events import Answer

READY, HEALTH = "/api/monitoring/ready", "/api/monitoring/health"
PUBLIC = {"status", "region", "timestamp"}

ANSWER_SECONDS: Final = 0.8
NOISE_SECONDS: Final = 0.7
"""How much longer an answer may take on a busy machine before the test says that the budget did not hold."""

TABLES: Final = {
    "rate_windows": "RATE_WINDOWS_TABLE",
    "keys": "KEYS_TABLE",
    "sessions": "SESSIONS_TABLE",
    "nonces": "NONCES_TABLE",
    "region_health": "REGION_HEALTH_TABLE",
}


@pytest.fixture(scope="module")
def network(ministack_environment: dict[str, str]) -> Iterator[Network]:
    with Network(ministack_environment["AWS_ENDPOINT_URL"]) as network:
        yield network


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str, network: Network) -> Iterator[House]:
    for house in open_house(ministack_environment, admin_key):
        house.environ["AWS_ENDPOINT_URL"] = network.url
        house.environ.pop("TELEMETRY_TABLE", None)
        yield house


@pytest.fixture
def function(house: House) -> ModuleType:
    """A container that has been asked nothing yet."""
    return house.load("health")


def get(house: House, function: ModuleType, path: str = HEALTH, **request: Any) -> Answer:
    """Ask, and hold the answer to its time."""
    started = time.monotonic()
    answer = house.call(function, "GET", path, **request)
    assert time.monotonic() - started < ANSWER_SECONDS + NOISE_SECONDS
    if answer.status == 503:
        assert int(answer.headers["retry-after"]) >= 1
    return answer


FAULTS: Final = (faults.HANG, faults.RESET, faults.THROTTLE, *faults.AMBIGUOUS[-3:])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.name))
@pytest.mark.parametrize("path", [READY, HEALTH])
def test_region_without_its_table_is_unhealthy(
    house: House, network: Network, function: ModuleType, path: str, fault: Fault
) -> None:
    with network.losing(house.environ["RATE_WINDOWS_TABLE"], fault=fault):
        answer = get(house, function, path)

    assert (answer.status, answer.json()["status"]) == (503, "unhealthy")
    assert answer.body.startswith(b'{"status":"unhealthy"')
    assert set(answer.json()) == PUBLIC


def test_recovery_is_told_as_soon_as_it_is_asked_for(
    house: House, network: Network, function: ModuleType
) -> None:
    with network.losing(house.environ["RATE_WINDOWS_TABLE"]):
        assert get(house, function, READY).status == 503
    assert get(house, function, READY).status == 503, "for as long as an answer is shared"
    with later(5):
        assert get(house, function, READY).status == 200
        assert get(house, function).status == 200


@pytest.mark.parametrize("name", ["keys", "sessions", "nonces", "region_health", "secrets"])
def test_region_without_something_else_is_degraded_and_says_what(
    house: House, network: Network, function: ModuleType, name: str
) -> None:
    get(house, function, READY, key=None)
    key = house.make_key("ADMIN").text
    get(house, function, key=key)  # the key is known from now on, and outlasts the loss of its table
    lost = SECRET_STORE if name == "secrets" else house.environ[TABLES[name]]
    with network.losing(lost), later(61):
        answer = get(house, function, key=key)
        ready = get(house, function, READY)

    assert (answer.status, answer.json()["status"], ready.status) == (200, "degraded", 200)
    checks = answer.json()["checks"]
    assert [known for known, check in checks.items() if check["status"] == "unhealthy"] == [name]
    assert (checks[name]["fault"], checks[name]["critical"]) == ("timed_out", False)
    assert checks[name]["consecutive_failures"] == 1
    assert answer.json()["errors"]["failed_checks"] >= 1
    assert house.lines[-2].count(f'"failed_checks":"{name}"') == 1


def test_everything_hangs_and_the_answer_comes(house: House, network: Network, function: ModuleType) -> None:
    token = house.sign_in()["access_token"]
    with network.losing():
        anybody = get(house, function)
        with later(10):
            by_key = get(house, function, key=house.admin_key)
        with later(20):
            by_token = get(house, function, bearer=token)

    for answer in (anybody, by_key, by_token):
        assert (answer.status, answer.json()["status"]) == (503, "unhealthy")
        assert set(answer.json()) == PUBLIC


def test_caller_whom_nobody_can_identify_reads_what_anybody_reads(
    house: House, network: Network, function: ModuleType
) -> None:
    with network.losing(house.environ["KEYS_TABLE"]):
        answer = get(house, function, key=house.make_key("ADMIN").text)

    assert (answer.status, answer.json()["status"]) == (200, "degraded")
    assert set(answer.json()) == PUBLIC
    assert house.last_line()["reader"] == "unidentified"
    with later(20):
        detail = get(house, function, key=house.admin_key).json()
    assert detail["errors"]["unidentified_callers"] == 1


def test_token_is_read_while_the_tables_are_gone_and_not_while_the_secret_never_came(
    house: House, network: Network, function: ModuleType
) -> None:
    token = house.sign_in()["access_token"]
    with network.losing(SECRET_STORE):
        assert set(get(house, function, bearer=token).json()) == PUBLIC
    with later(61):
        assert "checks" in get(house, function, bearer=token).json()
    with network.losing(house.environ["KEYS_TABLE"], house.environ["SESSIONS_TABLE"]), later(70):
        assert "checks" in get(house, function, bearer=token).json()


def test_wrong_credentials_are_refused_while_the_limiter_s_table_is_gone(
    house: House, network: Network, function: ModuleType
) -> None:
    with network.losing(house.environ["RATE_WINDOWS_TABLE"]):
        assert get(house, function, key="ek_dev_nothing").status == 401


def test_missing_table_is_refused_and_the_others_are_well(house: House) -> None:
    function = house.load("health", NONCES_TABLE="nowhere")
    answer = get(house, function, key=house.admin_key)

    assert (answer.status, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["nonces"]["fault"] == "refused"


def test_deployment_without_a_table_does_not_depend_on_it(house: House) -> None:
    function = house.load("health", REGION_HEALTH_TABLE="", NONCES_TABLE="")
    document = get(house, function, key=house.admin_key).json()

    assert set(document["checks"]) == {"rate_windows", "keys", "sessions", "secrets"}
    assert (document["regions"]["basis"], document["regions"]["source"]) == ("nobody_observes", "none")
    assert document["regions"]["mode"] == "normal"


def test_knowledge_of_regions_grows_old_and_says_so(
    house: House, network: Network, function: ModuleType
) -> None:
    key = house.make_key("ADMIN").text
    fresh = get(house, function, key=key).json()["regions"]
    with network.losing(house.environ["REGION_HEALTH_TABLE"]), later(40):
        old = get(house, function, key=key).json()["regions"]

    assert (fresh["source"], old["source"]) == ("table", "memory")
    assert fresh["age_ms"] < REFRESH_MS < 40_000 <= old["age_ms"] < 60_000


def test_draft_fails_with_503_and_warns_with_200(
    house: House, network: Network, function: ModuleType
) -> None:
    accept = {"accept": "application/health+json"}
    with network.losing(house.environ["NONCES_TABLE"]):
        warned = get(house, function, headers=accept)
    with network.losing(house.environ["RATE_WINDOWS_TABLE"]), later(6):
        failed = get(house, function, headers=accept)

    assert (warned.status, warned.json()["status"]) == (200, "warn")
    assert (failed.status, failed.json()["status"]) == (503, "fail")
    assert failed.headers["content-type"] == "application/health+json"
