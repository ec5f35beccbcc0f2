"""The template's tables on the engines that functions are tested with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.aws.regional import forget_clients
from infra.local.emulator import LOCAL_CREDENTIALS
from infra.template import create_tables, load_stack
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
REGION = "eu-west-3"


def _environment(url: str) -> dict[str, str]:
    stack = load_stack(TEMPLATE, aws_region=REGION)
    create_tables(stack, engines.reference_client(url, region=REGION))
    table = next(table for table in stack.tables if table.logical_id == "RateWindows")
    return {"AWS_ENDPOINT_URL": url, "RATE_WINDOWS_TABLE": table.name, "EDGE_STAGE": "development"}


@pytest.fixture(scope="session", autouse=True)
def _credentials() -> Iterator[None]:
    """Lambda has credentials in the environment for as long as a function lives, not only while it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LOCAL_CREDENTIALS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module", autouse=True)
def _connections() -> Iterator[None]:
    """Functions live as long as their process; their connections end with the tests that loaded them."""
    yield
    forget_clients()


@pytest.fixture(scope="session")
def moto_environment(moto_url: str) -> dict[str, str]:
    """What a function needs to find its tables in moto."""
    return _environment(moto_url)


@pytest.fixture(scope="session")
def ministack_environment(ministack_url: str) -> dict[str, str]:
    """What a function needs to find its tables in ministack."""
    return _environment(ministack_url)
