"""The table ``Nonces`` on every engine, and our client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.signing.dynamo import DynamoNonceStore
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION: Final = "eu-west-3"
TABLE: Final = "contract-signing-Nonces"


class Engine(NamedTuple):
    """A DynamoDB that has the table."""

    name: str
    url: str


def open_client(url: str, *, call_ms: int = 10_000) -> DynamoDB:
    """Return our client of an engine, patient: the machine is busy, the engine is not at fault."""
    return DynamoDB(
        region=REGION,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=url,
        budget=Budget(connect_ms=min(call_ms, 5_000), attempt_ms=call_ms, call_ms=call_ms),
    )


@pytest.fixture(scope="session", params=engines.engine_names())
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    reference = engines.reference_client(url, region=REGION)
    reference.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    reference.update_time_to_live(
        TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
    )
    reference.close()
    return Engine(str(request.param), url)


@pytest.fixture
def client(engine: Engine) -> Iterator[DynamoDB]:
    """Our client of that engine."""
    client = open_client(engine.url)
    yield client
    client.forget()


@pytest.fixture
def dynamo_store(client: DynamoDB) -> DynamoNonceStore:
    """The store on that engine."""
    return DynamoNonceStore(client, TABLE)
