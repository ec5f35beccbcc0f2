"""
The limiter: checks a subject against a tier, with as few calls to the store as the bound allows.

What it learned of a record it keeps as a snapshot, and a denial that a snapshot proves costs no call. It does not
validate wire input (:mod:`edge.ratelimit.wire` does) and it does not hide a store that is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from edge.problems import DependencyUnavailable
from edge.ratelimit.snapshots import SnapshotCache
from edge.ratelimit.store import Applied
from edge.ratelimit.subjects import record_key
from edge.ratelimit.window import effective_now_ms, measure, plan, plan_sweep, release_ms, usable

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.ratelimit.store import Snapshot, WindowStore
    from edge.ratelimit.tiers import Tier

MAX_CALLS: Final = 5
"""
Writes that one check may try. A second is due when the snapshot was stale; a third only when containers whose clocks
disagree by more than a bucket write in between. Then the check is denied for one bucket: careful, never over.
"""


class Decision(NamedTuple):
    """
    The answer to one check.

    Attributes:
        allowed: whether the cost was charged (for a peek: would have been).
        subject: as asked.
        tier: what it was checked against.
        remaining: units left in the window that ends now, >= 0.
        reset_at_ms: epoch ms at which units next return; the time of the check if none are used.
        retry_after_ms: 0 if allowed, else how long until the cost can fit; never too early.
        degraded: whether a fallback decided; always False here.
    """

    allowed: bool
    subject: str
    tier: Tier
    remaining: int
    reset_at_ms: int
    retry_after_ms: int
    degraded: bool


class Limiter:
    """
    Decides for one container; share one between its threads.

    Args:
        store: holds the records.
        clock: of this container.
        max_snapshots: records remembered; the least recently used is forgotten first, at the price of one call.

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

    def __init__(self, store: WindowStore, clock: Clock, *, max_snapshots: int = 10_000) -> None:
        self._store = store
        self._clock = clock
        self._snapshots = SnapshotCache(max_snapshots)

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
        window = tier.window
        if not 1 <= cost <= window.limit:
            raise ValueError("cost must be between 1 and the tier's limit")
        key = record_key(tier.key_prefix, subject)
        now_ms = self._clock.now_ms()
        snapshot = usable(self._snapshots.get(key), now_ms)
        for _ in range(MAX_CALLS):
            at_ms = effective_now_ms(window, snapshot, now_ms)
            write = plan(window, snapshot, at_ms, cost)
            if write is None:
                return _decision(subject, tier, snapshot, now_ms, cost, allowed=False)
            outcome = self._store.apply(key, write)
            snapshot = outcome.snapshot
            self._snapshots.put(key, snapshot)
            if isinstance(outcome, Applied):
                self._sweep(key, tier, outcome.snapshot, at_ms)
                return _decision(subject, tier, snapshot, now_ms, cost, allowed=True)
        return Decision(
            allowed=False,
            subject=subject,
            tier=tier,
            remaining=0,
            reset_at_ms=now_ms + window.bucket_ms,
            retry_after_ms=window.bucket_ms,
            degraded=False,
        )

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
        window = tier.window
        if not 1 <= cost <= window.limit:
            raise ValueError("cost must be between 1 and the tier's limit")
        key = record_key(tier.key_prefix, subject)
        now_ms = self._clock.now_ms()
        snapshot = self._store.read(key)
        self._snapshots.put(key, snapshot)
        at_ms = effective_now_ms(window, snapshot, now_ms)
        allowed = window.limit - measure(window, snapshot, at_ms).used >= cost
        return _decision(subject, tier, snapshot, now_ms, cost, allowed=allowed)

    def _sweep(self, key: str, tier: Tier, snapshot: Snapshot, now_ms: int) -> None:
        """Remove what containers that never came back have left: one more write, seldom."""
        write = plan_sweep(tier.window, snapshot, now_ms)
        if write is None:
            return
        try:
            self._snapshots.put(key, self._store.apply(key, write).snapshot)
        except DependencyUnavailable:
            # The check itself is decided and charged; whoever comes next sweeps.
            return


def _decision(
    subject: str, tier: Tier, snapshot: Snapshot | None, now_ms: int, cost: int, *, allowed: bool
) -> Decision:
    window = tier.window
    at_ms = effective_now_ms(window, snapshot, now_ms)
    usage = measure(window, snapshot, at_ms)
    # The wait is counted from this container's own clock: if it is behind, the wait is too long rather than too short.
    free_at_ms = now_ms if allowed or snapshot is None else release_ms(window, snapshot, at_ms, cost)
    return Decision(
        allowed=allowed,
        subject=subject,
        tier=tier,
        remaining=max(0, window.limit - usage.used),
        reset_at_ms=now_ms if usage.next_release_ms is None else usage.next_release_ms,
        retry_after_ms=free_at_ms - now_ms,
        degraded=False,
    )
