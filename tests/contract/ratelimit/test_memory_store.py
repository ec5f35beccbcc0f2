"""The memory store keeps both contracts, and its own bounds."""

from __future__ import annotations

import pytest

from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.store import Amendment, Applied, NotApplied, Write
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


class SlowStore(MemoryStore):
    """Takes a while to say that the record has changed again."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.slow_clock = clock
        self.calls = 0

    def apply(self, key: str, write: Write) -> Applied | NotApplied:  # noqa: ARG002 - the protocol's names
        self.calls += 1
        self.slow_clock.advance(150)
        return NotApplied(None)


def test_check_gives_up_before_its_caller_does() -> None:
    """Each call may take the store's whole budget: a check does not begin a third after 200 ms."""
    clock = ManualClock(now_ms=START_MS)
    store = SlowStore(clock)

    with pytest.raises(DependencyUnavailable):
        Limiter(store, clock).check("s", STRICT)
    assert store.calls == 2


class MovingStore(MemoryStore):
    """Somebody else is always quicker."""

    def amend(self, key: str, amendment: Amendment) -> Applied | NotApplied:  # noqa: ARG002 - the protocol's names
        return NotApplied(self.read(key))


def test_refund_that_always_comes_second_gives_up() -> None:
    clock = ManualClock(now_ms=START_MS)
    limiter = Limiter(MovingStore(clock), clock)
    charged = limiter.check("s", STRICT, cost=5)

    with pytest.raises(DependencyUnavailable):
        limiter.refund("s", STRICT, cost=1, admitted_at_ms=charged.decided_at_ms)
