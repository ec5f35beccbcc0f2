"""Drains: two regions stay, whoever asks, wherever, at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.health.drains import LEAST_SERVING, MAX_DRAIN_SECONDS, Drain, Drains, honoured
from edge.health.observations import ROUND_MS, Outcome, observe
from edge.health.problems import LastRegions, RegionUnknown
from edge.health.region_memory import MemoryRegionStore
from edge.health.verdicts import judge
from edge.problems import DependencyUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from edge.health.observations import Report
    from edge.health.region_store import RegionStore, Stored

REGIONS = ("iad1", "sfo1", "cdg1", "hnd1")
START_MS = 2_000_000_000_000
START = START_MS // 1000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def store() -> MemoryRegionStore:
    return MemoryRegionStore()


@pytest.fixture
def drains(store: MemoryRegionStore, clock: ManualClock) -> Drains:
    return open_drains(store, clock)


def open_drains(store: RegionStore, clock: ManualClock) -> Drains:
    def serving(stored: Stored) -> Sequence[str]:
        return judge(stored.reports, stored.drains, regions=REGIONS, now_ms=clock.now_ms()).serving

    return Drains(store, clock, regions=REGIONS, serving=serving)


def start(drains: Drains, region: str, *, seconds: int = 600) -> Drain:
    return drains.start(region, reason="maintenance", duration_seconds=seconds, by="key:abc")


def in_force(store: RegionStore, clock: ManualClock) -> list[str]:
    stored = store.read(latest=True)
    return list(honoured(stored.drains, regions=REGIONS, now_ms=clock.now_ms()))


def test_drain_is_stored_as_asked(drains: Drains, store: MemoryRegionStore) -> None:
    drain = drains.start("cdg1", reason="incident", duration_seconds=90, by="key:abc")

    assert drain == Drain("cdg1", "incident", START, START + 90, "key:abc")
    assert store.read(latest=True).drains == (drain,)


def test_drain_ends_by_itself(drains: Drains, store: MemoryRegionStore, clock: ManualClock) -> None:
    start(drains, "cdg1", seconds=90)
    clock.advance(89_999)
    assert in_force(store, clock) == ["cdg1"]
    clock.advance(1)
    assert in_force(store, clock) == []


def test_drain_can_be_ended_and_ended_again(drains: Drains, store: MemoryRegionStore) -> None:
    start(drains, "cdg1")
    for _ in range(2):
        drains.end("cdg1")

    assert store.read(latest=True).drains == ()


def test_drain_can_be_renewed_and_keeps_its_beginning(drains: Drains, clock: ManualClock) -> None:
    start(drains, "cdg1", seconds=90)
    clock.advance(60_000)
    assert start(drains, "cdg1", seconds=90) == Drain("cdg1", "maintenance", START, START + 150, "key:abc")
    clock.advance(90_000)
    assert start(drains, "cdg1", seconds=90).at == START + 150, "a new one after its end"


def test_two_regions_can_be_drained_and_the_last_two_not(
    drains: Drains, store: MemoryRegionStore, clock: ManualClock
) -> None:
    start(drains, "cdg1")
    start(drains, "iad1")
    for region in ("sfo1", "hnd1"):
        with pytest.raises(LastRegions) as refusal:
            start(drains, region)
        assert (refusal.value.status, refusal.value.reason) == (409, "last_regions")
    assert sorted(in_force(store, clock)) == ["cdg1", "iad1"]
    drains.end("cdg1")
    start(drains, "sfo1")
    assert sorted(in_force(store, clock)) == ["iad1", "sfo1"]


def test_sick_regions_are_not_among_those_that_stay(
    drains: Drains, store: MemoryRegionStore, clock: ManualClock
) -> None:
    reports: dict[str, Report] = {}
    for _ in range(3):
        clock.advance(ROUND_MS)
        for observer in REGIONS:
            outcomes = {code: Outcome(code != "iad1", 9) for code in REGIONS if code != observer}
            reports[observer] = observe(
                reports.get(observer), outcomes, observer=observer, now_ms=clock.now_ms()
            )
    for report in reports.values():
        store.put_report(report)
    start(drains, "iad1")  # the sick one itself costs nobody
    start(drains, "cdg1")
    drains.end("iad1")

    with pytest.raises(LastRegions):
        start(drains, "hnd1")


@pytest.mark.parametrize("count", [1, 2])
def test_two_regions_or_fewer_cannot_be_drained(clock: ManualClock, count: int) -> None:
    codes = REGIONS[:count]
    drains = Drains(MemoryRegionStore(), clock, regions=codes, serving=lambda _: codes)

    with pytest.raises(LastRegions):
        start(drains, "iad1")


@pytest.mark.parametrize("region", ["gru1", "", "REGIONS"])
def test_region_that_is_not_deployed_is_unknown(
    drains: Drains, store: MemoryRegionStore, region: str
) -> None:
    with pytest.raises(RegionUnknown):
        start(drains, region)
    with pytest.raises(RegionUnknown):
        drains.end(region)
    assert store.read(latest=True).drains == ()


@pytest.mark.parametrize(
    ("seconds", "by"), [(0, "a"), (-1, "a"), (MAX_DRAIN_SECONDS + 1, "a"), (60, ""), (60, "a" * 129)]
)
def test_drain_without_bounds_is_refused(
    drains: Drains, store: MemoryRegionStore, seconds: int, by: str
) -> None:
    with pytest.raises(ValueError, match="out of range"):
        drains.start("cdg1", reason="exercise", duration_seconds=seconds, by=by)
    assert store.read(latest=True).drains == ()


class Racing(MemoryRegionStore):
    """Before the first drain is put, somebody else does something."""

    def __init__(self, theirs: Sequence[Drain] = (), *, ends: str | None = None) -> None:
        super().__init__()
        self._theirs: Sequence[Drain] | None = theirs
        self._ends = ends

    def put_drain(self, drain: Drain) -> None:
        if self._theirs is None:
            super().put_drain(drain)
            return
        theirs, self._theirs = self._theirs, None
        for one in theirs:
            super().put_drain(one)
        super().put_drain(drain)
        if self._ends is not None:
            super().end_drain(self._ends, only=None)


def theirs(region: str, *, at: int = START) -> Drain:
    return Drain(region, "exercise", at, START + 99, "key:they")


def test_of_drains_in_the_same_moment_those_that_are_too_many_are_taken_back(clock: ManualClock) -> None:
    store = Racing([theirs("cdg1"), theirs("hnd1")])

    with pytest.raises(LastRegions):
        start(open_drains(store, clock), "iad1")
    assert store.read(latest=True).drains == (theirs("cdg1"), theirs("hnd1"))


def test_drain_that_comes_first_stays_and_the_later_one_has_no_effect(clock: ManualClock) -> None:
    store = Racing([theirs("cdg1", at=START + 1), theirs("hnd1", at=START + 2)])
    start(open_drains(store, clock), "sfo1")

    assert in_force(store, clock) == ["sfo1", "cdg1"]


def test_drain_that_somebody_ended_at_once_was_no_refusal(clock: ManualClock) -> None:
    store = Racing(ends="sfo1")
    start(open_drains(store, clock), "sfo1")

    assert store.read(latest=True).drains == ()


class Breaking(MemoryRegionStore):
    """Breaks at the write, before or after it is done, or at the read that follows; then for the taking back, or not."""

    def __init__(self, at: str, *, for_good: bool) -> None:
        super().__init__()
        self._at = at
        self._for_good = for_good
        self.is_armed = False

    def _break(self, at: str) -> None:
        if self.is_armed and self._at == at:
            self.is_armed = self._for_good
            if self._for_good:
                self._at = "all"
            raise DependencyUnavailable(1)
        if self.is_armed and self._at == "all":
            raise DependencyUnavailable(1)

    def put_drain(self, drain: Drain) -> None:
        self._break("before")
        super().put_drain(drain)
        if self._at == "read" and self.is_armed:
            self._at = "now"
        self._break("after")

    def read(self, *, latest: bool) -> Stored:
        self._break("now")
        return super().read(latest=latest)

    def end_drain(self, region: str, *, only: Drain | None) -> None:
        self._break("end")
        super().end_drain(region, only=only)


@pytest.mark.parametrize("at", ["before", "after", "read"])
@pytest.mark.parametrize("renews", [False, True], ids=["new", "renewed"])
def test_drain_that_cannot_be_confirmed_is_taken_back(clock: ManualClock, at: str, *, renews: bool) -> None:
    store = Breaking(at, for_good=False)
    drains = open_drains(store, clock)
    before = [start(drains, "cdg1", seconds=60)] if renews else []
    store.is_armed = True
    with pytest.raises(DependencyUnavailable):
        start(drains, "cdg1")

    assert list(store.read(latest=True).drains) == before


@pytest.mark.parametrize("at", ["before", "after", "read"])
def test_store_that_is_gone_for_good_is_the_answer(clock: ManualClock, at: str) -> None:
    store = Breaking(at, for_good=True)
    store.is_armed = True

    with pytest.raises(DependencyUnavailable):
        start(open_drains(store, clock), "cdg1")


@given(
    st.lists(
        st.builds(
            Drain,
            st.sampled_from((*REGIONS, "gru1")),
            st.just("exercise"),
            st.integers(START - 50, START),
            st.integers(START - 9, START + 9),
            st.just("a"),
        ),
        max_size=9,
        unique_by=lambda drain: drain.region,
    ),
    st.randoms(use_true_random=False),
)
def test_drains_in_force_are_the_oldest_and_leave_two_regions_in_any_order(
    found: list[Drain], dice: Random
) -> None:
    in_force = honoured(found, regions=REGIONS, now_ms=START_MS)
    shuffled = sorted(found, key=lambda _: dice.random())
    left_out = [
        drain
        for drain in found
        if drain.region in REGIONS and drain.until > START and drain.region not in in_force
    ]

    assert len(in_force) <= len(REGIONS) - LEAST_SERVING
    assert honoured(shuffled, regions=REGIONS, now_ms=START_MS) == in_force
    assert all(drain.until > START for drain in in_force.values())
    if left_out:
        assert len(in_force) == len(REGIONS) - LEAST_SERVING
        assert max((one.at, one.region) for one in in_force.values()) < min(
            (one.at, one.region) for one in left_out
        )
