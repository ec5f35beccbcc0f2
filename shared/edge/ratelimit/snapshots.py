"""What a container remembers of the records it met: bounded, least recently used out first."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.ratelimit.store import Snapshot


class SnapshotCache:
    """
    Snapshots by record key; safe for threads. Losing one costs a call, never a wrong decision.

    Args:
        max_entries: the most that are kept, >= 1.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[str, Snapshot] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Snapshot | None:
        """Return the snapshot of *key*, or None."""
        with self._lock:
            snapshot = self._entries.get(key)
            if snapshot is not None:
                self._entries.move_to_end(key)
            return snapshot

    def put(self, key: str, snapshot: Snapshot | None) -> None:
        """Remember *snapshot*; None forgets the key: its record is gone."""
        with self._lock:
            if snapshot is None:
                self._entries.pop(key, None)
                return
            self._entries[key] = snapshot
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
