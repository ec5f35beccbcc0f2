"""When an environment writes, what a write may cost, and that no failure of it reaches a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.aws.faults import AccessRefused, Unavailable
from edge.breaker import Breaker
from edge.clock import ManualClock
from edge.deadline import earliest
from edge.telemetry.flushing import FLUSH_BUDGET_MS, FLUSH_INTERVAL_MS, Flusher
from edge.telemetry.recorder import Recorder
from edge.telemetry.shard_memory import MemoryShardStore
from edge.telemetry.shards import decode
from edge.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from edge.telemetry.store import Obstacle, StoredShard

START_MS = 2_000_000_000_000


class WatchedStore(MemoryShardStore):
    """Counts writes, and fails as it is told."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.writes: list[StoredShard] = []
        self.fault: Exception | None = None
        self.deadlines_ns: list[int] = []

    def put(self, shard: StoredShard, *, is_known: bool) -> Obstacle | None:
        self.writes.append(shard)
        self.deadlines_ns.append(earliest(1 << 62))
        if self.fault is not None:
            raise self.fault
        return super().put(shard, is_known=is_known)


class Bench:
    """A telemetry of one environment on a store that is watched."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.store = WatchedStore(self.clock)
        self.recorder = Recorder("geo_route", self.clock)
        self.breaker = Breaker(self.clock, failures_to_open=2)
        self.telemetry = Telemetry(
            self.recorder, Flusher(self.recorder, self.store, self.clock, breaker=self.breaker)
        )

    def serve(self) -> None:
        self.telemetry.record(route="/api/geo/route", method="POST", status=200, duration_ns=1_000_000)
        self.telemetry.flush_if_due()

    def stored(self) -> int:
        return sum(
            decode(shard.blob).totals.counters.get("q /api/geo/route POST 2xx", 0)
            for shard in self.store.read().shards
        )

    def counter(self, key: str) -> int:
        return self.recorder.totals().counters.get(key, 0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_first_request_is_stored_at_once(bench: Bench) -> None:
    bench.serve()

    assert bench.stored() == 1


def test_later_requests_are_stored_when_ten_seconds_are_over(bench: Bench) -> None:
    for _ in range(100):
        bench.serve()
        bench.clock.advance(99)
    assert len(bench.store.writes) == 1
    bench.clock.advance(100)
    bench.serve()

    assert len(bench.store.writes) == 2
    assert bench.stored() == 101


def test_clock_that_is_set_back_delays_no_flush(bench: Bench) -> None:
    bench.serve()
    bench.clock.set_back(3_600_000)
    bench.clock.advance(FLUSH_INTERVAL_MS - 1)
    bench.serve()
    assert len(bench.store.writes) == 1
    bench.clock.advance(1)
    bench.serve()

    assert len(bench.store.writes) == 2


def test_shard_is_written_whole_under_a_growing_number(bench: Bench) -> None:
    for _ in range(3):
        bench.serve()
        bench.clock.advance(FLUSH_INTERVAL_MS)

    assert [shard.sequence for shard in bench.store.writes] == [1, 2, 3]
    assert len({shard.key for shard in bench.store.writes}) == 1


@pytest.mark.parametrize(
    ("fault", "counted"),
    [
        (Unavailable("throttled", outcome_unknown=False), "f failed"),
        (Unavailable("timed_out", outcome_unknown=True), "f failed"),
        (AccessRefused("AccessDeniedException"), "f refused"),
    ],
)
def test_store_that_fails_costs_the_request_nothing_and_loses_nothing(
    bench: Bench, fault: Exception, counted: str
) -> None:
    bench.store.fault = fault
    bench.serve()
    bench.clock.advance(FLUSH_INTERVAL_MS)
    assert bench.counter(counted) == 1
    bench.store.fault = None
    bench.serve()

    assert bench.stored() == 2


def test_store_that_is_gone_is_left_alone(bench: Bench) -> None:
    bench.store.fault = Unavailable("timed_out", outcome_unknown=True)
    for _ in range(50):
        bench.serve()
        bench.clock.advance(1_000)

    assert len(bench.store.writes) <= 5
    assert bench.counter("f failed") >= 4


def test_flush_has_its_own_deadline(bench: Bench) -> None:
    bench.clock.advance(5_000)
    bench.serve()

    assert bench.store.deadlines_ns == [(5_000 + FLUSH_BUDGET_MS) * 1_000_000]


def test_flushes_are_counted_in_the_next_state(bench: Bench) -> None:
    for _ in range(3):
        bench.serve()
        bench.clock.advance(FLUSH_INTERVAL_MS)

    (shard,) = bench.store.read().shards
    assert decode(shard.blob).totals.counters["f stored"] == 2


def test_telemetry_without_a_store_only_counts(bench: Bench) -> None:
    telemetry = Telemetry(bench.recorder, None)
    telemetry.record(route="/api/geo/route", method="POST", status=200, duration_ns=1)
    telemetry.flush_if_due()

    assert bench.counter("q /api/geo/route POST 2xx") == 1
    assert not bench.store.writes
