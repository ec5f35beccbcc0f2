"""Where a limit holds: in the region that is asked, or in all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from edge.ratelimit.decisions import spread
from edge.ratelimit.home import Located

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.ratelimit.decisions import Charge, SubjectCharge, Verdict
    from edge.ratelimit.tiers import Tier
    from edge.regions import Region

Scope = Literal["region", "global"]


class Regional(Protocol):
    """The limiter of this region, such as :class:`edge.ratelimit.resilient.ResilientLimiter`."""

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """Charge one subject all or nothing."""

    def check_together(self, asked: Sequence[SubjectCharge]) -> Verdict:
        """Charge several subjects all or nothing."""

    def peek_together(self, asked: Sequence[SubjectCharge]) -> Verdict:
        """Charge nothing, and tell what would be."""

    def reset(self, subject: str, tier: Tier) -> None:
        """Forget what a subject has used."""


class Across(Protocol):
    """The limiter of all regions together, such as :class:`edge.ratelimit.published.PublishedLimiter`."""

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Located:
        """Charge one subject all or nothing."""

    def peek_all(self, subject: str, charges: Sequence[Charge]) -> Located:
        """Charge nothing, and tell what would be."""

    def reset(self, subject: str, tier: Tier) -> None:
        """Forget what a subject has used."""


class Scopes:
    """
    The limiters of one function, by scope.

    Args:
        own: the region that is asked.
        regional: counts in this region.
        across: counts in all regions together.
        jitter: uniform in [0, 1). What callers are told to wait is longer by so much of a bucket, so that those who
            were denied together do not come back together; never shorter.

    Attributes:
        own: the same.
    """

    def __init__(
        self, own: Region, regional: Regional, across: Across, *, jitter: Callable[[], float]
    ) -> None:
        self.own = own
        self._jitter = jitter
        self._regional = regional
        self._across = across

    def decide(self, scope: Scope, asked: Sequence[SubjectCharge], *, peek: bool) -> Located:
        """
        Charge all of *asked* or none; with *peek* only tell.

        Args:
            scope: where the limits hold; ``global`` takes one subject: several have several homes.
            asked: at least one, each of another subject or tier.
            peek: charge nothing.

        Raises:
            ValueError: as :meth:`edge.ratelimit.limiter.Limiter.check_together`, or several subjects in scope ``global``.
            edge.problems.ServiceProblem: the stores cannot be had, and the limiters do not make up for it.
        """
        if scope == "region":
            ask = self._regional.peek_together if peek else self._regional.check_together
            return Located(spread(ask(asked), self._jitter()), self.own)
        subject = asked[0].subject
        if any(one.subject != subject for one in asked):
            raise ValueError("scope global takes one subject")
        charges = [one.charge for one in asked]
        ask_all = self._across.peek_all if peek else self._across.check_all
        verdict, region = ask_all(subject, charges)
        return Located(spread(verdict, self._jitter()), region)

    def charge(self, scope: Scope, subject: str, charges: Sequence[Charge]) -> Verdict:
        """
        Charge *subject* all of *charges* or none.

        Raises:
            ValueError: as :meth:`edge.ratelimit.limiter.Limiter.check_all`.
            edge.problems.ServiceProblem: the stores cannot be had, and the limiters do not make up for it.
        """
        if scope == "region":
            verdict = self._regional.check_all(subject, charges)
        else:
            verdict = self._across.check_all(subject, charges).verdict
        return spread(verdict, self._jitter())

    def reset(self, scope: Scope, subject: str, tier: Tier) -> None:
        """
        Forget what *subject* has used of *tier*.

        Raises:
            edge.problems.DependencyUnavailable: a store cannot be had; it may or may not be forgotten.
        """
        if scope == "region":
            self._regional.reset(subject, tier)
        else:
            self._across.reset(subject, tier)
