"""The store in memory keeps the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.geo.cell_memory import CellMemory, MemoryCellStore
from tests.contract.geo.store_contract import CellStoreContract

if TYPE_CHECKING:
    from tests.contract.geo.store_contract import OpenStore


@pytest.fixture
def open_store() -> OpenStore:
    memory = CellMemory()

    def open_one(writer: str, page_cells: int = 100) -> MemoryCellStore:
        return MemoryCellStore(memory, writer=writer, page_cells=page_cells)

    return open_one


class TestMemoryCellStore(CellStoreContract):
    pass
