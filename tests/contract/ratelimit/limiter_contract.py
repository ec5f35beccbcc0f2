"""What a limiter must do whatever store it has; a class for each store inherits it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from edge.clock import ManualClock
from edge.ratelimit.decisions import Charge
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.subjects import record_key
from edge.ratelimit.tiers import TIERS, make_tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.ratelimit.store import (
        Amendment,
        Applied,
        AppliedTogether,
        NotApplied,
        NotAppliedTogether,
        Record,
        WindowStore,
        Write,
    )

START_MS = 2_000_000_000_000
"""Ahead of the machine's clock: DynamoDB Local deletes items whose time to live is over, in the middle of a test."""
STRICT = TIERS["strict"]


class CountingStore:
    """Counts the calls that reach a store."""

    def __init__(self, store: WindowStore) -> None:
        self._store = store
        self.writes = 0
        self.reads = 0

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        self.writes += 1
        return self._store.apply(key, write)

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        self.writes += 1
        return self._store.apply_together(writes)

    def amend(self, key: str, amendment: Amendment) -> Applied | NotApplied:
        self.writes += 1
        return self._store.amend(key, amendment)

    def read(self, key: str) -> Record | None:
        self.reads += 1
        return self._store.read(key)

    def read_together(self, keys: Sequence[str]) -> dict[str, Record | None]:
        self.reads += 1
        return self._store.read_together(keys)


