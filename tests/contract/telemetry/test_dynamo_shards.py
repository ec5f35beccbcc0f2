"""The DynamoDB store keeps the contract on every engine; what its items are, and what it makes of items that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.clock import ManualClock
from edge.telemetry.region_totals import read_totals, sum_contents
from edge.telemetry.shards import Shard, encode
from edge.telemetry.store import SHARD_SECONDS
from edge.telemetry.totals import Totals
from tests.contract.telemetry.conftest import START_MS, TABLE, open_store, stored_items
from tests.contract.telemetry.store_contract import KEY, ShardStoreContract, fold_of, shard

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from edge.telemetry.shard_dynamo import DynamoShardStore


@pytest.fixture
def store(client: DynamoDB) -> DynamoShardStore:
    return open_store(client)


class TestDynamoShardStore(ShardStoreContract):
    pass


def test_items_are_as_told(store: DynamoShardStore, client: DynamoDB) -> None:
    store.put(shard(3), is_known=False)
    name = f"S#geo_route#{KEY.environment}#0"
    assert stored_items(client)[name] == {
        "pk": {"S": "M#1"},
        "sk": {"S": name},
        "b": {"B": "AP8gc3RhdGU="},
        "q": {"N": "3"},
        "a": {"N": str(START_MS)},
        "ttl": {"N": str(START_MS // 1000 + SHARD_SECONDS)},
    }

    store.fold(fold_of([shard(3)]))
    assert stored_items(client) == {
        "B#geo_route": {
            "pk": {"S": "M#1"},
            "sk": {"S": "B#geo_route"},
            "b": {"B": "c3Vt"},
            "g": {"N": "1"},
            "l": {"S": f"{KEY.environment}#0"},
        },
        name: {
            "pk": {"S": "M#1"},
            "sk": {"S": name},
            "q": {"N": "3"},
            "a": {"N": str(START_MS)},
            "f": {"N": "1"},
            "ttl": {"N": str(START_MS // 1000 + 129_600)},
        },
    }


def test_repeated_fold_is_as_good_as_one(store: DynamoShardStore) -> None:
    """Whether the engine knows the token and says yes again or sees the base and says no: the sum is the same."""
    store.put(shard(1), is_known=False)
    fold = fold_of([shard(1)])
    assert store.fold(fold)
    store.fold(fold)

    assert [base.generation for base in store.read().bases] == [1]


def test_items_that_are_neither_shard_nor_base_are_counted_and_hurt_nobody(
    store: DynamoShardStore, client: DynamoDB
) -> None:
    now = START_MS // 1000
    good = encode(Shard(now, Totals({"q /api/geo/route POST 2xx": 5})), minute=now // 60)
    store.put(shard(1, blob=good), is_known=False)
    hostile: list[Item] = [
        {"sk": {"S": "X#unknown"}},
        {"sk": {"S": "S#geo_route#short#0"}, "q": {"N": "1"}, "a": {"N": "1"}, "b": {"B": "AA=="}},
        {"sk": {"S": f"S#geo_route#{'a' * 32}#0"}},
        {"sk": {"S": f"S#geo_route#{'b' * 32}#0"}, "q": {"S": "1"}, "a": {"N": "1"}, "b": {"B": "AA=="}},
        {"sk": {"S": f"S#geo_route#{'c' * 32}#0"}, "q": {"N": "1.5"}, "a": {"N": "1"}, "b": {"B": "AA=="}},
        {"sk": {"S": f"S#geo_route#{'d' * 32}#0"}, "q": {"N": "1"}, "a": {"N": "1"}, "b": {"S": "AA=="}},
        {"sk": {"S": f"S#geo_route#{'e' * 32}#0"}, "q": {"N": "1"}, "a": {"N": "1"}, "b": {"B": "AAAA"}},
        {"sk": {"S": "B#sign_verify"}, "g": {"N": "1"}},
        {"sk": {"S": "B#geo_Route"}, "g": {"N": "1"}, "b": {"B": "AA=="}, "l": {"S": ""}},
    ]
    for item in hostile:
        client.put_item({"TableName": TABLE, "Item": {"pk": {"S": "M#1"}, **item}}, repeatable=True)

    totals = read_totals(store, now_ms=START_MS)
    assert totals.unreadable == len(hostile)
    assert totals.functions["geo_route"].totals.counters == {"q /api/geo/route POST 2xx": 5}
    assert "sign_verify" not in totals.functions, (
        "its base is unreadable: no number rather than one too small"
    )


def test_read_of_several_pages_finds_everything(store: DynamoShardStore) -> None:
    clock = ManualClock(now_ms=START_MS)
    for number in range(12):
        big = shard(1, key=KEY._replace(environment=f"{number:032x}"), blob=bytes(150_000))
        store.put(big, is_known=False)
    contents = store.read()

    assert len(contents.shards) == 12
    assert all(len(each.blob) == 150_000 for each in contents.shards)
    assert sum_contents(contents, now_ms=clock.now_ms()).unreadable == 12
