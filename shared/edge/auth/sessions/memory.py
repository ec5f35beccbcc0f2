"""
The store in memory: for unit tests, simulations, and one process that wants no engine.

It evaluates the same conditions as DynamoDB does, atomically under a lock. Nothing is ever forgotten: who keeps it for
long restarts it. Two processes do not see each other's.
"""

from __future__ import annotations

from threading import Lock
from typing import TypeAlias

from edge.auth.sessions.store import (
    Family,
    Marks,
    Names,
    NotRotated,
    Rotated,
    Rotation,
    Tombstone,
    family_name,
    subject_name,
    token_name,
)

Record: TypeAlias = Family | Tombstone | int
"""What an item holds: a family, a tombstone, or a not-before."""


class MemorySessionStore:
    """
    A dictionary of items, by the partition and sort keys that DynamoDB's have.

    Attributes:
        revoked_clients: ids of API keys that have a tombstone; another part of the product writes those.
    """

    def __init__(self) -> None:
        self.revoked_clients: set[str] = set()
        self._items: dict[tuple[str, str], Record] = {}
        self._lock = Lock()

    def begin(self, family: Family) -> Family | None:
        """Put *family* if none of its name is there and return None; else return the one that is there."""
        with self._lock:
            present = self._family(family.family)
            if present is None:
                self._keep(family_name(family.family), "F", family)
            return present

    def rotate(self, rotation: Rotation) -> Rotated | NotRotated:
        """Do *rotation*, or nothing."""
        with self._lock:
            family = self._family(rotation.family)
            if (
                family is None
                or family.state != "A"
                or family.generation > rotation.parent
                or family.generation >= rotation.limit
                or family.expires_at <= rotation.issued_at
            ):
                return NotRotated(family)
            rotated = family._replace(
                generation=rotation.parent + 1,
                rotated_at_ms=rotation.rotated_at_ms,
                issued_at=rotation.issued_at,
                request_id=rotation.request_id,
                idempotency=rotation.idempotency,
            )
            self._keep(family_name(rotation.family), "F", rotated)
            return Rotated(rotated)

    def end(self, family: str) -> None:
        """Set the family's state to revoked, if it is there."""
        with self._lock:
            present = self._family(family)
            if present is not None:
                self._keep(family_name(family), "F", present._replace(state="R"))

    def bury(self, name: str, tombstone: Tombstone) -> None:
        """Put *tombstone* for *name* if there is none; one that is there stays as it is."""
        with self._lock:
            if (name, "X") not in self._items:
                self._keep(name, "X", tombstone)

    def raise_not_before(self, subject: str, not_before: int, *, forget_at: int) -> None:  # noqa: ARG002
        """Set the subject's not-before to *not_before* unless it is as high already."""
        with self._lock:
            if self._not_before(subject) < not_before:
                self._keep(subject_name(subject), "NB", not_before)

    def marks(self, names: Names) -> Marks:
        """Return the marks against *names*."""
        with self._lock:
            return Marks(
                token=names.jti is not None and (token_name(names.jti), "X") in self._items,
                family=names.family is not None and (family_name(names.family), "X") in self._items,
                client=names.client_id in self.revoked_clients,
                not_before=self._not_before(names.subject),
            )

    def _family(self, family: str) -> Family | None:
        record = self._items.get((family_name(family), "F"))
        return record if isinstance(record, Family) else None

    def _not_before(self, subject: str) -> int:
        record = self._items.get((subject_name(subject), "NB"))
        return record if isinstance(record, int) else 0

    def _keep(self, partition: str, sort: str, record: Record) -> None:
        """Write one item; the only place that does."""
        self._items[partition, sort] = record
