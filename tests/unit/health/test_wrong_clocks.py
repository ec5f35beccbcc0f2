"""Clocks that are minutes off take nobody out: such an observer is not heard, such a reader fails open and says so."""

from __future__ import annotations

import pytest

from edge.health.drains import Drain
from edge.health.observations import AHEAD_MS, FRESH_MS, ROUND_MS, Outcome, Report, observe
from edge.health.observer import Observer
from edge.health.region_memory import MemoryRegionStore
from edge.health.verdicts import Judgement, judge

START_MS = 2_000_000_000_000
REGIONS = ("iad1", "sfo1", "cdg1", "hnd1")
OFF_MS = (-300_000, -60_000, 60_000, 300_000)


def reports(*, sick: str, off_ms: dict[str, int]) -> list[Report]:
    """What the others hold of *sick* after five failed rounds, each by a clock of its own."""
    found: list[Report] = []
    for observer in (code for code in REGIONS if code != sick):
        last: Report | None = None
        for number in range(-4, 1):
            outcomes = {code: Outcome(code != sick, 40) for code in REGIONS if code != observer}
            now_ms = START_MS + number * ROUND_MS + off_ms.get(observer, 0)
            last = observe(last, outcomes, observer=observer, now_ms=now_ms)
        assert last is not None
        found.append(last)
    return found


def judged(found: list[Report], *, reader_off_ms: int = 0, drains: list[Drain] | None = None) -> Judgement:
    return judge(found, drains or [], regions=REGIONS, now_ms=START_MS + 5_000 + reader_off_ms)


@pytest.mark.parametrize("off_ms", OFF_MS)
def test_sick_region_is_found_without_the_observer_whose_clock_is_wrong(off_ms: int) -> None:
    found = judged(reports(sick="hnd1", off_ms={"cdg1": off_ms}))

    assert (found.basis, found.statuses["hnd1"]) == ("observed", "unhealthy")
    assert set(found.serving) == {"iad1", "sfo1", "cdg1"}
    assert found.verdicts["hnd1"].voices == 2


@pytest.mark.parametrize("off_ms", OFF_MS)
def test_quorum_of_wrong_clocks_takes_nobody_out(off_ms: int) -> None:
    found = judged(reports(sick="hnd1", off_ms={"cdg1": off_ms, "iad1": -off_ms}))

    assert set(found.statuses.values()) == {"unknown"}
    assert set(found.serving) == set(REGIONS)
    assert not found.statuses_believed


@pytest.mark.parametrize("off_ms", OFF_MS)
def test_reader_with_a_wrong_clock_fails_open_and_says_so(off_ms: int) -> None:
    found = judged(reports(sick="hnd1", off_ms={}), reader_off_ms=off_ms)

    assert (found.basis, found.statuses_believed) == ("nothing_fresh", False)
    assert set(found.serving) == set(REGIONS)


@pytest.mark.parametrize("off_ms", [-FRESH_MS + ROUND_MS, FRESH_MS - ROUND_MS])
def test_clocks_some_seconds_apart_are_all_heard(off_ms: int) -> None:
    found = judged(reports(sick="hnd1", off_ms={"cdg1": off_ms}))

    assert (found.statuses["hnd1"], found.verdicts["hnd1"].voices) == ("unhealthy", 3)


@pytest.mark.parametrize("off_ms", OFF_MS)
def test_drain_is_in_force_by_a_wrong_clock_but_for_as_long_as_that_is_off(off_ms: int) -> None:
    drain = Drain("cdg1", "maintenance", START_MS // 1000, START_MS // 1000 + 3_600, "key:abc")
    for into_ms, is_drained in ((5_000, True), (3_600_000 - 301_000, True), (3_600_000 + 300_000, False)):
        found = judge([], [drain], regions=REGIONS, now_ms=START_MS + into_ms + off_ms)
        assert (found.statuses["cdg1"] == "draining") is is_drained


@pytest.mark.parametrize("is_new_container", [True, False])
def test_observer_is_heard_again_once_its_clock_is_right(*, is_new_container: bool) -> None:
    """Its report of a wrong time would else be the newest until that time: years, perhaps."""
    store = MemoryRegionStore()
    observer = Observer(store, region="iad1")
    outcomes = {code: Outcome(code != "hnd1", 40) for code in ("sfo1", "cdg1", "hnd1")}
    for number in range(4):
        observer.note(outcomes, round_ms=START_MS + 400 * 86_400_000 + number * ROUND_MS)
    if is_new_container:
        observer = Observer(store, region="iad1")
    told = [observer.note(outcomes, round_ms=START_MS + number * ROUND_MS) for number in range(3)]

    (stored,) = store.read(latest=True).reports
    assert stored == told[-1]
    assert stored.at == START_MS // 1000 + 20
    assert [report and report.sights["hnd1"].is_up for report in told] == [True, True, False], "counted anew"


def test_observer_goes_on_after_its_clock_was_ahead_by_minutes() -> None:
    store = MemoryRegionStore()
    observer = Observer(store, region="iad1")
    outcomes = {"sfo1": Outcome(ok=True, latency_ms=40), "cdg1": Outcome(ok=True, latency_ms=90)}
    observer.note(outcomes, round_ms=START_MS + AHEAD_MS // 2)
    for number in range(AHEAD_MS // 2 // ROUND_MS + 2):
        observer.note(outcomes, round_ms=START_MS + number * ROUND_MS)

    (stored,) = store.read(latest=True).reports
    assert stored.at == (START_MS + AHEAD_MS // 2 + ROUND_MS) // 1000
