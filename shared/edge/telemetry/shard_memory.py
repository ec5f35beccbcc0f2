"""Shards in memory: for tests, and for a function that runs without a table."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from edge.telemetry.store import Contents, Obstacle, ShardKey, StoredBase, StoredShard

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.telemetry.store import Fold


class MemoryShardStore:
    """
    One region's shards and bases; safe for threads.

    Args:
        clock: tells when tombstones are over.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._shards: dict[ShardKey, StoredShard] = {}
        self._expiry: dict[ShardKey, int] = {}
        self._bases: dict[str, StoredBase] = {}

    def put(self, shard: StoredShard, *, is_known: bool) -> Obstacle | None:
        """Store a state of a shard, if it is newer than what is there."""
        with self._lock:
            self._forget()
            there = self._shards.get(shard.key)
            if there is None:
                if is_known:
                    return Obstacle(None, is_folded=False)
            elif not is_known or there.folded_in is not None or there.sequence >= shard.sequence:
                return Obstacle(there.sequence, is_folded=there.folded_in is not None)
            self._shards[shard.key] = shard
            return None

    def read(self) -> Contents:
        """Return everything, of one moment."""
        with self._lock:
            self._forget()
            return Contents(tuple(self._bases.values()), tuple(self._shards.values()), ())

    def fold(self, fold: Fold) -> bool:
        """Replace the base and turn the shards into tombstones; return False if any of them has changed."""
        with self._lock:
            base = self._bases.get(fold.base.function)
            if (0 if base is None else base.generation) != fold.base.generation - 1:
                return False
            for shard in fold.shards:
                there = self._shards.get(shard.key)
                if there is None or there.folded_in is not None or there.sequence != shard.sequence:
                    return False
            self._bases[fold.base.function] = fold.base
            for shard in fold.shards:
                self._shards[shard.key] = shard._replace(blob=b"", folded_in=fold.base.generation)
                self._expiry[shard.key] = fold.expires_at_seconds
            return True

    def _forget(self) -> None:
        now_seconds = self._clock.now_ms() // 1000
        for key in [key for key, expires_at in self._expiry.items() if expires_at <= now_seconds]:
            del self._shards[key], self._expiry[key]
