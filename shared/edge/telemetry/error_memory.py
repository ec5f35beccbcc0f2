"""The store of errors in memory: for tests and one process that wants no engine."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from edge.telemetry.error_store import StoredErrors

if TYPE_CHECKING:
    from edge.telemetry.error_groups import ErrorRecord


class MemoryErrorStore:
    """A dictionary under a lock; it forgets nothing by itself."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._records: dict[tuple[str, str, str], ErrorRecord] = {}

    def read(self) -> StoredErrors:
        """Return what is stored."""
        with self._lock:
            return StoredErrors(tuple(record for _, record in sorted(self._records.items())))

    def put(self, record: ErrorRecord) -> None:
        """Store *record* in the place of the same environment's last one of the group, unless that is newer."""
        place = (record.key, record.function, record.environment)
        with self._lock:
            last = self._records.get(place)
            if last is None or last.total < record.total:
                self._records[place] = record
