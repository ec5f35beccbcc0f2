"""
One limit for all regions: every subject has a home region, and its units are charged there.

Counters are never replicated: replicas that are reconciled later admit up to four times a limit, independent regional
counters exactly four times. A subject's home follows from its name by rendezvous hashing (Thaler and Ravishankar, 1998):
every region works it out alone, and a region that is added or taken away moves only its own share of subjects.

The price is one trip to the home. When the home cannot be reached, the asking region decides by its own counter, and
the answer says ``degraded``: in the worst case each region then admits the limit once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from edge.problems import DependencyUnavailable
from edge.ratelimit.decisions import Charge, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.ratelimit.tiers import Tier
    from edge.regions import Region


class Limits(Protocol):
    """A limiter of one region."""

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """Charge all or nothing, as :meth:`edge.ratelimit.limiter.Limiter.check_all`."""

    def peek_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """Charge nothing, as :meth:`edge.ratelimit.limiter.Limiter.peek_all`."""

    def reset(self, subject: str, tier: Tier) -> None:
        """Forget what was used, as :meth:`edge.ratelimit.limiter.Limiter.reset`."""


class Located(NamedTuple):
    """
    A verdict and where it was made.

    Attributes:
        verdict: the answer.
        region: whose counters decided.
    """

    verdict: Verdict
    region: Region


def home_of(subject: str, regions: Sequence[Region]) -> Region:
    """
    Return the home of *subject*: of all *regions* the one that it hashes highest with.

    Example:
        >>> from edge.regions import DEPLOYED
        >>> home_of("user-42", DEPLOYED).code
        'iad1'
    """
    from hashlib import sha256  # deferred: few checks are global

    name = subject.encode()
    return max(regions, key=lambda region: sha256(region.code.encode() + b"/" + name).digest())


class HomeLimiter:
    """
    Decides where a subject is at home.

    Args:
        own: the region that asks.
        regions: that subjects are at home in, equal in all of them.
        limits_of: returns the limiter of a region's store; asked again for each check, so it should remember.
    """

    def __init__(self, own: Region, regions: Sequence[Region], limits_of: Callable[[Region], Limits]) -> None:
        self._own = own
        self._regions = regions
        self._limits_of = limits_of

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Located:
        """
        Charge all of *charges* to *subject* in all regions together if each fits, else charge none of them.

        Raises:
            ValueError: as :meth:`edge.ratelimit.limiter.Limiter.check_all`.
            edge.problems.DependencyUnavailable: neither the home's store nor this region's can be had.
        """
        return self._decide(subject, charges, lambda limits, across: limits.check_all(subject, across))

    def peek_all(self, subject: str, charges: Sequence[Charge]) -> Located:
        """Tell what :meth:`check_all` would answer; nothing is charged, errors are the same."""
        return self._decide(subject, charges, lambda limits, across: limits.peek_all(subject, across))

    def reset(self, subject: str, tier: Tier) -> None:
        """
        Forget what *subject* has used of *tier* at home.

        Raises:
            edge.problems.DependencyUnavailable: the home's store cannot be had; it may or may not be forgotten.
        """
        self._limits_of(home_of(subject, self._regions)).reset(subject, tier.across_regions())

    def reset_everywhere(self, subject: str, tier: Tier) -> None:
        """
        Forget what *subject* has used of *tier* in the table of every region.

        Raises:
            edge.problems.DependencyUnavailable: one of them cannot be had; the others may be done.
        """
        for region in self._regions:
            self._limits_of(region).reset(subject, tier.across_regions())

    def _decide(
        self, subject: str, charges: Sequence[Charge], ask: Callable[[Limits, list[Charge]], Verdict]
    ) -> Located:
        across = [Charge(tier.across_regions(), cost) for tier, cost in charges]
        home = home_of(subject, self._regions)
        try:
            return Located(ask(self._limits_of(home), across), home)
        except DependencyUnavailable:
            if home == self._own:
                raise
        verdict = ask(self._limits_of(self._own), across)
        decisions = [decision._replace(degraded=True) for decision in verdict.decisions]
        return Located(verdict._replace(decisions=tuple(decisions)), self._own)
