"""
The limiter for services with an event loop: the blocking one, run in threads of its own.

The limiter's store blocks, by design: a Lambda function has nothing else to do meanwhile. Here the loop goes on. The
threads are not those of ``asyncio.to_thread``: these serve the whole process, name resolution included, and a store
that hangs would take them all; nor would anything bound how many calls the store gets at once.

Every call takes a thread, a denial that the limiter knows by heart too: from outside one cannot tell which those are,
and a second cache of denials would not hear of refunds. What the hop costs: docs/ratelimit.md.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import TYPE_CHECKING, Final

from edge.ratelimit.decisions import Charge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self, TypeVar

    from edge.ratelimit.checks import Limits
    from edge.ratelimit.decisions import Decision, Verdict
    from edge.ratelimit.tiers import Tier

    T = TypeVar("T")

DEFAULT_MAX_CONCURRENCY: Final = 16
"""At 5 ms a call that is 3,200 checks a second, more than one Python process serves requests."""


class AsyncLimiter:
    """
    A limiter that is awaited; share one between all tasks, of one event loop or several.

    **Cancellation.** A check that is cancelled while it waits for a thread is never made, and nothing is charged. One
    that has begun cannot be stopped: it ends in its thread, once, and what it charged stays charged, as if the answer
    had been lost on the way (careful, never over). :attr:`abandoned_units` counts what was charged to nobody's use.
    The same holds for ``asyncio.timeout`` around a check.

    Args:
        limiter: decides; safe for threads, as all of ours are.
        max_concurrency: calls at once, >= 1; more wait in the order in which they came.

    Example:
        >>> from edge.clock import ManualClock
        >>> from edge.ratelimit.limiter import Limiter
        >>> from edge.ratelimit.memory import MemoryStore
        >>> from edge.ratelimit.tiers import TIERS
        >>> clock = ManualClock(now_ms=1_795_179_600_000)
        >>> async def main() -> int:
        ...     async with AsyncLimiter(Limiter(MemoryStore(clock), clock)) as limiter:
        ...         return (await limiter.check("user-42", TIERS["strict"], cost=4)).remaining
        >>> asyncio.run(main())
        6
    """

    def __init__(self, limiter: Limits, *, max_concurrency: int = DEFAULT_MAX_CONCURRENCY) -> None:
        self._limiter = limiter
        self._threads = ThreadPoolExecutor(max_concurrency, thread_name_prefix="ratelimit")
        self._abandoned_units = 0
        self._counting = Lock()

    @property
    def abandoned_units(self) -> int:
        """Units charged by checks whose callers were cancelled before they had the answer."""
        return self._abandoned_units

    async def check(self, subject: str, tier: Tier, *, cost: int = 1) -> Decision:
        """
        Charge *cost* to *subject* if it fits, else charge nothing.

        Args:
            subject: as :func:`edge.ratelimit.subjects.check_subject` returns it.
            tier: the limit.
            cost: units, ``1 <= cost <= tier.window.limit``.

        Raises:
            ValueError: the cost can never fit.
            edge.problems.DependencyUnavailable: the store cannot be had; the cost may or may not be charged.
            RuntimeError: the limiter was closed.
        """
        return (await self.check_all(subject, (Charge(tier, cost),))).decisions[0]

    async def check_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """
        Charge all of *charges* to *subject* if each fits, else charge none of them.

        Args:
            subject: as for :meth:`check`.
            charges: at least one, each of another tier.

        Raises:
            ValueError: a cost can never fit, or a tier is named twice.
            edge.problems.DependencyUnavailable: the store cannot be had; all or none may be charged.
            RuntimeError: the limiter was closed.
        """
        running = self._start(lambda: self._limiter.check_all(subject, charges))
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if not running.cancel():
                cost = sum([charge.cost for charge in charges])
                running.add_done_callback(lambda ended: self._count_abandoned(ended, cost))
            raise

    async def peek(self, subject: str, tier: Tier, *, cost: int = 1) -> Decision:
        """
        Tell what :meth:`check` would answer; nothing is charged.

        Args:
            subject: as for :meth:`check`.
            tier: the limit.
            cost: units, ``1 <= cost <= tier.window.limit``.

        Raises:
            ValueError: the cost can never fit.
            edge.problems.DependencyUnavailable: the store cannot be had.
            RuntimeError: the limiter was closed.
        """
        return (await self.peek_all(subject, (Charge(tier, cost),))).decisions[0]

    async def peek_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """Tell what :meth:`check_all` would answer; nothing is charged, errors are the same."""
        return await asyncio.wrap_future(self._start(lambda: self._limiter.peek_all(subject, charges)))

    async def refund(self, subject: str, tier: Tier, *, cost: int, admitted_at_ms: int) -> bool:
        """Give back units of an earlier check, as :meth:`edge.ratelimit.limiter.Limiter.refund`; errors are its."""
        return await asyncio.wrap_future(
            self._start(lambda: self._limiter.refund(subject, tier, cost=cost, admitted_at_ms=admitted_at_ms))
        )

    async def reset(self, subject: str, tier: Tier) -> None:
        """Forget what *subject* has used of *tier*, as :meth:`edge.ratelimit.limiter.Limiter.reset`."""
        await asyncio.wrap_future(self._start(lambda: self._limiter.reset(subject, tier)))

    async def aclose(self) -> None:
        """Take no more calls and wait for those that were taken; the limiter below stays as it is."""
        # Joining threads blocks, and one of the threads that are joined cannot do it.
        await asyncio.to_thread(self._threads.shutdown)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _start(self, ask: Callable[[], T]) -> Future[T]:
        # Tracing follows a request by context variables, into the thread too.
        return self._threads.submit(copy_context().run, ask)

    def _count_abandoned(self, ended: Future[Verdict], cost: int) -> None:
        if ended.exception() is None and ended.result().allowed:
            with self._counting:
                self._abandoned_units += cost
