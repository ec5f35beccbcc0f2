"""The store of cells in memory: for tests and one process that wants no engine."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from edge.geo.cell_store import CellPage, InstalledTable, LearnedCell
from edge.geo.cells import add_averages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.geo.cells import Average

PAGE_CELLS = 100


class CellMemory:
    """What several regions' stores share, as they would a global table."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.learned: dict[tuple[str, int], dict[str, Average]] = {}
        self.tables: dict[int, InstalledTable] = {}


class MemoryCellStore:
    """
    The store of one region.

    Args:
        memory: shared with the other regions.
        writer: code of this region.
        page_cells: how many cells a page has at most.
    """

    def __init__(self, memory: CellMemory, *, writer: str, page_cells: int = PAGE_CELLS) -> None:
        self._memory = memory
        self._writer = writer
        self._page_cells = page_cells

    def page(self, after: str | None) -> CellPage:
        """Return some learned cells of all writers; *after* is that of the page before."""
        with self._memory.lock:
            keys = sorted(self._memory.learned)
            found = [key for key in keys if after is None or f"{key[0]}#{key[1]:04}" > after]
            page = found[: self._page_cells]
            cells = tuple(LearnedCell(*key, dict(self._memory.learned[key])) for key in page)
        has_more = len(found) > len(page)
        return CellPage(cells, f"{page[-1][0]}#{page[-1][1]:04}" if has_more else None)

    def add(self, cell: int, learned: Mapping[str, Average], *, now_ms: int) -> None:
        """Add samples to what this region has learned of *cell*."""
        with self._memory.lock:
            known = self._memory.learned.get((self._writer, cell), {})
            self._memory.learned[self._writer, cell] = add_averages(known, learned, now_ms=now_ms)

    def newer_table(self, than: int) -> InstalledTable | None:
        """Return the table with the highest version above *than*, or None."""
        with self._memory.lock:
            version = max(self._memory.tables, default=than)
            return self._memory.tables[version] if version > than else None

    def install(self, table: InstalledTable) -> bool:
        """Put a table there; False if there is one of its version already."""
        with self._memory.lock:
            return self._memory.tables.setdefault(table.version, table) is table
