"""
The store in memory: for unit tests, simulations, and one process that wants no engine.

It evaluates the same :class:`~edge.ratelimit.store.Write` as DynamoDB does, atomically under a lock. Records end with
the process; two processes do not see each other's.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final

from edge.ratelimit.store import (
    Amendment,
    Applied,
    AppliedTogether,
    Change,
    Counter,
    NotApplied,
    NotAppliedTogether,
    Record,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._records)

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        """Apply *write* to the record of *key* atomically, or not at all."""
        with self._lock:
            self._forget_expired()
            record = self._records.get(key)
            if not _all_hold(record, write):
                return NotApplied(record)
            return Applied(self._keep(key, _written(record, write)))

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        """Apply *writes* to the records of their keys atomically, or none of them."""
        with self._lock:
            self._forget_expired()
            before = {key: self._records.get(key) for key, _ in writes}
            refused = {key: before[key] for key, write in writes if not _all_hold(before[key], write)}
            if refused:
                return NotAppliedTogether(refused)
            return AppliedTogether(
                {key: self._keep(key, _written(before[key], write)) for key, write in writes}
            )

    def amend(self, key: str, amendment: Amendment) -> Applied | NotApplied:
        """Apply *amendment* to the record of *key* atomically, or not at all."""
        with self._lock:
            self._forget_expired()
            record = self._records.get(key)
            counter = None if record is None else record.counters.get(amendment.counter)
            if record is None or counter is None or _version(counter) != _version(amendment.seen):
                return NotApplied(record)
            counters = record.counters | {amendment.counter: amendment.amended}
            return Applied(self._keep(key, record._replace(counters=counters)))

    def read(self, key: str) -> Record | None:
        """Return the record of *key*, or None."""
        with self._lock:
            self._forget_expired()
            return self._records.get(key)

    def read_together(self, keys: Sequence[str]) -> dict[str, Record | None]:
        """Return the record of each of *keys*, or None."""
        with self._lock:
            self._forget_expired()
            return {key: self._records.get(key) for key in keys}

    def _keep(self, key: str, record: Record) -> Record:
        self._records[key] = record
        self._records.move_to_end(key)
        if len(self._records) > self._max_records:
            self._records.popitem(last=False)
        return record

    def _forget_expired(self) -> None:
        now_seconds = self._clock.now_ms() // 1000
        while self._records:
            key, oldest_written = next(iter(self._records.items()))
            if oldest_written.expires_at_seconds > now_seconds:
                return
            del self._records[key]


def _version(counter: Counter) -> tuple[int, int]:
    return counter.total, counter.revision


def _all_hold(record: Record | None, write: Write) -> bool:
    counters = {} if record is None else record.counters
    return all(_holds(counters.get(change.counter), change) for change in write.changes)


def _written(record: Record | None, write: Write) -> Record:
    counters = {} if record is None else record.counters
    changed = {change.counter: _changed(counters.get(change.counter), change) for change in write.changes}
    return Record(counters | changed, write.expires_at_seconds)


def _holds(counter: Counter | None, change: Change) -> bool:
    """Evaluate the condition of *change*; the order of the cases is that of its docstring."""
    if counter is None:
        return change.may_begin
    if counter.floor > (change.oldest_bucket if change.new_floor is None else change.new_floor):
        return False
    if change.new_horizon is not None and counter.horizon > change.new_horizon:
        return False
    if (
        change.least_total is not None
        and change.least_total <= counter.total
        and (change.most_total is None or counter.total <= change.most_total)
        and change.revision == counter.revision
    ):
        return True
    if change.chain is None or counter.limit != change.limit:
        return False
    first, last = change.chain
    spare = counter.total - counter.limit
    return all(total > spare for bucket, total in counter.boundaries.items() if first <= bucket <= last)


def _changed(counter: Counter | None, change: Change) -> Counter:
    if counter is None:
        counter = Counter(0, {}, 0, 0, change.limit, 0)
    boundaries = {
        bucket: total for bucket, total in counter.boundaries.items() if bucket not in change.dead_buckets
    }
    if change.cost:
        boundaries.setdefault(change.bucket, counter.total)
    return Counter(
        total=counter.total + change.cost,
        boundaries=boundaries,
        floor=counter.floor if change.new_floor is None else change.new_floor,
        horizon=counter.horizon if change.new_horizon is None else change.new_horizon,
        limit=change.limit if change.cost else counter.limit,
        revision=counter.revision,
    )
