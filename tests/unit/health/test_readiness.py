"""Readiness asks seldom, once at a time, and recovers."""

from __future__ import annotations

import threading

from edge.clock import ManualClock
from edge.health.readiness import Readiness
from edge.problems import DependencyUnavailable, Unexpected


class Dependency:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    def ask(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


def test_answer_is_shared_for_five_seconds() -> None:
    clock, dependency = ManualClock(now_ms=0), Dependency()
    readiness = Readiness(dependency, clock)

    assert [readiness.is_ready() for _ in range(10)] == [True] * 10
    clock.advance(4_999)
    readiness.is_ready()
    assert dependency.asked == 1
    clock.advance(1)
    readiness.is_ready()
    assert dependency.asked == 2


def test_refusal_is_shared_too_and_ends() -> None:
    clock, dependency = ManualClock(now_ms=0), Dependency()
    readiness = Readiness(dependency, clock)
    for error in (DependencyUnavailable(1), Unexpected()):
        dependency.error = error
        assert not readiness.is_ready()
        dependency.error = None
        assert not readiness.is_ready()
        clock.advance(5_000)
        assert readiness.is_ready()
        clock.advance(5_000)


def test_many_callers_ask_once() -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(Dependency):
        def ask(self) -> None:
            super().ask()
            entered.set()
            leave.wait(5)

    dependency = Slow()
    readiness = Readiness(dependency, ManualClock(now_ms=0))
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(readiness.is_ready())) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert entered.wait(5)
    leave.set()
    for thread in threads:
        thread.join()

    assert (dependency.asked, answers) == (1, [True] * 8)
