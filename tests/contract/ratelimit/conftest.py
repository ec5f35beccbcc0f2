"""The engines that take the limiter's expressions, and a table of the template's shape on each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from infra.template import create_tables, load_stack
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.template import Table

TEMPLATE = Path(__file__).parents[3] / "template.yaml"
REGION = "eu-west-3"


def rate_windows() -> Table:
    """Return the table as the template has it."""
    stack = load_stack(TEMPLATE, aws_region=REGION)
    return next(table for table in stack.tables if table.logical_id == "RateWindows")


# moto's parser refuses the nested if_not_exists that makes the first check of a subject one call.
@pytest.fixture(scope="session", params=[name for name in engines.engine_names() if name != "moto"])
def limiter_engine_url(request: pytest.FixtureRequest) -> str:
    """Endpoint of each engine in turn, with the template's tables."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    create_tables(load_stack(TEMPLATE, aws_region=REGION), engines.reference_client(url, region=REGION))
    return url


@pytest.fixture
def client(limiter_engine_url: str) -> Iterator[DynamoDB]:
    """Our client of that engine."""
    client = open_client(limiter_engine_url)
    yield client
    client.forget()


def open_client(url: str) -> DynamoDB:
    """Return a client as a container would have it."""
    return DynamoDB(
        region=REGION,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=url,
        budget=Budget(
            connect_ms=5_000, attempt_ms=10_000, call_ms=10_000
        ),  # the machine is busy, the engine is not at fault
    )
