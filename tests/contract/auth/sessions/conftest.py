"""Tables ``Sessions`` and ``Keys`` on every engine, and our client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from edge.auth.sessions.dynamo import DynamoSessionStore
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION: Final = "eu-west-3"
SESSIONS: Final = "contract-auth-Sessions"
KEYS_TABLE: Final = "contract-auth-Keys"


class Engine(NamedTuple):
    """A DynamoDB that has the tables."""

    name: str
    url: str


@pytest.fixture(scope="session", params=engines.engine_names())
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    reference = engines.reference_client(url, region=REGION)
    for name in (SESSIONS, KEYS_TABLE):
        reference.create_table(
            TableName=name,
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
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
        )
    reference.close()
    return Engine(str(request.param), url)


@pytest.fixture
def client(engine: Engine) -> Iterator[DynamoDB]:
    """Our client of that engine, patient: the machine is busy, the engine is not at fault."""
    client = DynamoDB(
        region=REGION,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=engine.url,
        budget=Budget(connect_ms=5_000, attempt_ms=10_000, call_ms=10_000),
    )
    yield client
    client.forget()


@pytest.fixture
def dynamo_store(client: DynamoDB) -> DynamoSessionStore:
    """The store on that engine."""
    return DynamoSessionStore(client, SESSIONS, KEYS_TABLE)
