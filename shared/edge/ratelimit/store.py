"""
What the algorithm asks of a store: one conditional write, one consistent read.

The vocabulary is that of one DynamoDB ``UpdateItem``, so that the DynamoDB store translates and the memory store
evaluates the same :class:`Write`; one contract suite holds both to it.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Snapshot(NamedTuple):
    """
    A record as it stood at one moment; the past in it never changes, so an old snapshot only makes us careful.

    Attributes:
        total: units admitted since the record began; it only grows.
        boundaries: bucket number -> *total* before the first write of that bucket.
        floor: boundaries of buckets below this one may have been removed.
        horizon: no boundary of a bucket above this one exists.
        limit: the limit that the last write was made with.
        expires_at_seconds: epoch seconds before which the store does not forget the record.
    """

    total: int
    boundaries: dict[int, int]
    floor: int
    horizon: int
    limit: int
    expires_at_seconds: int


class Write(NamedTuple):
    """
    One conditional, atomic change of a record.

    It is applied if the record's floor is not above *oldest_bucket* (nor above *new_floor*), its horizon is not above
    *new_horizon* (where that is given), and one of these holds:

    - there is no record, and *may_create*;
    - ``least_total <= total <= most_total`` (where these are given);
    - *chain* is given, the record's limit equals *limit*, and every boundary in *chain* exceeds ``total - limit``.

    It then adds *cost* to the total, notes the total before it as the boundary of *bucket* unless that has one,
    stores *limit* and *expires_at_seconds*, raises the horizon to *new_horizon* where that is given, and, where
    *new_floor* is given, removes *dead_buckets* and raises the floor.

    Attributes:
        bucket: number of the bucket that the units belong to.
        cost: units to add, > 0; or 0 to sweep only (no boundary is noted then).
        limit: units per window.
        oldest_bucket: the oldest bucket whose boundary this decision relies on.
        least_total: total of the snapshot that *most_total* was derived from; a lower one is another record's.
        most_total: the highest total that leaves room for *cost*.
        chain: buckets (first, last) for the stateless condition; it is exact for a cost of 1 only.
        may_create: whether a missing record may be begun.
        dead_buckets: boundaries to remove, all below *new_floor*.
        new_floor: the floor to set, or None to leave it.
        new_horizon: the horizon to set, or None where the record's is known to reach far enough. A *chain* needs it:
            it is complete only if no boundary lies beyond.
        expires_at_seconds: epoch seconds after which the store may forget the record.
    """

    bucket: int
    cost: int
    limit: int
    oldest_bucket: int
    least_total: int | None
    most_total: int | None
    chain: tuple[int, int] | None
    may_create: bool
    dead_buckets: tuple[int, ...]
    new_floor: int | None
    new_horizon: int | None
    expires_at_seconds: int


class Applied(NamedTuple):
    """The write took place; *snapshot* is the record after it."""

    snapshot: Snapshot


class NotApplied(NamedTuple):
    """The condition did not hold; *snapshot* is the record as it was, None if there is none."""

    snapshot: Snapshot | None


class WindowStore(Protocol):
    """Holds one record a key."""

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        """
        Apply *write* to the record of *key* atomically, or not at all.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had; the write may or may not have been applied.
        """

    def read(self, key: str) -> Snapshot | None:
        """
        Return the record of *key* with every write that finished before, or None.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had.
        """
