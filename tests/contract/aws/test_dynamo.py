"""Every operation through our client and through boto3, on every engine that this machine has."""

from __future__ import annotations

import base64
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import (
    MAX_ANSWER_BYTES,
    CancellationReason,
    ConditionFailed,
    DynamoDB,
    TransactionCanceled,
)
from edge.aws.faults import Refused, RequestInvalid, TableMissing
from edge.aws.retries import Budget
from tests.engines import reference_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from edge.aws.wire import AttributeValue, Item

REGION = "eu-west-3"
PATIENT = Budget(connect_ms=2_000, attempt_ms=8_000, call_ms=10_000)
"""Engines answer late on a busy machine; what these tests look at is not time."""

_names = itertools.count()


@pytest.fixture
def db(engine_url: str) -> Iterator[DynamoDB]:
    client = client_of(engine_url)
    yield client
    client.forget()


@pytest.fixture
def reference(engine_url: str) -> Iterator[DynamoDBClient]:
    client = reference_client(engine_url, region=REGION)
    yield client
    client.close()


@pytest.fixture
def table(reference: DynamoDBClient) -> str:
    """A new table with a partition key ``pk`` and a sort key ``sk``, both strings."""
    name = f"Contract{next(_names)}"
    reference.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def client_of(url: str, region: str = REGION, max_answer_bytes: int = MAX_ANSWER_BYTES) -> DynamoDB:
    return DynamoDB(
        region=region,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=url,
        budget=PATIENT,
        max_answer_bytes=max_answer_bytes,
    )


