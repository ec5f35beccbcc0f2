"""``/api/monitoring/drain/{region}``: who may, what is refused, what is stored, and what the region says then."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from edge.auth.roles import SCOPES
from edge.health.region_dynamo import DynamoRegionStore
from edge.regions import DEPLOYED
from tests import faults
from tests.functional.auth_setup import House, later, open_house, reason
from tests.functional.health_setup import Network
from tests.http_events import http_event, invoke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.health.drains import Drain
    from tests.faults import Fault
    from tests.http_events import Answer

BODY = {"reason": "maintenance", "duration_seconds": 600}
CODES = [region.code for region in DEPLOYED]


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


@pytest.fixture(autouse=True)
def store(house: House) -> Iterator[DynamoRegionStore]:
    """The table, without drains before and after."""
    store = DynamoRegionStore(house.client, house.environ["REGION_HEALTH_TABLE"], read_budget_ms=10_000)

    def end_all() -> None:
        for drain in store.read(latest=True).drains:
            store.end_drain(drain.region, only=None)

    end_all()
    yield store
    end_all()


def put(house: House, region: str, body: Any = BODY, **request: Any) -> Answer:
    request.setdefault("key", house.admin_key)
    return house.call("health", "PUT", f"/api/monitoring/drain/{region}", body, **request)


def end(house: House, region: str, **request: Any) -> Answer:
    request.setdefault("key", house.admin_key)
    return house.call("health", "DELETE", f"/api/monitoring/drain/{region}", **request)


def stored(store: DynamoRegionStore) -> dict[str, Drain]:
    return {drain.region: drain for drain in store.read(latest=True).drains}


def test_drain_is_stored_with_who_asked(house: House, store: DynamoRegionStore) -> None:
    admin = house.make_key("ADMIN")
    answer = put(house, "hnd1", key=admin.text)

    until = answer.json()["until"]
    assert (answer.status, answer.json()) == (200, {"region": "hnd1", "until": until})
    assert abs(until - time.time() - 600) < 5
    drain = stored(store)["hnd1"]
    assert (drain.reason, drain.until, drain.by) == ("maintenance", until, admin.id)


def test_drain_can_be_renewed_and_ended_and_ended_again(house: House, store: DynamoRegionStore) -> None:
    first = put(house, "hnd1").json()["until"]
    second = put(house, "hnd1", {"reason": "incident", "duration_seconds": 60}).json()["until"]
    assert second < first
    assert stored(store)["hnd1"].reason == "incident"
    for _ in range(2):
        answer = end(house, "hnd1")
        assert (answer.status, answer.body) == (204, b"")
    assert stored(store) == {}


def test_drained_region_is_not_ready_and_lives(house: House) -> None:
    put(house, "cdg1", {"reason": "exercise", "duration_seconds": 60})
    function = house.load("health")
    says = {
        name: house.call(function, "GET", f"/api/monitoring/{name}") for name in ("live", "ready", "health")
    }
    detail = house.call(function, "GET", "/api/monitoring/health", key=house.admin_key).json()

    assert {name: answer.status for name, answer in says.items()} == {
        "live": 200, "ready": 503, "health": 200,
    }  # fmt: skip
    assert says["ready"].body.startswith(b'{"status":"draining","region":"cdg1"')
    assert int(says["ready"].headers["retry-after"]) >= 1
    drain = detail["regions"]["seen"]["cdg1"]["drain"]
    assert (drain["reason"], drain["until"] - drain["since"]) == ("exercise", 60)
    with later(3):
        end(house, "cdg1")
        assert house.call(function, "GET", "/api/monitoring/ready").status == 200
    put(house, "cdg1", {"reason": "exercise", "duration_seconds": 60})
    with later(61):
        assert house.call(function, "GET", "/api/monitoring/ready").status == 200, "it ends by itself"


def test_last_two_regions_stay(house: House, store: DynamoRegionStore) -> None:
    assert [put(house, code).status for code in CODES[:2]] == [200, 200]
    for code in CODES[2:]:
        answer = put(house, code)
        assert (answer.status, reason(answer)) == (409, "last_regions")
    assert set(stored(store)) == set(CODES[:2])
    assert put(house, CODES[0]).status == 200, "one that is out can be renewed"


def test_of_all_regions_drained_at_once_two_stay(house: House, store: DynamoRegionStore) -> None:
    functions = [house.load("health") for _ in CODES]
    ready = threading.Barrier(len(CODES))
    statuses: dict[str, int] = {}

    def drain(function: Any, code: str) -> None:
        event = http_event(
            "PUT", f"/api/monitoring/drain/{code}", BODY, headers={"x-api-key": house.admin_key}
        )
        ready.wait(10)
        statuses[code] = invoke(function.handler, event).status

    threads = [threading.Thread(target=drain, args=pair) for pair in zip(functions, CODES, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert set(statuses.values()) <= {200, 409}
    drained = [code for code, status in statuses.items() if status == 200]
    assert 1 <= len(drained) <= 2
    assert set(stored(store)) == set(drained)


@pytest.mark.parametrize("region", ["gru1", "xxx1", "CDG1", "cdg1%00", "a" * 300, "<script>", "O#cdg1"])
def test_region_that_is_not_deployed_is_unknown(house: House, store: DynamoRegionStore, region: str) -> None:
    for answer in (put(house, region), end(house, region)):
        assert (answer.status, reason(answer)) == (404, "region_unknown")
        assert b"script" not in answer.body
    assert stored(store) == {}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"reason": "because", "duration_seconds": 60}, "/reason"),
        ({"reason": "maintenance"}, "/duration_seconds"),
        ({"duration_seconds": 60}, "/reason"),
        ({**BODY, "duration_seconds": 0}, "/duration_seconds"),
        ({**BODY, "duration_seconds": 86_401}, "/duration_seconds"),
        ({**BODY, "duration_seconds": "60"}, "/duration_seconds"),
        ({**BODY, "duration_seconds": 60.5}, "/duration_seconds"),
        ({**BODY, "duration_seconds": True}, "/duration_seconds"),
        ({**BODY, "by": "somebody else"}, ""),
        ([], ""),
    ],
)
def test_wrong_values_are_named(house: House, store: DynamoRegionStore, body: Any, pointer: str) -> None:
    answer = put(house, "cdg1", body)

    assert answer.status == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert stored(store) == {}


def test_longest_drain_is_a_day(house: House) -> None:
    assert put(house, "cdg1", {**BODY, "duration_seconds": 86_400}).status == 200


def test_who_may(house: House, store: DynamoRegionStore) -> None:
    only = house.make_key("ADMIN", scopes=frozenset({"regions:admin"}))
    others = house.make_key("ADMIN", scopes=SCOPES["ADMIN"] - {"regions:admin"})
    refused = [house.make_key("USER").text, house.make_key("GUEST").text, others.text]

    for ask in (put, end):
        assert [ask(house, "cdg1", key=key).status for key in refused] == [403] * 3
        assert ask(house, "cdg1", key=None).status == 401
        assert ask(house, "cdg1", key=None, headers={"x-auth-role": "ADMIN"}).status == 401
    assert stored(store) == {}
    assert put(house, "cdg1", key=only.text).status == 200


def test_who_may_not_is_not_told_what_is_wrong_or_what_exists(house: House) -> None:
    assert put(house, "xxx1", {"reason": 1}, key=None).status == 401


@pytest.mark.parametrize(
    "fault", [faults.RESET, faults.THROTTLE, faults.HANG], ids=lambda fault: str(fault.name)
)
def test_without_the_table_nothing_is_half_written(
    house: House, network: Network, store: DynamoRegionStore, fault: Fault
) -> None:
    put(house, "cdg1")  # the caller's key is known from here on
    before = stored(store)
    with network.losing(house.environ["REGION_HEALTH_TABLE"], fault=fault):
        answers = [put(house, "hnd1"), end(house, "cdg1")]

    assert [(answer.status, reason(answer)) for answer in answers] == [(503, "dependency_unavailable")] * 2
    assert stored(store) == before
    assert put(house, "hnd1").status == 200


def test_deployment_without_a_table_cannot_drain(house: House) -> None:
    function = house.load("health", REGION_HEALTH_TABLE="")
    for method, body in (("PUT", BODY), ("DELETE", None)):
        answer = house.call(function, method, "/api/monitoring/drain/cdg1", body, key=house.admin_key)
        assert (answer.status, reason(answer)) == (503, "dependency_unavailable")
