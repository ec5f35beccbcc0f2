"""
What the faces of the limiter ask of a limiter: one that blocks, or one that is awaited.

:class:`edge.ratelimit.limiter.Limiter` is of the first kind, and so is whatever wraps it with the same two methods;
:class:`edge.ratelimit.aio.AsyncLimiter` is of the second. Nothing is implemented here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from edge.ratelimit.decisions import Decision
    from edge.ratelimit.tiers import Tier


class Checks(Protocol):
    """A limiter whose calls block until the store answered."""

    def check(self, subject: str, tier: Tier, *, cost: int = 1) -> Decision:
        """
        Charge *cost* to *subject* if it fits, else charge nothing.

        Raises:
            ValueError: the cost can never fit.
            edge.problems.DependencyUnavailable: the store cannot be had; the cost may or may not be charged.
        """

    def peek(self, subject: str, tier: Tier, *, cost: int = 1) -> Decision:
        """
        Tell what :meth:`check` would answer; nothing is charged.

        Raises:
            ValueError: the cost can never fit.
            edge.problems.DependencyUnavailable: the store cannot be had.
        """


class AsyncChecks(Protocol):
    """The same, awaited; errors as in :class:`Checks`."""

    def check(self, subject: str, tier: Tier, *, cost: int = 1) -> Awaitable[Decision]:
        """Charge *cost* to *subject* if it fits, else charge nothing."""

    def peek(self, subject: str, tier: Tier, *, cost: int = 1) -> Awaitable[Decision]:
        """Tell what :meth:`check` would answer; nothing is charged."""
