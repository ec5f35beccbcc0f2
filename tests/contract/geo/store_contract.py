"""What every store of cells must do; a class for each store inherits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from edge.geo.cell_store import InstalledTable, LearnedCell, Measured
from edge.geo.cells import COLUMNS, HALF_LIFE_MS, MOST_SAMPLES, ROWS, Average
from tests.contract.geo.conftest import START_MS

if TYPE_CHECKING:
    from edge.geo.cell_store import CellStore

LAST_CELL = ROWS * COLUMNS - 1


class OpenStore(Protocol):
    """Opens the store of a region; all of one test share a table."""

    def __call__(self, writer: str, page_cells: int = 100) -> CellStore: ...


def average(ms: float, samples: float, at_ms: int = START_MS) -> Average:
    return Average(ms, samples, at_ms)


def all_cells(store: CellStore) -> dict[tuple[str, int], LearnedCell]:
    found: dict[tuple[str, int], LearnedCell] = {}
    after = None
    while True:
        page = store.page(after)
        assert page.unreadable == 0
        for cell in page.cells:
            assert (cell.writer, cell.cell) not in found, "no cell is on two pages"
            found[cell.writer, cell.cell] = cell
        after = page.after
        if after is None:
            return found


class CellStoreContract:
    """Inherit and provide the fixture ``open_store``, its table empty."""

    def test_nothing_is_stored_at_first(self, open_store: OpenStore) -> None:
        store = open_store("cdg1")

        assert all_cells(store) == {}
        assert store.newer_table(0) is None

    @pytest.mark.parametrize("cell", [0, 7, LAST_CELL])
    def test_what_was_learned_is_read_as_it_was_added(self, open_store: OpenStore, cell: int) -> None:
        learned = {"iad1.0": average(80.5, 3.2), "hnd1.7": average(0.1, 200.0)}
        open_store("cdg1").add(cell, learned, now_ms=START_MS)

        assert all_cells(open_store("hnd1")) == {("cdg1", cell): LearnedCell("cdg1", cell, learned)}

    def test_samples_are_added_by_name_and_older_ones_have_faded(self, open_store: OpenStore) -> None:
        store = open_store("cdg1")
        store.add(7, {"iad1.0": average(80.0, 8.0), "iad1.1": average(90.0, 2.0)}, now_ms=START_MS)
        later = START_MS + HALF_LIFE_MS
        store.add(
            7, {"iad1.0": average(100.0, 4.0, later), "sfo1.0": average(140.0, 1.0, later)}, now_ms=later
        )

        stored = all_cells(store)["cdg1", 7].averages
        weighed = {name: (one.ms, one.samples_at(later)) for name, one in stored.items()}
        assert weighed == {"iad1.0": (90.0, 8.0), "iad1.1": (90.0, 1.0), "sfo1.0": (140.0, 1.0)}

    def test_samples_fade_however_often_their_cell_is_written(self, open_store: OpenStore) -> None:
        store, now_ms = open_store("cdg1"), START_MS
        store.add(7, {"iad1.0": average(80.0, 3.0)}, now_ms=START_MS)
        for _ in range(60):
            now_ms += 3_600_000
            store.add(7, {"iad1.1": average(90.0, 1.0, now_ms)}, now_ms=now_ms)
        stored = all_cells(store)["cdg1", 7].averages
        hours = [number / 168 for number in range(60)]

        assert stored["iad1.0"].samples_at(now_ms) == pytest.approx(3 * 2 ** (-60 / 168), rel=0.03)
        assert stored["iad1.1"].samples_at(now_ms) == pytest.approx(sum(2**-age for age in hours), rel=0.03)

    def test_an_average_stays_teachable(self, open_store: OpenStore) -> None:
        store = open_store("cdg1")
        for _ in range(3):
            store.add(7, {"iad1.0": average(80.0, 150.0)}, now_ms=START_MS)

        assert all_cells(store)["cdg1", 7].averages["iad1.0"] == average(80.0, MOST_SAMPLES)

    def test_regions_write_cells_of_their_own(self, open_store: OpenStore) -> None:
        for writer, ms in (("iad1", 30.0), ("cdg1", 60.0)):
            open_store(writer).add(7, {"cdg1.0": average(ms, 5.0)}, now_ms=START_MS)

        found = all_cells(open_store("sfo1"))
        assert {key: cell.averages["cdg1.0"].ms for key, cell in found.items()} == {
            ("iad1", 7): 30.0,
            ("cdg1", 7): 60.0,
        }

    def test_pages_are_bounded_and_together_everything(self, open_store: OpenStore) -> None:
        for writer in ("iad1", "hnd1"):
            for cell in (0, 9, 10, 99, 100, 2_000):
                open_store(writer).add(cell, {"cdg1.0": average(50.0, 5.0)}, now_ms=START_MS)
        open_store("iad1").install(InstalledTable(START_MS, {}))
        store = open_store("cdg1", page_cells=5)

        assert len(store.page(None).cells) == 5
        assert len(all_cells(store)) == 12

    def test_the_newest_table_is_read_whole_and_only_if_it_is_newer(self, open_store: OpenStore) -> None:
        store = open_store("cdg1")
        cells = {
            0: {"iad1": Measured(150.0, 40.0)},
            LAST_CELL: {"hnd1": Measured(0.1, 1.0), "gru1": Measured(2_000.0, 200.0)},
        }
        newest = InstalledTable(START_MS + 10, cells)
        for table in (InstalledTable(START_MS, {}), newest, InstalledTable(START_MS + 9, {})):
            assert store.install(table)

        assert store.newer_table(0) == newest
        assert store.newer_table(START_MS + 9) == newest
        assert store.newer_table(START_MS + 10) is None

    def test_a_table_is_never_changed(self, open_store: OpenStore) -> None:
        first = InstalledTable(START_MS, {7: {"iad1": Measured(80.0, 40.0)}})
        assert open_store("cdg1").install(first)

        assert not open_store("iad1").install(InstalledTable(START_MS, {}))
        assert open_store("iad1").newer_table(0) == first

    def test_an_empty_table_is_one(self, open_store: OpenStore) -> None:
        store = open_store("cdg1")
        store.install(InstalledTable(START_MS, {}))

        assert store.newer_table(0) == InstalledTable(START_MS, {})
