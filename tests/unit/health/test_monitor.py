"""A region's monitor leaves no question under way behind an answer, whatever the answer is."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest

from edge.clock import SystemClock
from edge.composition.health import Monitor
from edge.health.checks import Check
from edge.health.region_watch import RegionWatch
from edge.problems import NotAuthenticated
from edge.settings import Settings

if TYPE_CHECKING:
    from edge.callers import Callers

TAKES_SECONDS = 0.1


class SlowTable:
    """Answers after a moment, as a table does; a container that is frozen meanwhile hears nothing of it."""

    def __init__(self) -> None:
        self.asked, self.answered = threading.Event(), threading.Event()

    def ask(self) -> None:
        self.asked.set()
        time.sleep(TAKES_SECONDS)
        self.answered.set()


class Refusing:
    """Knows at once that a caller shows something wrong; no table is asked for that."""

    def admit(self, *_: object) -> NoReturn:
        raise NotAuthenticated


def test_refused_caller_leaves_no_question_for_a_frozen_container_to_time_out_on() -> None:
    """Else who is refused at once, and often, makes the next to ask ``ready`` there be told that the region is sick."""
    clock, table = SystemClock(), SlowTable()
    check = Check("rate_windows", table, clock, is_critical=True, most_ms=400)
    monitor = Monitor(
        Settings.from_env({"AWS_REGION": "eu-west-3"}),
        clock,
        checks=[check],
        watch=RegionWatch(None, clock, regions=["cdg1"]),
        callers=cast("Callers", Refusing()),
    )
    asgi_scope: dict[str, Any] = {"type": "http", "headers": [(b"x-api-key", b"guess")]}

    with pytest.raises(NotAuthenticated):
        monitor.tell(asgi_scope)

    assert table.asked.is_set() and table.answered.is_set()
    found = check.shared()
    assert found is not None and found.fault is None
