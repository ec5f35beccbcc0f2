"""The verdict of a quorum, what is not believed, and the container that goes on from memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge.geo.decisions
from edge.clock import ManualClock
from edge.health import verdicts
from edge.health.drains import Drain
from edge.health.observations import FRESH_MS, Report, Result, Sight
from edge.health.region_memory import MemoryRegionStore
from edge.health.region_watch import REFRESH_MS, RegionWatch
from edge.health.verdicts import judge
from edge.problems import DependencyUnavailable, ServiceProblem, Unexpected

if TYPE_CHECKING:
    from edge.health.region_store import Stored
    from edge.health.verdicts import Judgement

REGIONS = ("iad1", "sfo1", "cdg1", "hnd1")
START_MS = 2_000_000_000_000
START = START_MS // 1000
SINCE = START - 500


def sight(letter: str, *, at: int = START, latency_ms: int = 50) -> Sight:
    """Return ``u``p, ``d``own or ``s``haky."""
    failed = {"u": "o" * 12, "d": "x" * 12, "s": "oxoxoo"}[letter]
    results = [Result(ok == "o", latency_ms, at - 10 * age) for age, ok in enumerate(failed)]
    return Sight(letter != "d", SINCE, tuple(results))


def reports(table: dict[str, str], *, at: int = START, regions: tuple[str, ...] = REGIONS) -> list[Report]:
    """Return reports from rows such as ``{"iad1": "-uud"}``: what it says of each region; ``-`` is nothing."""
    return [
        Report(
            observer,
            at,
            is_blind=False,
            sights={
                code: sight(letter, at=at) for code, letter in zip(regions, row, strict=True) if letter != "-"
            },
        )
        for observer, row in table.items()
    ]


def judged(table: dict[str, str], *drains: Drain, now_ms: int = START_MS) -> Judgement:
    return judge(reports(table), drains, regions=REGIONS, now_ms=now_ms)


ALL_WELL = {"iad1": "-uuu", "sfo1": "u-uu", "cdg1": "uu-u", "hnd1": "uuu-"}


def test_statuses_are_those_of_the_geo_router() -> None:
    assert get_args(verdicts.Status) == get_args(edge.geo.decisions.Status)


def test_all_serve_when_all_are_seen_well() -> None:
    judgement = judged(ALL_WELL)

    assert judgement.statuses == dict.fromkeys(REGIONS, "healthy")
    assert (judgement.basis, judgement.statuses_believed) == ("observed", True)
    assert judgement.serving == list(REGIONS)


@pytest.mark.parametrize(
    ("voices", "status"),
    [
        ("uuu", "healthy"),
        ("uud", "healthy"),
        ("udd", "unhealthy"),
        ("ddd", "unhealthy"),
        ("u-d", "healthy"),
        ("uu-", "healthy"),
        ("d-d", "unhealthy"),
        ("d--", "unknown"),
        ("u--", "unknown"),
        ("---", "unknown"),
        ("ssu", "degraded"),
        ("suu", "healthy"),
        ("sdu", "degraded"),
        ("s-d", "degraded"),
        ("sdd", "unhealthy"),
    ],
)
def test_two_of_three_observers_decide(voices: str, status: str) -> None:
    table = {
        observer: voice + row[1:]
        for voice, (observer, row) in zip(voices, list(ALL_WELL.items())[1:], strict=True)
    }
    verdict = judged({"iad1": "-uuu"} | table).verdicts["iad1"]

    assert verdict.status == status
    assert (verdict.voices, verdict.down, verdict.quorum) == (3 - voices.count("-"), voices.count("d"), 2)


@pytest.mark.parametrize(("count", "quorum"), [(2, 1), (3, 2), (4, 2), (5, 3), (6, 3)])
def test_quorum_is_a_majority_of_the_observers_there_should_be(count: int, quorum: int) -> None:
    codes = ("iad1", "sfo1", "cdg1", "hnd1", "gru1", "sin1")[:count]
    for against in range(count):
        table = {
            observer: ("d" if number <= against else "u") + "-" * (count - 1)
            for number, observer in enumerate(codes)
            if number
        }
        judgement = judge(reports(table, regions=codes), (), regions=codes, now_ms=START_MS)
        verdict = judgement.verdicts["iad1"]
        assert verdict.quorum == quorum
        assert (verdict.status == "unhealthy") is (against >= quorum)


def test_one_region_is_observed_by_nobody_and_that_is_no_failure() -> None:
    judgement = judge((), (), regions=("cdg1",), now_ms=START_MS)

    assert judgement.statuses == {"cdg1": "unknown"}
    assert (judgement.basis, judgement.statuses_believed) == ("nobody_observes", True)


@pytest.mark.parametrize(("age_ms", "status"), [(FRESH_MS, "unhealthy"), (FRESH_MS + 1, "unknown")])
def test_stale_observations_are_no_voices(age_ms: int, status: str) -> None:
    judgement = judged(ALL_WELL | {"sfo1": "d-uu", "cdg1": "du-u"}, now_ms=START_MS + age_ms)

    assert judgement.statuses["iad1"] == status
    assert judgement.statuses_believed is (status == "unhealthy")


def test_region_has_no_voice_on_itself_nor_has_a_stranger() -> None:
    table = ALL_WELL | {"iad1": "duuu", "sfo1": "d-uu", "gru1": "dddd"}

    assert judged(table).statuses == dict.fromkeys(REGIONS, "healthy")


def test_region_that_is_not_deployed_gets_no_verdict() -> None:
    seen = Report("iad1", START, is_blind=False, sights={"gru1": sight("u")})

    assert set(judge([seen], (), regions=REGIONS, now_ms=START_MS).verdicts) == set(REGIONS)


def test_half_of_the_regions_can_be_sick_and_more_are_not_believed() -> None:
    half = judged({"iad1": "-duu", "sfo1": "d-uu", "cdg1": "dd-u", "hnd1": "ddu-"})
    most = judged({"iad1": "-ddu", "sfo1": "d-du", "cdg1": "dd-u", "hnd1": "ddd-"})

    assert (half.basis, half.statuses_believed, half.serving) == ("observed", True, ["cdg1", "hnd1"])
    assert (most.basis, most.statuses_believed, most.serving) == ("most_look_sick", False, ["hnd1"])


def test_partitioned_observer_that_alone_is_fresh_concludes_nothing() -> None:
    judgement = judged({"hnd1": "ddd-"})

    assert judgement.statuses == dict.fromkeys(REGIONS, "unknown")
    assert (judgement.basis, judgement.statuses_believed) == ("nothing_fresh", False)


def test_partitioned_observer_among_others_is_outvoted() -> None:
    judgement = judged(ALL_WELL | {"hnd1": "ddd-"})

    assert judgement.statuses == dict.fromkeys(REGIONS, "healthy")
    assert judgement.statuses_believed


def drain(region: str = "cdg1", *, at: int = START - 60, until: int = START + 60) -> Drain:
    return Drain(region, "maintenance", at, until, "key:abc")


def test_drained_region_is_draining_whatever_is_seen_and_until_its_end() -> None:
    for letter in "ud":
        table = ALL_WELL | {"iad1": f"-u{letter}u", "sfo1": f"u-{letter}u", "hnd1": f"uu{letter}-"}
        verdict = judged(table, drain()).verdicts["cdg1"]
        assert (verdict.status, verdict.since, verdict.drain) == ("draining", START - 60, drain())
    ended = judged(ALL_WELL, drain(until=START)).verdicts["cdg1"]
    assert (ended.status, ended.drain) == ("healthy", None)


def test_drained_regions_are_not_counted_among_those_that_look_sick() -> None:
    """Two are drained and look it; of the other two one is sick: half, and believed."""
    table = {"iad1": "-ddd", "sfo1": "u-dd", "cdg1": "ud-d", "hnd1": "udd-"}
    judgement = judged(table, drain("cdg1"), drain("hnd1"))

    assert judgement.statuses == {
        "iad1": "healthy",
        "sfo1": "unhealthy",
        "cdg1": "draining",
        "hnd1": "draining",
    }
    assert judgement.basis == "observed"


def test_two_sick_of_three_that_are_not_drained_are_most() -> None:
    table = {"iad1": "-duu", "sfo1": "d-uu", "cdg1": "dd-u", "hnd1": "ddu-"}

    assert judged(table).basis == "observed"
    assert judged(table, drain("cdg1")).basis == "most_look_sick"


def test_verdict_tells_since_when_and_how_far_it_is() -> None:
    seen = [
        Report(
            observer,
            START,
            is_blind=False,
            sights={"iad1": sight(letter, latency_ms=ms)._replace(since=since)},
        )
        for observer, letter, ms, since in (
            ("sfo1", "u", 60, 7),
            ("cdg1", "u", 90, 9),
            ("hnd1", "d", 1_500, 99),
        )
    ]
    verdict = judge(seen, (), regions=REGIONS, now_ms=START_MS).verdicts["iad1"]
    unseen = judge((), (), regions=REGIONS, now_ms=START_MS).verdicts["iad1"]

    assert (verdict.since, verdict.latency_ms) == (9, 90)
    assert (unseen.since, unseen.latency_ms) == (None, None)


@given(st.permutations(list((ALL_WELL | {"sfo1": "d-uu", "cdg1": "du-u"}).items())))
def test_order_of_reports_changes_nothing(rows: list[tuple[str, str]]) -> None:
    assert judged(dict(rows)) == judged(ALL_WELL | {"sfo1": "d-uu", "cdg1": "du-u"})


class CountedStore(MemoryRegionStore):
    """Counts reads, and fails as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.error: ServiceProblem | None = None

    def read(self, *, latest: bool) -> Stored:
        self.reads += 1
        assert not latest
        if self.error is not None:
            raise self.error
        return super().read(latest=latest)


