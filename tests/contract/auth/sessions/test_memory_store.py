"""The memory store keeps both contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.auth.sessions.memory import MemorySessionStore
from tests.contract.auth.sessions.families_contract import FamiliesContract
from tests.contract.auth.sessions.store_contract import SessionStoreContract

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def store() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def revoke_client(store: MemorySessionStore) -> Callable[[str], None]:
    return store.revoked_clients.add


class TestMemorySessionStore(SessionStoreContract):
    pass


class TestFamiliesOnMemorySessionStore(FamiliesContract):
    pass
