"""What a check answers, worked out from counters and an instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge.ratelimit.window import effective_now_ms, measure, release_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge.ratelimit.store import Counter
    from edge.ratelimit.tiers import Tier


class Charge(NamedTuple):
    """
    Units to charge to a tier.

    Attributes:
        tier: the limit.
        cost: units, ``1 <= cost <= tier.window.limit``.
    """

    tier: Tier
    cost: int


class Decision(NamedTuple):
    """
    The answer to one charge.

    Attributes:
        allowed: whether the cost fits; if every charge of the check does, all were charged (a peek charges nothing).
        subject: as asked.
        tier: what it was checked against.
        remaining: units left in the window that ends now, >= 0.
        reset_at_ms: epoch ms at which units next return; the time of the check if none are used.
        retry_after_ms: 0 if allowed, else how long until the cost can fit; never too early.
        degraded: whether a fallback decided.
        decided_at_ms: epoch ms that the units were charged at; a refund names it.
    """

    allowed: bool
    subject: str
    tier: Tier
    remaining: int
    reset_at_ms: int
    retry_after_ms: int
    degraded: bool
    decided_at_ms: int


class Verdict(NamedTuple):
    """
    The answer to a check of several charges.

    Attributes:
        allowed: whether all were charged; else none was.
        decisions: one for each charge, in the order asked; those that would not fit alone are not ``allowed``.
    """

    allowed: bool
    decisions: tuple[Decision, ...]

    @property
    def violated(self) -> tuple[str, ...]:
        """Names of the tiers that the check would exceed."""
        return tuple([decision.tier.name for decision in self.decisions if not decision.allowed])

    @property
    def retry_after_ms(self) -> int:
        """How long until all can fit; 0 if allowed."""
        return max(decision.retry_after_ms for decision in self.decisions)


def decide(
    subject: str, charges: Sequence[Charge], counters: Mapping[str, Counter], now_ms: int, *, charged: bool
) -> Verdict:
    """
    Return the answer to *charges*.

    Args:
        subject: as asked.
        charges: what was asked.
        counters: as they stand after it, by code of the tier.
        now_ms: epoch ms of the check.
        charged: whether *counters* hold the charges already.
    """
    decisions = [
        _decide_one(subject, charge, counters.get(charge.tier.code), now_ms, charged=charged)
        for charge in charges
    ]
    return Verdict(all(decision.allowed for decision in decisions), tuple(decisions))


def _decide_one(
    subject: str, charge: Charge, counter: Counter | None, now_ms: int, *, charged: bool
) -> Decision:
    tier, cost = charge
    window = tier.window
    at_ms = effective_now_ms(window, counter, now_ms)
    usage = measure(window, counter, at_ms)
    allowed = charged or window.limit - usage.used >= cost
    # The wait is counted from this container's own clock: if it is behind, the wait is too long rather than too short.
    free_at_ms = now_ms if allowed or counter is None else release_ms(window, counter, at_ms, cost)
    return Decision(
        allowed=allowed,
        subject=subject,
        tier=tier,
        remaining=max(0, window.limit - usage.used),
        reset_at_ms=now_ms if usage.next_release_ms is None else usage.next_release_ms,
        retry_after_ms=free_at_ms - now_ms,
        degraded=False,
        decided_at_ms=at_ms,
    )


def decide_later(subject: str, charges: Sequence[Charge], now_ms: int) -> Verdict:
    """Return a denial of *charges* for one bucket, for a record that changed at every try."""
    decisions = [
        Decision(
            allowed=False,
            subject=subject,
            tier=tier,
            remaining=0,
            reset_at_ms=now_ms + tier.window.bucket_ms,
            retry_after_ms=tier.window.bucket_ms,
            degraded=False,
            decided_at_ms=now_ms,
        )
        for tier, _ in charges
    ]
    return Verdict(allowed=False, decisions=tuple(decisions))