def store_with(table: dict[str, str], *, at: int = START) -> CountedStore:
    store = CountedStore()
    put(store, table, at=at)
    return store


def put(store: CountedStore, table: dict[str, str], *, at: int) -> None:
    for report in reports(table, at=at):
        store.put_report(report)


def test_watch_reads_every_few_seconds_and_no_more() -> None:
    store, clock = store_with(ALL_WELL), ManualClock(now_ms=START_MS)
    watch = RegionWatch(store, clock, regions=REGIONS)

    assert [watch.look().age_ms for _ in range(3)] == [0, 0, 0]
    clock.advance(REFRESH_MS - 1)
    assert (watch.look().age_ms, store.reads) == (REFRESH_MS - 1, 1)
    clock.advance(1)
    assert (watch.look().age_ms, store.reads) == (0, 2)


def test_watch_sees_what_changed_with_its_next_read() -> None:
    store, clock = store_with(ALL_WELL), ManualClock(now_ms=START_MS)
    watch = RegionWatch(store, clock, regions=REGIONS)
    watch.look()
    put(store, ALL_WELL | {"sfo1": "d-uu", "cdg1": "du-u"}, at=START + 1)

    assert watch.look().judgement.serving == list(REGIONS)
    clock.advance(REFRESH_MS)
    assert watch.look().judgement.serving == ["sfo1", "cdg1", "hnd1"]


