"""
The limiter that goes on when its store is gone: degraded mode.

While the store cannot be had, a check is decided by its tier's policy and the answer says ``degraded``:

- *fail open* (the default): an exact window in this container's memory, of the container's share of the limit:
  ``limit // expected_containers``, at least 1. Rounded down, so that the containers that are expected admit no more
  together than one limit (or one unit each, where there are more containers than units).
- *fail closed*: denied. For limits that guard something, such as attempts to log in.

What it promises. Let C be the containers that really run, L the limit, S the share. In any true window:

- one container admits at most S units on its own, or one check that costs more than S: see below;
- the store admits at most L, as ever. What containers admitted on their own is not charged to it afterwards, so that
  a window in which it was there and gone has up to ``L + C * S`` in all. No order of faults makes it more: the local
  windows outlast the return of the store.

A check that costs more than the share could never fit into it, and failing open would deny it for good. It takes the
whole share instead: it is admitted if nothing else was in this window. A container then admits one such check a
window, and the bounds above hold with its cost in the place of S.

A denial in degraded mode sends the caller back when the local window has room or when the store may be back, whichever
is sooner: ten seconds without a store shall not cost a daily quota a day.

A write that failed may have been charged all the same (``outcome_unknown``). The local window decides then too; if both
charged, the subject has used more than it was admitted, never the reverse.

What is not here: refunds of units that were admitted in memory, and a memory that other containers share. Beyond
``max_local_records`` subjects in one window the one that was admitted longest ago starts again from zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.problems import DependencyUnavailable
from edge.ratelimit.decisions import Charge, Decision, SubjectCharge, Verdict
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.tiers import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.breaker import Breaker
    from edge.clock import Clock
    from edge.ratelimit.tiers import Tier

MIN_RETRY_MS: Final = 1_000
"""How long a store that just failed is given before it may be back: ``Retry-After`` has whole seconds."""

MAX_LOCAL_RECORDS: Final = 10_000
"""Subjects that are limited locally at once; a record takes about 1 KB."""


class ResilientLimiter:
    """
    Asks the primary limiter, and decides by itself where that cannot; share one between threads.

    It leaves degraded mode by itself, with the first probe of *breaker* that succeeds. While the circuit is open the
    primary is still asked: it denies, exactly and without a label, what its snapshots prove to be full.

    Args:
        primary: on a :class:`~edge.ratelimit.guarded_store.GuardedStore` with the same *breaker*; on a bare store every
            check waits for it.
        clock: of this container.
        expected_containers: how many share the work at peak, >= 1; too few admit too much, too many too little.
        breaker: tells when the store is asked again.
        fail_closed: names of the tiers that are denied; all others fail open.
        longest_window_ms: as for :class:`~edge.ratelimit.limiter.Limiter`.
        max_local_records: subjects that are limited locally at once, >= 1.

    Example:
        >>> from edge.clock import ManualClock
        >>> from edge.breaker import Breaker
        >>> from edge.ratelimit.guarded_store import GuardedStore
        >>> from edge.ratelimit.tiers import TIERS
        >>> clock = ManualClock(now_ms=1_795_179_600_000)
        >>> class Gone(MemoryStore):
        ...     def apply(self, key, write):
        ...         raise DependencyUnavailable(retry_after_seconds=1)
        >>> breaker = Breaker(clock)
        >>> primary = Limiter(GuardedStore(Gone(clock), breaker), clock)
        >>> limiter = ResilientLimiter(primary, clock, expected_containers=4, breaker=breaker)
        >>> answer = limiter.check("user-42", TIERS["default"])
        >>> answer.allowed, answer.degraded, answer.remaining, answer.tier.window.limit
        (True, True, 24, 100)
        >>> limiter.check("user-42", TIERS["strict"]).allowed
        False
    """

    def __init__(
        self,
        primary: Limiter,
        clock: Clock,
        *,
        expected_containers: int,
        breaker: Breaker,
        fail_closed: frozenset[str] = frozenset({"strict"}),
        longest_window_ms: int = DAY_MS,
        max_local_records: int = MAX_LOCAL_RECORDS,
    ) -> None:
        if expected_containers < 1 or max_local_records < 1:
            raise ValueError("expected_containers and max_local_records must be at least 1")
        self._primary = primary
        self._clock = clock
        self._expected_containers = expected_containers
        self._breaker = breaker
        self._fail_closed = fail_closed
        self._local = Limiter(
            MemoryStore(clock, max_records=max_local_records),
            clock,
            longest_window_ms=longest_window_ms,
            max_snapshots=max_local_records,
        )

    def check(self, subject: str, tier: Tier, *, cost: int = 1) -> Decision:
        """
        Charge *cost* to *subject* if it fits, else charge nothing; a store that is gone is no error.

        Args:
            subject: as for :meth:`edge.ratelimit.limiter.Limiter.check`.
            tier: the limit.
            cost: units, ``1 <= cost <= tier.window.limit``.

        Raises:
            ValueError: the cost can never fit.
            edge.problems.Unexpected: the store refused; a defect, and not hidden by an answer.
        """
        return self.check_all(subject, (Charge(tier, cost),)).decisions[0]

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """
        Charge all of *charges* to *subject* if each fits, else charge none of them.

        Args:
            subject: as for :meth:`check`.
            charges: at least one, each of another tier. If one of the tiers fails closed, nothing is charged.

        Raises:
            ValueError: a cost can never fit, or a tier is named twice.
            edge.problems.Unexpected: as for :meth:`check`.
        """
        try:
            return self._primary.check_all(subject, charges)
        except DependencyUnavailable:
            return self._decide_locally(subject, charges, charge=True)

    def check_together(self, asked: Sequence[SubjectCharge]) -> Verdict:
        """
        Charge all of *asked* if each fits, else charge none of them; several subjects.

        Args:
            asked: as for :meth:`edge.ratelimit.limiter.Limiter.check_together`. If one of the tiers fails closed,
                nothing is charged to anybody.

        Raises:
            ValueError: as :meth:`edge.ratelimit.limiter.Limiter.check_together`.
            edge.problems.Unexpected: as for :meth:`check`.
        """
        try:
            return self._primary.check_together(asked)
        except DependencyUnavailable:
            return self._decide_together_locally(asked, charge=True)

    def peek(self, subject: str, tier: Tier, *, cost: int = 1) -> Decision:
        """Tell what :meth:`check` would answer; nothing is charged, errors are the same."""
        return self.peek_all(subject, (Charge(tier, cost),)).decisions[0]

    def peek_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """Tell what :meth:`check_all` would answer; nothing is charged, errors are the same."""
        try:
            return self._primary.peek_all(subject, charges)
        except DependencyUnavailable:
            return self._decide_locally(subject, charges, charge=False)

    def peek_together(self, asked: Sequence[SubjectCharge]) -> Verdict:
        """Tell what :meth:`check_together` would answer; nothing is charged, errors are the same."""
        try:
            return self._primary.peek_together(asked)
        except DependencyUnavailable:
            return self._decide_together_locally(asked, charge=False)

    def refund(self, subject: str, tier: Tier, *, cost: int, admitted_at_ms: int) -> bool:
        """
        Give back units that the store charged, as :meth:`edge.ratelimit.limiter.Limiter.refund`; errors are its.

        What was admitted in memory, as the decision's ``degraded`` tells, is not given back.
        """
        return self._primary.refund(subject, tier, cost=cost, admitted_at_ms=admitted_at_ms)

    def reset(self, subject: str, tier: Tier) -> None:
        """
        Forget what *subject* has used of *tier*, here in memory too.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had; it may or may not be forgotten.
        """
        self._local.reset(subject, tier)
        self._primary.reset(subject, tier)

    def _decide_locally(self, subject: str, charges: Sequence[Charge], *, charge: bool) -> Verdict:
        """Return the verdict of this container alone; the primary has validated *charges* before it asked its store."""
        charges_now = charge and not self._closes(charges)
        ask = self._local.check_all if charges_now else self._local.peek_all
        return self._by_policy(charges, ask(subject, [self._share_of(one) for one in charges]))

    def _decide_together_locally(self, asked: Sequence[SubjectCharge], *, charge: bool) -> Verdict:
        """Return the verdict of this container alone on several subjects, as :meth:`_decide_locally` does on one."""
        charges = [one.charge for one in asked]
        charges_now = charge and not self._closes(charges)
        ask = self._local.check_together if charges_now else self._local.peek_together
        return self._by_policy(
            charges, ask([SubjectCharge(one.subject, self._share_of(one.charge)) for one in asked])
        )

    def _closes(self, charges: Sequence[Charge]) -> bool:
        return any(tier.name in self._fail_closed for tier, _ in charges)

    def _by_policy(self, charges: Sequence[Charge], verdict: Verdict) -> Verdict:
        """Return the local *verdict* on shares of *charges* as it is told: labelled, and denied where tiers fail closed."""
        decisions = [
            self._closed(decision.subject, tier)
            if tier.name in self._fail_closed
            else self._labelled(decision, tier)
            for (tier, _), decision in zip(charges, verdict.decisions, strict=True)
        ]
        return Verdict(allowed=verdict.allowed and not self._closes(charges), decisions=tuple(decisions))

    def _share_of(self, charge: Charge) -> Charge:
        tier, cost = charge
        share = max(1, tier.window.limit // self._expected_containers)
        return Charge(tier._replace(window=tier.window._replace(limit=share)), min(cost, share))

    def _labelled(self, decision: Decision, tier: Tier) -> Decision:
        if decision.allowed:
            return decision._replace(tier=tier, degraded=True)
        retry_after_ms = min(decision.retry_after_ms, self._store_back_ms())
        return decision._replace(
            tier=tier,
            degraded=True,
            retry_after_ms=retry_after_ms,
            reset_at_ms=min(decision.reset_at_ms, decision.decided_at_ms + retry_after_ms),
        )

    def _store_back_ms(self) -> int:
        return max(MIN_RETRY_MS, self._breaker.left_ms())

    def _closed(self, subject: str, tier: Tier) -> Decision:
        now_ms = self._clock.now_ms()
        retry_after_ms = self._store_back_ms()
        return Decision(
            allowed=False,
            subject=subject,
            tier=tier,
            remaining=0,
            reset_at_ms=now_ms + retry_after_ms,
            retry_after_ms=retry_after_ms,
            degraded=True,
            decided_at_ms=now_ms,
        )
