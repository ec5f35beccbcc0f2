"""
What the table of metrics holds, and what is asked of it.

- A *shard* is what one execution environment counted since it began, whole, under a key of its own. Writing it again is as
  good as once, and nobody else writes it.
- A *base*, one for each function, is the sum of the shards of environments that are gone. A shard that went into it stays
  for a day as a *tombstone*: it says which state of it was folded, so that a late or repeated write of it is refused.

The sum of a region is the sum of its bases and of the shards that are no tombstones. Whoever reads them one after the
other can still see to it that nothing is missing or doubled: :mod:`edge.telemetry.region_totals`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA: Final = 1
"""Grows when shards of before and after cannot be summed: other buckets, other labels. Then all counters begin anew."""

TOMBSTONE_SECONDS: Final = 36 * 3600
"""How long the table remembers that a shard was folded; a flush whose outcome is unknown is given up long before."""

SHARD_SECONDS: Final = 35 * 86_400
"""A shard that nobody folded for so long is of a schema that is not read any more."""


class ShardKey(NamedTuple):
    """
    Whose shard it is.

    Attributes:
        function: by the name of its folder.
        environment: 32 hexadecimal digits, drawn at random.
        generation: 0, and one more after each time that a shard of it was folded while it lived.
    """

    function: str
    environment: str
    generation: int


class StoredShard(NamedTuple):
    """
    A shard as it is stored.

    Attributes:
        key: whose it is.
        sequence: number of the state, from 1, growing with each.
        blob: :func:`edge.telemetry.shards.encode`; empty for a tombstone.
        flushed_at_ms: epoch milliseconds, by the writer's clock.
        folded_in: generation of the base that it is part of, for a tombstone; else None.
    """

    key: ShardKey
    sequence: int
    blob: bytes
    flushed_at_ms: int
    folded_in: int | None = None


class StoredBase(NamedTuple):
    """
    The base of a function.

    Attributes:
        function: by the name of its folder.
        generation: from 1, one more with each fold.
        blob: :func:`edge.telemetry.shards.encode`.
        recent: environment and generation of the shards of the last fold.
    """

    function: str
    generation: int
    blob: bytes
    recent: frozenset[tuple[str, int]]


class Contents(NamedTuple):
    """
    What a read found.

    Attributes:
        bases: in any order, one for each function that has one.
        shards: tombstones among them.
        unreadable: keys of items that are neither.
    """

    bases: Sequence[StoredBase]
    shards: Sequence[StoredShard]
    unreadable: Sequence[str]


class Obstacle(NamedTuple):
    """
    Why a shard was not stored: what is in its place.

    Attributes:
        sequence: of that; None if there is nothing, where something was expected.
        is_folded: it is a tombstone.
    """

    sequence: int | None
    is_folded: bool


class Fold(NamedTuple):
    """
    Shards of one function that go into its base, all together or none.

    Attributes:
        base: as it will be, its generation one more than it is.
        shards: as they were read; none may have changed since.
        expires_at_seconds: epoch seconds until which their tombstones stay.
        token: 1 to 36 characters; repeating the same fold with it is harmless.
    """

    base: StoredBase
    shards: Sequence[StoredShard]
    expires_at_seconds: int
    token: str


MAX_FOLDED: Final = 99
"""Shards in one fold: a transaction of DynamoDB has at most 100 writes."""


class ShardStore(Protocol):
    """The metrics of one region."""

    def put(self, shard: StoredShard, *, is_known: bool) -> Obstacle | None:
        """
        Store a state of a shard, if it is newer than what is there.

        Args:
            shard: whole; no tombstone.
            is_known: an earlier state is known to be stored. If not, nothing may be there at all.

        Returns:
            None when it is stored, else why it is not.

        Raises:
            edge.problems.DependencyUnavailable: it may or may not be stored, unless ``log_fields()`` says of
                ``outcome_unknown`` that it is False.
            edge.problems.Unexpected: it was refused; a defect.
        """

    def read(self) -> Contents:
        """
        Return everything, each item as it was at some moment of the call or later than any state acknowledged before; bases
        are read before shards.

        Raises:
            edge.problems.ServiceProblem: it cannot be read to its end.
        """

    def fold(self, fold: Fold) -> bool:
        """
        Replace the base and turn the shards into tombstones; return False if any of them has changed.

        Raises:
            edge.problems.DependencyUnavailable: it may or may not have happened.
            edge.problems.Unexpected: it was refused; a defect.
        """
