"""A run's rounds, and what an answer of another region is taken for."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.composition.probing import ProbeRuns
from edge.health.drains import Drain
from edge.health.observations import ROUND_MS
from edge.health.observer import Observer
from edge.health.probing import (
    MAX_REPLY_BYTES,
    PROBE_MS,
    ROUND_LASTS_MS,
    ROUNDS_A_RUN,
    Prober,
    Reply,
    rounds,
    serves,
)
from edge.health.region_memory import MemoryRegionStore
from edge.health.region_watch import RegionWatch
from edge.problems import DependencyUnavailable
from edge.settings import Settings
from edge.web.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.health.observations import Report
    from edge.health.probing import Target

REGIONS = ("iad1", "sfo1", "cdg1", "hnd1")
START_MS = 2_000_000_000_000
LONG_MS = 900_000


class Ready:
    """Another region as it answers: a region, or what somebody makes of it."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.reply: Reply | None = said(region, "healthy")

    def ask(self, deadline_ns: int) -> Reply | None:
        assert deadline_ns > 0
        return self.reply


def said(region: str, status: str) -> Reply:
    body = json.dumps({"status": status, "region": region, "timestamp": 1}).encode()
    return Reply(200 if status == "healthy" else 503, body)


class Sleeper:
    """Sleeps on a manual clock."""

    def __init__(self, clock: ManualClock, *, early_ms: int = 0) -> None:
        self._clock = clock
        self._early_ms = early_ms
        self.slept_ms: list[int] = []

    def __call__(self, seconds: float) -> None:
        slept_ms = round(seconds * 1000) - self._early_ms
        self._clock.advance(slept_ms)
        self.slept_ms.append(slept_ms)


