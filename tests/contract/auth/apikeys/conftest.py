"""A table of the shape of ``Keys`` on every engine, in two regions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from edge.auth.apikeys.dynamo import DynamoKeyStore
from edge.auth.apikeys.keys import ApiKeys
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.clock import ManualClock
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.auth.apikeys.store import KeyStore
    from edge.aws.wire import Item

TABLE = "Keys"
HERE, THERE = "eu-west-3", "ap-northeast-1"

START_MS = 2_000_000_000_000
START = START_MS // 1000
"""DynamoDB Local deletes by the machine's clock what is past its time to live: these keys live in 2033."""


@pytest.fixture(scope="session")
def keys_engine_url(engine_url: str) -> str:
    """Endpoint of each engine in turn, with the table in both regions."""
    for region in (HERE, THERE):
        reference = engines.reference_client(engine_url, region=region)
        reference.create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
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


def open_client(url: str, region: str = HERE) -> DynamoDB:
    """Return a client as a container would have it, patient: the machine is busy, the engine is not at fault."""
    return DynamoDB(
        region=region,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=url,
        budget=Budget(connect_ms=5_000, attempt_ms=10_000, call_ms=10_000),
    )


@pytest.fixture
def client(keys_engine_url: str) -> Iterator[DynamoDB]:
    """Our client of that engine, the table empty."""
    client = open_client(keys_engine_url)
    empty(client)
    yield client
    client.forget()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def dynamo_store(client: DynamoDB) -> DynamoKeyStore:
    return DynamoKeyStore(client, TABLE, region="cdg1")


def manager(store: KeyStore, clock: ManualClock) -> ApiKeys:
    """Return who manages the keys of *store*."""
    return ApiKeys(store, clock, env="test", random=os.urandom)


def key_of(item: Item) -> tuple[str, str]:
    """Return the primary key of *item*."""
    return item["pk"]["S"], item["sk"]["S"]


def partition(client: DynamoDB, pk: str) -> dict[tuple[str, str], Item]:
    """Return the items of a partition."""
    request = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
        "ConsistentRead": True,
    }
    return {key_of(item): item for page in client.pages(request) for item in page.items}


def whole(client: DynamoDB) -> dict[tuple[str, str], Item]:
    """Return the items of the table that belong to keys in the list, and the list's."""
    listed = partition(client, "KEYS")
    found = dict(listed)
    for _, sort_key in listed:
        found |= partition(client, f"KEY#{sort_key.rpartition('#')[2]}")
    return found


def empty(client: DynamoDB) -> None:
    """Delete what an earlier test left."""
    for pk, sk in whole(client):
        client.delete_item({"TableName": TABLE, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}, repeatable=True)
