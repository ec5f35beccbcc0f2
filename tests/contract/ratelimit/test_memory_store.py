"""The memory store keeps both contracts, and its own bounds."""

from __future__ import annotations

import pytest

from edge.clock import ManualClock
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from tests.contract.ratelimit.limiter_contract import START_MS, STRICT, LimiterContract
from tests.contract.ratelimit.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore(ManualClock(now_ms=START_MS))


class TestLimiterOnMemoryStore(LimiterContract):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryStore:
        return MemoryStore(clock)


def test_idle_records_are_forgotten() -> None:
    clock = ManualClock(now_ms=START_MS)
    store = MemoryStore(clock)
    limiter = Limiter(store, clock, longest_window_ms=60_000)
    limiter.check("once", STRICT)
    clock.advance(800_000)

    limiter.check("later", STRICT)

    assert len(store) == 1


def test_records_are_bounded() -> None:
    clock = ManualClock(now_ms=START_MS)
    store = MemoryStore(clock, max_records=10)
    limiter = Limiter(store, clock)
    for number in range(50):
        limiter.check(f"subject-{number}", STRICT)

    assert len(store) == 10


def test_snapshot_of_a_forgotten_record_is_not_trusted() -> None:
    """A record that was forgotten and begun anew counts from zero: the old total would be far too generous."""
    clock = ManualClock(now_ms=START_MS)
    store = MemoryStore(clock)
    old, new = [Limiter(store, clock, longest_window_ms=60_000) for _ in range(2)]
    assert old.check("s", STRICT, cost=10).allowed
    clock.advance(720_000)
    assert new.check("s", STRICT, cost=10).allowed

    assert not old.check("s", STRICT).allowed
