"""
A circuit breaker: a store that fails again and again is left alone for a while, instead of being waited for.

::

            failures_to_open in a row                 open_ms pass, the next call is let through as a probe
    closed --------------------------> open ---------------------------------------------------> half open
      ^                                 ^                        the probe fails                   |  |
      |                                 `---------------------------------------------------------'  |
      `-----------------------------------------------------------------------------------------------'
                                             the probe succeeds

It knows one container: what others saw of the store does not reach it. (M. Nygard, Release It!, 2nd edition, chapter 5.)
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from edge.moments import Moment
from edge.problems import DependencyUnavailable, Unexpected

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, TypeAlias, TypeVar

    from edge.clock import Clock

    Answer = TypeVar("Answer")
    State: TypeAlias = Literal["closed", "open", "half_open"]
    Permit: TypeAlias = int

FAILURES_TO_OPEN: Final = 5
OPEN_MS: Final = 10_000

PROBE_MS: Final = 5_000
"""Longer than any call may take: a probe without a report after this ended in a way that nobody foresaw."""


class Breaker:
    """
    Decides whether a call is worth trying; safe for threads, of constant size.

    A caller asks :meth:`enter` for a permit, and reports with it how the call went. A report counts only in the state
    that its permit was given in: a call that began before the circuit opened says nothing about the store of now,
    and a probe decides once.

    How long it has been open is the longer of what the two clocks say. Monotonic time may stand still while a container
    is frozen between requests, wall time may be set back; a wall clock that is set forward costs one early probe.

    Args:
        clock: of this container.
        failures_to_open: so many failures in a row open the circuit, >= 1.
        open_ms: milliseconds that it stays open before a probe, > 0.
        probe_ms: milliseconds after which a probe that did not report is given up and the next call probes, > 0. No
            call may last longer.

    Example:
        >>> from edge.clock import ManualClock
        >>> clock = ManualClock(now_ms=0)
        >>> breaker = Breaker(clock, failures_to_open=1)
        >>> breaker.failed(breaker.enter())
        >>> breaker.state(), breaker.enter(), breaker.left_ms()
        ('open', None, 10000)
        >>> clock.advance(10_000)
        >>> breaker.succeeded(breaker.enter())
        >>> breaker.state()
        'closed'
    """

    def __init__(
        self,
        clock: Clock,
        *,
        failures_to_open: int = FAILURES_TO_OPEN,
        open_ms: int = OPEN_MS,
        probe_ms: int = PROBE_MS,
    ) -> None:
        if failures_to_open < 1 or open_ms < 1 or probe_ms < 1:
            raise ValueError("failures_to_open, open_ms and probe_ms must be at least 1")
        self._clock = clock
        self._failures_to_open = failures_to_open
        self._open_ms = open_ms
        self._probe_ms = probe_ms
        self._failures = 0
        self._opened: Moment | None = None
        self._probed: Moment | None = None
        # Every change of state, and every probe, begins a generation; a permit is the number of its own.
        self._generation = 0
        self._lock = Lock()

    def state(self) -> State:
        """Return the state at this moment: ``half_open`` from when a probe may go until it is decided."""
        with self._lock:
            if self._opened is None:
                return "closed"
            return "open" if self._opened.elapsed_ms(self._clock) < self._open_ms else "half_open"

    def enter(self) -> Permit | None:
        """Return a permit for one call, or None: then do not call."""
        with self._lock:
            if self._opened is None:
                return self._generation
            if self._opened.elapsed_ms(self._clock) < self._open_ms:
                return None
            if self._probed is not None and self._probed.elapsed_ms(self._clock) < self._probe_ms:
                return None
            self._probed = Moment.now(self._clock)
            self._generation += 1
            return self._generation

    def succeeded(self, permit: Permit) -> None:
        """Report an answer: the failures before it are forgotten, and a probe closes the circuit."""
        with self._lock:
            if permit != self._generation:
                return
            self._failures = 0
            if self._opened is not None:
                self._opened = self._probed = None
                self._generation += 1

    def failed(self, permit: Permit) -> None:
        """Report that there was none: the last of too many opens the circuit, and so does a probe."""
        with self._lock:
            if permit != self._generation:
                return
            self._failures += 1
            if self._opened is not None or self._failures >= self._failures_to_open:
                self._opened, self._probed = Moment.now(self._clock), None
                self._generation += 1

    def ask(self, ask: Callable[[], Answer]) -> Answer:
        """
        Return what *ask* returns, and report how it went.

        An :class:`~edge.problems.Unexpected` is an answer: the store is there, and the defect is ours. So is a fault
        ``conflict``: others write to the same records, and one hot record must not open the circuit for all. A call
        that was given no time, because the request had none left (``no_time``), says nothing of the store. Any other
        error reports nothing; if it was the probe's, the next probe is due after ``probe_ms``.

        Raises:
            CircuitOpen: the store was not asked.
            edge.problems.DependencyUnavailable: it was, and cannot be had.
            edge.problems.Unexpected: it refused.
        """
        permit = self.enter()
        if permit is None:
            raise CircuitOpen(retry_after_seconds=max(1, -(-self.left_ms() // 1000)))
        try:
            answer = ask()
        except DependencyUnavailable as unavailable:
            fault = unavailable.log_fields().get("fault")
            if fault == "conflict":
                self.succeeded(permit)
            elif fault != "no_time":
                self.failed(permit)
            raise
        except Unexpected:
            self.succeeded(permit)
            raise
        self.succeeded(permit)
        return answer

    def left_ms(self) -> int:
        """Return for how many milliseconds more the circuit stays open; 0 if a call may be let through."""
        with self._lock:
            if self._opened is None:
                return 0
            return max(0, self._open_ms - self._opened.elapsed_ms(self._clock))


class CircuitOpen(DependencyUnavailable):
    """The store was not asked, because it failed too often a moment ago; nothing was charged."""

    def log_fields(self) -> dict[str, object]:
        """Tell the log that this was no new failure."""
        return {"fault": "circuit_open", "outcome_unknown": False}
