"""Every usage store keeps one record of each component and writer, the newest; moto, ministack, DynamoDB Local, memory."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from edge.aws.faults import Unavailable
from edge.clock import ManualClock
from edge.ratelimit.store import Counter
from edge.ratelimit.usage_dynamo import DynamoUsageStore
from edge.ratelimit.usage_store import MemoryUsageStore, Published, UsageStore
from tests import engines
from tests.contract.ratelimit.conftest import REGION, open_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.aws.dynamo import DynamoDB

START_MS = 2_000_000_000_000
EXPIRES = 2_000_090_000
TABLE = "rate-usage"


def usage(
    *,
    component: str = "iad1",
    writer: str = "iad1",
    total: int = 7,
    revision: int = 0,
    boundaries: dict[int, int] | None = None,
    expires_at_seconds: int = EXPIRES,
) -> Published:
    """Return a record; each test states what it is about."""
    counter = Counter(total, {555_555: 3} if boundaries is None else boundaries, 555_530, 0, 0, revision)
    return Published(component, writer, counter, START_MS, expires_at_seconds)


class UsageStoreContract:
    """Inherit and provide the fixtures ``clock`` and ``store``."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(now_ms=START_MS)

    @pytest.fixture
    def key(self) -> str:
        return f'0aa=contract "{uuid.uuid4()}" é'

    def test_key_that_nobody_published_has_no_records(self, store: UsageStore, key: str) -> None:
        assert store.read(key) == []

    @pytest.mark.parametrize("boundaries", [{}, {555_554: 0, 555_555: 2**53 - 2}])
    def test_what_is_published_is_read_as_it_was(
        self, store: UsageStore, key: str, boundaries: dict[int, int]
    ) -> None:
        published = usage(total=2**53 - 1, revision=(1 << 32) + 1, boundaries=boundaries)

        assert store.publish(key, published) == published
        assert store.read(key) == [published]

    def test_components_and_writers_do_not_touch_each_other(self, store: UsageStore, key: str) -> None:
        records = [
            usage(component=component, writer=writer, total=total)
            for total, (component, writer) in enumerate(
                [("iad1", "iad1"), ("iad1", "sfo1"), ("sfo1", "sfo1"), ("sfo1", "iad1")], start=5
            )
        ]
        for record in records:
            store.publish(key, record)

        assert sorted(store.read(key)) == sorted(records)
        assert store.read(key + "/other") == []

    @pytest.mark.parametrize(
        ("older", "newer"),
        [((7, 0), (8, 0)), ((8, 0), (7, 1))],
        ids=["the total grew", "units were given back"],
    )
    def test_newer_record_stays_whichever_comes_first(
        self, store: UsageStore, key: str, older: tuple[int, int], newer: tuple[int, int]
    ) -> None:
        old, new = [usage(total=total, revision=revision) for total, revision in (older, newer)]

        assert store.publish(key, old) == old
        assert store.publish(key, new) == new
        assert store.publish(key, old) == new
        assert store.publish(key, new) == new
        assert store.read(key) == [new]

    def test_expired_record_makes_room_for_a_counter_that_began_anew(
        self, store: UsageStore, key: str, clock: ManualClock
    ) -> None:
        store.publish(key, usage(total=900))
        anew = usage(total=1, expires_at_seconds=EXPIRES + 90_000)

        clock.advance(EXPIRES * 1000 - 1 - clock.now_ms())
        assert store.publish(key, anew).counter.total == 900
        clock.advance(1)
        assert store.publish(key, anew) == anew
        assert store.read(key) == [anew]


class TestMemoryUsageStore(UsageStoreContract):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryUsageStore:
        return MemoryUsageStore(clock)


@pytest.fixture(scope="module")
def usage_engine_url(engine_url: str) -> str:
    """Endpoint of each engine in turn, with the table."""
    client = engines.reference_client(engine_url, region=REGION)
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.update_time_to_live(
        TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "x"}
    )
    return engine_url


@pytest.fixture
def usage_client(usage_engine_url: str) -> Iterator[DynamoDB]:
    """Our client of that engine."""
    client = open_client(usage_engine_url)
    yield client
    client.forget()


class TestDynamoUsageStore(UsageStoreContract):
    @pytest.fixture
    def store(self, usage_client: DynamoDB, clock: ManualClock) -> DynamoUsageStore:
        return DynamoUsageStore(usage_client, TABLE, clock, budget_ms=10_000)

    def test_item_of_a_full_day_is_under_one_kilobyte(
        self, store: DynamoUsageStore, usage_client: DynamoDB, key: str
    ) -> None:
        boundaries = {555_530 + number: 2**53 - 100 + number for number in range(27)}
        store.publish(key, usage(total=2**53 - 1, boundaries=boundaries))

        item = usage_client.get_item(
            {"TableName": TABLE, "Key": {"pk": {"S": key}, "sk": {"S": "iad1/iad1"}}}
        )
        assert item is not None
        size_bytes = sum(len(name) + len("".join(map(str, value.values()))) for name, value in item.items())
        assert size_bytes < 1_024

    def test_item_that_says_nothing_is_a_garbled_answer(
        self, store: DynamoUsageStore, usage_client: DynamoDB, key: str
    ) -> None:
        usage_client.put_item(
            {"TableName": TABLE, "Item": {"pk": {"S": key}, "sk": {"S": "iad1/iad1"}}}, repeatable=True
        )

        with pytest.raises(Unavailable):
            store.read(key)
