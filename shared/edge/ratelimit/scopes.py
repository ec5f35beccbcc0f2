"""Where a limit holds: in the region that is asked, or in all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from edge.ratelimit.home import Located

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.ratelimit.decisions import Charge
    from edge.ratelimit.home import HomeLimiter, Limits
    from edge.regions import Region

Scope = Literal["region", "global"]


class Scopes:
    """
    The limiters of one function, by scope.

    Args:
        own: the region that is asked.
        regional: counts in this region.
        across: counts in all regions together.
    """

    def __init__(self, own: Region, regional: Limits, across: HomeLimiter) -> None:
        self._own = own
        self._regional = regional
        self._across = across

    def decide(self, scope: Scope, subject: str, charges: Sequence[Charge], *, peek: bool) -> Located:
        """
        Charge all of *charges* or none; with *peek* only tell.

        Args:
            scope: where the limit holds.
            subject: as :func:`edge.ratelimit.subjects.check_subject` returns it.
            charges: at least one, each of another tier.
            peek: charge nothing.

        Raises:
            ValueError: as :meth:`edge.ratelimit.limiter.Limiter.check_all`.
            edge.problems.ServiceProblem: the stores cannot be had, and the limiters do not make up for it.
        """
        if scope == "global":
            return (
                self._across.peek_all(subject, charges) if peek else self._across.check_all(subject, charges)
            )
        ask = self._regional.peek_all if peek else self._regional.check_all
        return Located(ask(subject, charges), self._own)
