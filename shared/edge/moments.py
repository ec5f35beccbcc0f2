"""
How long ago something was, for what a container remembers from one request to the next.

A container is frozen between requests, and monotonic time may stand still meanwhile; wall time may be set back. So what is
remembered is as old as the clock says that says more: set forward, it costs one question too early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from edge.clock import Clock


class Moment(NamedTuple):
    """
    A point in time, by both clocks of a container.

    Example:
        >>> from edge.clock import ManualClock
        >>> clock = ManualClock(now_ms=5_000)
        >>> then = Moment.now(clock)
        >>> clock.advance(70)
        >>> clock.set_back(1_000)
        >>> then.elapsed_ms(clock)
        70
    """

    wall_ms: int
    monotonic_ns: int

    @classmethod
    def now(cls, clock: Clock) -> Moment:
        """Return this moment."""
        return cls(clock.now_ms(), clock.monotonic_ns())

    def elapsed_ms(self, clock: Clock) -> int:
        """Return the milliseconds since, >= 0."""
        return max(clock.now_ms() - self.wall_ms, (clock.monotonic_ns() - self.monotonic_ns) // 1_000_000)
