"""
What this region depends on, and how each of it does: asked seldom, all at the same time, and never waited for too long.

Load balancers, other regions and people ask often; a dependency is asked once in a few seconds and by one thread at a
time, so that a slow one is not buried under questions about its health. All that are due are asked concurrently: one
after another, six that hang would take six times as long as one.
"""

from __future__ import annotations

from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from edge.moments import Moment
from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge.clock import Clock

State = Literal["healthy", "degraded", "unhealthy"]

FRESH_MS: Final = 5_000
"""How long an answer is shared; a failure no longer than this, whatever a success may."""

LATE: Final = "timed_out"
"""The fault of a dependency that has not answered when nobody waits any longer; a word of edge.aws."""

REFUSED: Final = "refused"
"""The fault of one that answers and will not: a table that is missing, a role that does not allow it."""


class Probe(Protocol):
    """Asks one dependency."""

    def ask(self) -> None:
        """
        Return if it answers.

        Raises:
            edge.problems.ServiceProblem: it does not, in its time.
        """


class Finding(NamedTuple):
    """
    How a dependency did when it was asked last.

    Attributes:
        name: of the dependency.
        is_critical: whether the region can serve without it.
        fault: why it failed, a word of a closed set; None if it answered.
        latency_ms: until it answered or failed.
        asked: when.
        consecutive_failures: up to this one; of this container's questions.
        since: epoch seconds since when it has been up, or down, as far as this container knows.
    """

    name: str
    is_critical: bool
    fault: str | None
    latency_ms: int
    asked: Moment
    consecutive_failures: int
    since: int


class Check:
    """
    One dependency, as one container knows it; share it between threads.

    Args:
        name: in answers.
        probe: asks it, within *most_ms*.
        clock: of this container.
        is_critical: whether the region cannot serve without it.
        most_ms: milliseconds after which nobody waits for an answer any longer.
        fresh_ms: how long a good answer is shared.
    """

    def __init__(
        self,
        name: str,
        probe: Probe,
        clock: Clock,
        *,
        is_critical: bool,
        most_ms: int,
        fresh_ms: int = FRESH_MS,
    ) -> None:
        self._name = name
        self._probe = probe
        self._clock = clock
        self._is_critical = is_critical
        self._most_ms = most_ms
        self._fresh_ms = fresh_ms
        self._asking = Lock()
        self._found: Finding | None = None
        self.failures = 0

    def shared(self) -> Finding | None:
        """Return the last answer, None if it is too old to be shared."""
        found = self._found
        if found is None:
            return None
        fresh_ms = self._fresh_ms if found.fault is None else min(self._fresh_ms, FRESH_MS)
        return found if found.asked.elapsed_ms(self._clock) < fresh_ms else None

    def find(self) -> Finding:
        """Return the last answer while it may be shared, else ask; who finds somebody asking waits for his answer."""
        begun = Moment.now(self._clock)
        found = self.shared()
        if found is None and self._asking.acquire(timeout=self._most_ms / 1000):
            try:
                found = self.shared()
                if found is None:
                    found = self._found = self._ask(self._found)
            finally:
                self._asking.release()
        return found or self.answered(begun)

    def answered(self, begun: Moment) -> Finding:
        """Return the answer that came after *begun*, or that none has come in time."""
        found = self._found
        if found is not None and found.asked.monotonic_ns >= begun.monotonic_ns:
            return found
        return self._finding(found, LATE, self._most_ms, Moment.now(self._clock))

    def _ask(self, before: Finding | None) -> Finding:
        asked = Moment.now(self._clock)
        fault = None
        try:
            self._probe.ask()
        except ServiceProblem as problem:
            self.failures += 1
            fault = str(problem.log_fields().get("fault", REFUSED))
        # Its own duration by monotonic time alone: nothing is frozen meanwhile, and wall time may step.
        latency_ms = (self._clock.monotonic_ns() - asked.monotonic_ns) // 1_000_000
        return self._finding(before, fault, latency_ms, Moment.now(self._clock))

    def _finding(self, before: Finding | None, fault: str | None, latency_ms: int, asked: Moment) -> Finding:
        is_news = before is None or (before.fault is None) is not (fault is None)
        since = asked.wall_ms // 1000 if before is None or is_news else before.since
        failures = 0 if fault is None else 1 + (0 if before is None else before.consecutive_failures)
        return Finding(self._name, self._is_critical, fault, latency_ms, asked, failures, since)


class Survey:
    """
    All dependencies, being asked.

    Args:
        checks: of the dependencies.
        clock: of this container.
        most_ms: milliseconds after which :meth:`findings` waits no longer, from now.
    """

    def __init__(self, checks: Sequence[Check], clock: Clock, *, most_ms: int) -> None:
        self._clock = clock
        self._begun = Moment.now(clock)
        self._ends_ns = self._begun.monotonic_ns + most_ms * 1_000_000
        self._shared = [(check, check.shared()) for check in checks]
        self._threads = [
            Thread(target=check.find, name="edge-check", daemon=True)
            for check, found in self._shared
            if found is None
        ]
        for thread in self._threads:
            thread.start()

    def findings(self) -> list[Finding]:
        """Return how each did, in order; one that has not answered by the end of the time has failed."""
        for thread in self._threads:
            thread.join(max(0.0, (self._ends_ns - self._clock.monotonic_ns()) / 1e9))
        return [found or check.answered(self._begun) for check, found in self._shared]


def state_of(findings: Iterable[Finding]) -> State:
    """
    Return the region's state in a word: without something critical it is unhealthy, without anything else degraded.

    Args:
        findings: of its dependencies.
    """
    failed = [finding for finding in findings if finding.fault is not None]
    if any(finding.is_critical for finding in failed):
        return "unhealthy"
    return "degraded" if failed else "healthy"
