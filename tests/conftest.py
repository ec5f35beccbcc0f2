"""Fixtures and rules that every test shares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_socket

from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT = Path(__file__).parent / "unit"


def pytest_report_header() -> str:
    return engines.report()


@pytest.fixture(autouse=True)
def _no_sockets_in_unit_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """A unit test that talks to anything is not one. Unix sockets stay: asyncio's loop wakes itself by a pair."""
    if UNIT not in request.path.parents:
        yield
        return
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """Endpoint of moto."""
    with engines.run_moto() as url:
        yield url


@pytest.fixture(scope="session")
def ministack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of ministack."""
    with engines.run_ministack(tmp_path_factory.mktemp("ministack") / "ministack.log") as url:
        yield url


@pytest.fixture(scope="session")
def dynamodb_local_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of DynamoDB Local; ask for it only where ``engine_names()`` lists it."""
    jars = engines.dynamodb_local_jars()
    assert jars.directory is not None, jars.reason
    with engines.run_dynamodb_local(jars.directory, tmp_path_factory.mktemp("dynamodb") / "local.log") as url:
        yield url


@pytest.fixture(scope="session", params=engines.engine_names())
def engine_url(request: pytest.FixtureRequest) -> str:
    """Endpoint of each engine in turn."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    return url