class LimiterContract:
    """Inherit and provide the fixture ``store``, which shares ``clock`` where it has a use for one."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(now_ms=START_MS)

    @pytest.fixture
    def counting(self, store: WindowStore) -> CountingStore:
        return CountingStore(store)

    @pytest.fixture
    def subject(self) -> str:
        return str(uuid.uuid4())

    @pytest.fixture
    def limiter(self, counting: CountingStore, clock: ManualClock) -> Limiter:
        return Limiter(counting, clock)

    def test_admits_the_limit_and_no_more(self, limiter: Limiter, subject: str) -> None:
        decisions = [limiter.check(subject, STRICT) for _ in range(12)]

        assert [decision.allowed for decision in decisions] == [True] * 10 + [False] * 2
        assert [decision.remaining for decision in decisions] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]

    def test_warm_check_is_one_call_and_repeated_denial_none(
        self, limiter: Limiter, counting: CountingStore, subject: str
    ) -> None:
        for _ in range(10):
            limiter.check(subject, STRICT)
        assert counting.writes == 10

        for _ in range(50):
            assert not limiter.check(subject, STRICT).allowed
        assert (counting.writes, counting.reads) == (10, 0)

    def test_200_cold_containers_make_one_call_a_check(
        self, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        tier = TIERS["relaxed"]
        for _ in range(200):
            assert Limiter(counting, clock).check(subject, tier).allowed
            clock.advance(40)

        assert counting.writes == 200

    def test_200_containers_with_old_snapshots_make_one_call_a_check(
        self, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        containers = [Limiter(counting, clock) for _ in range(200)]
        tier = make_tier("steady", limit=1_000, window_ms=12_000)
        for turn in range(600):
            assert containers[turn * 7 % 200].check(subject, tier).allowed
            clock.advance(40)

        assert counting.writes <= 606

    def test_refused_cost_is_not_charged_and_leaves_what_is_left_usable(
        self, limiter: Limiter, subject: str
    ) -> None:
        assert limiter.check(subject, STRICT, cost=8).remaining == 2
        refused = limiter.check(subject, STRICT, cost=3)
        assert (refused.allowed, refused.remaining) == (False, 2)

        assert limiter.check(subject, STRICT, cost=2).allowed

    def test_capacity_returns_at_the_instant_that_was_told(
        self, limiter: Limiter, clock: ManualClock, subject: str
    ) -> None:
        clock.advance(437)
        for _ in range(10):
            limiter.check(subject, STRICT)
        wait_ms = limiter.check(subject, STRICT).retry_after_ms
        assert 60_000 <= wait_ms + 437 <= 61_000

        clock.advance(wait_ms - 1)
        assert not limiter.check(subject, STRICT).allowed
        clock.advance(1)
        assert limiter.check(subject, STRICT).allowed

    def test_wait_for_a_larger_cost_is_longer(
        self, limiter: Limiter, clock: ManualClock, subject: str
    ) -> None:
        limiter.check(subject, STRICT, cost=4)
        clock.advance(20_000)
        limiter.check(subject, STRICT, cost=6)

        for_four = limiter.check(subject, STRICT, cost=4).retry_after_ms
        for_five = limiter.check(subject, STRICT, cost=5).retry_after_ms
        assert (for_four, for_five) == (41_000, 61_000)
        clock.advance(for_four)
        assert limiter.check(subject, STRICT, cost=4).allowed

    def test_denial_of_a_large_cost_does_not_deny_a_small_one(
        self, limiter: Limiter, counting: CountingStore, subject: str
    ) -> None:
        limiter.check(subject, STRICT, cost=9)
        assert not limiter.check(subject, STRICT, cost=5).allowed
        before = counting.writes

        assert limiter.check(subject, STRICT, cost=1).allowed
        assert counting.writes == before + 1

    def test_raised_limit_holds_at_once(self, limiter: Limiter, subject: str) -> None:
        for _ in range(11):
            limiter.check(subject, STRICT)

        assert limiter.check(subject, make_tier("strict", limit=20, window_ms=60_000)).remaining == 9

    def test_lowered_limit_holds_at_once(
        self, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        for _ in range(8):
            Limiter(counting, clock).check(subject, STRICT)

        lowered = make_tier("strict", limit=5, window_ms=60_000)
        assert not Limiter(counting, clock).check(subject, lowered).allowed

    def test_peek_reads_and_never_writes(
        self, limiter: Limiter, counting: CountingStore, subject: str
    ) -> None:
        fresh = limiter.peek(subject, STRICT)
        assert (fresh.allowed, fresh.remaining) == (True, 10)
        limiter.check(subject, STRICT, cost=4)

        assert limiter.peek(subject, STRICT).remaining == 6
        assert not limiter.peek(subject, STRICT, cost=7).allowed
        assert (counting.writes, counting.reads) == (1, 3)

    def test_peek_and_check_agree(self, limiter: Limiter, clock: ManualClock, subject: str) -> None:
        for _ in range(40):
            seen = limiter.peek(subject, STRICT)
            assert limiter.check(subject, STRICT).allowed == seen.allowed
            clock.advance(1_700)

    def test_another_container_learns_a_denial_in_one_call(
        self, limiter: Limiter, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        for _ in range(10):
            limiter.check(subject, STRICT)
        other = Limiter(counting, clock)
        before = counting.writes

        assert [other.check(subject, STRICT).allowed for _ in range(5)] == [False] * 5
        assert counting.writes == before + 1

    def test_subjects_and_tiers_are_apart(self, limiter: Limiter, subject: str) -> None:
        for _ in range(10):
            limiter.check(subject, STRICT)

        assert limiter.check(subject, TIERS["default"]).allowed
        assert limiter.check(f"{subject}2", STRICT).allowed

    def test_record_stays_small_however_many_containers_never_come_back(
        self, store: WindowStore, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        for _ in range(120):
            assert Limiter(counting, clock).check(subject, STRICT).allowed
            clock.advance(75_000)

        record = store.read(record_key(subject))
        assert record is not None
        assert len(record.counters[STRICT.code].boundaries) <= 40
        assert counting.writes <= 126

    def test_container_whose_clock_is_behind_what_was_swept_is_moved_forward(
        self, limiter: Limiter, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        for _ in range(10):
            limiter.check(subject, STRICT)
            clock.advance(30_000)
        behind = ManualClock(now_ms=clock.now_ms() - 200_000)

        decisions = [Limiter(counting, behind).check(subject, STRICT) for _ in range(12)]

        assert sum(decision.allowed for decision in decisions) <= 10
        assert not decisions[-1].allowed

    @pytest.mark.parametrize("cost", [0, -1, 11])
    def test_cost_that_can_never_fit_is_a_defect_of_the_caller(
        self, limiter: Limiter, counting: CountingStore, subject: str, cost: int
    ) -> None:
        with pytest.raises(ValueError, match="cost"):
            limiter.check(subject, STRICT, cost=cost)
        with pytest.raises(ValueError, match="cost"):
            limiter.peek(subject, STRICT, cost=cost)
        assert (counting.writes, counting.reads) == (0, 0)

    def test_charges_are_all_made_or_none(
        self, limiter: Limiter, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        charges = (Charge(TIERS["burst"], 1), Charge(STRICT, 1), Charge(TIERS["plan:free"], 1))
        for _ in range(10):
            assert limiter.check_all(subject, charges).allowed
        assert counting.writes == 10

        refused = Limiter(counting, clock).check_all(subject, charges)

        assert not refused.allowed
        assert refused.violated == ("strict",)
        assert [decision.remaining for decision in refused.decisions] == [40, 0, 90]
        assert refused.retry_after_ms == refused.decisions[1].retry_after_ms > 0
        assert limiter.peek(subject, TIERS["plan:free"]).remaining == 90

    def test_charges_share_counters_with_single_checks(self, limiter: Limiter, subject: str) -> None:
        limiter.check_all(subject, (Charge(STRICT, 4), Charge(TIERS["default"], 1)))
        limiter.check(subject, STRICT, cost=3)

        assert limiter.check_all(subject, (Charge(STRICT, 3), Charge(TIERS["default"], 1))).allowed
        assert limiter.peek(subject, TIERS["default"]).remaining == 98
        assert limiter.peek(subject, STRICT).remaining == 0

    def test_cold_containers_make_one_call_for_three_charges(
        self, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        charges = (Charge(TIERS["burst"], 1), Charge(TIERS["default"], 1), Charge(TIERS["plan:free"], 1))
        for _ in range(60):
            assert Limiter(counting, clock).check_all(subject, charges).allowed
            clock.advance(700)

        assert counting.writes <= 62  # with two sweeps of the burst counter

    @pytest.mark.parametrize("charges", [(), (Charge(STRICT, 1), Charge(STRICT, 1))])
    def test_charges_must_name_each_tier_once(
        self, limiter: Limiter, subject: str, charges: tuple[Charge, ...]
    ) -> None:
        with pytest.raises(ValueError, match="charges"):
            limiter.check_all(subject, charges)

    def test_refund_gives_units_back(self, limiter: Limiter, clock: ManualClock, subject: str) -> None:
        charged = limiter.check(subject, STRICT, cost=6)
        clock.advance(5_000)
        limiter.check(subject, STRICT, cost=4)
        assert not limiter.check(subject, STRICT).allowed

        assert limiter.refund(subject, STRICT, cost=2, admitted_at_ms=charged.decided_at_ms)

        assert limiter.check(subject, STRICT, cost=2).allowed
        assert not limiter.check(subject, STRICT).allowed
        clock.advance(56_000)
        assert limiter.check(subject, STRICT, cost=4).allowed
        assert not limiter.check(subject, STRICT).allowed

    def test_refund_is_no_licence_for_containers_with_old_snapshots(
        self, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        first, second = Limiter(counting, clock), Limiter(counting, clock)
        charged = first.check(subject, STRICT, cost=5)
        clock.advance(2_000)
        second.check(subject, STRICT, cost=5)
        first.refund(subject, STRICT, cost=5, admitted_at_ms=charged.decided_at_ms)
        clock.advance(59_000)

        admitted = sum(container.check(subject, STRICT).allowed for container in (second, first) * 10)

        assert admitted == 5

    def test_refund_outside_the_window_or_of_nothing_is_refused(
        self, limiter: Limiter, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        assert not limiter.refund(subject, STRICT, cost=1, admitted_at_ms=clock.now_ms())
        charged = limiter.check(subject, STRICT, cost=3)
        before = counting.writes

        assert not limiter.refund(subject, STRICT, cost=4, admitted_at_ms=charged.decided_at_ms)
        assert not limiter.refund(subject, STRICT, cost=1, admitted_at_ms=charged.decided_at_ms + 1_000)
        clock.advance(61_000)
        assert not limiter.refund(subject, STRICT, cost=1, admitted_at_ms=charged.decided_at_ms)
        assert counting.writes == before

    def test_refunds_from_many_threads_are_each_made_once(
        self, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        containers = [Limiter(counting, clock) for _ in range(4)]
        charged = containers[0].check(subject, STRICT, cost=10)

        def give_back(number: int) -> bool:
            return containers[number % 4].refund(
                subject, STRICT, cost=1, admitted_at_ms=charged.decided_at_ms
            )

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(give_back, range(16)))

        assert results.count(True) == 10
        assert containers[0].peek(subject, STRICT).remaining == 10

    def test_reset_forgets_one_tier_of_a_subject(self, limiter: Limiter, subject: str) -> None:
        limiter.check_all(subject, (Charge(STRICT, 10), Charge(TIERS["default"], 10)))

        limiter.reset(subject, STRICT)
        limiter.reset("nobody" + subject, STRICT)

        assert limiter.check(subject, STRICT, cost=10).allowed
        assert not limiter.check(subject, STRICT).allowed
        assert limiter.peek(subject, TIERS["default"]).remaining == 90

    def test_exact_mode_returns_capacity_to_the_millisecond(
        self, limiter: Limiter, clock: ManualClock, subject: str
    ) -> None:
        exact = make_tier("exact", limit=2, window_ms=1_000, buckets=1_000)
        clock.advance(3)
        limiter.check(subject, exact)
        clock.advance(10)
        limiter.check(subject, exact)

        assert limiter.check(subject, exact).retry_after_ms == 991
        clock.advance(990)
        assert not limiter.check(subject, exact).allowed
        clock.advance(1)
        assert limiter.check(subject, exact).allowed
        assert not limiter.check(subject, exact).allowed

    def test_unlimited_tier_is_admitted_without_a_call(
        self, limiter: Limiter, counting: CountingStore, subject: str
    ) -> None:
        enterprise = TIERS["plan:enterprise"]
        assert all(limiter.check(subject, enterprise, cost=10**9).allowed for _ in range(50))
        assert limiter.peek(subject, enterprise).allowed
        assert (counting.writes, counting.reads) == (0, 0)

        both = (Charge(enterprise, 1), Charge(STRICT, 10))
        assert limiter.check_all(subject, both).allowed
        assert limiter.check_all(subject, both).violated == ("strict",)
        record = counting.read(record_key(subject))
        assert record is not None
        assert set(record.counters) == {STRICT.code}
