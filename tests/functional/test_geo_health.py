"""``POST /api/geo/route`` follows what the regions see of each other, and goes on from memory when it cannot be read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.health.drains import Drain
from edge.health.observations import Report, Result, Sight
from edge.health.region_dynamo import DynamoRegionStore
from edge.regions import DEPLOYED
from tests import faults
from tests.functional.auth_setup import House, later, open_house
from tests.functional.health_setup import Network

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from types import ModuleType

PATH: Final = "/api/geo/route"
PARIS: Final = {"latitude": 48.86, "longitude": 2.35}
CODES: Final = [region.code for region in DEPLOYED]


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


class Table:
    """The table of regional health, as the regions fill it."""

    def __init__(self, house: House) -> None:
        self._client = house.client
        self._name = house.environ["REGION_HEALTH_TABLE"]
        self._store = DynamoRegionStore(house.client, self._name, read_budget_ms=10_000)

    def clear(self) -> None:
        for report in self._store.read(latest=True).reports:
            key = {"pk": {"S": "REGIONS"}, "sk": {"S": f"O#{report.observer}"}}
            self._client.delete_item({"TableName": self._name, "Key": key}, repeatable=True)
        for drain in self._store.read(latest=True).drains:
            self._store.end_drain(drain.region, only=None)

    def observe(self, down: Collection[str] = ()) -> None:
        """Let all regions have seen all others just now."""
        self.clear()
        now = int(time.time())
        for observer in CODES:
            sights = {
                code: Sight(code not in down, now - 60, (Result(code not in down, 40, now),))
                for code in CODES
                if code != observer
            }
            self._store.put_report(Report(observer, now, is_blind=False, sights=sights))

    def drain(self, code: str) -> None:
        now = int(time.time())
        self._store.put_drain(Drain(code, "maintenance", now, now + 600, "key"))


@pytest.fixture
def table(house: House) -> Iterator[Table]:
    table = Table(house)
    table.clear()
    yield table
    table.clear()


@pytest.fixture
def function(house: House) -> ModuleType:
    return house.load("geo_route", ANONYMOUS_TIER="relaxed")


def route(house: House, function: ModuleType) -> dict[str, Any]:
    answer = house.call(function, "POST", PATH, PARIS)
    assert answer.status == 200
    document: dict[str, Any] = answer.json()
    return document


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {one["region"]: one["status"] for one in document["ranking"]}


def test_nearest_that_is_well(house: House, table: Table, function: ModuleType) -> None:
    table.observe()
    document = route(house, function)

    assert (document["region"], document["mode"]) == ("cdg1", "normal")
    assert document["health"] == {"basis": "observed", "source": "table", "age_seconds": 0}
    assert statuses(document) == dict.fromkeys(CODES, "healthy")
    assert house.last_line()["health_source"] == "table"


def test_sick_region_is_routed_around(house: House, table: Table, function: ModuleType) -> None:
    table.observe(down=["cdg1"])
    document = route(house, function)

    assert (document["region"], document["reason"], document["mode"]) == (
        "iad1",
        "best_unavailable",
        "normal",
    )
    assert statuses(document)["cdg1"] == "unhealthy"


def test_drained_region_is_left_within_a_refresh(house: House, table: Table, function: ModuleType) -> None:
    table.observe()
    assert route(house, function)["region"] == "cdg1"
    table.drain("cdg1")
    with later(3):
        document = route(house, function)

    assert (document["region"], statuses(document)["cdg1"]) == ("iad1", "draining")


def test_when_most_look_sick_nobody_is_believed(house: House, table: Table, function: ModuleType) -> None:
    table.observe(down=["cdg1", "iad1", "sfo1"])
    document = route(house, function)

    assert (document["region"], document["mode"]) == ("cdg1", "fail-open")
    assert document["health"]["basis"] == "most_look_sick"


@pytest.mark.usefixtures("table")
def test_before_anybody_has_looked_it_fails_open(house: House, function: ModuleType) -> None:
    document = route(house, function)

    assert (document["region"], document["mode"]) == ("cdg1", "fail-open")
    assert document["health"] == {"basis": "nothing_fresh", "source": "table", "age_seconds": 0}
    assert statuses(document) == dict.fromkeys(CODES, "unknown")


def test_table_that_is_gone_is_gone_on_without_and_that_is_said(
    house: House, network: Network, table: Table, function: ModuleType
) -> None:
    table.observe(down=["cdg1"])
    route(house, function)
    with network.losing(house.environ["REGION_HEALTH_TABLE"], fault=faults.RESET):
        with later(10):
            recent = route(house, function)
        with later(60):
            old = route(house, function)

    assert (recent["region"], recent["mode"]) == ("iad1", "normal")
    assert (recent["health"]["source"], recent["health"]["basis"]) == ("memory", "observed")
    assert 10 <= recent["health"]["age_seconds"] < 20
    assert (old["region"], old["mode"]) == ("cdg1", "fail-open")
    assert (old["health"]["source"], old["health"]["basis"]) == ("memory", "nothing_fresh")


def test_table_that_hangs_costs_its_budget_once_a_refresh_and_then_seldom(
    house: House, network: Network, table: Table, function: ModuleType
) -> None:
    table.observe()
    route(house, function)
    asked: list[int] = []
    with network.losing(house.environ["REGION_HEALTH_TABLE"]):
        for second in range(60):
            before = len(network.seen)
            started = time.monotonic()
            with later(second):
                route(house, function)
            if network.asked(before).count("query"):
                asked.append(second)
            assert time.monotonic() - started < 0.2 + 0.5, "a busy machine is allowed half a second"

    assert asked[:3] == [3, 6, 9]
    assert 3 <= len(asked) <= 9, "one in ten seconds from then on"


def test_deployment_whose_regions_do_not_observe_each_other_routes_by_place(house: House) -> None:
    document = route(house, house.load("geo_route", REGION_HEALTH_TABLE=""))

    assert (document["region"], document["mode"]) == ("cdg1", "normal")
    assert document["health"] == {"basis": "nobody_observes", "source": "none", "age_seconds": None}
