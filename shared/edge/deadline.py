"""
How long the request that is being answered may still take; every call to AWS keeps within it.

A request asks several stores, each with a budget of its own. When all of them hang, their budgets would add up to more
than a caller waits; so a function that promises an answer in time begins a deadline, and a call that has no time left
is not made.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.clock import Clock

_ends_ns: Final[ContextVar[int | None]] = ContextVar("deadline", default=None)


@contextmanager
def within(budget_ms: int, clock: Clock) -> Iterator[None]:
    """
    Let what is called in this block take so long in all, and no longer than the block around it.

    Args:
        budget_ms: from now, > 0.
        clock: its monotonic time; that of the calls must be the same.

    Example:
        >>> from edge.clock import ManualClock
        >>> clock = ManualClock(now_ms=0)
        >>> with within(700, clock):
        ...     clock.advance(200)
        ...     earliest(clock.monotonic_ns() + 1_000_000_000) == clock.monotonic_ns() + 500_000_000
        True
    """
    token = _ends_ns.set(earliest(clock.monotonic_ns() + budget_ms * 1_000_000))
    try:
        yield
    finally:
        _ends_ns.reset(token)


def earliest(end_ns: int) -> int:
    """Return *end_ns*, or the end of the request if that comes before; both in monotonic time."""
    ends_ns = _ends_ns.get()
    return end_ns if ends_ns is None else min(end_ns, ends_ns)
