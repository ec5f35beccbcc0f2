"""
What regions tell each other of a subject's usage: records, and what is asked of the table that carries them.

The table is replicated asynchronously, and of two writes to one item the later one wins. So nobody shares an item: a
*component* is the counter of one region's own table, a *writer* the region whose containers have seen it, and each pair
has an item of its own. Writers differ from components only where a check was made at a subject's home.

A record is no number but a counter: whoever reads it works out what of it still counts, at any later instant, and what
was published once decays as the window slides without being published again.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.ratelimit.store import Counter

DEFAULT_MAX_SUBJECTS: Final = 100_000


class Published(NamedTuple):
    """
    A component as one writer saw it.

    Attributes:
        component: code of the region whose table has the counter.
        writer: code of the region that published it.
        counter: as it stood, less the boundaries that counted no more; its limit and horizon mean nothing.
        published_at_ms: epoch milliseconds, by the writer's clock.
        expires_at_seconds: epoch seconds from which nothing of it counts; it is as good as absent then.
    """

    component: str
    writer: str
    counter: Counter
    published_at_ms: int
    expires_at_seconds: int

    @property
    def version(self) -> tuple[int, int]:
        """Grows with every change of the counter."""
        return self.counter.revision, self.counter.total


class UsageStore(Protocol):
    """Holds, for each key, at most one record of each component and writer."""

    def read(self, key: str) -> list[Published]:
        """
        Return the records of *key* that have arrived in this region; expired ones may be among them.

        Raises:
            edge.problems.DependencyUnavailable: the table cannot be had.
        """

    def publish(self, key: str, usage: Published) -> Published:
        """
        Put *usage* in the place of an older or expired record of its component and writer.

        Returns:
            What the table holds now: *usage*, or the newer record that another container of the writer has put.

        Raises:
            edge.problems.DependencyUnavailable: the table cannot be had; it may or may not be published.
        """


class MemoryUsageStore:
    """
    One region's usage table in memory; nothing is replicated.

    Args:
        clock: tells when a record has expired.
        max_subjects: beyond this the key that was written longest ago is forgotten.
    """

    def __init__(self, clock: Clock, *, max_subjects: int = DEFAULT_MAX_SUBJECTS) -> None:
        self._clock = clock
        self._max_subjects = max_subjects
        self._records: OrderedDict[str, dict[tuple[str, str], Published]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._records)

    def read(self, key: str) -> list[Published]:
        """Return the records of *key*."""
        with self._lock:
            return list(self._records.get(key, {}).values())

    def publish(self, key: str, usage: Published) -> Published:
        """Put *usage* in the place of an older or expired record; return what is there then."""
        with self._lock:
            records = self._records.setdefault(key, {})
            self._records.move_to_end(key)
            if len(self._records) > self._max_subjects:
                self._records.popitem(last=False)
            known = records.get((usage.component, usage.writer))
            now_seconds = self._clock.now_ms() // 1000
            if (
                known is not None
                and known.expires_at_seconds > now_seconds
                and known.version >= usage.version
            ):
                return known
            records[usage.component, usage.writer] = usage
            return usage
