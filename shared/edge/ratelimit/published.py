"""
One limit for all regions without a trip to another: each region counts in its own table and is told what others used.

For long windows, where the seconds that news take are short beside the window. A check is made in this region's table
with a limit that is lower by what the others have published (:mod:`edge.ratelimit.usage_exchange`): one regional
``UpdateItem`` as ever, at most one query a second, seldom a publication.

What it promises. A table never admits above ``L`` less what was known of the others. So the most that all R regions
admit in any true window (shorter by as much as clocks disagree, as ever) is

    L + what the other regions admitted that had not arrived.

Of a region whose callers go on asking, that is what it admitted within D = 1 s until it publishes + the replication's
lag + 1 s until it is read (5 s while nobody is known to use anything), or less than a twentieth of what was left: it
goes to nothing as the limit comes near. The excess is ``remote rate x D``: 1.00 of a daily limit at five times its
rate; a burst that spends a day's limit within D in every region at once is admitted R times.

Of a region whose callers fall silent it is what it never told: under a twentieth of the limit (or its last D, if others
had not yet told it either). Three regions that stop just below that, and a fourth that then takes all it can: 1.15. It
is as rare as it sounds: one check in each of the three, after the fourth has published, tells. A higher
``floor_percent`` publishes less and bounds less: 20 makes it 1.60.

Several charges in one check are all or nothing, so they are made in one table. If one of their windows is too short for
publication, that is the table of the subject's home, where the short one is counted for all regions
(:mod:`edge.ratelimit.home`). The long ones are then charged to the *home's component* of their usage, lower by what is
known of all other components: a counter is never split in two, whichever checks it is charged by. The container that
asked saw the home's counter and publishes it as well, as a writer of its own. It follows that a tier may change its mode:
its home counter becomes its home's component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.ratelimit.decisions import Charge
from edge.ratelimit.home import Located
from edge.ratelimit.tiers import LONG_WINDOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.ratelimit.home import HomeLimiter, Limits
    from edge.ratelimit.tiers import Tier
    from edge.regions import Region

LEAST_WINDOW_MS: Final = LONG_WINDOW_MS

MOST_BUCKETS: Final = 60
"""Of a published window: its boundaries travel in one write unit."""


def is_published(tier: Tier, *, least_window_ms: int = LEAST_WINDOW_MS) -> bool:
    """
    Return whether a limit for all regions is kept by publication; if not, at the subject's home.

    Args:
        tier: the limit. One that is tried out as a shadow is counted at home, where it is exact.
        least_window_ms: shorter windows are not published; equal in all regions.
    """
    window = tier.window
    return (
        not (tier.unlimited or tier.shadow)
        and window.window_ms >= least_window_ms
        and window.buckets <= MOST_BUCKETS
    )


class PublishedLimiter:
    """
    Decides for all regions together: by publication where every window is long enough, else at the subject's home.

    Args:
        own: the region that asks.
        component: of its own table.
        home: of the other tables, each behind a :class:`ComponentLimiter` of its region.
        published: says which tiers are published, equal in all regions.
    """

    def __init__(
        self,
        own: Region,
        component: Limits,
        home: HomeLimiter,
        *,
        published: Callable[[Tier], bool] = is_published,
    ) -> None:
        self._own = own
        self._component = component
        self._home = home
        self._published = published

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Located:
        """
        Charge all of *charges* to *subject* in all regions together if each fits, else charge none of them.

        Raises:
            ValueError: as :meth:`edge.ratelimit.limiter.Limiter.check_all`.
            edge.problems.DependencyUnavailable: no table that could decide can be had.
            edge.problems.Unexpected: a table refused; a defect.
        """
        if not self._stays(charges):
            return self._home.check_all(subject, charges)
        return Located(self._component.check_all(subject, _across(charges)), self._own)

    def peek_all(self, subject: str, charges: Sequence[Charge]) -> Located:
        """Tell what :meth:`check_all` would answer; nothing is charged, errors are the same."""
        if not self._stays(charges):
            return self._home.peek_all(subject, charges)
        return Located(self._component.peek_all(subject, _across(charges)), self._own)

    def reset(self, subject: str, tier: Tier) -> None:
        """
        Forget what *subject* has used of *tier* in all regions.

        Raises:
            edge.problems.DependencyUnavailable: a table cannot be had; it may be forgotten in some regions.
        """
        if self._published(tier):
            self._home.reset_everywhere(subject, tier)
        else:
            self._home.reset(subject, tier)

    def _stays(self, charges: Sequence[Charge]) -> bool:
        return all(charge.tier.unlimited or self._published(charge.tier) for charge in charges)


def _across(charges: Sequence[Charge]) -> list[Charge]:
    return [Charge(tier.across_regions(), cost) for tier, cost in charges]
