"""What a check answers, worked out from counters and an instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge.ratelimit.subjects import record_key
from edge.ratelimit.window import effective_now_ms, measure, release_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge.ratelimit.store import Counter, Record
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


class SubjectCharge(NamedTuple):
    """
    A charge and who is charged.

    Attributes:
        subject: as :func:`edge.ratelimit.subjects.check_subject` returns it.
        charge: tier and cost.
    """

    subject: str
    charge: Charge


class Decision(NamedTuple):
    """
    The answer to one charge.

    Attributes:
        allowed: whether the cost fits; if every charge of the check does, all were charged (a peek charges nothing).
        subject: as asked.
        tier: what it was checked against.
        remaining: units left in the window that ends now, >= 0; in a check of several subjects 0 also where no more than
            that is known, see :func:`decide_together`.
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


def spread(verdict: Verdict, fraction: float) -> Verdict:
    """
    Return *verdict* with waits that are longer by a part of a bucket.

    All that were denied in one bucket could come back in the same millisecond, and each with a write.

    Args:
        verdict: allowed or not.
        fraction: drawn anew for each verdict, ``0 <= fraction < 1``.
    """
    if verdict.allowed:
        return verdict
    decisions = [
        decision
        if decision.allowed
        else decision._replace(
            retry_after_ms=decision.retry_after_ms + int(fraction * decision.tier.window.bucket_ms)
        )
        for decision in verdict.decisions
    ]
    return Verdict(allowed=False, decisions=tuple(decisions))


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


def decide_together(
    asked: Sequence[SubjectCharge], known: Mapping[str, Record | None], now_ms: int
) -> Verdict:
    """
    Return the answer to charges of several subjects that were not made: a denial, or a look.

    A subject that nothing is known of, because another's record was enough to deny, does not stand in the way:
    its decision is ``allowed``, and promises no remaining units.

    Args:
        asked: what was asked.
        known: records as they stand, by their key; None for one that there is not. A key may be missing.
        now_ms: epoch ms of the check.
    """
    decisions = []
    for subject, charge in asked:
        key = record_key(subject)
        if key in known or charge.tier.unlimited:
            counter = _counter(known.get(key), charge.tier)
            decision = _decide_one(subject, charge, counter, now_ms, charged=False)
        else:
            decision = _unknown(subject, charge.tier, reset_at_ms=now_ms, decided_at_ms=now_ms)
        decisions.append(decision)
    return Verdict(all(decision.allowed for decision in decisions), tuple(decisions))


def charged_together(
    asked: Sequence[SubjectCharge],
    planned_from: Mapping[str, Record | None],
    left: Mapping[str, Record],
    now_ms: int,
) -> Verdict:
    """
    Return the answer to charges of several subjects that were made.

    What a transaction left is read after it. If that failed, no remaining units are promised, and the units of this
    check are told as the next to return.

    Args:
        asked: what was asked.
        planned_from: records that the writes were planned from, by their key.
        left: records as they were found after it, by their key; one may be missing.
        now_ms: epoch ms of the check.
    """
    decisions = []
    for subject, charge in asked:
        key, (tier, _) = record_key(subject), charge
        # What was found may have been moved on by others since: it does not tell when our units were charged.
        at_ms = effective_now_ms(tier.window, _counter(planned_from.get(key), tier), now_ms)
        if key in left or tier.unlimited:
            counter = _counter(left.get(key), tier)
            decision = _decide_one(subject, charge, counter, now_ms, charged=True)
            decisions.append(decision._replace(decided_at_ms=at_ms))
        else:
            reset_at_ms = tier.window.leaves_at_ms(at_ms // tier.window.bucket_ms)
            decisions.append(_unknown(subject, tier, reset_at_ms=reset_at_ms, decided_at_ms=at_ms))
    return Verdict(allowed=True, decisions=tuple(decisions))


def _counter(record: Record | None, tier: Tier) -> Counter | None:
    return None if record is None else record.counters.get(tier.code)


def _unknown(subject: str, tier: Tier, *, reset_at_ms: int, decided_at_ms: int) -> Decision:
    return Decision(
        allowed=True,
        subject=subject,
        tier=tier,
        remaining=0,
        reset_at_ms=reset_at_ms,
        retry_after_ms=0,
        degraded=False,
        decided_at_ms=decided_at_ms,
    )


def decide_later(subject: str, charges: Sequence[Charge], now_ms: int) -> Verdict:
    """Return a denial of *charges* for one bucket, for a record that changed at every try."""
    return decide_later_together([SubjectCharge(subject, charge) for charge in charges], now_ms)


def decide_later_together(asked: Sequence[SubjectCharge], now_ms: int) -> Verdict:
    """Return a denial of *asked* for one bucket, for records that changed at every try."""
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
        for subject, (tier, _) in asked
    ]
    return Verdict(allowed=False, decisions=tuple(decisions))
