"""
The limiter: checks a subject against tiers, with as few calls to the store as the bound allows.

What it learned of a record it keeps as a snapshot, and a denial that a snapshot proves costs no call. It does not
validate wire input (:mod:`edge.ratelimit.wire` does) and it does not hide a store that is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.problems import DependencyUnavailable
from edge.ratelimit.decisions import (
    Charge,
    Decision,
    SubjectCharge,
    Verdict,
    charged_together,
    decide,
    decide_later,
    decide_later_together,
    decide_together,
)
from edge.ratelimit.snapshots import SnapshotCache
from edge.ratelimit.store import Amendment, Applied, AppliedTogether, Record, Write
from edge.ratelimit.subjects import record_key
from edge.ratelimit.tiers import DAY_MS
from edge.ratelimit.window import (
    effective_now_ms,
    era,
    forgotten,
    plan,
    plan_sweep,
    refunded,
    usable,
    within_expression,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.clock import Clock
    from edge.ratelimit.store import Change, Counter, WindowStore
    from edge.ratelimit.tiers import Tier

MAX_CALLS: Final = 5
"""
Writes that one check may try. A second is due when the snapshot was stale; a third only when containers whose clocks
disagree by more than a bucket write in between. Then the check is denied for one bucket: careful, never over.
"""

MAX_TOGETHER: Final = 5
"""Charges that one check of several subjects may have: every record more is one more that others may be writing to."""

MAX_AMENDMENTS: Final = 50
"""Compare-and-swaps that one refund or reset may lose to others before it gives up."""

PATIENCE_MS: Final = 200
"""No further write is tried after this long: each may take as long as the store's budget, and a caller waits."""

FORGET_AFTER_SECONDS: Final = 600
"""A record outlives two idle windows by this long."""


