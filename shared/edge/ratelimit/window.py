"""
The algorithm: a sliding window as a cumulative counter with boundary snapshots; sans I/O.

Time is cut into buckets. A counter holds ``total``, the units admitted ever, and for each bucket that was written in
its *boundary*: the total before the first write of that bucket. Units admitted since a bucket b are then
``total - min(boundary[j] for j >= b)``. With b the bucket that holds ``now - W``, the oldest bucket counts in full,
and so no true window ever holds more than the limit.

Past boundaries never change and the total only grows. An old snapshot therefore yields a cap that is too low, never
too high: a stale container is careful, and no compare-and-swap is needed. A denial that a snapshot proves stays true
until the instant at which a bucket leaves the window, so it needs no call at all.

Worked example, 3 units a minute, buckets of 1 s: units at 12:00:00.2, 12:00:20.7 and 12:00:20.9 leave boundaries
{00: 0, 20: 1} and total 3. A check at 12:00:50 is denied; capacity frees at 12:01:01.0, when bucket 00 is over by a
whole window, and the next at 12:01:21.0.

Study, proof sketch and measurements: docs/decisions/cumulative-limiter.md. This module does not talk to a store, know
subjects, or read a clock.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from edge.ratelimit.store import Change, Counter, Record

SNAPSHOT_TRUST_SECONDS: Final = 300
"""A snapshot is not used in the last seconds before its record may be forgotten: clocks disagree by less than this."""

SLACK_MS: Final = 250
"""The least time that dead boundaries are kept, within a quarter of the window."""

REVISIONS_OF_AN_ERA: Final = 1 << 32
"""So many amendments between two resets are never made; a reset begins the next multiple."""

SWEEP_DEAD_BUCKETS: Final = 24
"""Dead boundaries that a container which never comes back leaves behind before somebody sweeps them."""

MAX_CHAIN_BUCKETS: Final = 125
"""
Buckets that the stateless conditions of one write may name in all: an expression has at most 300 operators, two for
each bucket and a dozen for each counter. Burst, tier and plan together fit.
"""

MAX_DEAD_BUCKETS: Final = 150
"""Boundaries that one write may remove in all: an expression has at most 4 KB. The floor covers those that stay."""


class Window(NamedTuple):
    """
    A limit over a sliding window.

    Attributes:
        limit: units, >= 1.
        window_ms: length in milliseconds, a multiple of *buckets*.
        buckets: how many buckets the window is cut into; capacity returns up to one bucket late.
    """

    limit: int
    window_ms: int
    buckets: int

    @property
    def bucket_ms(self) -> int:
        """Length of one bucket in milliseconds."""
        return self.window_ms // self.buckets

    @property
    def slack_buckets(self) -> int:
        """
        Dead boundaries are kept this long, for clocks that are behind and writes that are under way.

        A sixteenth of the window, more where that is under a quarter of a second: kept boundaries cost bytes, missing
        ones a second call.
        """
        return max(1, self.buckets // 16, min(self.buckets // 4, SLACK_MS // self.bucket_ms))

    @property
    def stride_buckets(self) -> int:
        """A sixth of the window: horizons lie this far apart, so that writers seldom disagree about them."""
        return max(1, self.buckets // 6)

    def horizon(self, bucket: int) -> int:
        """Return the horizon that a write in *bucket* sets: the last bucket of its stride."""
        stride = self.stride_buckets
        return (bucket // stride + 1) * stride - 1

    @property
    def chain_buckets(self) -> int:
        """How many buckets a stateless condition names at most: the window, up to the horizon."""
        return self.buckets + self.stride_buckets

    def oldest_bucket(self, now_ms: int) -> int:
        """Return the oldest bucket that a check at *now_ms* counts: the one that holds ``now - W``."""
        return (now_ms - self.window_ms) // self.bucket_ms

    def leaves_at_ms(self, bucket: int) -> int:
        """Return the first instant at which *bucket* is no longer counted."""
        return (bucket + 1) * self.bucket_ms + self.window_ms


class Usage(NamedTuple):
    """
    What a record says about one instant.

    Attributes:
        used: units that count now.
        next_release_ms: epoch ms of the next instant at which some of them stop counting; None if none are used.
    """

    used: int
    next_release_ms: int | None


def usable(record: Record | None, now_ms: int) -> Record | None:
    """Return *record* unless it may have been forgotten meanwhile and begun anew from zero."""
    if record is None or now_ms >= (record.expires_at_seconds - SNAPSHOT_TRUST_SECONDS) * 1000:
        return None
    return record


def effective_now_ms(window: Window, counter: Counter | None, now_ms: int) -> int:
    """Return *now_ms*, moved forward if this clock is so far behind that boundaries it needs are gone."""
    if counter is None or window.oldest_bucket(now_ms) >= counter.floor:
        return now_ms
    return counter.floor * window.bucket_ms + window.window_ms


def measure(window: Window, counter: Counter | None, now_ms: int) -> Usage:
    """Return the units of *counter* that count at *now_ms* and when the next of them stop counting."""
    if counter is None:
        return Usage(0, None)
    oldest = window.oldest_bucket(now_ms)
    counted = [bucket for bucket in counter.boundaries if bucket >= oldest]
    if not counted:
        return Usage(0, None)
    base = min([counter.boundaries[bucket] for bucket in counted])
    return Usage(counter.total - base, window.leaves_at_ms(min(counted)))


def release_ms(window: Window, counter: Counter, now_ms: int, cost: int) -> int:
    """
    Return the first instant at which *cost* fits, if nothing else is admitted before; capacity cannot free sooner.

    Args:
        window: the limit; ``cost <= window.limit``.
        counter: what is known.
        now_ms: epoch milliseconds.
        cost: units.
    """
    needed_base = counter.total + cost - window.limit
    oldest = window.oldest_bucket(now_ms)
    base = counter.total
    # From the newest bucket back: the base that remains once all buckets before this one have left.
    leaving = None
    for bucket in sorted(counter.boundaries, reverse=True):
        if bucket < oldest:
            break
        base = min(base, counter.boundaries[bucket])
        if base < needed_base:
            leaving = bucket
            break
    return now_ms if leaving is None else window.leaves_at_ms(leaving)


def plan(window: Window, code: str, counter: Counter | None, now_ms: int, cost: int) -> Change | None:
    """
    Return the change that admits *cost* at *now_ms*, or None if *counter* proves that it does not fit.

    Args:
        window: the limit; ``1 <= cost <= window.limit``.
        code: of the tier.
        counter: what this container knows, from a :func:`usable` record; None if nothing.
        now_ms: epoch milliseconds, already passed through :func:`effective_now_ms`.
        cost: units.
    """
    oldest = window.oldest_bucket(now_ms)
    bucket = now_ms // window.bucket_ms
    horizon = window.horizon(bucket)
    chain = (oldest, horizon) if cost == 1 and window.chain_buckets <= MAX_CHAIN_BUCKETS else None
    if counter is None:
        return Change(
            counter=code,
            bucket=bucket,
            cost=cost,
            limit=window.limit,
            oldest_bucket=oldest,
            least_total=None,
            most_total=None,
            revision=0,
            chain=chain,
            may_begin=True,
            dead_buckets=(),
            new_floor=None,
            new_horizon=horizon,
        )
    counted = [before for number, before in counter.boundaries.items() if number >= oldest]
    # Without a counted boundary, the next to be written will be at least the total we saw: a lower bound of the base.
    base = min(counted) if counted else counter.total
    most_total = base + window.limit - cost
    if counter.total > most_total:
        return None
    dead, new_floor = _dead_buckets(window, counter, oldest)
    return Change(
        counter=code,
        bucket=bucket,
        cost=cost,
        limit=window.limit,
        oldest_bucket=oldest,
        least_total=counter.total,
        most_total=most_total,
        revision=counter.revision,
        chain=None if counted or counter.horizon > horizon else chain,
        may_begin=False,
        dead_buckets=dead,
        new_floor=new_floor,
        new_horizon=None
        if counter.horizon > horizon or (counted and counter.horizon == horizon)
        else horizon,
    )


def within_expression(changes: list[Change]) -> tuple[Change, ...]:
    """
    Return *changes* with so much left out that one expression holds the rest.

    A chain that is left out may cost a second call; a dead boundary that is left is removed another time.
    """
    chain_left, dead_left = MAX_CHAIN_BUCKETS, MAX_DEAD_BUCKETS
    kept = []
    for change in changes:
        chain, dead_buckets = change.chain, change.dead_buckets[:dead_left]
        dead_left -= len(dead_buckets)
        if chain is not None:
            first, last = chain
            chain_left -= last - first + 1
            chain = chain if chain_left >= 0 else None
        kept.append(change._replace(chain=chain, dead_buckets=dead_buckets))
    return tuple(kept)


def plan_sweep(window: Window, code: str, counter: Counter, now_ms: int) -> Change | None:
    """Return the change that only removes dead boundaries, or None while there are few of them."""
    oldest = window.oldest_bucket(now_ms)
    dead, new_floor = _dead_buckets(window, counter, oldest)
    if len(dead) < SWEEP_DEAD_BUCKETS:
        return None
    return Change(
        counter=code,
        bucket=now_ms // window.bucket_ms,
        cost=0,
        limit=window.limit,
        oldest_bucket=oldest,
        least_total=0,
        most_total=None,
        revision=counter.revision,
        chain=None,
        may_begin=False,
        dead_buckets=dead,
        new_floor=new_floor,
        new_horizon=None,
    )


def refunded(
    window: Window, counter: Counter, *, admitted_at_ms: int, now_ms: int, cost: int
) -> Counter | None:
    """
    Return *counter* as if *cost* of the units admitted at *admitted_at_ms* had never been, or None if none can be.

    Units that have left the window are not given back: they hold nobody up. Neither is more than the bucket admitted.

    Args:
        window: the limit.
        counter: what the store has.
        admitted_at_ms: epoch milliseconds of the check that charged them.
        now_ms: epoch milliseconds, already passed through :func:`effective_now_ms`.
        cost: units, >= 1.
    """
    bucket = admitted_at_ms // window.bucket_ms
    before = counter.boundaries.get(bucket)
    if before is None or bucket < window.oldest_bucket(now_ms):
        return None
    later = [total for total in counter.boundaries.values() if total > before]
    if cost > min(later, default=counter.total) - before:
        return None
    return counter._replace(
        total=counter.total - cost,
        boundaries={
            number: total - cost if total > before else total for number, total in counter.boundaries.items()
        },
        revision=counter.revision + 1,
    )


def forgotten(counter: Counter) -> Counter:
    """Return *counter* with nothing used: without boundaries nothing counts. A new era of revisions begins."""
    return counter._replace(boundaries={}, revision=(era(counter) + 1) * REVISIONS_OF_AN_ERA)


def era(counter: Counter) -> int:
    """Return how often *counter* was forgotten: a refund that is under way meanwhile has nothing left to give back."""
    return counter.revision // REVISIONS_OF_AN_ERA


def _dead_buckets(window: Window, counter: Counter, oldest: int) -> tuple[tuple[int, ...], int | None]:
    """Return the boundaries that no check within the slack needs any more, and the floor that removing them asks for."""
    floor = oldest - window.slack_buckets
    dead = tuple([bucket for bucket in counter.boundaries if bucket < floor])
    return (dead, floor) if dead and floor > counter.floor else ((), None)
