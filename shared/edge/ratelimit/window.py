"""
The algorithm: a sliding window as a cumulative counter with boundary snapshots; sans I/O.

Time is cut into buckets. A record holds ``total``, the units admitted ever, and for each bucket that was written in
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

from edge.ratelimit.store import Snapshot, Write

FORGET_AFTER_SECONDS: Final = 600
"""A record outlives two idle windows by this long."""

SNAPSHOT_TRUST_SECONDS: Final = 300
"""A snapshot is not used in the last seconds before its record may be forgotten: clocks disagree by less than this."""

SWEEP_DEAD_BUCKETS: Final = 24
"""Dead boundaries that a container which never comes back leaves behind before somebody sweeps them."""


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
        """A quarter of the window: dead boundaries are kept this long, for containers whose clocks are behind."""
        return max(1, self.buckets // 4)

    def horizon(self, bucket: int) -> int:
        """Return the horizon that a write in *bucket* sets: coarse, so that writers seldom disagree about it."""
        slack = self.slack_buckets
        return (bucket // slack + 1) * slack - 1

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


def usable(snapshot: Snapshot | None, now_ms: int) -> Snapshot | None:
    """Return *snapshot* unless its record may have been forgotten meanwhile and begun anew from zero."""
    if snapshot is None or now_ms >= (snapshot.expires_at_seconds - SNAPSHOT_TRUST_SECONDS) * 1000:
        return None
    return snapshot


def effective_now_ms(window: Window, snapshot: Snapshot | None, now_ms: int) -> int:
    """Return *now_ms*, moved forward if this clock is so far behind that boundaries it needs are gone."""
    if snapshot is None or window.oldest_bucket(now_ms) >= snapshot.floor:
        return now_ms
    return snapshot.floor * window.bucket_ms + window.window_ms


def measure(window: Window, snapshot: Snapshot | None, now_ms: int) -> Usage:
    """Return the units of *snapshot* that count at *now_ms* and when the next of them stop counting."""
    if snapshot is None:
        return Usage(0, None)
    oldest = window.oldest_bucket(now_ms)
    counted = [bucket for bucket in snapshot.boundaries if bucket >= oldest]
    if not counted:
        return Usage(0, None)
    base = min([snapshot.boundaries[bucket] for bucket in counted])
    return Usage(snapshot.total - base, window.leaves_at_ms(min(counted)))


def release_ms(window: Window, snapshot: Snapshot, now_ms: int, cost: int) -> int:
    """
    Return the first instant at which *cost* fits, if nothing else is admitted before; capacity cannot free sooner.

    Args:
        window: the limit; ``cost <= window.limit``.
        snapshot: the record.
        now_ms: epoch milliseconds.
        cost: units.
    """
    needed_base = snapshot.total + cost - window.limit
    oldest = window.oldest_bucket(now_ms)
    base = snapshot.total
    # From the newest bucket back: the base that remains once all buckets before this one have left.
    leaving = None
    for bucket in sorted(snapshot.boundaries, reverse=True):
        if bucket < oldest:
            break
        base = min(base, snapshot.boundaries[bucket])
        if base < needed_base:
            leaving = bucket
            break
    return now_ms if leaving is None else window.leaves_at_ms(leaving)


def plan(window: Window, snapshot: Snapshot | None, now_ms: int, cost: int) -> Write | None:
    """
    Return the write that admits *cost* at *now_ms*, or None if *snapshot* proves that it does not fit.

    Args:
        window: the limit; ``1 <= cost <= window.limit``.
        snapshot: what this container knows, already passed through :func:`usable`; None if nothing.
        now_ms: epoch milliseconds, already passed through :func:`effective_now_ms`.
        cost: units.
    """
    oldest = window.oldest_bucket(now_ms)
    bucket = now_ms // window.bucket_ms
    horizon = window.horizon(bucket)
    chain = (oldest, horizon) if cost == 1 else None
    expires_at_seconds = (now_ms + 2 * window.window_ms) // 1000 + FORGET_AFTER_SECONDS
    if snapshot is None:
        return Write(
            bucket=bucket,
            cost=cost,
            limit=window.limit,
            oldest_bucket=oldest,
            least_total=None,
            most_total=None,
            chain=chain,
            may_create=True,
            dead_buckets=(),
            new_floor=None,
            new_horizon=horizon,
            expires_at_seconds=expires_at_seconds,
        )
    counted = [before for number, before in snapshot.boundaries.items() if number >= oldest]
    # Without a counted boundary, the next to be written will be at least the total we saw: a lower bound of the base.
    base = min(counted) if counted else snapshot.total
    most_total = base + window.limit - cost
    if snapshot.total > most_total:
        return None
    dead, new_floor = _dead_buckets(window, snapshot, oldest)
    return Write(
        bucket=bucket,
        cost=cost,
        limit=window.limit,
        oldest_bucket=oldest,
        least_total=snapshot.total,
        most_total=most_total,
        chain=None if counted or snapshot.horizon > horizon else chain,
        may_create=False,
        dead_buckets=dead,
        new_floor=new_floor,
        new_horizon=None
        if snapshot.horizon > horizon or (counted and snapshot.horizon == horizon)
        else horizon,
        expires_at_seconds=expires_at_seconds,
    )


def plan_sweep(window: Window, snapshot: Snapshot, now_ms: int) -> Write | None:
    """Return the write that only removes dead boundaries, or None while there are few of them."""
    oldest = window.oldest_bucket(now_ms)
    dead, new_floor = _dead_buckets(window, snapshot, oldest)
    if len(dead) < SWEEP_DEAD_BUCKETS:
        return None
    return Write(
        bucket=now_ms // window.bucket_ms,
        cost=0,
        limit=window.limit,
        oldest_bucket=oldest,
        least_total=0,
        most_total=None,
        chain=None,
        may_create=False,
        dead_buckets=dead,
        new_floor=new_floor,
        new_horizon=None,
        expires_at_seconds=snapshot.expires_at_seconds,
    )


def _dead_buckets(window: Window, snapshot: Snapshot, oldest: int) -> tuple[tuple[int, ...], int | None]:
    """Return the boundaries that no check within the slack needs any more, and the floor that removing them asks for."""
    floor = oldest - window.slack_buckets
    dead = tuple([bucket for bucket in snapshot.boundaries if bucket < floor])
    return (dead, floor) if dead and floor > snapshot.floor else ((), None)
