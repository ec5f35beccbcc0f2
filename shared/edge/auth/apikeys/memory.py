"""The store in memory: for unit tests and one process that wants no engine. It holds the same facts as DynamoDB."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from edge.auth.apikeys.records import KeySummary, Position, stored_key

if TYPE_CHECKING:
    from edge.auth.apikeys.records import KeyMetadata, SecretVersion, StoredKey, Tombstone


class MemoryKeyStore:
    """Dictionaries under a lock; it knows one region and forgets nothing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._metadata: dict[str, KeyMetadata] = {}
        self._secrets: dict[str, dict[int, SecretVersion]] = {}
        self._tombstones: dict[str, Tombstone] = {}
        self._used: dict[str, int] = {}

    def create(self, metadata: KeyMetadata, secret: SecretVersion) -> bool:
        """Insert a key, its first secret and its entry in the list, all or none."""
        with self._lock:
            if metadata.id not in self._metadata:
                self._metadata[metadata.id] = metadata
                self._secrets[metadata.id] = {secret.number: secret}
            kept = self._metadata[metadata.id], self._secrets[metadata.id].get(secret.number)
            return kept == (metadata, secret)

    def read(self, key_id: str) -> StoredKey | None:
        """Return all of a key; None if there is none."""
        with self._lock:
            metadata = self._metadata.get(key_id)
            if metadata is None:
                return None
            return stored_key(
                metadata,
                list(self._secrets[key_id].values()),
                self._tombstones.get(key_id),
                [self._used[key_id]] if key_id in self._used else [],
            )

    def add_secret(self, metadata: KeyMetadata, secret: SecretVersion) -> bool:
        """Insert a version of a key's secret, if no version has that number."""
        with self._lock:
            return self._secrets[metadata.id].setdefault(secret.number, secret) == secret

    def forget_secret(self, key_id: str, version: int) -> None:
        """Delete a version."""
        with self._lock:
            self._secrets.get(key_id, {}).pop(version, None)

    def revoke(self, metadata: KeyMetadata, tombstone: Tombstone) -> None:
        """Insert the tombstone of a key, unless it has one."""
        with self._lock:
            self._tombstones.setdefault(metadata.id, tombstone)

    def note_used(self, key_id: str, minute: int, *, kept_until: int | None) -> None:  # noqa: ARG002 - it forgets nothing
        """Note that a key was used in this region, unless a later use is noted."""
        with self._lock:
            self._used[key_id] = max(minute, self._used.get(key_id, minute))

    def list_keys(self, limit: int, after: Position | None) -> list[KeySummary]:
        """Return up to *limit* keys, the newest first."""
        with self._lock:
            positions = sorted(
                (Position(metadata.created_at, metadata.id) for metadata in self._metadata.values()),
                reverse=True,
            )
            return [
                self._summary(self._metadata[position.id])
                for position in [found for found in positions if after is None or found < after][:limit]
            ]

    def _summary(self, metadata: KeyMetadata) -> KeySummary:
        tombstone = self._tombstones.get(metadata.id)
        return KeySummary(metadata, None if tombstone is None else tombstone.at)
