"""Dependencies are asked seldom, once at a time and all at the same time; none is waited for too long."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from edge.aws.faults import TableMissing, Unavailable
from edge.clock import ManualClock, SystemClock
from edge.health.checks import FRESH_MS, Check, Finding, Survey, state_of
from edge.moments import Moment
from edge.problems import DependencyUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.clock import Clock
    from edge.problems import ServiceProblem

START_MS = 2_000_000_000_000
MOST_MS = 200


class Dependency:
    """Answers as it is told, after *takes_ms* of a manual clock."""

    def __init__(self, clock: ManualClock | None = None, *, takes_ms: int = 0) -> None:
        self.asked = 0
        self.problem: ServiceProblem | None = None
        self._clock = clock
        self._takes_ms = takes_ms

    def ask(self) -> None:
        self.asked += 1
        if self._clock is not None:
            self._clock.advance(self._takes_ms)
        if self.problem is not None:
            raise self.problem


class Hanging(Dependency):
    """Does not answer until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.let_go = threading.Event(), threading.Event()

    def ask(self) -> None:
        super().ask()
        self.entered.set()
        self.let_go.wait(10)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    hanging = Hanging()
    yield hanging
    hanging.let_go.set()


def check(dependency: Dependency, clock: Clock, *, name: str = "keys", is_critical: bool = False) -> Check:
    return Check(name, dependency, clock, is_critical=is_critical, most_ms=MOST_MS)


