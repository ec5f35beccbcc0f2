"""
Whatever happens to flushes, folds and environments, a region's sum is exact and never steps back.

A model of the whole: environments that count, a table whose answers get lost and whose writes arrive twice or late, folders that
work from old plans, clocks that jump. Each environment counts under a series of its own, so that what one loses another
cannot make up for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from edge.aws.faults import Unavailable
from edge.breaker import Breaker
from edge.clock import ManualClock
from edge.telemetry.flushing import FLUSH_INTERVAL_MS, Flusher
from edge.telemetry.folding import plan_folds
from edge.telemetry.recorder import Recorder
from edge.telemetry.region_totals import is_torn, sum_contents
from edge.telemetry.shard_memory import MemoryShardStore
from edge.telemetry.shards import Shard, decode, encode
from edge.telemetry.store import TOMBSTONE_SECONDS, Contents, ShardKey, StoredBase, StoredShard

if TYPE_CHECKING:
    from edge.telemetry.store import Fold, Obstacle

START_MS = 2_000_000_000_000
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FAULTS = ("none", "none", "lost_request", "lost_reply", "refused")


class Wire:
    """The way of one environment to the table: it may break before or after, and deliver again later."""

    def __init__(self, store: MemoryShardStore) -> None:
        self._store = store
        self.fault = "none"
        self.sent: list[tuple[StoredShard, bool]] = []
        self.attempted: list[int] = []

    def put(self, shard: StoredShard, *, is_known: bool) -> Obstacle | None:
        if self.fault == "refused":
            raise Unavailable("throttled", outcome_unknown=False)
        self.sent.append((shard, is_known))
        if self.fault == "lost_request":
            raise Unavailable("timed_out", outcome_unknown=True)
        answer = self._store.put(shard, is_known=is_known)
        if self.fault == "lost_reply":
            raise Unavailable("connection", outcome_unknown=True)
        return answer

    def read(self) -> Contents:
        raise NotImplementedError

    def fold(self, fold: Fold) -> bool:
        raise NotImplementedError


class Environment:
    """What one container counts and writes, and what must have become of it."""

    def __init__(self, number: int, store: MemoryShardStore, clock: ManualClock) -> None:
        self.wire = Wire(store)
        self.recorder = Recorder("geo_route", clock)
        breaker = Breaker(clock, failures_to_open=1000)
        self.flusher = Flusher(self.recorder, self.wire, clock, breaker=breaker)
        self.method, self.status = METHODS[number % 7], 200 + number // 7 * 100
        self.key = f"q /api/geo/route {self.method} {self.status // 100}xx"
        self.recorded = 0
        self.stored_at_least = 0
        self.sent_at_most = 0

    def record(self, times: int) -> None:
        for _ in range(times):
            self.recorder.record(
                route="/api/geo/route", method=self.method, status=self.status, duration_ns=1_500_000
            )
        self.recorded += times

    def flush(self, fault: str) -> None:
        self.wire.fault = fault
        if fault != "refused":
            self.sent_at_most = self.recorded
        if self.flusher.flush():
            assert fault == "none"
            self.stored_at_least = self.recorded


class Region(RuleBasedStateMachine):
    """Rules are what may happen between any two steps."""

    environments = Bundle("environments")
    plans = Bundle("plans")

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(now_ms=START_MS)
        self.store = MemoryShardStore(self.clock)
        self.all: list[Environment] = []
        self.seen: dict[str, int] = {}
        self.before: Contents = self.store.read()
        self.sent: list[tuple[StoredShard, bool]] = []

    @rule(target=environments)
    def start(self) -> object:
        if len(self.all) == 28:
            return multiple()
        environment = Environment(len(self.all), self.store, self.clock)
        self.all.append(environment)
        return environment

    @rule(environment=environments, times=st.integers(1, 5))
    def record(self, environment: Environment, times: int) -> None:
        environment.record(times)

    @rule(environment=environments, fault=st.sampled_from(FAULTS))
    def flush(self, environment: Environment, fault: str) -> None:
        environment.flush(fault)

    @rule(environment=environments, number=st.integers(0, 100))
    def deliver_again(self, environment: Environment, number: int) -> None:
        """A write that was sent, once or never delivered, arrives now; not after a day, when its signature is long over."""
        if environment.wire.sent:
            shard, is_known = environment.wire.sent[number % len(environment.wire.sent)]
            if self.clock.now_ms() - shard.flushed_at_ms < 3_600_000:
                self.store.put(shard, is_known=is_known)

    @rule(target=plans, idle_ms=st.sampled_from((0, 3_600_000)))
    def plan(self, idle_ms: int) -> object:
        contents = self.store.read()
        return multiple(*plan_folds(contents, now_ms=self.clock.now_ms(), idle_ms=idle_ms))

    @rule(plan=plans)
    def fold(self, plan: Fold) -> None:
        """Any folder, at any time after it made up its mind, and again."""
        fresh = max(plan.expires_at_seconds, self.clock.now_ms() // 1000 + TOMBSTONE_SECONDS)
        self.store.fold(plan._replace(expires_at_seconds=fresh))

    @rule()
    def fold_now(self) -> None:
        for plan in plan_folds(self.store.read(), now_ms=self.clock.now_ms(), idle_ms=0):
            self.store.fold(plan)

    @rule(duration_ms=st.sampled_from((1_000, FLUSH_INTERVAL_MS, 61_000, 3_600_000)))
    def wait(self, duration_ms: int) -> None:
        self.clock.advance(duration_ms)

    @rule(duration_ms=st.sampled_from((1_000, 300_000)))
    def clock_is_set_back(self, duration_ms: int) -> None:
        self.clock.set_back(duration_ms)

    @rule()
    def two_days_pass(self) -> None:
        """Tombstones are over. Whoever sleeps for so long may be in doubt about one state: only then something may be missing."""
        self.clock.advance(2 * 86_400_000)
        for environment in self.all:
            environment.wire.sent.clear()

    @invariant()
    def sums_are_exact_and_never_step_back(self) -> None:
        contents = self.store.read()
        assert not is_torn(contents)
        counters = sum_contents(contents, now_ms=self.clock.now_ms()).functions["geo_route"].totals.counters
        for environment in self.all:
            count = counters.get(environment.key, 0)
            assert count >= self.seen.get(environment.key, 0)
            self.seen[environment.key] = count
            dropped = environment.recorder.totals().counters.get("x ambiguous", 0)
            assert environment.stored_at_least - dropped <= count <= environment.sent_at_most

    @invariant()
    def reads_that_mix_two_moments_are_exact_or_torn(self) -> None:
        """Each item as it was before the last step or after it, bases and shards in either way round."""
        after = self.store.read()
        for bases, shards in ((self.before, after), (after, self.before)):
            mixed = Contents(bases.bases, shards.shards, ())
            if is_torn(mixed):
                assert bases is self.before, "a base is read before the shards"
                continue
            now_ms = self.clock.now_ms()
            counters = sum_contents(mixed, now_ms=now_ms).functions["geo_route"].totals.counters
            allowed = [
                sum_contents(each, now_ms=now_ms).functions["geo_route"].totals.counters
                for each in (self.before, after)
            ]
            assert sum(_requests(counters)) in [sum(_requests(each)) for each in allowed]
        self.before = after

    def teardown(self) -> None:
        """When the table is back for good, everything that lives is stored, but for what it has given up."""
        for environment in self.all:
            environment.flush("none")
            dropped = environment.recorder.totals().counters.get("x ambiguous", 0)
            assert environment.stored_at_least == environment.recorded
            contents = self.store.read()
            counters = (
                sum_contents(contents, now_ms=self.clock.now_ms()).functions["geo_route"].totals.counters
            )
            count = counters.get(environment.key, 0)
            assert environment.recorded - dropped <= count <= environment.recorded


def _requests(counters: dict[str, int]) -> list[int]:
    return [count for key, count in counters.items() if key.startswith("q ")]


TestRegion = Region.TestCase
TestRegion.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_half_applied_fold_is_exact_or_torn() -> None:
    """Each subset of a fold's items as before it and the others as after: DynamoDB promises a query no more."""
    clock = ManualClock(now_ms=START_MS)
    store = MemoryShardStore(clock)
    for number in range(4):
        environment = Environment(number, store, clock)
        environment.record(10**number)
        environment.flush("none")
    for plan in plan_folds(store.read(), now_ms=START_MS, idle_ms=0):
        assert store.fold(plan._replace(shards=plan.shards))
    late = Environment(4, store, clock)
    late.record(10_000)
    late.flush("none")
    before = store.read()
    (plan,) = plan_folds(before, now_ms=START_MS, idle_ms=0)
    assert store.fold(plan)
    after = store.read()
    torn = 0
    choices = [0b0, 0b1]
    for base_is_new in choices:
        for shards_are_new in range(1 << len(after.shards)):
            shards = [
                (after if shards_are_new >> number & 1 else before).shards[number]
                for number in range(len(after.shards))
            ]
            mixed = Contents((after if base_is_new else before).bases, shards, ())
            if is_torn(mixed):
                torn += 1
                continue
            totals = sum_contents(mixed, now_ms=START_MS).functions["geo_route"].totals
            assert sum(_requests(totals.counters)) == 11_111

    assert torn == 16, "the base is old and the one shard that was folded last is gone"


