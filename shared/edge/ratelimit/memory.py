"""
The store in memory: for unit tests, simulations, and one process that wants no engine.

It evaluates the same :class:`~edge.ratelimit.store.Write` as DynamoDB does, atomically under a lock. Records end with
the process; two processes do not see each other's.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final

from edge.ratelimit.store import Applied, NotApplied, Snapshot, Write

if TYPE_CHECKING:
    from edge.clock import Clock

DEFAULT_MAX_RECORDS: Final = 100_000


class MemoryStore:
    """
    A bounded dictionary of records.

    Args:
        clock: tells when a record may be forgotten.
        max_records: beyond this the record that was written longest ago is forgotten early.
    """

    def __init__(self, clock: Clock, *, max_records: int = DEFAULT_MAX_RECORDS) -> None:
        self._clock = clock
        self._max_records = max_records
        self._records: OrderedDict[str, Snapshot] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._records)

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        """Apply *write* to the record of *key* atomically, or not at all."""
        with self._lock:
            self._forget_expired()
            before = self._records.get(key)
            if not _holds(before, write):
                return NotApplied(before)
            after = _changed(before, write)
            self._records[key] = after
            self._records.move_to_end(key)
            if len(self._records) > self._max_records:
                self._records.popitem(last=False)
            return Applied(after)

    def read(self, key: str) -> Snapshot | None:
        """Return the record of *key*, or None."""
        with self._lock:
            self._forget_expired()
            return self._records.get(key)

    def _forget_expired(self) -> None:
        now_seconds = self._clock.now_ms() // 1000
        while self._records:
            key, oldest_written = next(iter(self._records.items()))
            if oldest_written.expires_at_seconds > now_seconds:
                return
            del self._records[key]


def _holds(before: Snapshot | None, write: Write) -> bool:
    """Evaluate the condition of *write*; the order of the cases is that of its docstring."""
    if before is None:
        return write.may_create
    if before.floor > (write.oldest_bucket if write.new_floor is None else write.new_floor):
        return False
    if write.new_horizon is not None and before.horizon > write.new_horizon:
        return False
    if (
        write.least_total is not None
        and write.least_total <= before.total
        and (write.most_total is None or before.total <= write.most_total)
    ):
        return True
    if write.chain is None or before.limit != write.limit:
        return False
    first, last = write.chain
    spare = before.total - before.limit
    return all(total > spare for bucket, total in before.boundaries.items() if first <= bucket <= last)


def _changed(before: Snapshot | None, write: Write) -> Snapshot:
    if before is None:
        before = Snapshot(0, {}, 0, 0, write.limit, 0)
    boundaries = {
        bucket: total for bucket, total in before.boundaries.items() if bucket not in write.dead_buckets
    }
    if write.cost:
        boundaries.setdefault(write.bucket, before.total)
    return Snapshot(
        total=before.total + write.cost,
        boundaries=boundaries,
        floor=before.floor if write.new_floor is None else write.new_floor,
        horizon=before.horizon if write.new_horizon is None else write.new_horizon,
        limit=write.limit if write.cost else before.limit,
        expires_at_seconds=write.expires_at_seconds,
    )
