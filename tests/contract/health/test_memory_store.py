"""The store in memory keeps the contract."""

from __future__ import annotations

import pytest

from edge.health.region_memory import MemoryRegionStore
from tests.contract.health.store_contract import RegionStoreContract


@pytest.fixture
def store() -> MemoryRegionStore:
    return MemoryRegionStore()


class TestMemoryRegionStore(RegionStoreContract):
    pass