def test_state_of_unknown_fate_is_given_up_before_tombstones_are_over() -> None:
    clock = ManualClock(now_ms=START_MS)
    store = MemoryShardStore(clock)
    environment = Environment(0, store, clock)
    environment.record(7)
    environment.flush("lost_reply")
    clock.advance(13 * 3_600_000)
    environment.record(2)
    environment.flush("none")

    counters = sum_contents(store.read(), now_ms=clock.now_ms()).functions["geo_route"].totals.counters
    assert counters[environment.key] == 9, (
        "it was stored; the environment does not know, and counts it as dropped"
    )
    assert environment.recorder.totals().counters["x ambiguous"] == 7


def fold_all(store: MemoryShardStore, clock: ManualClock) -> None:
    for plan in plan_folds(store.read(), now_ms=clock.now_ms(), idle_ms=0):
        assert store.fold(plan)


@pytest.mark.parametrize("fault", ["lost_request", "lost_reply"])
@pytest.mark.parametrize("generations", [1, 3])
def test_environment_that_was_folded_in_doubt_goes_on_with_the_exact_difference(
    fault: str, generations: int
) -> None:
    clock = ManualClock(now_ms=START_MS)
    store = MemoryShardStore(clock)
    environment = Environment(0, store, clock)
    for _ in range(generations):
        environment.record(1)
        environment.flush("none")
        environment.record(10)
        environment.flush(fault)
        fold_all(store, clock)
        environment.record(100)
        environment.flush("none")

    totals = sum_contents(store.read(), now_ms=clock.now_ms()).functions["geo_route"].totals
    assert totals.counters[environment.key] == 111 * generations
    assert totals.minutes[START_MS // 60_000].requests == 111 * generations
    assert totals.minutes[START_MS // 60_000].sketch.count() == 111 * generations
    assert totals.hours == {START_MS // 3_600_000: (111 * generations, 0)}
    assert sum(totals.histograms["t /api/geo/route"][:-1]) == 111 * generations


@pytest.mark.parametrize(("fault", "stored"), [("lost_request", 101), ("lost_reply", 111)])
def test_doubt_that_nobody_can_resolve_any_more_is_never_counted_twice(fault: str, stored: int) -> None:
    clock = ManualClock(now_ms=START_MS)
    store = MemoryShardStore(clock)
    environment = Environment(0, store, clock)
    environment.record(1)
    environment.flush("none")
    environment.record(10)
    environment.flush(fault)
    fold_all(store, clock)
    clock.advance(2 * 86_400_000)
    environment.record(100)
    environment.flush("none")

    counters = sum_contents(store.read(), now_ms=clock.now_ms()).functions["geo_route"].totals.counters
    assert counters[environment.key] == stored
    assert environment.recorder.totals().counters["x ambiguous"] == 10


def test_write_after_an_unknown_one_brings_everything_in_one_flush() -> None:
    clock = ManualClock(now_ms=START_MS)
    store = MemoryShardStore(clock)
    environment = Environment(0, store, clock)
    environment.record(1)
    environment.flush("lost_reply")
    environment.record(1)
    environment.flush("none")

    counters = sum_contents(store.read(), now_ms=clock.now_ms()).functions["geo_route"].totals.counters
    assert counters[environment.key] == 2


def test_emptied_table_loses_what_was_stored_and_nothing_later() -> None:
    clock = ManualClock(now_ms=START_MS)
    store = MemoryShardStore(clock)
    environment = Environment(0, store, clock)
    environment.record(7)
    environment.flush("none")
    store._shards.clear()
    environment.record(2)
    environment.flush("none")

    counters = sum_contents(store.read(), now_ms=clock.now_ms()).functions["geo_route"].totals.counters
    assert counters[environment.key] == 2
    assert "x ambiguous" not in environment.recorder.totals().counters


def test_clone_with_the_same_number_goes_on_under_another() -> None:
    """SnapStart restores one snapshot many times; should an environment be one, its numbers are its own all the same."""
    clock = ManualClock(now_ms=START_MS)
    store = MemoryShardStore(clock)
    environment = Environment(0, store, clock)
    environment.record(7)
    environment.flush("none")
    (mine,) = store.read().shards
    store._shards[mine.key] = mine._replace(sequence=9, blob=_empty())
    environment.record(2)
    environment.flush("none")

    counters = sum_contents(store.read(), now_ms=clock.now_ms()).functions["geo_route"].totals.counters
    assert counters[environment.key] == 9
    assert len({shard.key.environment for shard in store.read().shards}) == 2


def _empty() -> bytes:
    totals = Recorder("geo_route", ManualClock(now_ms=START_MS)).totals()
    return encode(Shard(0, totals), minute=START_MS // 60_000)


def test_number_of_an_environment_has_128_random_bits() -> None:
    clock = ManualClock(now_ms=START_MS)
    store = MemoryShardStore(clock)
    for number in range(20):
        environment = Environment(number, store, clock)
        environment.record(1)
        environment.flush("none")
    names = {shard.key.environment for shard in store.read().shards}

    assert len(names) == 20
    assert all(len(name) == 32 for name in names)
    assert decode(store.read().shards[0].blob).totals.counters
    assert store.read().shards[0].key == ShardKey("geo_route", store.read().shards[0].key.environment, 0)
    assert not any(isinstance(base, StoredBase) for base in store.read().bases)
