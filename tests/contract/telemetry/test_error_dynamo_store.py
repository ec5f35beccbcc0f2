"""The DynamoDB store of errors keeps the contract on every engine; and what its items are, and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.faults import Unavailable
from edge.aws.retries import Budget
from edge.breaker import Breaker
from edge.clock import ManualClock, SystemClock
from edge.telemetry.error_dynamo import KEPT_SECONDS, DynamoErrorStore
from edge.telemetry.error_ledger import ErrorLedger, FailedRequest
from edge.telemetry.error_wire import errors_answer
from tests import engines
from tests.contract.telemetry.error_store_contract import START, ErrorStoreContract, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.aws.wire import AttributeValue, Item

TABLE = "TelemetryErrors"
"""Of the shape of ``Telemetry``, which other tests have."""

HERE = "eu-west-3"


@pytest.fixture(scope="session")
def errors_url(engine_url: str) -> str:
    """Endpoint of each engine in turn, with the table."""
    reference = engines.reference_client(engine_url, region=HERE)
    reference.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    reference.update_time_to_live(
        TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
    )
    reference.close()
    return engine_url


@pytest.fixture
def client(errors_url: str) -> Iterator[DynamoDB]:
    """Our client of that engine, the table empty; patient: the machine is busy, the engine is not at fault."""
    client = DynamoDB(
        region=HERE,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=errors_url,
        budget=Budget(connect_ms=5_000, attempt_ms=10_000, call_ms=10_000),
    )
    for sk in stored_items(client):
        client.delete_item({"TableName": TABLE, "Key": {"pk": {"S": "E"}, "sk": {"S": sk}}}, repeatable=True)
    yield client
    client.forget()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START * 1000)


@pytest.fixture
def error_store(client: DynamoDB, clock: ManualClock) -> DynamoErrorStore:
    return DynamoErrorStore(client, TABLE, clock, write_budget_ms=10_000, read_budget_ms=10_000)


def stored_items(client: DynamoDB) -> dict[str, Item]:
    request = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "E"}},
        "ConsistentRead": True,
    }
    return {item["sk"]["S"]: item for page in client.pages(request) for item in page.items}


class TestDynamoErrorStore(ErrorStoreContract):
    pass


def test_item_is_as_told(error_store: DynamoErrorStore, client: DynamoDB) -> None:
    one = record()
    error_store.put(
        one._replace(
            type="a.B", title="B: x", where=("m:f", "m:g"), hours={7: 2, 6: 1}, samples=one.samples[:1]
        )
    )

    assert stored_items(client) == {
        f"1{'a' * 20}#ratelimit_check#e1": {
            "pk": {"S": "E"},
            "sk": {"S": f"1{'a' * 20}#ratelimit_check#e1"},
            "ttl": {"N": str(START + KEPT_SECONDS)},
            "n": {"N": "1"},
            "f": {"N": str(START - 86_400)},
            "l": {"N": str(START)},
            "ty": {"S": "a.B"},
            "ti": {"S": "B: x"},
            "se": {"S": "critical"},
            "w": {"S": "m:f\nm:g"},
            "h": {"S": "6:1,7:2"},
            "s": {"S": f'[[{START},"{"r" * 128}","/api/{"a" * 123}",500,"{"<value> " * 37}"]]'},
        }
    }


def test_largest_item_is_under_eight_write_units(error_store: DynamoErrorStore, client: DynamoDB) -> None:
    error_store.put(record())
    (item,) = stored_items(client).values()

    assert (
        sum(len(name) + len(str(next(iter(value.values()))).encode()) for name, value in item.items())
        <= 8 * 1024
    )


@pytest.mark.parametrize(
    "spoilt",
    [
        {"sk": {"S": "no"}},
        {"n": {"N": "0"}},
        {"n": {"S": "1"}},
        {"se": {"S": "whim"}},
        {"h": {"S": "1"}},
        {"h": {"S": ",".join(f"{hour}:1" for hour in range(25))}},
        {"s": {"S": "{"}},
        {"s": {"S": "[[1]]"}},
        {"s": {"S": '[["1","r","/a",500,"m"]]'}},
        {"s": {"S": "[" + ",".join(['[1,"r","/a",500,"m"]'] * 11) + "]"}},
        {"w": {"N": "1"}},
    ],
    ids=str,
)
def test_item_that_cannot_be_read_is_left_out_and_counted(
    error_store: DynamoErrorStore, client: DynamoDB, spoilt: dict[str, AttributeValue]
) -> None:
    error_store.put(record())
    (item,) = stored_items(client).values()
    item = {**item, "sk": {"S": "1b#keys#e9"}, **spoilt}
    client.put_item({"TableName": TABLE, "Item": item}, repeatable=True)
    stored = error_store.read()

    assert (stored.records, stored.unreadable) == ((record(),), 1)


def test_expired_record_is_not_read_although_it_is_still_there(
    error_store: DynamoErrorStore, clock: ManualClock
) -> None:
    error_store.put(record())
    clock.advance(KEPT_SECONDS * 1000 - 1000)
    assert len(error_store.read().records) == 1
    clock.advance(1000)
    assert error_store.read().records == ()


def test_reader_takes_so_many_pages_and_says_that_there_are_more(
    error_store: DynamoErrorStore, client: DynamoDB, clock: ManualClock
) -> None:
    big = record()._replace(title="x" * 300_000)
    for number in range(5):
        error_store.put(big._replace(key=f"1{number}"))
    bounded = DynamoErrorStore(client, TABLE, clock, read_budget_ms=10_000, max_pages=1)

    assert (len(error_store.read().records), error_store.read().is_complete) == (5, True)
    stored = bounded.read()
    assert 1 <= len(stored.records) < 5
    assert not stored.is_complete


def test_what_a_ledger_notes_is_what_the_answer_tells(client: DynamoDB) -> None:
    clock = SystemClock()  # a flush has a deadline, and the client keeps it by the same clock
    store = DynamoErrorStore(client, TABLE, clock, write_budget_ms=10_000, read_budget_ms=10_000)
    for function in ("keys", "keys", "health"):
        ledger = ErrorLedger(function, store, clock, breaker=Breaker(clock), budget_ms=60_000)
        for _ in range(3):
            ledger.note(ValueError("took 12ms for 'x'"), FailedRequest("r-1", "/api/x", 500))
            ledger.note(Unavailable("throttled", outcome_unknown=False), FailedRequest("r-2", "/api/x", 503))
        ledger.flush_if_due()
    now_seconds = clock.now_ms() // 1000
    answer = errors_answer(
        {"cdg1": store.read()}, missing=(), region="cdg1", scope="region", now_seconds=now_seconds
    )

    assert (answer["unique"], answer["total"], answer["unreadable"]) == (2, 18, 0)
    assert {(group["title"], group["count"], tuple(group["functions"])) for group in answer["groups"]} == {
        ("ValueError: took <value> for <text>", 9, ("health", "keys")),
        ("Unavailable: dependency_unavailable:throttled", 9, ("health", "keys")),
    }


def test_table_that_is_gone_is_said_to_the_reader_and_to_nobody_else(clock: ManualClock) -> None:
    client = DynamoDB(
        region=HERE,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint="http://127.0.0.1:1",
        budget=Budget(connect_ms=200, attempt_ms=200, call_ms=200, attempts=1),
    )
    store = DynamoErrorStore(client, TABLE, clock)
    with pytest.raises(Unavailable):
        store.read()
    ledger = ErrorLedger("keys", store, clock, breaker=Breaker(clock))
    ledger.note(ValueError("x"), FailedRequest("r", "/", 500))
    ledger.flush_if_due()

    assert (ledger.defects, ledger.records()[0].total) == (0, 1)
