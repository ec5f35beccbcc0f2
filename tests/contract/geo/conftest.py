"""A table of the shape of ``RegionHealth`` on every engine, as two containers' regions see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.geo.cells_dynamo import DynamoCellStore
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.aws.wire import Item

TABLE = "RegionHealthCells"
HERE = "eu-west-3"
START_MS = 2_000_000_000_000
"""DynamoDB Local deletes by the machine's clock what is past its time to live: these items live in 2033."""


@pytest.fixture(scope="session")
def cells_url(engine_url: str) -> str:
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


def open_client(url: str) -> DynamoDB:
    """Return our client; patient: the machine is busy, the engine is not at fault."""
    return DynamoDB(
        region=HERE,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=url,
        budget=Budget(connect_ms=5_000, attempt_ms=10_000, call_ms=10_000),
    )


@pytest.fixture
def client(cells_url: str) -> Iterator[DynamoDB]:
    """Our client of that engine, the table empty."""
    client = open_client(cells_url)
    for sk in stored_items(client):
        client.delete_item(
            {"TableName": TABLE, "Key": {"pk": {"S": "CELLS"}, "sk": {"S": sk}}}, repeatable=True
        )
    yield client
    client.forget()


@pytest.fixture
def open_dynamo(client: DynamoDB) -> Callable[..., DynamoCellStore]:
    """Return what opens the store of a region: ``open_dynamo("iad1", page_cells=3)``."""

    def open_store(writer: str, page_cells: int = 100) -> DynamoCellStore:
        return DynamoCellStore(client, TABLE, writer=writer, call_budget_ms=10_000, page_cells=page_cells)

    return open_store


def stored_items(client: DynamoDB) -> dict[str, Item]:
    """Return the items of the table by sort key."""
    request = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "CELLS"}},
        "ConsistentRead": True,
    }
    return {item["sk"]["S"]: item for page in client.pages(request) for item in page.items}