@pytest.mark.parametrize("error", [DependencyUnavailable(1), Unexpected()])
def test_watch_goes_on_from_memory_and_says_how_old_it_is(error: ServiceProblem) -> None:
    store, clock = store_with(ALL_WELL | {"sfo1": "d-uu", "cdg1": "du-u"}), ManualClock(now_ms=START_MS)
    store.put_drain(drain("hnd1"))
    watch = RegionWatch(store, clock, regions=REGIONS)
    watch.look()
    store.error = error
    clock.advance(20_000)
    judgement, age_ms, _ = watch.look()

    assert (judgement.statuses["iad1"], judgement.statuses["hnd1"], age_ms) == (
        "unhealthy",
        "draining",
        20_000,
    )
    watch.look()
    assert store.reads == 2, "a store that failed is not asked at every look"

    clock.advance(11_000)
    judgement, age_ms, _ = watch.look()
    assert judgement.statuses == dict.fromkeys(REGIONS, "unknown") | {"hnd1": "draining"}
    assert (judgement.statuses_believed, age_ms) == (False, 31_000)

    clock.advance(30_000)
    assert watch.look().judgement.statuses["hnd1"] == "unknown", "drains end without a store too"
    store.error = None
    clock.advance(REFRESH_MS)
    assert watch.look().age_ms == 0


def test_watch_that_never_read_fails_open() -> None:
    store = CountedStore()
    store.error = DependencyUnavailable(1)
    judgement, age_ms, _ = RegionWatch(store, ManualClock(now_ms=START_MS), regions=REGIONS).look()

    assert (judgement.serving, judgement.basis, age_ms) == (list(REGIONS), "nothing_fresh", None)


def test_what_was_read_is_judged_at_once_though_the_second_is_the_same() -> None:
    store, clock = store_with(ALL_WELL, at=START - 1), ManualClock(now_ms=START_MS)
    watch = RegionWatch(store, clock, regions=REGIONS, refresh_ms=100)
    watch.look()
    put(store, ALL_WELL | {"sfo1": "d-uu", "cdg1": "du-u"}, at=START)
    clock.advance(100)

    assert watch.look().judgement.serving == ["sfo1", "cdg1", "hnd1"]


def test_while_one_thread_reads_the_others_go_on() -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(CountedStore):
        def read(self, *, latest: bool) -> Stored:
            if self.reads:
                entered.set()
                leave.wait(5)
            return super().read(latest=latest)

    store, clock = Slow(), ManualClock(now_ms=START_MS)
    put(store, ALL_WELL, at=START)
    watch = RegionWatch(store, clock, regions=REGIONS)
    watch.look()
    clock.advance(REFRESH_MS)
    reader = threading.Thread(target=watch.look)
    reader.start()
    assert entered.wait(5)

    known = watch.look()
    assert (known.age_ms, known.judgement.statuses_believed, store.reads) == (REFRESH_MS, True, 1)
    leave.set()
    reader.join(5)
    assert (watch.look().age_ms, store.reads) == (0, 2)
