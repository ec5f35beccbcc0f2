"""
Models of the usual algorithms, for the limiters whose time cannot be injected; pure, one process, cost 1.

A model shows what an algorithm admits when nothing goes wrong: no network, no race, no clock that disagrees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.traces import Shape


class FixedWindow:
    """A counter that begins anew at every aligned boundary."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._window = -1
        self._used = 0

    def decide(self, now_ms: int) -> bool:
        """Admit if the counter has room."""
        window = now_ms // self._shape.window_ms
        if window != self._window:
            self._window, self._used = window, 0
        if self._used >= self._shape.limit:
            return False
        self._used += 1
        return True


class SlidingCounter:
    """
    The last window's count, weighted by how much of it is still inside, and this window's.

    Cloudflare's "Counting things, a lot of different things" (2017); upstash's ``SlidingWindow``.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._window = -1
        self._used = self._used_before = 0

    def decide(self, now_ms: int) -> bool:
        """Admit if the estimate has room."""
        window_ms = self._shape.window_ms
        window, elapsed_ms = divmod(now_ms, window_ms)
        if window != self._window:
            self._used_before = self._used if window == self._window + 1 else 0
            self._window, self._used = window, 0
        # In whole numbers: before * (1 - elapsed / W) + used + 1 <= limit.
        estimate = self._used_before * (window_ms - elapsed_ms) + (self._used + 1) * window_ms
        if estimate > self._shape.limit * window_ms:
            return False
        self._used += 1
        return True


class Gcra:
    """
    The generic cell rate algorithm (ITU-T I.371) with a burst of the whole limit: a token bucket of that size.

    redis-cell, API Gateway, Stripe's token buckets, zae-limiter, upstash's ``TokenBucket`` but for its aligned refill.
    """

    def __init__(self, shape: Shape) -> None:
        self._limit = shape.limit
        self._burst = shape.limit * shape.window_ms
        self._interval = shape.window_ms
        self._arrival_at = 0

    def decide(self, now_ms: int) -> bool:
        """Admit if the theoretical arrival time is not further ahead than the burst allows."""
        # Times are in 1 / limit of a millisecond, so that the interval of one unit is a whole number.
        now = now_ms * self._limit
        arrival_at = max(self._arrival_at, now) + self._interval
        if arrival_at - now > self._burst:
            return False
        self._arrival_at = arrival_at
        return True
