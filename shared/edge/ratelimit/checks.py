"""
What the faces of the limiter ask of a limiter: one that blocks, or one that is awaited.

:class:`edge.ratelimit.limiter.Limiter` and :class:`edge.ratelimit.resilient.ResilientLimiter` are of the first kind,
:class:`edge.ratelimit.aio.AsyncLimiter` is of the second. Nothing is implemented here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from edge.ratelimit.decisions import Charge, Verdict
    from edge.ratelimit.tiers import Tier


class Checks(Protocol):
    """A limiter whose calls block until the store answered."""

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """
        Charge all of *charges* to *subject* if each fits, else charge none of them.

        Raises:
            ValueError: a cost can never fit, or a tier is named twice.
            edge.problems.DependencyUnavailable: the store cannot be had; all or none may be charged.
        """


class AsyncChecks(Protocol):
    """The same, awaited; errors as in :class:`Checks`."""

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Awaitable[Verdict]:
        """Charge all of *charges* to *subject* if each fits, else charge none of them."""


class Limits(Checks, Protocol):
    """A limiter that also tells what it would do, and takes back what it did."""

    def peek_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """Tell what :meth:`check_all` would answer; nothing is charged, errors are the same."""

    def refund(self, subject: str, tier: Tier, *, cost: int, admitted_at_ms: int) -> bool:
        """Give back units of an earlier check, as :meth:`edge.ratelimit.limiter.Limiter.refund`."""

    def reset(self, subject: str, tier: Tier) -> None:
        """Forget what *subject* has used of *tier*, as :meth:`edge.ratelimit.limiter.Limiter.reset`."""
