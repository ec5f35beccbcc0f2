"""The DynamoDB store keeps the contract on every engine; and what its items are, and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.faults import Unavailable
from edge.aws.retries import Budget
from edge.clock import ManualClock
from edge.health.observations import KEPT_RESULTS, MAX_LATENCY_MS, Report, Result, Sight
from edge.health.region_dynamo import DynamoRegionStore, parse_sight, sight_text
from edge.health.region_watch import RegionWatch
from tests.contract.health.conftest import HERE, START, TABLE, stored_items
from tests.contract.health.store_contract import REGIONS, RegionStoreContract, drain, report

if TYPE_CHECKING:
    from edge.aws.wire import AttributeValue


@pytest.fixture
def store(dynamo_store: DynamoRegionStore) -> DynamoRegionStore:
    return dynamo_store


class TestDynamoRegionStore(RegionStoreContract):
    pass


def test_items_are_as_told(store: DynamoRegionStore, client: DynamoDB) -> None:
    results = (Result(ok=True, latency_ms=43, at=START), Result(ok=False, latency_ms=1_500, at=START - 10))
    store.put_report(
        Report(
            "iad1",
            START,
            is_blind=False,
            sights={"sfo1": Sight(is_up=True, since=START - 60, results=results)},
        )
    )
    store.put_drain(drain())

    assert stored_items(client) == {
        "O#iad1": {
            "pk": {"S": "REGIONS"},
            "sk": {"S": "O#iad1"},
            "at": {"N": str(START)},
            "bl": {"BOOL": False},
            "s": {"M": {"sfo1": {"S": f"up {START - 60} {START} o43-0 x1500-10"}}},
            "ttl": {"N": str(START + 3_600)},
        },
        "D#cdg1": {
            "pk": {"S": "REGIONS"},
            "sk": {"S": "D#cdg1"},
            "why": {"S": "maintenance"},
            "by": {"S": "key:é🔑"},
            "at": {"N": str(START)},
            "un": {"N": str(START + 600)},
            "ttl": {"N": str(START + 600 + 3_600)},
        },
    }


def item_bytes(value: AttributeValue | dict[str, AttributeValue]) -> int:
    """Return no less than what DynamoDB counts of an item: names, texts, 21 bytes a number, 3 and 1 of a map."""
    total = 0
    for name, coded in value.items():
        if isinstance(coded, str):
            total += len(coded.encode()) if name == "S" else 21
        elif isinstance(coded, dict):
            total += 4 + (len(name) if name != "M" else 0) + item_bytes(coded)
        else:
            total += 1
    return total


def test_largest_report_costs_one_write_unit_and_all_of_four_regions_half_a_read_unit(
    store: DynamoRegionStore, client: DynamoDB
) -> None:
    for region in REGIONS:
        store.put_report(report(region))
        store.put_drain(drain(region))
    sizes = {sk: item_bytes(item) for sk, item in stored_items(client).items()}

    assert len(sizes) == 8
    assert max(sizes.values()) <= 1024
    assert sum(sizes.values()) <= 4096


@pytest.mark.parametrize(
    "spoilt",
    [
        {"sk": {"S": "O#sfo1"}},
        {"sk": {"S": "X#sfo1"}},
        {"sk": {"S": "O#sfo1"}, "at": {"N": "1"}, "bl": {"BOOL": False}, "s": {"M": {"iad1": {"S": "up 1"}}}},
        {"sk": {"S": "O#sfo1"}, "at": {"S": "x"}, "bl": {"BOOL": False}, "s": {"M": {}}},
        {"sk": {"S": "O#sfo1"}, "at": {"N": "1"}, "bl": {"BOOL": False}, "s": {"M": {"iad1": {"N": "1"}}}},
        {"sk": {"S": "D#sfo1"}, "at": {"N": "1"}, "un": {"N": "2"}, "by": {"S": "a"}, "why": {"S": "whim"}},
        {"sk": {"S": "D#sfo1"}, "at": {"N": "1"}, "un": {"N": "2"}, "why": {"S": "incident"}},
    ],
    ids=["empty", "kind", "sight", "time", "type", "reason", "nobody"],
)
def test_item_that_cannot_be_read_is_left_out_and_counted(
    store: DynamoRegionStore, client: DynamoDB, spoilt: dict[str, AttributeValue]
) -> None:
    store.put_report(report("iad1"))
    client.put_item({"TableName": TABLE, "Item": {"pk": {"S": "REGIONS"}, **spoilt}}, repeatable=True)
    stored = store.read(latest=True)

    assert (stored.reports, stored.drains, stored.unreadable) == ((report("iad1"),), (), 1)


RESULTS = st.builds(
    Result, st.booleans(), st.integers(0, MAX_LATENCY_MS), st.integers(START - 10_000, START + 10_000)
)


@given(
    st.builds(
        Sight,
        st.booleans(),
        st.integers(0, START),
        st.lists(RESULTS, min_size=1, max_size=KEPT_RESULTS).map(tuple),
    )
)
def test_sight_is_read_as_it_was_written(sight: Sight) -> None:
    assert parse_sight(sight_text(sight)) == sight


@pytest.mark.parametrize(
    "text",
    [
        *("", "up", "up 1 2", "sideways 1 2 o1-0", "up x 2 o1-0", "up 1 2 q1-0", "up 1 2 o-0", "up 1 2 o1"),
        *("up 1 2 o100000-0", "up 1 2 o1-0 ", "up 1 2" + " o1-0" * (KEPT_RESULTS + 1)),
    ],
)
def test_text_that_is_no_sight_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int()'s or ours
        parse_sight(text)


def test_store_that_cannot_be_had_is_said_and_the_watch_goes_on() -> None:
    client = DynamoDB(
        region=HERE,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint="http://127.0.0.1:1",
        budget=Budget(connect_ms=200, attempt_ms=200, call_ms=200, attempts=1),
    )
    store = DynamoRegionStore(client, TABLE)
    with pytest.raises(Unavailable):
        store.read(latest=True)
    known = RegionWatch(store, ManualClock(now_ms=START * 1000), regions=REGIONS).look()

    assert known.age_ms is None
    assert known.judgement.serving == list(REGIONS)


def test_table_that_is_not_there_does_not_stop_the_watch(client: DynamoDB) -> None:
    store = DynamoRegionStore(client, "Nowhere", read_budget_ms=10_000)
    known = RegionWatch(store, ManualClock(now_ms=START * 1000), regions=REGIONS).look()

    assert (known.age_ms, known.judgement.basis) == (None, "nothing_fresh")
