"""
How a region looks at the others: a run a minute, a round every ten seconds, all others asked at once in each.

What counts as an answer: 200 of the region that was meant, or 503 of a region that says that it is well and drained
(:mod:`edge.health.readiness`). A drain is kept by the table, which takes the region out before anybody has looked; were it
a failure to the observers too, it would outlast its end by the time that a recovery takes, two drains would make an
observer of four regions believe that it is blind, and nobody could tell how a drained region really does. Everything else
is a failure: another status, another region's answer, a page that somebody put in between, no answer.
"""

from __future__ import annotations

from json import loads
from threading import Thread
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from edge.health.observations import ROUND_MS, Outcome, next_round_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from edge.clock import Clock
    from edge.health.observations import Report
    from edge.health.observer import Observer

PROBE_MS: Final = 2_000
"""
How long a probe waits. Between the two regions farthest apart a round trip takes 250 ms, and a new connection four of them:
1 s. The region may start a container for the answer and wait half a second for its own tables. What takes longer would
serve nobody; and detection, three rounds and this, keeps within 40 s.
"""

ROUNDS_A_RUN: Final = 6
ROUND_LASTS_MS: Final = PROBE_MS + 2_500
"""What a round may take: the probes, a read of the own report and its write. No round begins with less left than this."""

MAX_REPLY_BYTES: Final = 4_096
"""A longer answer is none: ours has a hundred bytes."""


class Reply(NamedTuple):
    """
    What came back.

    Attributes:
        status: HTTP status code.
        body: whole, at most :data:`MAX_REPLY_BYTES`.
    """

    status: int
    body: bytes


class Target(Protocol):
    """Another region's ``/api/monitoring/ready``."""

    def ask(self, deadline_ns: int) -> Reply | None:
        """
        Return its answer, None if there was no usable one by then.

        Args:
            deadline_ns: in monotonic time.
        """


class Round(NamedTuple):
    """
    What a round came to.

    Attributes:
        outcomes: by region code.
        report: as stored; None if it could not be.
        changed: codes of the regions that this observer now holds to be up, or down, and did not before.
    """

    outcomes: Mapping[str, Outcome]
    report: Report | None
    changed: tuple[str, ...]


def rounds(
    clock: Clock,
    sleep: Callable[[float], None],
    left_ms: Callable[[], int],
) -> Iterator[int]:
    """
    Wait for the rounds of one run and yield each when it is due, in epoch milliseconds.

    At most :data:`ROUNDS_A_RUN`, and none that could not be finished.

    Args:
        clock: of this container.
        sleep: takes seconds.
        left_ms: returns the milliseconds until the run is ended from outside.
    """
    last_ms: int | None = None
    for _ in range(ROUNDS_A_RUN):
        due_ms = next_round_ms(clock.now_ms())
        if due_ms == last_ms:  # a sleep that ended a moment early
            due_ms += ROUND_MS
        wait_ms = due_ms - clock.now_ms()
        if left_ms() < wait_ms + ROUND_LASTS_MS:
            return
        sleep(wait_ms / 1000)
        last_ms = due_ms
        yield due_ms


class Prober:
    """
    Asks the other regions and keeps what was seen; it is reused from run to run.

    Args:
        targets: by region code, at least one.
        observer: of this region.
        clock: of this container.
    """

    def __init__(self, targets: Mapping[str, Target], observer: Observer, clock: Clock) -> None:
        self._targets = targets
        self._observer = observer
        self._clock = clock

    def look(self, round_ms: int) -> Round:
        """
        Ask all regions at the same time and store what they answered.

        Args:
            round_ms: epoch milliseconds when the round was due.
        """
        outcomes = self._ask_all()
        report = self._observer.note(outcomes, round_ms=round_ms)
        now = round_ms // 1000
        sights = {} if report is None else report.sights
        changed = [code for code, sight in sights.items() if sight.since == now and len(sight.results) > 1]
        return Round(outcomes, report, tuple(changed))

    def _ask_all(self) -> dict[str, Outcome]:
        begun_ns = self._clock.monotonic_ns()
        deadline_ns = begun_ns + PROBE_MS * 1_000_000
        outcomes = {code: Outcome(ok=False, latency_ms=PROBE_MS) for code in self._targets}
        seen: dict[
            str, Outcome
        ] = {}  # apart: a thread that is left behind shall not change what was reported

        def ask(code: str, target: Target) -> None:
            reply = target.ask(deadline_ns)
            latency_ms = (self._clock.monotonic_ns() - begun_ns) // 1_000_000
            seen[code] = Outcome(reply is not None and serves(reply, region=code), latency_ms)

        threads = [
            Thread(target=ask, args=pair, name="edge-probe", daemon=True) for pair in self._targets.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, (deadline_ns - self._clock.monotonic_ns()) / 1e9))
        return {**outcomes, **seen}


def serves(reply: Reply, *, region: str) -> bool:
    """
    Return whether *reply* says that *region* serves, or would if it were not drained.

    Args:
        reply: an answer of ``/api/monitoring/ready``.
        region: code of the region that was asked.

    Example:
        >>> serves(Reply(503, b'{"status":"draining","region":"cdg1","timestamp":1795179600}'), region="cdg1")
        True
        >>> serves(Reply(200, b'{"status":"healthy","region":"hnd1","timestamp":1795179600}'), region="cdg1")
        False
    """
    if reply.status not in (200, 503) or len(reply.body) > MAX_REPLY_BYTES:
        return False
    try:
        document = loads(reply.body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict) or document.get("region") != region:
        return False
    return reply.status == 200 or document.get("status") == "draining"
