"""An observer's opinions outlast containers, overlapping runs and a store that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.health.observations import ROUND_MS, Outcome, Report
from edge.health.observer import Observer
from edge.health.region_memory import MemoryRegionStore
from edge.problems import DependencyUnavailable

if TYPE_CHECKING:
    from edge.health.region_store import Stored

START_MS = 2_000_000_000_000


class Store(MemoryRegionStore):
    """Fails as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.reads_fail = self.writes_fail = False

    def read(self, *, latest: bool) -> Stored:
        assert latest, "its own last report counts"
        if self.reads_fail:
            raise DependencyUnavailable(1)
        return super().read(latest=latest)

    def put_report(self, report: Report) -> None:
        if self.writes_fail:
            raise DependencyUnavailable(1)
        super().put_report(report)

    def results_of(self, observer: str) -> str:
        """Return what is stored of ``sfo1``, oldest first."""
        reports = [report for report in super().read(latest=True).reports if report.observer == observer]
        return "".join("o" if result.ok else "x" for result in reports[0].sights["sfo1"].results[::-1])


def note(observer: Observer, number: int, *, ok: bool) -> Report | None:
    outcomes = {"sfo1": Outcome(ok, 45), "cdg1": Outcome(ok=True, latency_ms=90)}
    return observer.note(outcomes, round_ms=START_MS + number * ROUND_MS)


def test_opinion_goes_on_in_another_container() -> None:
    store = Store()
    reports = [note(Observer(store, region="iad1"), number, ok=False) for number in range(3)]

    assert [report.sights["sfo1"].is_up for report in reports if report] == [True, True, False]


def test_container_takes_over_what_another_has_stored_since() -> None:
    store = Store()
    first, second = Observer(store, region="iad1"), Observer(store, region="iad1")
    note(first, 0, ok=False)
    note(second, 1, ok=True)
    note(first, 2, ok=False)

    assert store.results_of("iad1") == "xox"


def test_runs_that_overlap_make_one_report_of_a_round() -> None:
    store = Store()
    first, second = Observer(store, region="iad1"), Observer(store, region="iad1")
    for number in range(3):
        assert note(first, number, ok=True) == note(second, number, ok=False)

    assert store.results_of("iad1") == "ooo"


def test_reports_of_others_are_not_taken_for_its_own() -> None:
    store = Store()
    for number in range(2):
        note(Observer(store, region="hnd1"), number, ok=False)
    note(Observer(store, region="iad1"), 2, ok=False)

    assert (store.results_of("hnd1"), store.results_of("iad1")) == ("xx", "x")


def test_rounds_without_a_store_are_in_the_first_report_with_one() -> None:
    store = Store()
    observer = Observer(store, region="iad1")
    note(observer, 0, ok=True)
    store.reads_fail = store.writes_fail = True
    assert [note(observer, number, ok=False) for number in (1, 2)] == [None, None]
    store.reads_fail = store.writes_fail = False
    report = note(observer, 3, ok=False)

    assert report is not None
    assert not report.sights["sfo1"].is_up
    assert store.results_of("iad1") == "oxxx"


def test_container_that_could_not_read_writes_over_nothing() -> None:
    store = Store()
    for number in range(3):
        note(Observer(store, region="iad1"), number, ok=False)
    store.reads_fail = True
    fresh = Observer(store, region="iad1")

    assert note(fresh, 3, ok=True) is None
    assert store.results_of("iad1") == "xxx"
    store.reads_fail = False
    report = note(fresh, 4, ok=True)
    assert report is not None
    assert not report.sights["sfo1"].is_up
