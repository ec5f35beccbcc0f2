"""
How long one call may go on: an overall budget, an attempt's share of it, and the pauses between attempts.

Pauses are exponential with full jitter (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/):
clients that failed together shall not come back together. Time, randomness and sleep come in by argument.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from edge.deadline import earliest

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.clock import Clock

PAUSE_MS = 25
"""Ceiling of the first pause after a fault; it doubles with each."""

THROTTLED_PAUSE_MS = 50
"""The same after a refusal for load: a partition's bucket refills by the second."""

MAX_PAUSE_MS = 400

MIN_ATTEMPT_MS = 20
"""No attempt is begun with less left than this: it would only turn a known outcome into an unknown one."""


def jitter() -> float:
    """Return a number in [0, 1) from the kernel: a seeded generator would be the same in every SnapStart clone."""
    return int.from_bytes(os.urandom(6), "big") / (1 << 48)


class Budget(NamedTuple):
    """
    What a call may cost.

    Attributes:
        connect_ms: connecting, handshake included. In a region that takes 2 ms, and some 20 at a quarter of a vCPU; a
            connection that is not up after 250 has lost its first packet, which the kernel repeats only after 1 s,
            so a new one is quicker.
        attempt_ms: one attempt, connecting included. DynamoDB answers in single milliseconds; what takes 400 is lost.
        call_ms: everything, pauses included.
        attempts: the most that is tried, >= 1.
    """

    connect_ms: int = 250
    attempt_ms: int = 400
    call_ms: int = 1_000
    attempts: int = 3


class Retries:
    """The progress of one call through its budget."""

    __slots__ = ("_attempts", "_budget", "_clock", "_end_ns", "_random", "_sleep")

    def __init__(
        self,
        budget: Budget,
        call_ms: int | None,
        clock: Clock,
        random: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._random = random
        self._sleep = sleep
        self._attempts = 1
        self._end_ns = earliest(
            clock.monotonic_ns() + (budget.call_ms if call_ms is None else call_ms) * 1_000_000
        )

    def deadline_ns(self) -> int:
        """Return when the attempt that begins now must be over, in monotonic time."""
        return min(self._clock.monotonic_ns() + self._budget.attempt_ms * 1_000_000, self._end_ns)

    def left_ms(self) -> int:
        """Return what is left of the call, possibly negative."""
        return (self._end_ns - self._clock.monotonic_ns()) // 1_000_000

    def pause(self, *, throttled: bool) -> bool:
        """
        Pause before another attempt and return True; or return False at once when none is worth it.

        Args:
            throttled: the service refused for load, so wait longer.
        """
        if self._attempts >= self._budget.attempts:
            return False
        ceiling_ms = min(
            MAX_PAUSE_MS, (THROTTLED_PAUSE_MS if throttled else PAUSE_MS) << (self._attempts - 1)
        )
        pause_ms = self._random() * ceiling_ms
        if self.left_ms() - pause_ms < MIN_ATTEMPT_MS:
            return False
        self._attempts += 1
        self._sleep(pause_ms / 1000)
        return True
