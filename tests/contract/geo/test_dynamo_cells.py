"""The DynamoDB store keeps the contract on every engine; what its items are and cost, and what writers do to each other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

import pytest

from edge.aws.dynamo import DynamoDB
from edge.aws.faults import Unavailable
from edge.clock import ManualClock
from edge.geo.cell_store import InstalledTable, Measured
from edge.geo.cells import COLUMNS, ROWS, Average, BadCellRow
from edge.geo.cells_dynamo import KEPT_MS, DynamoCellStore
from edge.geo.learning import Learning
from edge.geo.slots import SLOTS
from edge.regions import ROUTABLE
from tests.contract.geo.conftest import START_MS, TABLE, open_client, stored_items
from tests.contract.geo.store_contract import CellStoreContract, all_cells, average

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.aws.dynamo import ConditionFailed
    from edge.aws.wire import AttributeValue, Item, Request
    from tests.contract.geo.store_contract import OpenStore

THREADS = 6
ADDS = 5


@pytest.fixture
def open_store(open_dynamo: Callable[..., DynamoCellStore]) -> OpenStore:
    return cast("OpenStore", open_dynamo)


class TestDynamoCellStore(CellStoreContract):
    pass


def test_items_are_as_told(client: DynamoDB) -> None:
    store = DynamoCellStore(client, TABLE, writer="cdg1", random=lambda count: b"\x07" * count)
    store.add(43, {"iad1.3": average(80.52, 12.0), "hnd1.0": average(240.0, 1.5)}, now_ms=START_MS)
    store.install(
        InstalledTable(START_MS, {43: {"iad1": Measured(81.0, 40.0)}, 7: {"iad1": Measured(9, 1.5)}})
    )

    assert stored_items(client) == {
        "C#cdg1#0043": {
            "pk": {"S": "CELLS"},
            "sk": {"S": "C#cdg1#0043"},
            "a": {"S": "hnd1.0:240.0:1.5,iad1.3:80.5:12.0"},
            "at": {"N": str(START_MS)},
            "v": {"N": "1"},
            "by": {"S": "07" * 4},
            "ttl": {"N": str((START_MS + KEPT_MS) // 1000)},
        },
        f"T#{START_MS}": {
            "pk": {"S": "CELLS"},
            "sk": {"S": f"T#{START_MS}"},
            "m": {"M": {"iad1": {"S": "7:9.0:1.5,43:81.0:40"}}},
            "by": {"S": "07" * 4},
        },
    }


def test_largest_cell_costs_one_write_unit_and_the_largest_table_fits_an_item(
    open_store: OpenStore, client: DynamoDB
) -> None:
    names = [f"{region.code}.{slot}" for region in ROUTABLE for slot in range(SLOTS)]
    open_store("cdg1").add(
        ROWS * COLUMNS - 1, {name: average(1_999.9, 199.9) for name in names}, now_ms=START_MS
    )
    full = {region.code: Measured(1_999.9, 199.9) for region in ROUTABLE}
    assert open_store("cdg1").install(InstalledTable(START_MS, dict.fromkeys(range(ROWS * COLUMNS), full)))
    items = stored_items(client)
    cell, table = items[f"C#cdg1#{ROWS * COLUMNS - 1}"], items[f"T#{START_MS}"]

    texts = sum(len(name) + len(value.get("S", "")) for name, value in cell.items())
    numbers = sum(1 + (len(value["N"]) + 1) // 2 for value in cell.values() if "N" in value)
    assert texts + numbers <= 1_024
    assert sum(len(code) + 4 + len(text["S"]) for code, text in table["m"]["M"].items()) < 400 * 1_024 * 0.75
    found = open_store("iad1").newer_table(0)
    assert found is not None and found.cells == dict.fromkeys(range(ROWS * COLUMNS), full)


def test_containers_of_one_region_that_write_at_the_same_time_lose_no_written_sample(
    cells_url: str, client: DynamoDB
) -> None:
    """Each adds one sample at a time; an add that lost too many races adds nothing, and none adds twice."""
    outcomes: list[int] = []
    barrier = threading.Barrier(THREADS)

    class Counting(DynamoDB):
        pass

    def container(slot: int) -> None:
        own = open_client(cells_url)
        puts: list[bool] = []
        put_item = own.put_item

        def counted(
            request: Request, *, repeatable: bool, budget_ms: int | None = None
        ) -> Item | ConditionFailed:
            outcome = put_item(request, repeatable=repeatable, budget_ms=budget_ms)
            puts.append(isinstance(outcome, dict))
            return outcome

        own.put_item = counted  # type: ignore[method-assign]
        store = DynamoCellStore(own, TABLE, writer="cdg1", call_budget_ms=20_000)
        barrier.wait()
        for _ in range(ADDS):
            store.add(7, {f"cdg1.{slot % 2}": average(50.0, 1.0)}, now_ms=START_MS)
        outcomes.append(sum(puts))
        own.forget()

    threads = [threading.Thread(target=container, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    item = stored_items(client)["C#cdg1#0007"]
    total = sum(float(entry.split(":")[2]) for entry in item["a"]["S"].split(","))

    assert total == sum(outcomes) == int(item["v"]["N"])
    assert ADDS <= total <= THREADS * ADDS


class LostAnswer(DynamoDB):
    """Its first write arrives, and its answer does not: the client tries again by itself."""

    lost = 0

    def put_item(
        self, request: Request, *, repeatable: bool, budget_ms: int | None = None
    ) -> Item | ConditionFailed:
        assert repeatable
        if not self.lost:
            self.lost = 1
            super().put_item(request, repeatable=repeatable, budget_ms=budget_ms)
        return super().put_item(request, repeatable=repeatable, budget_ms=budget_ms)


@pytest.fixture
def forgetful(client: DynamoDB) -> LostAnswer:
    client.__class__ = LostAnswer
    return cast("LostAnswer", client)


def test_a_write_whose_answer_was_lost_does_not_add_twice(forgetful: LostAnswer) -> None:
    store = DynamoCellStore(forgetful, TABLE, writer="cdg1", call_budget_ms=10_000)
    store.add(7, {"cdg1.0": average(50.0, 1.0)}, now_ms=START_MS)

    assert forgetful.lost
    assert all_cells(store)["cdg1", 7].averages == {"cdg1.0": average(50.0, 1.0)}


def test_an_installation_whose_answer_was_lost_is_told_as_done(forgetful: LostAnswer) -> None:
    store = DynamoCellStore(forgetful, TABLE, writer="cdg1")

    assert store.install(InstalledTable(START_MS, {}))
    assert forgetful.lost


def test_a_race_lost_is_run_again_on_what_the_winner_left(open_store: OpenStore, client: DynamoDB) -> None:
    class Racing(DynamoCellStore):
        pass

    winner = open_store("cdg1")

    def random(count: int) -> bytes:
        return bytes(count)

    store = Racing(client, TABLE, writer="cdg1", call_budget_ms=10_000, random=random)
    get_item = client.get_item

    def beaten(request: Request, *, budget_ms: int | None = None) -> Item | None:
        item = get_item(request, budget_ms=budget_ms)
        client.get_item = get_item  # type: ignore[method-assign]
        winner.add(7, {"cdg1.0": average(40.0, 3.0)}, now_ms=START_MS)
        return item

    client.get_item = beaten  # type: ignore[method-assign]
    store.add(7, {"cdg1.0": average(80.0, 1.0)}, now_ms=START_MS)

    assert all_cells(store)["cdg1", 7].averages == {"cdg1.0": average(50.0, 4.0)}


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"a": {"S": "cdg1.0:50.0:1.00"}},
        {"a": {"S": "cdg1.0:50.0"}, "at": {"N": "1"}},
        {"a": {"S": "cdg1.9:50.0:1.00"}, "at": {"N": "1"}},
        {"a": {"S": "cdg1:50.0:1.00"}, "at": {"N": "1"}},
        {"a": {"S": "xxx1.0:50.0:1.00"}, "at": {"N": "1"}},
        {"a": {"S": "cdg1.0:nan:1.00"}, "at": {"N": "1"}},
        {"a": {"S": "cdg1.0:inf:1.00"}, "at": {"N": "1"}},
        {"a": {"S": "cdg1.0:50.0:1e9"}, "at": {"N": "1"}},
        {"a": {"S": "cdg1.0:-50.0:1"}, "at": {"N": "1"}},
        {"a": {"S": ",".join(["cdg1.0:50.0:1.00"] * 2)}, "at": {"S": "x"}},
        {"a": {"N": "1"}, "at": {"N": "1"}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("sk", ["C#iad1#0007"])
def test_an_item_that_cannot_be_read_is_left_out_counted_and_not_overwritten(
    open_store: OpenStore, client: DynamoDB, spoilt: dict[str, AttributeValue], sk: str
) -> None:
    open_store("cdg1").add(7, {"cdg1.0": average(50.0, 1.0)}, now_ms=START_MS)
    item: Item = {"pk": {"S": "CELLS"}, "sk": {"S": sk}, **spoilt}
    client.put_item({"TableName": TABLE, "Item": item}, repeatable=True)
    open_store("iad1").add(7, {"cdg1.0": average(50.0, 1.0)}, now_ms=START_MS)
    page = open_store("hnd1").page(None)

    assert ([cell.writer for cell in page.cells], page.unreadable) == (["cdg1"], 1)
    assert stored_items(client)[sk] == item


@pytest.mark.parametrize(
    "sk", ["C#xxx1#0007", "C#iad1#x", "C#iad1", "C#iad1#7#7", "C#iad1#9999", "C#iad1#-001"]
)
def test_an_item_of_nobody_or_nowhere_is_left_out(open_store: OpenStore, client: DynamoDB, sk: str) -> None:
    item: Item = {"pk": {"S": "CELLS"}, "sk": {"S": sk}, "a": {"S": "cdg1.0:50:1"}, "at": {"N": "1"}}
    client.put_item({"TableName": TABLE, "Item": item}, repeatable=True)

    page = open_store("hnd1").page(None)
    assert (page.cells, page.unreadable) == ((), 1)


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"m": {"S": "x"}},
        {"m": {"M": {"iad1": {"S": "7:80"}}}},
        {"m": {"M": {"iad1": {"S": "9999:80:1"}}}},
    ],
)
def test_a_table_that_cannot_be_read_is_not_taken_and_the_old_one_stays(
    open_store: OpenStore, client: DynamoDB, spoilt: dict[str, AttributeValue]
) -> None:
    clock = ManualClock(now_ms=START_MS)
    store = open_store("cdg1")
    store.install(InstalledTable(START_MS, {1326: {"iad1": Measured(80.0, 40.0)}}))
    learning = Learning(store, clock)
    learning.sync_if_due()
    newer: Item = {"pk": {"S": "CELLS"}, "sk": {"S": f"T#{START_MS + 1}"}, **spoilt}
    client.put_item({"TableName": TABLE, "Item": newer}, repeatable=True)
    with pytest.raises(Unavailable):
        store.newer_table(START_MS)
    clock.advance(3_600_000)
    learning.sync_if_due()

    assert learning.near(0.1, -29.9) == {"iad1": Average(80.0, 40.0, START_MS + 3_600_000)}


def test_a_table_of_what_none_can_hold_is_not_installed(open_store: OpenStore, client: DynamoDB) -> None:
    store = open_store("cdg1")
    for cells in ({9_999: {"iad1": Measured(80.0, 1.0)}}, {7: {"iad1": Measured(float("nan"), 1.0)}}):
        with pytest.raises(BadCellRow):
            store.install(InstalledTable(START_MS, cells))
    for version in (0, 10**13):
        with pytest.raises(ValueError, match="milliseconds"):
            store.install(InstalledTable(version, {}))

    assert stored_items(client) == {}


def test_a_table_that_is_not_there_does_not_stop_learning(client: DynamoDB) -> None:
    clock = ManualClock(now_ms=START_MS)
    learning = Learning(DynamoCellStore(client, "Nowhere", writer="cdg1", call_budget_ms=10_000), clock)
    learning.sync_if_due()

    assert (learning.age_ms, learning.near(0.1, -29.9)) == (None, None)
