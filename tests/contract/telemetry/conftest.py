"""A table of the shape of ``Telemetry`` on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.telemetry.shard_dynamo import DynamoShardStore
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.aws.wire import Item

TABLE = "shards"
HERE = "eu-west-3"
START_MS = 2_000_000_000_000
"""DynamoDB Local deletes by the machine's clock what is past its time to live: these items live in 2033."""


@pytest.fixture(scope="session")
def shards_url(engine_url: str) -> str:
    """Endpoint of each engine in turn, with the table."""
    make_table(engine_url)
    return engine_url


def make_table(url: str) -> None:
    """Make the table as the template has it."""
    reference = engines.reference_client(url, region=HERE)
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


def open_client(url: str) -> DynamoDB:
    """Return our client, patient: the machine is busy, the engine is not at fault."""
    return DynamoDB(
        region=HERE,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=url,
        budget=Budget(connect_ms=5_000, attempt_ms=20_000, call_ms=20_000),
    )


def open_store(client: DynamoDB) -> DynamoShardStore:
    return DynamoShardStore(
        client, TABLE, flush_budget_ms=20_000, read_budget_ms=20_000, fold_budget_ms=20_000
    )


@pytest.fixture
def client(shards_url: str) -> Iterator[DynamoDB]:
    """Our client of that engine, the table empty."""
    client = open_client(shards_url)
    for sort_key in stored_items(client):
        client.delete_item(
            {"TableName": TABLE, "Key": {"pk": {"S": "M#1"}, "sk": {"S": sort_key}}}, repeatable=True
        )
    yield client
    client.forget()


def stored_items(client: DynamoDB) -> dict[str, Item]:
    """Return the items of the table by sort key."""
    request = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "M#1"}},
        "ConsistentRead": True,
    }
    return {item["sk"]["S"]: item for page in client.pages(request) for item in page.items}
