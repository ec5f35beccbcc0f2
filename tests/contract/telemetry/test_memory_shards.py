"""The store in memory keeps the contract, and forgets tombstones when they are over."""

from __future__ import annotations

import pytest

from edge.clock import ManualClock
from edge.telemetry.shard_memory import MemoryShardStore
from edge.telemetry.store import Obstacle
from tests.contract.telemetry.conftest import START_MS
from tests.contract.telemetry.store_contract import ShardStoreContract, fold_of, shard


class TestMemoryShardStore(ShardStoreContract):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(now_ms=START_MS)

    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryShardStore:
        return MemoryShardStore(clock)

    def test_tombstone_is_forgotten_when_it_is_over(
        self, store: MemoryShardStore, clock: ManualClock
    ) -> None:
        store.put(shard(1), is_known=False)
        store.fold(fold_of([shard(1)]))
        clock.advance(129_600_000 - 1)
        assert store.put(shard(2), is_known=True) == Obstacle(1, is_folded=True)
        clock.advance(1)

        assert store.put(shard(2), is_known=True) == Obstacle(None, is_folded=False)
        assert store.read().bases == (fold_of([shard(1)]).base,)
