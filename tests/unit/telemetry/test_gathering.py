"""Regions that are read together: none is waited for longer than the deadline, and none hides another."""

from __future__ import annotations

import threading
import time

import pytest

from edge.clock import SystemClock
from edge.problems import DependencyUnavailable, Unexpected
from edge.telemetry.gathering import gather

CLOCK = SystemClock()


def test_all_that_answer_are_told() -> None:
    assert gather({"a": lambda: 1, "b": lambda: 2}, CLOCK) == {"a": 1, "b": 2}


def test_nothing_to_read_is_nothing() -> None:
    assert gather({}, CLOCK) == {}


@pytest.mark.parametrize("fault", [DependencyUnavailable(1), Unexpected()])
def test_one_that_cannot_be_had_is_not_known_and_the_others_are(fault: Exception) -> None:
    def fails() -> int:
        raise fault

    assert gather({"a": fails, "b": lambda: 2}, CLOCK) == {"a": None, "b": 2}


def test_one_that_hangs_is_not_waited_for() -> None:
    gate = threading.Event()

    def hangs() -> int:
        gate.wait(10)
        return 1

    began = time.monotonic()
    found = gather({"a": hangs, "b": lambda: 2, "c": lambda: 3}, CLOCK, deadline_ms=100)
    elapsed = time.monotonic() - began
    gate.set()
    assert found == {"a": None, "b": 2, "c": 3}
    assert elapsed < 5


def test_reads_run_at_the_same_time() -> None:
    meeting = threading.Barrier(4, timeout=5)

    def waits_for_the_others() -> int:
        return meeting.wait()

    found = gather(dict.fromkeys("abcd", waits_for_the_others), CLOCK, deadline_ms=5_000)
    assert sorted(value for value in found.values() if value is not None) == [0, 1, 2, 3]


def test_defect_is_not_taken_for_a_dead_region() -> None:
    def broken() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        gather({"a": broken, "b": lambda: 2}, CLOCK)
