"""The store of errors in memory keeps the contract."""

from __future__ import annotations

import pytest

from edge.telemetry.error_memory import MemoryErrorStore
from tests.contract.telemetry.error_store_contract import ErrorStoreContract


@pytest.fixture
def error_store() -> MemoryErrorStore:
    return MemoryErrorStore()


class TestMemoryErrorStore(ErrorStoreContract):
    pass