def key(pk: str, sk: str = "0") -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def as_wire(value: Any) -> Any:
    """Return what boto3 parsed as it was on the wire: it turns base64 into bytes and leaves the rest."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: as_wire(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_wire(member) for member in value]
    return value


def normal(value: Any) -> Any:
    """Return an item with its sets in order: a set has none."""
    if isinstance(value, dict):
        return {
            name: sorted(member) if name in {"SS", "NS", "BS"} else normal(member)
            for name, member in value.items()
        }
    return [normal(member) for member in value] if isinstance(value, list) else value


VALUES: dict[str, AttributeValue] = {
    "text": {"S": "plain"},
    "empty text": {"S": ""},
    "unicode": {"S": "Ωμέγα 日本語 🜁 e\u0301 \u202e\u200b\ufeff"},
    "controls": {"S": "\x00\x01\t\r\n\x1f\x7f\x85\u2028"},
    "quotes": {"S": "\"'\\/</script>${jndi:x}{{}}%s\r\nx: y"},
    "large": {"S": "x" * 300_000},
    "number": {"N": "1"},
    "38 digits": {"N": "12345678901234567890123456789012345678"},
    "small number": {"N": "-0.000000000000000000000000001"},
    "binary": {"B": base64.b64encode(bytes(range(256))).decode()},
    "true": {"BOOL": True},
    "null": {"NULL": True},
    "strings": {"SS": ["a", "b", "ü"]},
    "numbers": {"NS": ["1", "-2.5", "3"]},
    "binaries": {"BS": [base64.b64encode(b"a").decode(), base64.b64encode(b"\xff\x00").decode()]},
    "empty list": {"L": []},
    "empty map": {"M": {}},
    "nested": {"M": {"a.b": {"L": [{"M": {"a b#:x": {"S": "x"}}}, {"N": "2"}, {"L": [{"BOOL": False}]}]}}},
}


@pytest.mark.parametrize("name", VALUES)
def test_value_goes_out_and_comes_back(
    name: str, db: DynamoDB, reference: DynamoDBClient, table: str
) -> None:
    item = {**key(name), "v": VALUES[name]}
    assert db.put_item({"TableName": table, "Item": item}, repeatable=True) == {}
    assert normal(db.get_item({"TableName": table, "Key": key(name)})) == normal(item)
    theirs: Any = reference.get_item(TableName=table, Key=key(name))
    assert normal(as_wire(theirs["Item"])) == normal(item)


def test_missing_item_is_none(db: DynamoDB, table: str) -> None:
    assert db.get_item({"TableName": table, "Key": key("absent")}) is None


def test_empty_projection_is_an_item(db: DynamoDB, table: str) -> None:
    db.put_item({"TableName": table, "Item": key("a")}, repeatable=True)
    request = {"TableName": table, "Key": key("a"), "ProjectionExpression": "nothing"}
    assert db.get_item(request) == {}


def test_encoded_request_is_as_good_as_a_mapping(db: DynamoDB, table: str) -> None:
    db.put_item({"TableName": table, "Item": key("a")}, repeatable=True)
    assert db.get_item(b'{"TableName":"%b","Key":{"pk":{"S":"a"},"sk":{"S":"0"}}}' % table.encode()) == key(
        "a"
    )


def test_counting(db: DynamoDB, table: str) -> None:
    request = {
        "TableName": table,
        "Key": key("counter"),
        "UpdateExpression": "SET t = if_not_exists(t, :zero) + :one",
        "ExpressionAttributeValues": {":zero": {"N": "0"}, ":one": {"N": "1"}},
        "ReturnValues": "ALL_NEW",
    }
    found = [db.update_item(request, repeatable=False) for _ in range(3)]
    assert found == [{**key("counter"), "t": {"N": str(count)}} for count in (1, 2, 3)]
    assert db.update_item({**request, "ReturnValues": "NONE"}, repeatable=False) == {}


CONDITION = {
    "ConditionExpression": "attribute_not_exists(pk)",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}


def test_failed_condition_brings_the_item(db: DynamoDB, reference: DynamoDBClient, table: str) -> None:
    old: Item = {**key("a"), "v": {"S": "old"}}
    db.put_item({"TableName": table, "Item": old}, repeatable=True)
    put = {"TableName": table, "Item": key("a"), **CONDITION}
    update = {
        "TableName": table,
        "Key": key("a"),
        "UpdateExpression": "SET v = :v",
        "ExpressionAttributeValues": {":v": {"S": "new"}},
        **CONDITION,
    }
    delete = {"TableName": table, "Key": key("a"), **CONDITION}
    assert db.put_item(put, repeatable=False) == ConditionFailed(item=old)
    assert db.update_item(update, repeatable=False) == ConditionFailed(item=old)
    assert db.delete_item(delete, repeatable=False) == ConditionFailed(item=old)
    silent = {name: value for name, value in put.items() if not name.startswith("ReturnValues")}
    assert db.put_item(silent, repeatable=False) == ConditionFailed(item=None)
    assert db.get_item({"TableName": table, "Key": key("a")}) == old
    with pytest.raises(ClientError) as caught:
        reference.put_item(**put)  # type: ignore[arg-type]
    assert caught.value.response["Error"]["Code"] == "ConditionalCheckFailedException"


def test_failed_condition_on_no_item(db: DynamoDB, table: str) -> None:
    request = {
        "TableName": table,
        "Key": key("absent"),
        "ConditionExpression": "attribute_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    assert db.delete_item(request, repeatable=False) == ConditionFailed(item=None)


def test_delete_returns_what_was_asked_for(db: DynamoDB, table: str) -> None:
    db.put_item({"TableName": table, "Item": key("a")}, repeatable=True)
    request = {"TableName": table, "Key": key("a"), "ReturnValues": "ALL_OLD"}
    assert db.delete_item(request, repeatable=True) == key("a")
    assert db.delete_item(request, repeatable=True) == {}


def test_query_and_its_pages(db: DynamoDB, reference: DynamoDBClient, table: str) -> None:
    for number in range(7):
        db.put_item({"TableName": table, "Item": key("q", str(number))}, repeatable=True)
    request = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "q"}},
    }
    whole = db.query(request)
    assert [item["sk"]["S"] for item in whole.items] == list("0123456")
    assert whole.last_key is None
    assert whole.items == as_wire(reference.query(**request)["Items"])  # type: ignore[arg-type]
    pages = list(db.pages({**request, "Limit": 3}))
    assert [item["sk"]["S"] for page in pages for item in page.items] == list("0123456")
    assert [len(page.items) for page in pages][:2] == [3, 3]
    assert pages[0].last_key == key("q", "2")
    none = db.query({**request, "ExpressionAttributeValues": {":pk": {"S": "absent"}}})
    assert (none.items, none.last_key) == ([], None)


def test_batch_of_reads(db: DynamoDB, table: str) -> None:
    for number in range(40):
        db.put_item({"TableName": table, "Item": key("b", str(number))}, repeatable=True)
    wanted = [key("b", str(number)) for number in (0, 7, 39)]
    found = db.batch_get_item({"RequestItems": {table: {"Keys": [*wanted, key("absent")]}}})
    assert sorted(item["sk"]["S"] for item in found[table]) == ["0", "39", "7"]
    absent = db.batch_get_item({"RequestItems": {table: {"Keys": [key("absent")]}}})
    assert absent.get(table, []) == []


def test_unprocessed_keys_are_fetched(engine_url: str, table: str) -> None:
    """60 items of 300 KB are over the 16 MB that one answer holds; engines without the limit answer at once."""
    roomy = client_of(engine_url, max_answer_bytes=64_000_000)
    for number in range(60):
        item = {**key("u", str(number)), "v": {"S": "x" * 300_000}}
        roomy.put_item({"TableName": table, "Item": item}, repeatable=True)
    keys = [key("u", str(number)) for number in range(60)]
    found = roomy.batch_get_item({"RequestItems": {table: {"Keys": keys}}}, budget_ms=30_000)
    assert len(found[table]) == 60
    roomy.forget()


def write(table: str, pk: str, condition: str | None = None) -> dict[str, object]:
    put: dict[str, object] = {"TableName": table, "Item": key(pk)}
    if condition is not None:
        put |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    return {"Put": put}


def test_transaction_is_all_or_nothing(db: DynamoDB, table: str) -> None:
    assert (
        db.transact_write_items({"TransactItems": [write(table, "a"), write(table, "b")]}, repeatable=True)
        is None
    )
    canceled = db.transact_write_items(
        {"TransactItems": [write(table, "c"), write(table, "a", "attribute_not_exists(pk)")]},
        repeatable=False,
    )
    assert canceled == TransactionCanceled(
        (CancellationReason(None, None), CancellationReason("ConditionalCheckFailed", key("a")))
    )
    assert db.get_item({"TableName": table, "Key": key("b")}) == key("b")
    assert db.get_item({"TableName": table, "Key": key("c")}) is None


def test_missing_table(db: DynamoDB, reference: DynamoDBClient) -> None:
    request = {"TableName": "Absent", "Key": key("a")}
    with pytest.raises(TableMissing) as ours:
        db.get_item(request)
    with pytest.raises(TableMissing):
        db.delete_item(request, repeatable=False)
    with pytest.raises(TableMissing):
        db.describe_table("Absent")
    with pytest.raises(ClientError) as theirs:
        reference.get_item(**request)  # type: ignore[arg-type]
    assert ours.value.code == theirs.value.response["Error"]["Code"]


INVALID: dict[str, dict[str, object]] = {
    "expression that does not parse": {"UpdateExpression": "NONSENSE"},
    "value that is not defined": {"UpdateExpression": "SET a = :undefined"},
    "key as an attribute": {
        "UpdateExpression": "SET pk = :v",
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    },
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_request(name: str, db: DynamoDB, reference: DynamoDBClient, table: str) -> None:
    request = {"TableName": table, "Key": key("a"), **INVALID[name]}
    with pytest.raises(RequestInvalid) as ours:
        db.update_item(request, repeatable=False)
    with pytest.raises(ClientError) as theirs:
        reference.update_item(**request)  # type: ignore[arg-type]
    assert ours.value.code == theirs.value.response["Error"]["Code"] == "ValidationException"


def test_wrong_key_is_refused(db: DynamoDB, table: str) -> None:
    with pytest.raises(Refused):
        db.get_item({"TableName": table, "Key": {"pk": {"S": "a"}}})


def test_description(db: DynamoDB, reference: DynamoDBClient, table: str) -> None:
    ours = db.describe_table(table)
    theirs = reference.describe_table(TableName=table)["Table"]
    assert (
        (ours["TableName"], ours["TableStatus"])
        == (theirs["TableName"], theirs["TableStatus"])
        == (table, "ACTIVE")
    )


def test_regions_are_apart(engine_url: str, table: str) -> None:
    other = client_of(engine_url, "us-east-1")
    with pytest.raises(TableMissing):
        other.get_item({"TableName": table, "Key": key("a")})
    other.forget()
