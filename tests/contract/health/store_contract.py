"""What every store of regional health must do; a class for each store inherits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.clock import ManualClock
from edge.health.drains import Drain, Drains
from edge.health.observations import AHEAD_MS, KEPT_RESULTS, MAX_LATENCY_MS, Report, Result, Sight
from edge.health.problems import LastRegions
from edge.health.region_store import Stored
from edge.health.verdicts import judge
from tests.contract.health.conftest import START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.health.region_store import RegionStore

REGIONS = ("iad1", "sfo1", "cdg1", "hnd1")


def report(observer: str = "iad1", *, at: int = START, is_up: bool = True) -> Report:
    """Return a report at the limits of what one can hold."""
    results = tuple(
        Result(ok=number % 2 == 0, latency_ms=MAX_LATENCY_MS - number, at=at - 10 * number)
        for number in range(KEPT_RESULTS)
    )
    sights = {code: Sight(is_up, START - 86_400, results) for code in REGIONS if code != observer}
    return Report(observer, at, is_blind=False, sights=sights)


def drain(region: str = "cdg1", *, until: int = START + 600) -> Drain:
    return Drain(region, "maintenance", START, until, "key:é🔑")


class RegionStoreContract:
    """Inherit and provide the fixture ``store``, empty."""

    def test_nothing_is_stored_at_first(self, store: RegionStore) -> None:
        assert store.read(latest=True) == store.read(latest=False) == Stored()

    @pytest.mark.parametrize("is_up", [True, False])
    def test_report_is_read_as_it_was_put(self, store: RegionStore, *, is_up: bool) -> None:
        put = report(is_up=is_up)
        store.put_report(put)

        assert store.read(latest=True) == Stored((put,))
        assert store.read(latest=False) == Stored((put,))

    def test_report_of_one_that_is_blind_and_knows_nothing_is_kept(self, store: RegionStore) -> None:
        put = Report("sfo1", START, is_blind=True, sights={})
        store.put_report(put)

        assert store.read(latest=True).reports == (put,)

    def test_observers_do_not_touch_each_other(self, store: RegionStore) -> None:
        for observer in ("sfo1", "hnd1", "iad1", "cdg1"):
            store.put_report(report(observer))

        assert store.read(latest=True).reports == tuple(report(observer) for observer in sorted(REGIONS))

    def test_newest_round_stays_and_of_one_round_the_first_report(self, store: RegionStore) -> None:
        newest = report(at=START + 10)
        for put in (report(), newest, report(at=START + 10, is_up=False), report(at=START + 9)):
            store.put_report(put)

        assert store.read(latest=True).reports == (newest,)

    @pytest.mark.parametrize(("ahead", "stays"), [(AHEAD_MS // 1000, True), (AHEAD_MS // 1000 + 1, False)])
    def test_report_of_a_wrong_clock_does_not_silence_its_observer(
        self, store: RegionStore, ahead: int, *, stays: bool
    ) -> None:
        later = report(at=START + ahead)
        for put in (later, report()):
            store.put_report(put)

        assert store.read(latest=True).reports == (later if stays else report(),)

    def test_report_can_be_put_twice(self, store: RegionStore) -> None:
        for _ in range(2):
            store.put_report(report())

        assert store.read(latest=True).reports == (report(),)

    def test_last_drain_of_a_region_stays(self, store: RegionStore) -> None:
        for put in (drain("sfo1"), drain(until=START + 9), drain(until=START + 5)):
            store.put_drain(put)

        assert store.read(latest=True) == Stored((), (drain(until=START + 5), drain("sfo1")))

    @pytest.mark.parametrize("reason", ["maintenance", "deployment", "incident", "capacity", "exercise"])
    def test_every_reason_is_kept(self, store: RegionStore, reason: str) -> None:
        put = drain()._replace(reason=reason)  # type: ignore[arg-type]
        store.put_drain(put)

        assert store.read(latest=True).drains == (put,)

    def test_drain_is_ended_and_no_other(self, store: RegionStore) -> None:
        for region in ("cdg1", "sfo1"):
            store.put_drain(drain(region))
        for _ in range(2):
            store.end_drain("cdg1", only=None)

        assert store.read(latest=True).drains == (drain("sfo1"),)

    @pytest.mark.parametrize(
        "other",
        [
            drain(until=START + 1),
            drain()._replace(at=START + 1),
            drain()._replace(by="other"),
            drain()._replace(reason="incident"),
        ],
        ids=["until", "at", "by", "reason"],
    )
    def test_one_drain_is_ended_only_if_it_is_that_one(self, store: RegionStore, other: Drain) -> None:
        store.put_drain(drain())
        store.end_drain("cdg1", only=other)
        assert store.read(latest=True).drains == (drain(),)
        store.end_drain("cdg1", only=drain())
        assert store.read(latest=True).drains == ()
        store.end_drain("cdg1", only=drain())

    def test_drains_and_reports_are_apart(self, store: RegionStore) -> None:
        store.put_drain(drain("iad1"))
        store.put_report(report("iad1"))
        store.end_drain("iad1", only=None)

        assert store.read(latest=True) == Stored((report("iad1"),))

    def test_third_drain_is_refused_until_one_of_two_ends(self, store: RegionStore) -> None:
        clock = ManualClock(now_ms=START * 1000)

        def serving(stored: Stored) -> Sequence[str]:
            return judge(stored.reports, stored.drains, regions=REGIONS, now_ms=clock.now_ms()).serving

        drains = Drains(store, clock, regions=REGIONS, serving=serving)

        def start(region: str) -> Drain:
            return drains.start(region, reason="exercise", duration_seconds=60, by="key:abc")

        started = [start("cdg1"), start("iad1")]
        with pytest.raises(LastRegions):
            start("sfo1")
        assert list(store.read(latest=True).drains) == started
        drains.end("cdg1")
        assert start("sfo1") in store.read(latest=True).drains