class Limiter:
    """
    Decides for one container; share one between its threads.

    Args:
        store: holds the records.
        clock: of this container.
        longest_window_ms: of all tiers that the store's records are checked against, equal in all containers: a record
            must not be forgotten while its longest window is still open.
        max_snapshots: records remembered; the least recently used is forgotten first, at the price of one call.
        patience_ms: a check that needs another write after this long gives up instead, as if the store were gone.

    Example:
        >>> from edge.clock import ManualClock
        >>> from edge.ratelimit.memory import MemoryStore
        >>> from edge.ratelimit.tiers import TIERS
        >>> clock = ManualClock(now_ms=1_795_179_600_000)
        >>> limiter = Limiter(MemoryStore(clock), clock)
        >>> [limiter.check("user-42", TIERS["strict"], cost=4).remaining for _ in range(2)]
        [6, 2]
        >>> refused = limiter.check("user-42", TIERS["strict"], cost=4)
        >>> refused.allowed, refused.remaining, refused.retry_after_ms
        (False, 2, 61000)
    """

    def __init__(
        self,
        store: WindowStore,
        clock: Clock,
        *,
        longest_window_ms: int = DAY_MS,
        max_snapshots: int = 10_000,
        patience_ms: int = PATIENCE_MS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._longest_window_ms = longest_window_ms
        self._snapshots = SnapshotCache(max_snapshots)
        self._patience_ns = patience_ms * 1_000_000

    def check(self, subject: str, tier: Tier, *, cost: int = 1) -> Decision:
        """
        Charge *cost* to *subject* if it fits, else charge nothing.

        Args:
            subject: as :func:`edge.ratelimit.subjects.check_subject` returns it.
            tier: the limit.
            cost: units, ``1 <= cost <= tier.window.limit``.

        Raises:
            ValueError: the cost can never fit.
            edge.problems.DependencyUnavailable: the store cannot be had; the cost may or may not be charged.
        """
        return self.check_all(subject, (Charge(tier, cost),)).decisions[0]

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """
        Charge all of *charges* to *subject* if each fits, else charge none of them: one record, one call.

        Args:
            subject: as for :meth:`check`.
            charges: at least one, each of another tier; an unlimited tier is not counted.

        Raises:
            ValueError: a cost can never fit, or a tier is named twice.
            edge.problems.DependencyUnavailable: the store cannot be had; all or none may be charged.
        """
        self._validate(charges)
        key = record_key(subject)
        now_ms = self._clock.now_ms()
        counted = [charge for charge in charges if not charge.tier.unlimited]
        if not counted:
            return decide(subject, charges, {}, now_ms, charged=True)
        record = usable(self._snapshots.get(key), now_ms)
        patience_ends_ns = self._clock.monotonic_ns() + self._patience_ns
        for number in range(MAX_CALLS):
            if number and self._clock.monotonic_ns() > patience_ends_ns:
                raise DependencyUnavailable(retry_after_seconds=1)
            counters = _counters(record)
            changes = _plan_all(counted, counters, now_ms)
            if changes is None:
                return decide(subject, charges, counters, now_ms, charged=False)
            outcome = self._store.apply(
                key, Write(within_expression(changes), self._expires_at_seconds(now_ms))
            )
            record = outcome.record
            self._snapshots.put(key, record)
            if isinstance(outcome, Applied):
                if self._clock.monotonic_ns() <= patience_ends_ns:
                    self._sweep(key, counted, outcome.record, now_ms)
                return decide(subject, charges, outcome.record.counters, now_ms, charged=True)
        return decide_later(subject, charges, now_ms)

    def check_together(self, asked: Sequence[SubjectCharge]) -> Verdict:
        """
        Charge all of *asked* if each fits, else charge none of them: several subjects, one transaction.

        An admitted check is a transaction and a read of what it left; a denial that a snapshot proves costs no call. If
        no more than one subject is counted, it is a :meth:`check_all`, at its price.

        Args:
            asked: 1 to 5, each of another subject or tier; an unlimited tier is not counted.

        Returns:
            Decisions in the order asked. ``remaining`` is 0 where no more is known: of subjects that were not looked at
            because another's snapshot denies, and of all if the read failed.

        Raises:
            ValueError: a cost can never fit, a tier is named twice for one subject, or there are too many.
            edge.problems.DependencyUnavailable: the store cannot be had, or others write to the same records without a
                pause; all or none may be charged.
        """
        counted = self._counted_by_record(asked)
        if len(counted) < 2:
            return self._of_one_record(asked, self.check_all, charged=True)
        now_ms = self._clock.now_ms()
        expires_at_seconds = self._expires_at_seconds(now_ms)
        known: dict[str, Record | None] = {}
        for key in counted:
            snapshot = usable(self._snapshots.get(key), now_ms)
            if snapshot is not None:
                known[key] = snapshot
        patience_ends_ns = self._clock.monotonic_ns() + self._patience_ns
        for number in range(MAX_CALLS):
            if number and self._clock.monotonic_ns() > patience_ends_ns:
                raise DependencyUnavailable(retry_after_seconds=1)
            writes = []
            for key, charges in counted.items():
                changes = _plan_all(charges, _counters(known.get(key)), now_ms)
                if changes is None:
                    return decide_together(asked, known, now_ms)
                writes.append((key, Write(within_expression(changes), expires_at_seconds)))
            outcome = self._store.apply_together(writes)
            for key, record in outcome.records.items():
                self._snapshots.put(key, record)
            if isinstance(outcome, AppliedTogether):
                for key, left in outcome.records.items():
                    if self._clock.monotonic_ns() <= patience_ends_ns:
                        self._sweep(key, counted[key], left, now_ms)
                return charged_together(asked, known, outcome.records, now_ms)
            known |= outcome.records
        return decide_later_together(asked, now_ms)

    def peek(self, subject: str, tier: Tier, *, cost: int = 1) -> Decision:
        """
        Tell what :meth:`check` would answer; nothing is written.

        Args:
            subject: as for :meth:`check`.
            tier: the limit.
            cost: units, ``1 <= cost <= tier.window.limit``.

        Raises:
            ValueError: the cost can never fit.
            edge.problems.DependencyUnavailable: the store cannot be had.
        """
        return self.peek_all(subject, (Charge(tier, cost),)).decisions[0]

    def peek_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        """
        Tell what :meth:`check_all` would answer; nothing is written.

        Raises:
            ValueError: a cost can never fit, or a tier is named twice.
            edge.problems.DependencyUnavailable: the store cannot be had.
        """
        self._validate(charges)
        key = record_key(subject)
        now_ms = self._clock.now_ms()
        if all(charge.tier.unlimited for charge in charges):
            return decide(subject, charges, {}, now_ms, charged=False)
        record = self._store.read(key)
        self._snapshots.put(key, record)
        return decide(subject, charges, _counters(record), now_ms, charged=False)

    def peek_together(self, asked: Sequence[SubjectCharge]) -> Verdict:
        """
        Tell what :meth:`check_together` would answer; nothing is written.

        Raises:
            ValueError: as for :meth:`check_together`.
            edge.problems.DependencyUnavailable: the store cannot be had.
        """
        counted = self._counted_by_record(asked)
        if len(counted) < 2:
            return self._of_one_record(asked, self.peek_all, charged=False)
        now_ms = self._clock.now_ms()
        records = self._store.read_together(list(counted))
        for key, record in records.items():
            self._snapshots.put(key, record)
        return decide_together(asked, records, now_ms)

    def refund(self, subject: str, tier: Tier, *, cost: int, admitted_at_ms: int) -> bool:
        """
        Give back units of an earlier check, for work that was not done after all.

        Args:
            subject: as for :meth:`check`.
            tier: that they were charged to.
            cost: how many, at most what that check charged; giving back twice is the caller's mistake.
            admitted_at_ms: :attr:`Decision.decided_at_ms` of that check.

        Returns:
            Whether they were given back; False when they have left the window or were reset, or when they cannot be
            told from others' any more. After a reset in the same bucket, units that were charged since may be taken
            for them.

        Raises:
            ValueError: cost < 1.
            edge.problems.DependencyUnavailable: the store cannot be had; they may or may not be given back.
        """
        if cost < 1:
            raise ValueError("cost must be at least 1")

        def amended(counter: Counter, now_ms: int) -> Counter | None:
            at_ms = effective_now_ms(tier.window, counter, now_ms)
            return refunded(tier.window, counter, admitted_at_ms=admitted_at_ms, now_ms=at_ms, cost=cost)

        return self._amend(subject, tier, amended)

    def reset(self, subject: str, tier: Tier) -> None:
        """
        Forget what *subject* has used of *tier*.

        Another container may still deny what it has denied before, until the instant that it told.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had; it may or may not be forgotten.
        """
        self._amend(subject, tier, lambda counter, _: forgotten(counter) if counter.boundaries else None)

    def _amend(self, subject: str, tier: Tier, amended: Callable[[Counter, int], Counter | None]) -> bool:
        """Replace the counter by what *amended* makes of it; again if somebody came in between, unless by a reset."""
        key = record_key(subject)
        began_in: int | None = None
        for _ in range(MAX_AMENDMENTS):
            record = self._store.read(key)
            self._snapshots.put(key, record)
            counter = None if record is None else record.counters.get(tier.code)
            if counter is None or (began_in is not None and era(counter) != began_in):
                return False
            began_in = era(counter)
            after = amended(counter, self._clock.now_ms())
            if after is None:
                return False
            outcome = self._store.amend(key, Amendment(tier.code, counter, after))
            self._snapshots.put(key, outcome.record)
            if isinstance(outcome, Applied):
                return True
        raise DependencyUnavailable(retry_after_seconds=1)

    def _validate(self, charges: Sequence[Charge]) -> None:
        if not charges or len({charge.tier.code for charge in charges}) < len(charges):
            raise ValueError("charges must name at least one tier, and each once")
        for charge in charges:
            self._validate_one(charge)

    def _validate_one(self, charge: Charge) -> None:
        if not 1 <= charge.cost <= charge.tier.window.limit:
            raise ValueError("cost must be between 1 and the tier's limit")
        if charge.tier.window.window_ms > self._longest_window_ms:
            raise ValueError("the tier's window is longer than longest_window_ms")

    def _counted_by_record(self, asked: Sequence[SubjectCharge]) -> dict[str, list[Charge]]:
        """Validate *asked* and return what of it is counted, by key of the record."""
        names = {(subject, charge.tier.code) for subject, charge in asked}
        if not 1 <= len(asked) <= MAX_TOGETHER or len(names) < len(asked):
            raise ValueError("charges must be 1 to 5, and name each tier of a subject once")
        counted: dict[str, list[Charge]] = {}
        for subject, charge in asked:
            self._validate_one(charge)
            if not charge.tier.unlimited:
                counted.setdefault(record_key(subject), []).append(charge)
        return counted

    def _of_one_record(
        self,
        asked: Sequence[SubjectCharge],
        ask: Callable[[str, Sequence[Charge]], Verdict],
        *,
        charged: bool,
    ) -> Verdict:
        """Return what *ask* answers of the one subject that is counted, with the uncounted of others in between."""
        subject = next((one.subject for one in asked if not one.charge.tier.unlimited), asked[0].subject)
        own = [one for one in asked if one.subject == subject]
        answered = dict(zip(own, ask(subject, [one.charge for one in own]).decisions, strict=True))
        now_ms = self._clock.now_ms()
        decisions = [
            answered[one]
            if one in answered
            else decide(one.subject, [one.charge], {}, now_ms, charged=charged).decisions[0]
            for one in asked
        ]
        return Verdict(all(decision.allowed for decision in decisions), tuple(decisions))

    def _expires_at_seconds(self, now_ms: int) -> int:
        return (now_ms + 2 * self._longest_window_ms) // 1000 + FORGET_AFTER_SECONDS

    def _sweep(self, key: str, charges: Sequence[Charge], record: Record, now_ms: int) -> None:
        """Remove what containers that never came back have left: one more write, seldom."""
        changes = []
        for tier, _ in charges:
            counter = record.counters[tier.code]
            change = plan_sweep(
                tier.window, tier.code, counter, effective_now_ms(tier.window, counter, now_ms)
            )
            if change is not None:
                changes.append(change)
        if not changes:
            return
        try:
            outcome = self._store.apply(key, Write(within_expression(changes), record.expires_at_seconds))
        except DependencyUnavailable:
            # The check itself is decided and charged; whoever comes next sweeps.
            return
        self._snapshots.put(key, outcome.record)


def _counters(record: Record | None) -> dict[str, Counter]:
    return {} if record is None else record.counters


def _plan_all(charges: Sequence[Charge], counters: dict[str, Counter], now_ms: int) -> list[Change] | None:
    """Return a change for each charge, or None if one of them is known not to fit."""
    changes = []
    for tier, cost in charges:
        counter = counters.get(tier.code)
        change = plan(tier.window, tier.code, counter, effective_now_ms(tier.window, counter, now_ms), cost)
        if change is None:
            return None
        changes.append(change)
    return changes
