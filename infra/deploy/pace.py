"""How often AWS is asked, how long it may take, and what time it is; a test injects all of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

AWS_POLL_SECONDS: Final = 3.0
EMULATOR_POLL_SECONDS: Final = 0.3
STACK_WAIT_SECONDS: Final = 3600.0
"""A canary of CodeDeploy takes minutes per function, all at once; a global table's replica takes ten or more."""


class Interrupted(Exception):
    """The operator has pressed Ctrl-C; what CloudFormation has begun goes on."""


def stoppable_sleep(stopping: threading.Event) -> Callable[[float], None]:
    """Return a sleep that ends at once, by :class:`Interrupted`, when *stopping* is set: for threads."""

    def sleep(seconds: float) -> None:
        if stopping.wait(seconds):
            raise Interrupted

    return sleep


@dataclass(frozen=True)
class Pace:
    """
    Waiting.

    Attributes:
        poll_seconds: between two looks.
        wait_seconds: the longest that a stack is waited for.
        sleep: waits so many seconds.
        monotonic: seconds from an arbitrary start.
        now: seconds since the epoch.
    """

    poll_seconds: float = AWS_POLL_SECONDS
    wait_seconds: float = STACK_WAIT_SECONDS
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time

    def looks(self, seconds: float) -> Iterator[float]:
        """Yield the seconds passed, at once and after each pause, until *seconds* are over; the last look is then."""
        began = self.monotonic()
        while True:
            passed = self.monotonic() - began
            yield passed
            if passed >= seconds:
                return
            self.sleep(min(self.poll_seconds, max(seconds - passed, 0.0)))

    def timestamp(self) -> str:
        """Return the time as ``2026-11-20T19:00:00Z``."""
        return datetime.fromtimestamp(int(self.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
