"""Functions that the clock invokes, with a function that is played by the test."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

from infra.local.functions import Throttled
from infra.local.schedules import MOST_AT_ONCE, run_schedules, scheduled_event
from infra.template import Schedule

if TYPE_CHECKING:
    from infra.local.functions import LocalFunctions

_real_sleep = asyncio.sleep

MINUTELY = Schedule("Probe", "EveryMinute", 60, None)


class Clockwork:
    """Plays a function and the loop's clock: a sleep is over as soon as everything else has had its turn."""

    def __init__(self, *, beats: int, fails: bool = False, hangs: bool = False) -> None:
        self.events: list[dict[str, Any]] = []
        self.slept: list[float] = []
        self._beats = beats
        self._fails = fails
        self._hangs = hangs

    async def invoke(self, event: dict[str, Any]) -> object:
        self.events.append(event)
        if self._hangs:
            await asyncio.Event().wait()
        if self._fails:
            raise Throttled
        return None

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        for _ in range(5):
            await _real_sleep(0)
        if len(self.slept) >= self._beats:
            raise asyncio.CancelledError


def play(clockwork: Clockwork, monkeypatch: Any, schedule: Schedule = MINUTELY) -> None:
    monkeypatch.setattr("infra.local.schedules.asyncio.sleep", clockwork.sleep)

    async def main() -> None:
        functions = cast("LocalFunctions", {"Probe": clockwork})
        await run_schedules([schedule], functions, aws_region="eu-west-3")
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(main())


def test_function_is_invoked_at_once_and_then_by_the_clock(monkeypatch: Any) -> None:
    clockwork = Clockwork(beats=3)
    play(clockwork, monkeypatch)
    assert len(clockwork.events) == 3
    assert clockwork.slept == [60, 60, 60]


def test_failure_does_not_end_the_schedule(monkeypatch: Any) -> None:
    clockwork = Clockwork(beats=3, fails=True)
    play(clockwork, monkeypatch)
    assert len(clockwork.events) == 3


def test_function_that_never_ends_is_not_invoked_without_end(monkeypatch: Any) -> None:
    clockwork = Clockwork(beats=9, hangs=True)
    play(clockwork, monkeypatch)
    assert len(clockwork.events) == MOST_AT_ONCE


def test_event_is_eventbridges_or_the_templates_own() -> None:
    event = scheduled_event(MINUTELY, "eu-west-3")
    assert (event["source"], event["detail-type"], event["region"]) == (
        "aws.events",
        "Scheduled Event",
        "eu-west-3",
    )
    assert json.loads(json.dumps(event)) == event
    own = Schedule("Probe", "Fold", 900, '{"task":"fold"}')
    assert scheduled_event(own, "eu-west-3") == {"task": "fold"}
