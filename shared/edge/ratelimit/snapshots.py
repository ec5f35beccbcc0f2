"""What a container remembers of the records it met: bounded, least recently used out first."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.ratelimit.store import Record


class SnapshotCache:
    """
    Records by key, as they were last seen; safe for threads. Losing one costs a call, never a wrong decision.

    Args:
        max_entries: the most that are kept, >= 1.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[str, Record] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Record | None:
        """Return the record of *key* as it was last seen, or None."""
        with self._lock:
            record = self._entries.get(key)
            if record is not None:
                self._entries.move_to_end(key)
            return record

    def put(self, key: str, record: Record | None) -> None:
        """Remember *record*; None forgets the key: its record is gone."""
        with self._lock:
            if record is None:
                self._entries.pop(key, None)
                return
            self._entries[key] = record
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
