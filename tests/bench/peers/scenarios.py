"""
What is measured of one limiter on the machine's clock: latency, a hammer, a flood, and whether a refused cost is free.

An admission happens at some instant between the start and the end of its call. Two admissions are counted in one true
window only if the earlier call began and the later one ended within it, so that neither the network nor a waiting thread
makes an excess out of nothing.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from tests.bench.peers.port import Flood, Hammer, Latency, Limit, Report, Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bench.peers.port import Peer

Found = TypeVar("Found")

THREADS: Final = 16
HOUR_MS: Final = 3_600_000
LATENCY_ROUNDS: Final = 3
LATENCY_ROUND_NS: Final = 200_000_000
LATENCY_BATCH: Final = 20
HAMMER_CHECKS: Final = 200
FLOOD_SECONDS: Final = 4.0
FLOOD_LIMIT: Final = Limit(50, 1_000)
FLOOD_BEGINS_BEFORE_SECONDS: Final = 0.05
"""
Before a whole second of the wall clock: the worst moment for counters of aligned windows, chosen so that what they admit
does not depend on when the benchmark was started.
"""
CLOCK_STEP_NS: Final = 1_000_000
"""The limiters' clocks have whole milliseconds; a window is taken one shorter, so that rounding is no excess."""


class Admission(NamedTuple):
    """When a call that admitted began and ended, in nanoseconds of one clock."""

    begun_ns: int
    ended_ns: int


def most_surely_in_one_window(admissions: Sequence[Admission], window_ns: int) -> int:
    """
    Return a lower bound of the most that were admitted within less than *window_ns*.

    Example:
        >>> most_surely_in_one_window([Admission(0, 1), Admission(2, 9), Admission(5, 12)], window_ns=10)
        2
    """
    by_begin = sorted(admissions)
    most = 0
    for number, first in enumerate(by_begin):
        until_ns = first.begun_ns + window_ns
        sure = 0
        for admission in by_begin[number:]:
            if admission.begun_ns >= until_ns:
                break
            sure += admission.ended_ns < until_ns
        most = max(most, sure)
    return most


def report(open_limited: Callable[[Limit, str], Peer]) -> Report:
    """
    Return everything about one limiter.

    Args:
        open_limited: opens it for a limit, under a name that no other has.
    """
    return Report(
        latency=Latency(
            admitted_us=_time_us(open_limited(Limit(1_000_000, HOUR_MS), "admitted")),
            denied_us=_time_us(_exhausted(open_limited(Limit(10, HOUR_MS), "denied"))),
        ),
        hammer=hammer(open_limited(Limit(100, HOUR_MS), "hammer")),
        flood=flood(open_limited(FLOOD_LIMIT, "flood")),
        refused_is_free=refused_is_free(open_limited(Limit(100, HOUR_MS), "refused")),
    )


def hammer(peer: Peer) -> Hammer:
    """Let all threads check one key a fixed number of times."""
    begun = time.perf_counter()
    answers = [
        answer
        for found in _in_threads(lambda: [_ask(peer, "hot") for _ in range(HAMMER_CHECKS)])
        for answer in found
    ]
    elapsed_seconds = time.perf_counter() - begun
    return Hammer(
        admitted=answers.count(True),
        unanswered=answers.count(None),
        checks_per_second=len(answers) / elapsed_seconds,
    )


def flood(peer: Peer) -> Flood:
    """Let all threads check one key of a short window as fast as they can."""
    peer.hit("another", 1)
    before = peer.calls()
    time.sleep(1.0 - (time.time() + FLOOD_BEGINS_BEFORE_SECONDS) % 1.0)
    end_ns = time.monotonic_ns() + int(FLOOD_SECONDS * 1e9)

    def run() -> tuple[int, int, list[Admission]]:
        checks = unanswered = 0
        admissions = []
        while (begun_ns := time.monotonic_ns()) < end_ns:
            checks += 1
            answer = _ask(peer, "flooded")
            unanswered += answer is None
            if answer:
                admissions.append(Admission(begun_ns, time.monotonic_ns()))
        return checks, unanswered, admissions

    ran = _in_threads(run)
    admissions = [admission for _, _, found in ran for admission in found]
    after = peer.calls()
    window_ns = FLOOD_LIMIT.window_ms * 1_000_000 - CLOCK_STEP_NS
    return Flood(
        admitted=len(admissions),
        unanswered=sum(unanswered for _, unanswered, _ in ran),
        most_ratio=most_surely_in_one_window(admissions, window_ns) / FLOOD_LIMIT.units,
        calls_per_check=None
        if before is None or after is None
        else (after.total - before.total) / sum(checks for checks, _, _ in ran),
    )


def refused_is_free(peer: Peer) -> bool:
    """Return whether 10 still pass after 90 of 100 were used and 20 were refused."""
    if not all(peer.hit("costly", 10) for _ in range(9)) or peer.hit("costly", 20):
        raise RuntimeError("the limiter does not take costs")
    return peer.hit("costly", 10)


def _ask(peer: Peer, key: str) -> bool | None:
    """Return the answer, or None if there is none."""
    try:
        return peer.hit(key, 1)
    except Unanswered:
        return None


def _exhausted(peer: Peer) -> Peer:
    while peer.hit("timed", 1):
        pass
    return peer


def _time_us(peer: Peer) -> float:
    for _ in range(LATENCY_BATCH):
        peer.hit("timed", 1)
    rounds = []
    for _ in range(LATENCY_ROUNDS):
        checks = 0
        begun_ns = time.perf_counter_ns()
        while (elapsed_ns := time.perf_counter_ns() - begun_ns) < LATENCY_ROUND_NS:
            for _ in range(LATENCY_BATCH):
                peer.hit("timed", 1)
            checks += LATENCY_BATCH
        rounds.append(elapsed_ns / checks / 1_000)
    return statistics.median(rounds)


def _in_threads(run: Callable[[], Found]) -> list[Found]:
    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(THREADS)]]
