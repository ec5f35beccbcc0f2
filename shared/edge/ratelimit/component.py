"""
One region's table in a limit that holds for several: what others have used makes its limit lower.

A counter of the table is this region's *component* of a usage; the others' are known as they were published. What the
limiter below decides with the lowered limit is told here as a decision about all of them, with the exact instant at
which their windows together leave room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge.ratelimit.decisions import Charge, Verdict, decide
from edge.ratelimit.subjects import record_key
from edge.ratelimit.usage_exchange import used_of
from edge.ratelimit.window import effective_now_ms, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.clock import Clock
    from edge.ratelimit.decisions import Decision
    from edge.ratelimit.home import Limits
    from edge.ratelimit.store import Counter
    from edge.ratelimit.tiers import Tier
    from edge.ratelimit.usage_exchange import UsageExchange
    from edge.ratelimit.watched_store import WatchedStore
    from edge.ratelimit.window import Usage, Window
    from edge.regions import Region


def joint_release_ms(window: Window, counters: Sequence[Counter], now_ms: int, cost: int) -> int:
    """
    Return the first instant at which *cost* fits beside all *counters*, if nothing else is admitted before.

    Args:
        window: the limit of all together; ``cost <= window.limit``.
        counters: of its shape, one for each region.
        now_ms: epoch milliseconds.
        cost: units.
    """
    freed: dict[int, int] = {}
    excess = cost - window.limit
    for counter in counters:
        oldest = window.oldest_bucket(effective_now_ms(window, counter, now_ms))
        least, used = counter.total, 0
        # From the newest bucket back: each frees, when it leaves, what counts more with it than without.
        for bucket in sorted(counter.boundaries, reverse=True):
            if bucket < oldest:
                break
            least = min(least, counter.boundaries[bucket])
            freed[bucket] = freed.get(bucket, 0) + counter.total - least - used
            used = counter.total - least
        excess += used
    at_ms = now_ms
    for bucket in sorted(freed):
        if excess <= 0:
            break
        excess -= freed[bucket]
        at_ms = window.leaves_at_ms(bucket)
    return at_ms


class ComponentLimiter:
    """
    The limiter of one region's table, in which published tiers have the lower limit that others leave.

    Charges name tiers by :meth:`Tier.across_regions`, as :class:`~edge.ratelimit.home.HomeLimiter` passes them.

    Args:
        region: whose table it is.
        limits: the limiter of that table.
        seen: the store that *limits* asks, directly or through others.
        exchange: of this container.
        clock: of this container.
        published: says which tiers are published, equal in all regions.
    """

    def __init__(
        self,
        region: Region,
        limits: Limits,
        seen: WatchedStore,
        exchange: UsageExchange,
        clock: Clock,
        *,
        published: Callable[[Tier], bool],
    ) -> None:
        self._region = region
        self._limits = limits
        self._seen = seen
        self._exchange = exchange
        self._clock = clock
        self._published = published

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """
        Charge all or nothing, as :meth:`edge.ratelimit.limiter.Limiter.check_all`.

        What is known to leave no room denies without a call, but for one query of the usage table in five seconds. A
        decision is ``degraded`` also when other regions could not be heard, or told, for half a minute.

        Raises:
            ValueError: as there.
            edge.problems.DependencyUnavailable: *limits* could not decide.
            edge.problems.Unexpected: a table refused; a defect.
        """
        return self._decide(subject, charges, self._limits.check_all, peek=False)

    def peek_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """Charge and publish nothing, as :meth:`edge.ratelimit.limiter.Limiter.peek_all`."""
        return self._decide(subject, charges, self._limits.peek_all, peek=True)

    def reset(self, subject: str, tier: Tier) -> None:
        """
        Forget what *subject* has used of *tier* in this table, and tell all regions.

        Raises:
            edge.problems.DependencyUnavailable: a table cannot be had; it may or may not be forgotten.
        """
        self._limits.reset(subject, tier)
        if self._published(tier):
            key = record_key(subject)
            own = self._own(key, tier)
            if own is not None:
                self._exchange.announce(tier.code + key, self._region, tier.window, own)

    def _decide(
        self,
        subject: str,
        charges: Sequence[Charge],
        ask: Callable[[str, Sequence[Charge]], Verdict],
        *,
        peek: bool,
    ) -> Verdict:
        published = [charge for charge in charges if self._published(charge.tier)]
        are_valid = len({tier.code for tier, _ in charges}) == len(charges) and all(
            1 <= cost <= tier.window.limit for tier, cost in charges
        )
        if not published or not are_valid:
            return ask(subject, charges)  # which says what is wrong with them
        key, now_ms = record_key(subject), self._clock.now_ms()
        views = {tier.code: self._view(key, tier, now_ms) for tier, _ in published}
        is_full = any(
            views[tier.code].left - used_of(tier.window, self._own(key, tier), now_ms) < cost
            for tier, cost in published
        )
        for tier, _ in published:
            own = self._own(key, tier)
            if self._exchange.refresh(tier.code + key, self._region, tier.window, own, is_full=is_full):
                views[tier.code] = self._view(key, tier, now_ms)
        can_fit = all(views[tier.code].left >= cost for tier, cost in published)
        if can_fit:
            lowered = [
                Charge(tier._replace(window=tier.window._replace(limit=views[tier.code].left)), cost)
                if tier.code in views
                else Charge(tier, cost)
                for tier, cost in charges
            ]
            verdict = ask(subject, lowered)
        else:
            # This table is not asked, unless nothing is known of it: then nobody could tell how long to wait.
            if peek or self._seen.last(key) is None:
                self._limits.peek_all(subject, charges)
            record = self._seen.last(key)
            counters = {} if record is None else record.counters
            verdict = decide(subject, charges, counters, now_ms, charged=False)
        is_charged = can_fit and verdict.allowed and not peek
        decisions = []
        for charge, decision in zip(charges, verdict.decisions, strict=True):
            view = views.get(charge.tier.code)
            if view is None:
                decisions.append(decision)
                continue
            own = self._own(key, charge.tier)
            if not peek:
                self._exchange.publish(charge.tier.code + key, self._region, charge.tier.window, own)
            told = _told(decision, charge, view, own, now_ms, is_charged=is_charged)
            is_degraded = decision.degraded or self._exchange.is_stale(charge.tier.code + key)
            decisions.append(told._replace(degraded=is_degraded))
        return Verdict(all(decision.allowed for decision in decisions), tuple(decisions))

    def _own(self, key: str, tier: Tier) -> Counter | None:
        """Return this table's counter as it was last seen: by this container, or by the last that published it."""
        record = self._seen.last(key)
        seen = None if record is None else record.counters.get(tier.code)
        told = self._exchange.component(tier.code + key, self._region)
        if seen is None or told is None:
            return seen or told
        return seen if (seen.revision, seen.total) >= (told.revision, told.total) else told

    def _view(self, key: str, tier: Tier, now_ms: int) -> _View:
        window = tier.window
        counters = self._exchange.others(tier.code + key, self._region)
        usages = [measure(window, counter, effective_now_ms(window, counter, now_ms)) for counter in counters]
        return _View(counters, usages, window.limit - sum([usage.used for usage in usages]))