def test_answer_is_told_with_how_long_it_took(clock: ManualClock) -> None:
    found = check(Dependency(clock, takes_ms=7), clock).find()

    asked = Moment(START_MS + 7, 7_000_000)
    assert found == Finding("keys", False, None, 7, asked, 0, (START_MS + 7) // 1000)


@pytest.mark.parametrize("problem", [None, DependencyUnavailable(1)])
def test_answer_is_shared_for_five_seconds_and_a_failure_too(
    clock: ManualClock, problem: ServiceProblem | None
) -> None:
    dependency = Dependency()
    dependency.problem = problem
    asked = check(dependency, clock)
    for _ in range(10):
        asked.find()
    clock.advance(FRESH_MS - 1)
    asked.find()
    assert dependency.asked == 1
    clock.advance(1)
    asked.find()
    assert dependency.asked == 2


def test_good_answer_may_be_shared_for_longer_and_a_failure_may_not(clock: ManualClock) -> None:
    dependency = Dependency()
    asked = Check("secrets", dependency, clock, is_critical=False, most_ms=MOST_MS, fresh_ms=60_000)
    asked.find()
    clock.advance(59_999)
    asked.find()
    assert dependency.asked == 1
    dependency.problem = DependencyUnavailable(1)
    clock.advance(1)
    assert asked.find().fault == "refused"
    dependency.problem = None
    clock.advance(FRESH_MS)
    assert asked.find().fault is None


def test_answer_is_old_after_a_freeze_in_which_monotonic_time_stood_still() -> None:
    class Frozen(ManualClock):
        def monotonic_ns(self) -> int:
            return 0

    clock, dependency = Frozen(now_ms=START_MS), Dependency()
    asked = check(dependency, clock)
    asked.find()
    clock.advance(FRESH_MS)
    asked.find()

    assert dependency.asked == 2


@pytest.mark.parametrize(
    ("problem", "fault"),
    [
        (Unavailable("throttled", outcome_unknown=False), "throttled"),
        (DependencyUnavailable(1), "refused"),
        (TableMissing("ResourceNotFoundException"), "refused"),
    ],
    ids=["unavailable", "without_a_word", "refused"],
)
def test_fault_is_a_word_of_ours(clock: ManualClock, problem: ServiceProblem, fault: str) -> None:
    dependency = Dependency()
    dependency.problem = problem

    assert check(dependency, clock).find().fault == fault


def test_failures_in_a_row_are_counted_and_since_when(clock: ManualClock) -> None:
    dependency = Dependency()
    asked = check(dependency, clock)
    told = []
    for problem in (None, None, DependencyUnavailable(1), DependencyUnavailable(1), None, None):
        dependency.problem = problem
        found = asked.find()
        told.append((found.consecutive_failures, found.since - START_MS // 1000))
        clock.advance(FRESH_MS)

    assert told == [(0, 0), (0, 0), (1, 10), (2, 10), (0, 20), (0, 20)]
    assert asked.failures == 2


def test_many_callers_ask_once(clock: ManualClock, hanging: Hanging) -> None:
    asked = check(hanging, clock)
    faults: list[str | None] = []
    threads = [threading.Thread(target=lambda: faults.append(asked.find().fault)) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert hanging.entered.wait(5)
    hanging.let_go.set()
    for thread in threads:
        thread.join()

    assert (hanging.asked, faults) == (1, [None] * 8)


def test_who_waits_for_another_s_question_waits_no_longer_than_it_may_take(
    clock: ManualClock, hanging: Hanging
) -> None:
    asked = check(hanging, clock)
    thread = threading.Thread(target=asked.find)
    thread.start()
    assert hanging.entered.wait(5)
    found = asked.find()
    hanging.let_go.set()
    thread.join()

    assert (found.fault, found.consecutive_failures, hanging.asked) == ("timed_out", 1, 1)
    assert asked.find().fault is None, "it answered in the end"


def test_those_that_hang_cost_the_answer_no_more_than_one_would() -> None:
    clock, hanging = SystemClock(), [Hanging() for _ in range(6)]
    checks = [check(one, clock, name=f"d{number}") for number, one in enumerate(hanging)]
    checks.append(check(Dependency(), clock, name="well"))
    started = time.monotonic()
    findings = Survey(checks, clock, most_ms=100).findings()
    took = time.monotonic() - started
    for one in hanging:
        one.let_go.set()

    assert took < 1
    assert [found.fault for found in findings] == ["timed_out"] * 6 + [None]
    assert [found.name for found in findings] == ["d0", "d1", "d2", "d3", "d4", "d5", "well"]


def test_what_hangs_is_not_asked_again_while_it_does(hanging: Hanging) -> None:
    clock = SystemClock()
    asked = check(hanging, clock)
    for _ in range(3):
        Survey([asked], clock, most_ms=50).findings()

    assert hanging.asked == 1


def test_answer_that_was_fresh_when_the_survey_began_is_told_however_long_the_others_take(
    clock: ManualClock,
) -> None:
    shared = check(Dependency(), clock)
    shared.find()
    clock.advance(FRESH_MS - 1)
    survey = Survey([shared], clock, most_ms=100)
    clock.advance(500)

    assert [found.fault for found in survey.findings()] == [None]


def test_one_that_was_well_and_hangs_now_is_late(hanging: Hanging) -> None:
    clock = SystemClock()
    asked = Check("keys", hanging, clock, is_critical=False, most_ms=MOST_MS, fresh_ms=1)
    hanging.let_go.set()
    assert asked.find().fault is None
    hanging.let_go.clear()
    time.sleep(0.002)
    (found,) = Survey([asked], clock, most_ms=50).findings()

    assert (found.fault, found.consecutive_failures) == ("timed_out", 1)


def test_what_need_not_be_asked_costs_no_thread(clock: ManualClock) -> None:
    shared = check(Dependency(), clock)
    shared.find()

    assert Survey([shared], clock, most_ms=100)._threads == []


def test_one_that_answered_in_time_and_then_grew_old_is_not_late(clock: ManualClock) -> None:
    asked = Check("keys", Dependency(), clock, is_critical=False, most_ms=MOST_MS, fresh_ms=1)
    survey = Survey([asked], clock, most_ms=5_000)
    for thread in survey._threads:
        thread.join()
    clock.advance(50)

    assert [found.fault for found in survey.findings()] == [None]


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        ({}, "healthy"),
        ({"b": "throttled"}, "degraded"),
        ({"a": "timed_out"}, "unhealthy"),
        ({"a": "timed_out", "b": "refused"}, "unhealthy"),
    ],
)
def test_state_is_that_of_the_worst(faults: dict[str, str], state: str) -> None:
    findings = [
        Finding(name, name == "a", faults.get(name), 1, Moment(0, 0), 0, 0) for name in ("a", "b", "c")
    ]

    assert state_of(findings) == state
