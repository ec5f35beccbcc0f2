"""
What the algorithm asks of a store: a conditional write, an amendment, a consistent read.

A record is all that is known of one subject; it has a counter for each tier that the subject was checked against. One
write may change several counters, all or none. The vocabulary is that of one DynamoDB ``UpdateItem``, so that the
DynamoDB store translates and the memory store evaluates the same :class:`Write`; one contract suite holds both to it.
Writes of several records can be made together, all or none: DynamoDB's ``TransactWriteItems``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Counter(NamedTuple):
    """
    A counter as it stood at one moment; its past never changes, so an old one only makes us careful.

    Attributes:
        total: units admitted since the counter began, less what an amendment took back.
        boundaries: bucket number -> *total* before the first write of that bucket.
        floor: boundaries of buckets below this one may have been removed.
        horizon: no boundary of a bucket above this one exists.
        limit: the limit that the last write was made with.
        revision: how often the counter was amended; totals of two revisions cannot be compared.
    """

    total: int
    boundaries: dict[int, int]
    floor: int
    horizon: int
    limit: int
    revision: int


class Record(NamedTuple):
    """
    The counters of a subject as they stood at one moment.

    Attributes:
        counters: by the code of their tier.
        expires_at_seconds: epoch seconds before which the store does not forget the record.
    """

    counters: dict[str, Counter]
    expires_at_seconds: int


class Change(NamedTuple):
    """
    A conditional change of one counter.

    Its condition: the counter's floor is not above *oldest_bucket* (or *new_floor*, where given), its horizon is not
    above *new_horizon* (where given), and one of these holds:

    - ``least_total <= total <= most_total`` and the counter's revision is *revision* (where these are given);
    - *chain* is given, the counter's limit equals *limit*, and every boundary in *chain* exceeds ``total - limit``;

    or there is no such counter yet, and *may_begin*.

    Its effect: *cost* is added to the total, the total before it becomes the boundary of *bucket* unless that has one,
    *limit* is stored, the horizon is raised to *new_horizon* (where given), and, where *new_floor* is given,
    *dead_buckets* are removed and the floor is raised.

    Attributes:
        counter: code of the tier.
        bucket: number of the bucket that the units belong to.
        cost: units to add, > 0; or 0 to sweep only (no boundary is noted then, no limit stored).
        limit: units per window.
        oldest_bucket: the oldest bucket whose boundary this decision relies on.
        least_total: total of the counter that *most_total* was derived from; a lower one is another record's.
        most_total: the highest total that leaves room for *cost*; None with a *least_total* for any.
        revision: of the counter that *most_total* was derived from.
        chain: buckets (first, last) for the stateless condition; it is exact for a cost of 1 only.
        may_begin: whether a missing counter may be begun.
        dead_buckets: boundaries to remove, all below *new_floor*.
        new_floor: the floor to set, or None to leave it.
        new_horizon: the horizon to set, or None where the counter's is known to reach far enough. A *chain* needs it:
            it is complete only if no boundary lies beyond.
    """

    counter: str
    bucket: int
    cost: int
    limit: int
    oldest_bucket: int
    least_total: int | None
    most_total: int | None
    revision: int
    chain: tuple[int, int] | None
    may_begin: bool
    dead_buckets: tuple[int, ...]
    new_floor: int | None
    new_horizon: int | None


class Write(NamedTuple):
    """
    Changes of one record that take place together or not at all.

    Attributes:
        changes: at least one, each of another counter.
        expires_at_seconds: epoch seconds after which the store may forget the record.
    """

    changes: tuple[Change, ...]
    expires_at_seconds: int


class Amendment(NamedTuple):
    """
    A counter put in the place of another, if nothing happened to it meanwhile: how units are given back.

    Attributes:
        counter: code of the tier.
        seen: the counter that *amended* was derived from; its total and revision must be unchanged.
        amended: what it becomes; its revision is one higher.
    """

    counter: str
    seen: Counter
    amended: Counter


class Applied(NamedTuple):
    """It took place; *record* is what it left."""

    record: Record


class NotApplied(NamedTuple):
    """The condition did not hold; *record* is as it was, None if there is none."""

    record: Record | None


class AppliedTogether(NamedTuple):
    """
    All writes took place.

    Attributes:
        records: by key, each as it was left or as somebody left it since; a key is missing if its record could not be
            read again.
    """

    records: dict[str, Record]


class NotAppliedTogether(NamedTuple):
    """
    None of the writes took place.

    Attributes:
        records: by key, those whose condition did not hold, as they are; None for a key that has no record. What is
            not told of holds nobody up, as far as the store knows.
    """

    records: dict[str, Record | None]


class WindowStore(Protocol):
    """Holds one record a key."""

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        """
        Apply *write* to the record of *key* atomically, or not at all.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had; the write may or may not have been applied.
        """

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        """
        Apply each of *writes* to the record of its key, all of them atomically or none at all.

        Args:
            writes: at least one, each with another key.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had; all or none may have been applied.
        """

    def amend(self, key: str, amendment: Amendment) -> Applied | NotApplied:
        """
        Apply *amendment* to the record of *key* atomically, or not at all.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had; it may or may not have been applied.
        """

    def read(self, key: str) -> Record | None:
        """
        Return the record of *key* with every write that finished before, or None.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had.
        """

    def read_together(self, keys: Sequence[str]) -> dict[str, Record | None]:
        """
        Return the record of each of *keys* with every write that finished before, or None.

        Each is as it was at some moment of the call, not all of them at the same.

        Args:
            keys: at least one, each once.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had.
        """
