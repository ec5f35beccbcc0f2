"""Between a limiter and its store: whoever adds to the limiter's decisions sees the records that they were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.ratelimit.snapshots import SnapshotCache
from edge.ratelimit.store import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.ratelimit.store import (
        Amendment,
        Applied,
        AppliedTogether,
        NotApplied,
        NotAppliedTogether,
        WindowStore,
        Write,
    )

_NO_RECORD: Final = Record({}, 0)


class WatchedStore:
    """
    Remembers the records that pass between a limiter and its store.

    Args:
        store: the one that is asked.
        max_records: remembered; the least recently used is forgotten first.
    """

    def __init__(self, store: WindowStore, *, max_records: int = 10_000) -> None:
        self._store = store
        self._seen = SnapshotCache(max_records)

    def last(self, key: str) -> Record | None:
        """Return the record of *key* as it was last seen, an empty one if there was none; None if it was not seen."""
        return self._seen.get(key)

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        """Apply *write*, see :meth:`edge.ratelimit.store.WindowStore.apply`."""
        outcome = self._store.apply(key, write)
        self._seen.put(key, outcome.record or _NO_RECORD)
        return outcome

    def amend(self, key: str, amendment: Amendment) -> Applied | NotApplied:
        """Apply *amendment*, see :meth:`edge.ratelimit.store.WindowStore.amend`."""
        outcome = self._store.amend(key, amendment)
        self._seen.put(key, outcome.record or _NO_RECORD)
        return outcome

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        """Apply *writes*, see :meth:`edge.ratelimit.store.WindowStore.apply_together`."""
        outcome = self._store.apply_together(writes)
        for key, record in outcome.records.items():
            self._seen.put(key, record or _NO_RECORD)
        return outcome

    def read_together(self, keys: Sequence[str]) -> dict[str, Record | None]:
        """Return the records of *keys*, see :meth:`edge.ratelimit.store.WindowStore.read_together`."""
        records = self._store.read_together(keys)
        for key, record in records.items():
            self._seen.put(key, record or _NO_RECORD)
        return records

    def read(self, key: str) -> Record | None:
        """Return the record of *key*, see :meth:`edge.ratelimit.store.WindowStore.read`."""
        record = self._store.read(key)
        self._seen.put(key, record or _NO_RECORD)
        return record
