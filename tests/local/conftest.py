"""One running setup with the fixture template for all tests that do not end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.local.running import LocalSetup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.state import State


@pytest.fixture(scope="session")
def shared_setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSetup]:
    setup = LocalSetup(tmp_path_factory.mktemp("local"))
    setup.wait_ready()
    yield setup
    assert setup.end() == 0


@pytest.fixture(scope="session")
def state(shared_setup: LocalSetup) -> State:
    return shared_setup.wait_ready()
