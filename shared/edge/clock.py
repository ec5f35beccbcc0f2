"""
Time enters the product here, and only as an argument.

A domain never reads a clock of its own: it takes ``now`` or a :class:`Clock`, so that a test can hold time still,
turn it back, or let two containers disagree about it.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time for decisions, monotonic time for durations."""

    def now_ms(self) -> int:
        """Return milliseconds since the Unix epoch; it may step when the machine's clock is set."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds from an arbitrary start; it never steps back."""


class SystemClock:
    """The machine's clock."""

    __slots__ = ()

    def now_ms(self) -> int:
        """Return milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_ns(self) -> int:
        """Return nanoseconds from an arbitrary start."""
        return time.monotonic_ns()


class ManualClock:
    """
    A clock that stands still until it is told to move; for tests and simulations.

    Example:
        >>> clock = ManualClock(now_ms=1_000)
        >>> clock.advance(250)
        >>> clock.now_ms(), clock.monotonic_ns()
        (1250, 250000000)
    """

    __slots__ = ("_elapsed_ms", "_now_ms")

    def __init__(self, *, now_ms: int) -> None:
        self._now_ms = now_ms
        self._elapsed_ms = 0

    def now_ms(self) -> int:
        """Return the time it was set to, in milliseconds since the Unix epoch."""
        return self._now_ms

    def monotonic_ns(self) -> int:
        """Return the sum of all advances, in nanoseconds."""
        return self._elapsed_ms * 1_000_000

    def advance(self, duration_ms: int) -> None:
        """Let *duration_ms* milliseconds pass on both clocks."""
        self._now_ms += duration_ms
        self._elapsed_ms += duration_ms

    def set_back(self, duration_ms: int) -> None:
        """Step the wall clock back by *duration_ms* milliseconds, as NTP may; monotonic time is unmoved."""
        self._now_ms -= duration_ms