class _View(NamedTuple):
    """What is known of the other components; *left* is the part of the limit that they leave, also less than nothing."""

    counters: list[Counter]
    usages: list[Usage]
    left: int


def _told(
    decision: Decision, charge: Charge, view: _View, own: Counter | None, now_ms: int, *, is_charged: bool
) -> Decision:
    """Return *decision*, made with a lowered limit, as one about all regions together."""
    tier, cost = charge
    if decision.degraded:
        return decision._replace(tier=tier)
    window = tier.window
    own_usage = measure(window, own, effective_now_ms(window, own, now_ms))
    left = view.left - own_usage.used
    releases = [
        usage.next_release_ms for usage in (*view.usages, own_usage) if usage.next_release_ms is not None
    ]
    told = decision._replace(
        tier=tier,
        remaining=max(0, left),
        reset_at_ms=min(releases, default=decision.reset_at_ms),
        retry_after_ms=0,
    )
    if decision.allowed and (is_charged or left >= cost):
        return told
    counters = view.counters if own is None else [*view.counters, own]
    wait_ms = joint_release_ms(window, counters, now_ms, cost) - now_ms
    # A table that changed at every try denied although there may be room: then its own wait holds.
    return told._replace(allowed=False, retry_after_ms=wait_ms or decision.retry_after_ms)
