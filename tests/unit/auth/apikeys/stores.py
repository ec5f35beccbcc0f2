"""Stores that misbehave, or tell what was asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.auth.apikeys.keys import ApiKeys
from edge.auth.apikeys.memory import MemoryKeyStore
from edge.problems import DependencyUnavailable

if TYPE_CHECKING:
    from edge.auth.apikeys.keys import Created
    from edge.auth.apikeys.records import KeyMetadata, SecretVersion, StoredKey, Tombstone
    from edge.auth.apikeys.store import KeyStore
    from edge.clock import Clock

START_MS = 2_000_000_000_000
START = START_MS // 1000


class WatchedStore(MemoryKeyStore):
    """Counts, and is gone while *is_down*."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.reads: list[str] = []
        self.notes: list[tuple[str, int, int | None]] = []

    def _enter(self) -> None:
        if self.is_down:
            raise DependencyUnavailable(retry_after_seconds=1)

    def create(self, metadata: KeyMetadata, secret: SecretVersion) -> bool:
        self._enter()
        return super().create(metadata, secret)

    def read(self, key_id: str) -> StoredKey | None:
        self.reads.append(key_id)
        self._enter()
        return super().read(key_id)

    def add_secret(self, metadata: KeyMetadata, secret: SecretVersion) -> bool:
        self._enter()
        return super().add_secret(metadata, secret)

    def revoke(self, metadata: KeyMetadata, tombstone: Tombstone) -> None:
        self._enter()
        super().revoke(metadata, tombstone)

    def note_used(self, key_id: str, minute: int, *, kept_until: int | None) -> None:
        self.notes.append((key_id, minute, kept_until))
        self._enter()
        super().note_used(key_id, minute, kept_until=kept_until)


class Dice:
    """Bytes that look random and are the same in each run."""

    def __init__(self, seed: int = 1) -> None:
        from random import Random

        self._random = Random(seed)

    def __call__(self, count: int) -> bytes:
        return self._random.randbytes(count)


def manager(store: KeyStore, clock: Clock, *, env: str = "test", seed: int = 1) -> ApiKeys:
    return ApiKeys(store, clock, env=env, random=Dice(seed))


def make(keys: ApiKeys, *, expires_in_days: int | None = None, name: str = "ci") -> Created:
    return keys.create(name=name, role="USER", plan="free", scopes=None, expires_in_days=expires_in_days)
