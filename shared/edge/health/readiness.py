"""
Readiness: one question to the critical dependency, its answer shared for a few seconds.

Load balancers and other regions ask often; the dependency is asked seldom, and by one caller at a time, so that a slow
one is not buried under questions about its health.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from edge.clock import Clock

FRESH_SECONDS: Final = 5


class Probe(Protocol):
    """Asks one dependency."""

    def ask(self) -> None:
        """
        Return if it answers.

        Raises:
            edge.problems.ServiceProblem: it does not, in its time.
        """


class Readiness:
    """
    Whether the critical dependency answers.

    Args:
        probe: asks it, within a bounded time.
        clock: measures how old an answer is.
    """

    def __init__(self, probe: Probe, clock: Clock) -> None:
        self._probe = probe
        self._clock = clock
        self._lock = Lock()
        self._ready = False
        self._asked_ns: int | None = None

    def is_ready(self) -> bool:
        """Return the last answer while it is younger than :data:`FRESH_SECONDS`, else ask."""
        with self._lock:
            now_ns = self._clock.monotonic_ns()
            if self._asked_ns is None or now_ns - self._asked_ns >= FRESH_SECONDS * 1_000_000_000:
                self._ready = self._ask()
                self._asked_ns = self._clock.monotonic_ns()
            return self._ready

    def _ask(self) -> bool:
        try:
            self._probe.ask()
        except ServiceProblem:
            return False
        return True
