"""The memory store keeps both contracts."""

from __future__ import annotations

import pytest

from edge.auth.apikeys.memory import MemoryKeyStore
from tests.contract.auth.apikeys.keys_contract import KeysContract
from tests.contract.auth.apikeys.store_contract import StoreContract


@pytest.fixture
def store() -> MemoryKeyStore:
    return MemoryKeyStore()


class TestMemoryKeyStore(StoreContract):
    pass


class TestKeysInMemory(KeysContract):
    pass
