"""A container that learns: what a request costs, what one caller can do, what several containers make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.geo.cell_memory import CellMemory, MemoryCellStore
from edge.geo.cell_store import CellPage, InstalledTable, LearnedCell, Measured
from edge.geo.cells import HALF_LIFE_MS, Average, cell_of
from edge.geo.distance import haversine_km
from edge.geo.latency import MOST_MS, least_ms
from edge.geo.learning import FLUSH_MS, MOST_WAITING, NEXT_PAGE_MS, REFRESH_MS, Learning
from edge.geo.locations import Location
from edge.geo.router import Router
from edge.geo.slots import slot_name
from edge.geo.teaching import HOUR_MS, MOST_SAMPLES_A_CELL
from edge.problems import DependencyUnavailable
from edge.regions import CDG1, DEPLOYED, HND1, IAD1

if TYPE_CHECKING:
    from collections.abc import Mapping

START_MS = 2_000_000_000_000
BERLIN = Location(52.52, 13.41, "body")
CELL = cell_of(52.52, 13.41)


class CountingStore(MemoryCellStore):
    """Counts what it is asked, and fails while *is_down*."""

    def __init__(self, memory: CellMemory, *, writer: str = "cdg1", page_cells: int = 100) -> None:
        super().__init__(memory, writer=writer, page_cells=page_cells)
        self.calls: list[str] = []
        self.is_down = False

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.is_down:
            raise DependencyUnavailable(1)

    def page(self, after: str | None) -> CellPage:
        self._called("page")
        return super().page(after)

    def add(self, cell: int, learned: Mapping[str, Average], *, now_ms: int) -> None:
        self._called("add")
        super().add(cell, learned, now_ms=now_ms)

    def newer_table(self, than: int) -> InstalledTable | None:
        self._called("table")
        return super().newer_table(than)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def memory() -> CellMemory:
    return CellMemory()


@pytest.fixture
def store(memory: CellMemory) -> CountingStore:
    return CountingStore(memory)


@pytest.fixture
def learning(store: CountingStore, clock: ManualClock) -> Learning:
    return Learning(store, clock)


def clients_in_distinct_slots(count: int, cell: int = CELL) -> list[str]:
    found: dict[str, str] = {}
    for number in range(1_000):
        found.setdefault(slot_name("cdg1", f"key:{number}", cell), f"key:{number}")
    return list(found.values())[:count]


def teach(learning: Learning, clients: list[str], ms: float, *, times: int = MOST_SAMPLES_A_CELL) -> None:
    for client in clients:
        for _ in range(times):
            assert learning.observe(BERLIN, {"cdg1": ms}, client=client)


def sync_for(learning: Learning, clock: ManualClock, duration_ms: int, *, step_ms: int = 1_000) -> None:
    for _ in range(duration_ms // step_ms):
        clock.advance(step_ms)
        learning.sync_if_due()


def known_ms(learning: Learning, region: str = "cdg1") -> float | None:
    found = learning.near(BERLIN.latitude, BERLIN.longitude)
    return None if found is None or region not in found else found[region].ms


class TestWhatItCosts:
    def test_ten_thousand_requests_in_a_minute_look_once(
        self, learning: Learning, store: CountingStore, clock: ManualClock
    ) -> None:
        for _ in range(10_000):
            learning.sync_if_due()
            learning.near(52.52, 13.41)
            clock.advance(6)

        assert store.calls == ["page", "table"]

    def test_a_container_writes_one_cell_a_minute_the_longest_waiting_first(
        self, learning: Learning, store: CountingStore, memory: CellMemory, clock: ManualClock
    ) -> None:
        learning.sync_if_due()
        places = [Location(50.0, east, "body") for east in (2.0, 12.0, 22.0)]
        for number, place in enumerate(places):
            learning.observe(place, {"cdg1": 40.0}, client=f"key:{number}")
        store.calls.clear()
        for count in (1, 2, 3):
            sync_for(learning, clock, FLUSH_MS)
            assert store.calls == ["add"] * count
            assert [cell for _, cell in memory.learned] == [
                cell_of(place.latitude, place.longitude) for place in places[:count]
            ]
        sync_for(learning, clock, FLUSH_MS)
        assert (store.calls, learning.waiting) == (["add"] * 3, 0)

    def test_many_pages_are_read_a_second_apart_and_then_it_rests(
        self, memory: CellMemory, clock: ManualClock
    ) -> None:
        for cell in range(25):
            memory.learned["iad1", cell] = {"cdg1.0": Average(50.0, 9.0, START_MS)}
        store = CountingStore(memory, page_cells=10)
        learning = Learning(store, clock)
        for _ in range(5):
            learning.sync_if_due()
            learning.sync_if_due()
            clock.advance(NEXT_PAGE_MS)

        assert store.calls == ["page", "page", "page", "table"]
        sync_for(learning, clock, REFRESH_MS - 3 * NEXT_PAGE_MS)
        assert len(store.calls) == 5, "the next round has begun"

    def test_where_requests_are_rare_neither_looks_nor_writes_starve(
        self, learning: Learning, store: CountingStore, clock: ManualClock
    ) -> None:
        for number in range(8):
            learning.observe(Location(50.0, 12.0 + number, "body"), {"cdg1": 40.0}, client=f"key:{number}")
            clock.advance(HOUR_MS)
            learning.sync_if_due()

        assert store.calls.count("page") >= 3
        assert store.calls.count("add") >= 3

    def test_cells_that_wait_are_bounded(self, learning: Learning) -> None:
        taught = [
            learning.observe(Location(south, east, "body"), {"cdg1": 200.0}, client=f"key:{south}/{east}")
            for south in range(-85, 85, 5)
            for east in range(-180, 180, 5)
        ]

        assert learning.waiting == sum(taught) == MOST_WAITING


class TestStoreIsGone:
    def test_requests_go_on_and_ask_rarely(
        self, learning: Learning, store: CountingStore, clock: ManualClock
    ) -> None:
        store.is_down = True
        sync_for(learning, clock, 2 * REFRESH_MS)

        assert store.calls == ["page"] * 2
        assert (learning.age_ms, learning.near(52.52, 13.41)) == (None, None)

    def test_what_is_known_stays_and_its_age_is_told(
        self, learning: Learning, store: CountingStore, memory: CellMemory, clock: ManualClock
    ) -> None:
        memory.tables[5] = InstalledTable(5, {CELL: {"cdg1": Measured(44.0, 40.0)}})
        learning.sync_if_due()
        store.is_down = True
        sync_for(learning, clock, 3 * REFRESH_MS)

        assert known_ms(learning) == 44.0
        assert learning.age_ms == 3 * REFRESH_MS

    def test_samples_whose_write_failed_are_not_written_again_and_the_others_wait(
        self, learning: Learning, store: CountingStore, memory: CellMemory, clock: ManualClock
    ) -> None:
        learning.sync_if_due()
        learning.observe(BERLIN, {"cdg1": 40.0}, client="key:a")
        learning.observe(Location(0, 0, "body"), {"cdg1": 140.0}, client="key:a")
        store.is_down = True
        store.calls.clear()
        sync_for(learning, clock, REFRESH_MS - FLUSH_MS)
        assert store.calls == ["add"], "it does not try every minute"
        store.is_down = False
        sync_for(learning, clock, 2 * REFRESH_MS)

        assert [cell for _, cell in memory.learned] == [cell_of(0, 0)]
        assert learning.waiting == 0

    def test_a_defect_of_the_store_meets_one_request_in_a_while(
        self, memory: CellMemory, clock: ManualClock
    ) -> None:
        class Broken(CountingStore):
            def page(self, after: str | None) -> CellPage:  # noqa: ARG002
                self.calls.append("page")
                raise ZeroDivisionError

        store = Broken(memory)
        learning = Learning(store, clock)
        with pytest.raises(ZeroDivisionError):
            learning.sync_if_due()
        sync_for(learning, clock, REFRESH_MS - 1_000)

        assert store.calls == ["page"]


class TestOneCaller:
    def test_alone_it_teaches_nothing_for_a_year(
        self, learning: Learning, memory: CellMemory, clock: ManualClock
    ) -> None:
        for _ in range(24 * 30):
            for _ in range(50):
                learning.observe(BERLIN, {"cdg1": 1_999.0}, client="key:liar")
            sync_for(learning, clock, HOUR_MS, step_ms=HOUR_MS // 4)

        assert memory.learned, "it did write"
        assert known_ms(learning) is None

    @given(st.floats(-1e9, 1e9), st.lists(st.floats(20, 60), min_size=3, max_size=5))
    def test_it_moves_a_taught_cell_no_farther_than_honest_callers_differ(
        self, lie_ms: float, honest_ms: list[float]
    ) -> None:
        clock = ManualClock(now_ms=START_MS)
        learning = Learning(MemoryCellStore(CellMemory(), writer="cdg1"), clock)
        clients = clients_in_distinct_slots(len(honest_ms) + 1)
        for client, ms in zip(clients, honest_ms, strict=False):
            teach(learning, [client], ms)
        for _ in range(40):
            for _ in range(10):
                learning.observe(BERLIN, {"cdg1": lie_ms}, client=clients[-1])
            clock.advance(HOUR_MS)
            learning.sync_if_due()
            learning.sync_if_due()

        found = known_ms(learning)
        assert found is not None
        assert min(honest_ms) - 0.1 <= found <= max(honest_ms) + 0.1

    def test_through_many_containers_it_is_still_one(self, memory: CellMemory, clock: ManualClock) -> None:
        honest = Learning(MemoryCellStore(memory, writer="iad1"), clock)
        *clients, liar = clients_in_distinct_slots(5)
        teach(honest, clients, 30.0)
        honest.sync_if_due()
        sync_for(honest, clock, FLUSH_MS)
        for _ in range(50):
            container = Learning(MemoryCellStore(memory, writer="cdg1"), clock)
            teach(container, [liar], 1_900.0)
            container.sync_if_due()
            container.sync_if_due()
        reader = Learning(MemoryCellStore(memory, writer="hnd1"), clock)
        reader.sync_if_due()

        assert sum(one.samples for one in memory.learned["cdg1", CELL].values()) == 200
        assert known_ms(reader) == pytest.approx(30.0)

    def test_a_stranger_teaches_nothing(self, learning: Learning) -> None:
        assert not learning.observe(BERLIN, {"cdg1": 40.0}, client=None)
        assert learning.waiting == 0

    def test_who_is_known_by_country_alone_teaches_nothing(self, learning: Learning) -> None:
        for source in ("country", "cloudfront-country"):
            place = BERLIN._replace(source=source)
            assert not learning.observe(place, {"cdg1": 40.0}, client="key:a")
        assert learning.observe(Location(52.52, 13.41, "cloudfront"), {"cdg1": 40.0}, client="key:a")

    def test_what_light_cannot_do_is_clamped(self, learning: Learning) -> None:
        clients = clients_in_distinct_slots(3)
        for client in clients:
            assert learning.observe(BERLIN, {"hnd1": 0.0, "iad1": 60_000.0}, client=client)
        km = haversine_km(52.52, 13.41, HND1.latitude, HND1.longitude)

        assert known_ms(learning, "hnd1") == pytest.approx(least_ms(km))
        assert known_ms(learning, "iad1") == MOST_MS

    def test_no_measurement_and_no_region_of_ours_teach_nothing(self, learning: Learning) -> None:
        assert not learning.observe(BERLIN, {}, client="key:a")
        learning.observe(BERLIN, {"nowhere": 40.0}, client="key:a")
        assert learning.near(52.52, 13.41) is None


class TestManyContainers:
    def test_what_regions_learned_is_weighed_together(self, memory: CellMemory, clock: ManualClock) -> None:
        clients = clients_in_distinct_slots(3)
        for writer, ms, times in (("iad1", 30.0, 4), ("cdg1", 60.0, 2)):
            container = Learning(MemoryCellStore(memory, writer=writer), clock)
            teach(container, clients, ms, times=times)
            container.sync_if_due()
            container.sync_if_due()
        reader = Learning(MemoryCellStore(memory, writer="hnd1"), clock)
        reader.sync_if_due()

        assert set(memory.learned) == {("iad1", CELL), ("cdg1", CELL)}, "each has one writer"
        assert known_ms(reader) == pytest.approx(40.0)

    def test_containers_of_one_region_add_to_each_other(self, memory: CellMemory, clock: ManualClock) -> None:
        for client in clients_in_distinct_slots(4):
            container = Learning(MemoryCellStore(memory, writer="cdg1"), clock)
            container.sync_if_due()
            teach(container, [client], 33.0)
            container.sync_if_due()

        stored = memory.learned["cdg1", CELL]
        assert len(stored) == 4
        assert {one.samples for one in stored.values()} == {float(MOST_SAMPLES_A_CELL)}

    def test_own_samples_are_counted_once_before_and_after_they_are_written_and_read_back(
        self, learning: Learning, clock: ManualClock
    ) -> None:
        learning.sync_if_due()
        teach(learning, clients_in_distinct_slots(4), 33.0)
        counts = []
        for _ in range(3 * REFRESH_MS // 30_000):
            found = learning.near(52.52, 13.41)
            assert found is not None
            counts.append(found["cdg1"].samples)
            clock.advance(30_000)
            learning.sync_if_due()

        assert counts == pytest.approx([16.0] * len(counts), rel=1e-2)

    def test_what_claims_to_be_of_the_future_is_not_believed(
        self, learning: Learning, memory: CellMemory
    ) -> None:
        memory.learned["iad1", CELL] = {
            f"cdg1.{slot}": Average(900.0, 200.0, START_MS + 2 * 3_600_000) for slot in range(8)
        }
        learning.sync_if_due()

        assert learning.near(52.52, 13.41) is None
        assert learning.unreadable == 1

    def test_cells_that_are_gone_from_the_store_are_forgotten(
        self, learning: Learning, memory: CellMemory, clock: ManualClock
    ) -> None:
        memory.learned["iad1", CELL] = {f"cdg1.{slot}": Average(44.0, 9.0, START_MS) for slot in range(3)}
        learning.sync_if_due()
        assert known_ms(learning) == 44.0
        memory.learned.clear()
        sync_for(learning, clock, REFRESH_MS)

        assert learning.near(52.52, 13.41) is None

    def test_weights_fade_even_while_the_store_is_gone(
        self, learning: Learning, store: CountingStore, memory: CellMemory, clock: ManualClock
    ) -> None:
        memory.learned["iad1", CELL] = {f"cdg1.{slot}": Average(44.0, 3.0, START_MS) for slot in range(3)}
        learning.sync_if_due()
        store.is_down = True
        clock.advance(3 * HALF_LIFE_MS)
        learning.sync_if_due()

        assert learning.near(52.52, 13.41) is None


class TestInstalledTable:
    def test_it_counts_at_once_and_does_not_fade(
        self, learning: Learning, store: CountingStore, memory: CellMemory, clock: ManualClock
    ) -> None:
        memory.tables[5] = InstalledTable(5, {CELL: {"cdg1": Measured(200.0, 40.0)}})
        learning.sync_if_due()
        store.is_down = True
        clock.advance(10 * HALF_LIFE_MS)
        learning.sync_if_due()
        decision = Router(DEPLOYED, cells=learning).decide(BERLIN, now_ms=clock.now_ms(), statuses={})

        assert (decision.best.region, decision.reason) == (IAD1, "learned_from_clients")

    def test_the_highest_version_counts_and_one_that_is_known_is_not_asked_for_again(
        self, learning: Learning, memory: CellMemory, clock: ManualClock
    ) -> None:
        for version, ms in ((5, 8.0), (9, 80.0), (7, 70.0)):
            memory.tables[version] = InstalledTable(version, {CELL: {"iad1": Measured(ms, 40.0)}})
        learning.sync_if_due()
        assert known_ms(learning, "iad1") == 80.0
        memory.tables[10] = InstalledTable(10, {})
        sync_for(learning, clock, REFRESH_MS)

        assert learning.near(52.52, 13.41) is None, "an empty table takes it away"

    def test_callers_correct_it(self, learning: Learning, memory: CellMemory) -> None:
        memory.tables[5] = InstalledTable(5, {CELL: {"cdg1": Measured(100.0, 16.0)}})
        learning.sync_if_due()
        teach(learning, clients_in_distinct_slots(4), 20.0)

        assert known_ms(learning) == pytest.approx(60.0)


def test_a_router_believes_what_three_callers_taught(learning: Learning, clock: ManualClock) -> None:
    router = Router(DEPLOYED, cells=learning)
    clients = clients_in_distinct_slots(6)
    for client in clients:
        for _ in range(MOST_SAMPLES_A_CELL):
            learning.observe(BERLIN, {"cdg1": 400.0, "iad1": 60.0}, client=client)
    decision = router.decide(BERLIN, now_ms=clock.now_ms(), statuses={})

    assert (decision.best.region, decision.reason) == (IAD1, "learned_from_clients")
    assert CDG1 is not decision.best.region


def test_a_page_of_nothing_known_is_no_knowledge(clock: ManualClock) -> None:
    class Spoilt(MemoryCellStore):
        def page(self, after: str | None) -> CellPage:  # noqa: ARG002
            return CellPage((LearnedCell("iad1", CELL, {}),), None, unreadable=3)

    learning = Learning(Spoilt(CellMemory(), writer="cdg1"), clock)
    learning.sync_if_due()

    assert learning.near(52.52, 13.41) is None
    assert learning.unreadable == 3
