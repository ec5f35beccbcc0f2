"""A region is ready while what it cannot do without answers and nobody drains it."""

from __future__ import annotations

import pytest

from edge.clock import ManualClock
from edge.health.checks import FRESH_MS, Check
from edge.health.drains import Drain
from edge.health.readiness import readiness
from edge.health.region_memory import MemoryRegionStore
from edge.health.region_watch import REFRESH_MS, RegionWatch
from edge.problems import DependencyUnavailable

REGIONS = ("iad1", "sfo1", "cdg1", "hnd1")
START_MS = 2_000_000_000_000
START = START_MS // 1000


class Region:
    """One container of ``cdg1``."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.store = MemoryRegionStore()
        self.is_down = False
        self._check = Check("rate_windows", self, self.clock, is_critical=True, most_ms=400)
        self._watch = RegionWatch(self.store, self.clock, regions=REGIONS)

    def ask(self) -> None:
        if self.is_down:
            raise DependencyUnavailable(1)

    def says(self, after_ms: int = 0) -> str:
        self.clock.advance(after_ms)
        return readiness(self._check, self._watch, region="cdg1")


@pytest.fixture
def region() -> Region:
    return Region()


def test_one_failure_is_enough_and_one_success(region: Region) -> None:
    assert region.says() == "healthy"
    region.is_down = True
    assert region.says(FRESH_MS) == "unhealthy"
    region.is_down = False
    assert region.says() == "unhealthy", "for as long as an answer is shared"
    assert region.says(FRESH_MS) == "healthy"


def test_drain_is_seen_within_a_refresh_and_so_is_its_end(region: Region) -> None:
    assert region.says() == "healthy"
    region.store.put_drain(Drain("cdg1", "maintenance", START, START + 60, "key"))
    assert region.says(REFRESH_MS) == "draining"
    region.store.end_drain("cdg1", only=None)
    assert region.says(REFRESH_MS) == "healthy"


def test_drain_ends_at_its_time_without_another_look(region: Region) -> None:
    region.store.put_drain(Drain("cdg1", "maintenance", START, START + 2, "key"))

    assert region.says() == "draining"
    assert region.says(2_000) == "healthy"


def test_drain_of_another_region_is_none_of_ours(region: Region) -> None:
    region.store.put_drain(Drain("iad1", "maintenance", START, START + 60, "key"))

    assert region.says() == "healthy"


def test_drain_that_is_one_too_many_is_not_in_force(region: Region) -> None:
    for number, code in enumerate(("iad1", "sfo1", "cdg1")):
        region.store.put_drain(Drain(code, "maintenance", START - 9 + number, START + 60, "key"))

    assert region.says() == "healthy"


def test_drained_region_that_is_sick_says_so(region: Region) -> None:
    region.store.put_drain(Drain("cdg1", "maintenance", START, START + 60, "key"))
    region.is_down = True

    assert region.says() == "unhealthy"


def test_region_that_nobody_watches_can_be_ready(region: Region) -> None:
    check = Check("rate_windows", region, region.clock, is_critical=True, most_ms=400)
    for watch in (
        RegionWatch(None, region.clock, regions=REGIONS),
        RegionWatch(region.store, region.clock, regions=["hnd1"]),
    ):
        assert readiness(check, watch, region="cdg1") == "healthy"