def due(clock: ManualClock, *, left_ms: int = LONG_MS, early_ms: int = 0) -> list[int]:
    end_ms = clock.now_ms() + left_ms
    found = rounds(clock, Sleeper(clock, early_ms=early_ms), lambda: end_ms - clock.now_ms())
    return [(round_ms - START_MS) // 1000 for round_ms in found]


@pytest.mark.parametrize("started_ms", [0, 1, 3_000, 9_999])
def test_run_has_six_rounds_on_the_grid(started_ms: int) -> None:
    assert due(ManualClock(now_ms=START_MS + started_ms)) == [10, 20, 30, 40, 50, 60]


def test_runs_a_minute_apart_miss_no_round_and_repeat_none() -> None:
    seen: list[int] = []
    for minute in range(5):
        seen += due(ManualClock(now_ms=START_MS + 60_000 * minute + 2_345))

    assert seen == list(range(10, 310, 10))


def test_sleep_that_ends_early_repeats_no_round() -> None:
    assert due(ManualClock(now_ms=START_MS), early_ms=2) == [10, 20, 30, 40, 50, 60]


def test_clock_that_is_set_back_does_not_hold_a_run_up() -> None:
    clock = ManualClock(now_ms=START_MS)
    sleeper = Sleeper(clock)
    for round_ms in rounds(clock, sleeper, lambda: LONG_MS):
        if round_ms == START_MS + 20_000:
            clock.set_back(3_600_000)

    assert len(sleeper.slept_ms) == ROUNDS_A_RUN
    assert max(sleeper.slept_ms) <= ROUND_MS


@pytest.mark.parametrize(
    ("left_ms", "count"),
    [
        (0, 0),
        (ROUND_MS + ROUND_LASTS_MS - 1, 0),
        (ROUND_MS + ROUND_LASTS_MS, 1),
        (35_000, 3),
        (6 * ROUND_MS + ROUND_LASTS_MS, 6),
    ],
)
def test_no_round_begins_that_could_not_be_finished(left_ms: int, count: int) -> None:
    assert len(due(ManualClock(now_ms=START_MS), left_ms=left_ms)) == count


@pytest.mark.parametrize(
    "reply",
    [
        said("hnd1", "healthy"),
        said("cdg1", "unhealthy"),
        said("cdg1", "degraded"),
        said("cdg1", "healthy")._replace(status=201),
        said("cdg1", "healthy")._replace(status=301),
        said("cdg1", "healthy")._replace(status=500),
        said("cdg1", "draining")._replace(status=500),
        said("hnd1", "draining"),
        Reply(200, b""),
        Reply(200, b"<html>all is well</html>"),
        Reply(200, b'"cdg1"'),
        Reply(200, b'["cdg1"]'),
        Reply(200, b'{"region":["cdg1"]}'),
        Reply(200, b"[" * MAX_REPLY_BYTES),
        Reply(200, b'{"region":"cdg1","a":' + b"[" * 4_000),
        Reply(200, b'{"region":"cdg1","a":' + b"9" * 4_500 + b"}"),
        Reply(200, b'{"region":"cdg1"}' + b" " * MAX_REPLY_BYTES),
        Reply(200, b'{"region":"\xff"}'),
        Reply(503, b'{"region":"cdg1"}'),
    ],
)
def test_everything_else_is_a_failure(reply: Reply) -> None:
    assert not serves(reply, region="cdg1")


def test_region_that_serves_and_one_that_would_if_it_were_not_drained_are_none() -> None:
    assert serves(said("cdg1", "healthy"), region="cdg1")
    assert serves(said("cdg1", "draining"), region="cdg1")


@given(st.sampled_from([200, 503]), st.binary(max_size=200))
def test_no_answer_is_an_error(status: int, body: bytes) -> None:
    assert not serves(Reply(status, body), region="cdg1")


class World:
    """Four regions that look at each other, over one table that never lags."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.store = MemoryRegionStore()
        self.regions = {code: Ready(code) for code in REGIONS}
        self._probers = {
            own: Prober(
                {code: ready for code, ready in self.regions.items() if code != own},
                Observer(self.store, region=own),
                self.clock,
            )
            for own in REGIONS
        }

    def round(self) -> None:
        self.clock.advance(ROUND_MS)
        for code, prober in self._probers.items():
            ready = self.regions[code].reply
            if ready is not None:  # a region that is gone does not observe either
                prober.look(self.clock.now_ms() // ROUND_MS * ROUND_MS)

    def statuses(self) -> dict[str, str]:
        return dict(RegionWatch(self.store, self.clock, regions=REGIONS).look().judgement.statuses)

    def drain(self, *codes: str) -> None:
        now = self.clock.now_ms() // 1000
        for code in codes:
            self.store.put_drain(Drain(code, "maintenance", now, now + 3_600, "key"))
            self.regions[code].reply = said(code, "draining")

    def end_drain(self, code: str) -> None:
        self.store.end_drain(code, only=None)
        self.regions[code].reply = said(code, "healthy")


@pytest.fixture
def world() -> World:
    world = World()
    for _ in range(6):
        world.round()
    return world


def test_all_is_well(world: World) -> None:
    assert world.statuses() == dict.fromkeys(REGIONS, "healthy")


def test_region_that_is_gone_is_out_after_three_rounds(world: World) -> None:
    world.regions["cdg1"].reply = None
    told = []
    for _ in range(3):
        world.round()
        told.append(world.statuses()["cdg1"])

    assert told[0] != "unhealthy"
    assert told[-1] == "unhealthy"


def test_drained_region_is_back_the_moment_its_drain_ends(world: World) -> None:
    world.drain("cdg1")
    for _ in range(20):
        world.round()
        assert world.statuses()["cdg1"] == "draining"
    world.end_drain("cdg1")

    assert world.statuses() == dict.fromkeys(REGIONS, "healthy"), "no round has passed"


def test_two_drained_regions_do_not_blind_the_observers_of_a_third_that_fails(world: World) -> None:
    world.drain("cdg1", "iad1")
    for _ in range(3):
        world.round()
    world.regions["hnd1"].reply = said("hnd1", "unhealthy")
    for _ in range(3):
        world.round()

    assert world.statuses() == {
        "iad1": "draining",
        "sfo1": "healthy",
        "cdg1": "draining",
        "hnd1": "unhealthy",
    }


def test_region_that_fails_while_it_is_drained_is_not_put_back_by_its_end(world: World) -> None:
    world.drain("cdg1")
    world.regions["cdg1"].reply = said("cdg1", "unhealthy")
    for _ in range(3):
        world.round()
    world.store.end_drain("cdg1", only=None)

    assert world.statuses()["cdg1"] == "unhealthy"


def test_probe_that_never_ends_is_a_failure_of_its_region_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.health.probing.PROBE_MS", 100)
    let_go = threading.Event()

    class Hanging(Ready):
        def ask(self, deadline_ns: int) -> Reply | None:
            let_go.wait(10)
            return super().ask(deadline_ns)

    class Clock(ManualClock):  # real durations: threads are waited for by the wall
        def monotonic_ns(self) -> int:
            return time.monotonic_ns()

    targets = {"iad1": Hanging("iad1"), "cdg1": Ready("cdg1"), "hnd1": Ready("hnd1")}
    prober = Prober(targets, Observer(MemoryRegionStore(), region="sfo1"), Clock(now_ms=START_MS))
    seen = prober.look(START_MS)
    let_go.set()

    assert {code: outcome.ok for code, outcome in seen.outcomes.items()} == {
        "iad1": False, "cdg1": True, "hnd1": True,
    }  # fmt: skip
    assert seen.outcomes["iad1"].latency_ms == 100


def runs_of(
    targets: dict[str, Target], store: MemoryRegionStore, clock: ManualClock, unprobed: tuple[str, ...] = ()
) -> tuple[ProbeRuns, list[dict[str, object]]]:
    lines: list[dict[str, object]] = []
    settings = Settings.from_env({"AWS_REGION": "us-west-1"})
    log = Log(settings, write=lambda line: lines.append(json.loads(line)))
    prober = Prober(targets, Observer(store, region="sfo1"), clock) if targets else None
    return ProbeRuns(prober, clock, log, unprobed=unprobed, sleep=Sleeper(clock)), lines


def test_run_tells_what_it_saw_in_a_line_and_each_change_in_another() -> None:
    clock, gone, well = ManualClock(now_ms=START_MS), Ready("cdg1"), Ready("hnd1")
    runs, lines = runs_of({"cdg1": gone, "hnd1": well}, MemoryRegionStore(), clock)
    gone.reply = None
    summary = runs.run(lambda: LONG_MS)

    assert summary == {
        "rounds": 6, "failed": 0, "unstored": 0, "blind": 0, "seen": {"cdg1": "xxxxxx", "hnd1": "oooooo"},
    }  # fmt: skip
    assert [(line["level"], line["message"]) for line in lines] == [
        ("warn", "opinion of a region changed"),
        ("info", "regions probed"),
    ]
    assert (lines[0]["target"], lines[0]["opinion"]) == ("cdg1", "down")
    gone.reply = said("cdg1", "healthy")
    runs.run(lambda: LONG_MS)
    assert [line.get("opinion") for line in lines[2:]] == ["up", None]


def test_round_that_breaks_costs_no_other() -> None:
    class Broken(MemoryRegionStore):
        puts = 0

        def put_report(self, report: Report) -> None:
            self.puts += 1
            if self.puts == 2:
                raise RuntimeError("SECRET-IN-MESSAGE")
            if self.puts == 3:
                raise DependencyUnavailable(1)
            super().put_report(report)

    clock, store = ManualClock(now_ms=START_MS), Broken()
    runs, lines = runs_of({"cdg1": Ready("cdg1")}, store, clock)
    summary = runs.run(lambda: LONG_MS)

    assert (summary["rounds"], summary["failed"], summary["unstored"]) == (5, 1, 1)
    assert len(store.read(latest=True).reports[0].sights["cdg1"].results) == ROUNDS_A_RUN, "none was lost"
    assert "SECRET-IN-MESSAGE" not in json.dumps(lines)
    assert lines[0]["message"] == "round failed"


def test_regions_without_an_endpoint_are_told_once() -> None:
    clock = ManualClock(now_ms=START_MS)
    runs, lines = runs_of({"cdg1": Ready("cdg1")}, MemoryRegionStore(), clock, ("hnd1", "iad1"))
    for _ in range(3):
        runs.run(lambda: LONG_MS)

    assert [line.get("targets") for line in lines] == [["hnd1", "iad1"], None, None, None]


def test_nobody_to_ask_is_no_reason_to_wait() -> None:
    clock = ManualClock(now_ms=START_MS)
    runs, _ = runs_of({}, MemoryRegionStore(), clock, ("hnd1", "iad1", "cdg1"))

    assert runs.run(lambda: LONG_MS)["rounds"] == 0
    assert clock.now_ms() == START_MS


def test_runs_that_overlap_make_one_report_of_each_round() -> None:
    store = MemoryRegionStore()
    ask: Callable[[int], object] = lambda start_ms: runs_of(  # noqa: E731
        {"cdg1": Ready("cdg1")}, store, ManualClock(now_ms=START_MS + start_ms)
    )[0].run(lambda: LONG_MS)
    ask(0)
    ask(9_000)
    ask(30_000)

    results = store.read(latest=True).reports[0].sights["cdg1"].results
    assert [(result.at - START_MS // 1000) for result in results] == [90, 80, 70, 60, 50, 40, 30, 20, 10]
    assert PROBE_MS < ROUND_MS
