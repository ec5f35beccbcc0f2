"""A table of the shape of ``RegionHealth`` on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.health.region_dynamo import DynamoRegionStore
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.aws.wire import Item

TABLE = "RegionHealth"
HERE = "eu-west-3"

START = 2_000_000_000
"""DynamoDB Local deletes by the machine's clock what is past its time to live: these items live in 2033."""


@pytest.fixture(scope="session")
def region_health_url(engine_url: str) -> str:
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
def client(region_health_url: str) -> Iterator[DynamoDB]:
    """Our client of that engine, the table empty; patient: the machine is busy, the engine is not at fault."""
    client = DynamoDB(
        region=HERE,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=region_health_url,
        budget=Budget(connect_ms=5_000, attempt_ms=10_000, call_ms=10_000),
    )
    for sk in stored_items(client):
        client.delete_item(
            {"TableName": TABLE, "Key": {"pk": {"S": "REGIONS"}, "sk": {"S": sk}}}, repeatable=True
        )
    yield client
    client.forget()


@pytest.fixture
def dynamo_store(client: DynamoDB) -> DynamoRegionStore:
    return DynamoRegionStore(client, TABLE, read_budget_ms=10_000)


def stored_items(client: DynamoDB) -> dict[str, Item]:
    """Return the items of the table by sort key."""
    page = client.query(
        {
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "REGIONS"}},
            "ConsistentRead": True,
        }
    )
    return {item["sk"]["S"]: item for item in page.items}
