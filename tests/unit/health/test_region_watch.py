"""A container's knowledge of the regions: read now and then, told with its age, gone on with when the store is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.breaker import OPEN_MS, Breaker
from edge.clock import ManualClock
from edge.composition.routing import FAILURES_TO_OPEN, GuardedRegionReads, health_answer
from edge.health.drains import Drain
from edge.health.region_memory import MemoryRegionStore
from edge.health.region_watch import REFRESH_MS, RegionWatch
from edge.problems import DependencyUnavailable, ServiceProblem, Unexpected

if TYPE_CHECKING:
    from edge.health.region_store import Stored

REGIONS = ("iad1", "sfo1", "cdg1", "hnd1")
START_MS = 2_000_000_000_000
START = START_MS // 1000


class Store(MemoryRegionStore):
    """Fails as it is told, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.problem: ServiceProblem | None = None
        self.reads = 0

    def read(self, *, latest: bool) -> Stored:
        assert not latest, "any replica will do, at half the price"
        self.reads += 1
        if self.problem is not None:
            raise self.problem
        return super().read(latest=latest)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def watch(store: Store, clock: ManualClock) -> RegionWatch:
    return RegionWatch(store, clock, regions=REGIONS)


def test_store_is_read_once_in_three_seconds(watch: RegionWatch, store: Store, clock: ManualClock) -> None:
    ages = []
    for _ in range(2 * REFRESH_MS // 500):
        ages.append(watch.look().age_ms)
        clock.advance(500)

    assert store.reads == 2
    assert ages == [0, 500, 1_000, 1_500, 2_000, 2_500] * 2


@pytest.mark.parametrize("problem", [DependencyUnavailable(1), Unexpected()])
def test_knowledge_is_gone_on_with_and_said_to_be_from_memory(
    watch: RegionWatch, store: Store, clock: ManualClock, problem: ServiceProblem
) -> None:
    store.put_drain(Drain("cdg1", "incident", START, START + 60, "key"))
    assert watch.look().source == "table"
    store.problem = problem
    told = []
    for _ in range(3):
        clock.advance(REFRESH_MS)
        known = watch.look()
        told.append((known.source, known.age_ms, known.judgement.statuses["cdg1"]))
    store.problem = None
    clock.advance(REFRESH_MS)
    back = watch.look()

    assert told == [("memory", age_ms, "draining") for age_ms in (3_000, 6_000, 9_000)]
    assert (back.source, back.age_ms) == ("table", 0)


def test_nothing_is_known_before_the_store_was_read(watch: RegionWatch, store: Store) -> None:
    store.problem = DependencyUnavailable(1)
    known = watch.look()

    assert (known.source, known.age_ms, known.judgement.basis) == ("none", None, "nothing_fresh")
    assert not known.judgement.statuses_believed


def test_without_a_store_nobody_observes_and_that_is_no_failure(clock: ManualClock) -> None:
    known = RegionWatch(None, clock, regions=REGIONS).look()

    assert (known.source, known.age_ms, known.judgement.basis) == ("none", None, "nobody_observes")
    assert known.judgement.statuses_believed
    assert set(known.judgement.statuses.values()) == {"unknown"}


def test_knowledge_is_old_after_a_freeze_in_which_monotonic_time_stood_still(store: Store) -> None:
    class Frozen(ManualClock):
        def monotonic_ns(self) -> int:
            return 0

    clock = Frozen(now_ms=START_MS)
    watch = RegionWatch(store, clock, regions=REGIONS)
    watch.look()
    clock.advance(600_000)
    watch.look()

    assert store.reads == 2


def test_store_that_fails_is_left_alone_for_a_while(store: Store, clock: ManualClock) -> None:
    breaker = Breaker(clock, failures_to_open=FAILURES_TO_OPEN)
    watch = RegionWatch(GuardedRegionReads(store, breaker), clock, regions=REGIONS)
    store.problem = DependencyUnavailable(1)
    for _ in range(FAILURES_TO_OPEN):
        watch.look()
        clock.advance(REFRESH_MS)
    assert store.reads == FAILURES_TO_OPEN
    for _ in range(60 * OPEN_MS // 1_000):
        watch.look()
        clock.advance(1_000)

    assert store.reads <= FAILURES_TO_OPEN + 60, "one question in ten seconds, not one in three"


def test_routing_answer_says_what_it_rests_on(watch: RegionWatch, store: Store, clock: ManualClock) -> None:
    assert health_answer(watch.look()) == {"basis": "nothing_fresh", "source": "table", "age_seconds": 0}
    store.problem = DependencyUnavailable(1)
    clock.advance(REFRESH_MS + 999)
    assert health_answer(watch.look()) == {"basis": "nothing_fresh", "source": "memory", "age_seconds": 3}
