"""Sums of shards and bases, what is left out of them and says so, and the snapshot that a scrape gets."""

from __future__ import annotations

import math

import pytest

from edge.breaker import Breaker
from edge.clock import ManualClock
from edge.telemetry.definitions import DEFINITIONS, SUMMARY
from edge.telemetry.flushing import Flusher
from edge.telemetry.folding import Folded, fold_idle
from edge.telemetry.labels import HEALTH_STATUSES, ROUTES, STATUSES
from edge.telemetry.recorder import Recorder
from edge.telemetry.region_totals import TotalsUnavailable, merge_regions, read_totals
from edge.telemetry.shard_memory import MemoryShardStore
from edge.telemetry.snapshot import Distribution, Quantiles, Series, Snapshot
from edge.telemetry.snapshots import snapshot
from edge.telemetry.store import Contents, ShardKey, StoredBase, StoredShard

START_MS = 2_000_000_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def store(clock: ManualClock) -> MemoryShardStore:
    return MemoryShardStore(clock)


def serve(
    store: MemoryShardStore,
    clock: ManualClock,
    *durations_ms: int,
    function: str = "geo_route",
    status: int = 200,
) -> None:
    """An environment that answers some requests, is flushed and ends."""
    recorder = Recorder(function, clock)
    for duration_ms in durations_ms:
        recorder.record(
            route=next(iter(ROUTES[function])),
            method="POST",
            status=status,
            duration_ns=duration_ms * 1_000_000,
        )
    assert Flusher(recorder, store, clock, breaker=Breaker(clock)).flush()


def scraped(store: MemoryShardStore, clock: ManualClock) -> Snapshot:
    totals = read_totals(store, now_ms=clock.now_ms())
    return snapshot(
        totals,
        region="cdg1",
        version="1.2.3",
        stage="production",
        health={"cdg1": "healthy", "hnd1": "unhealthy"},
    )


def value(shot: Snapshot, name: str, *labels: str) -> object:
    (family,) = [family for family in shot.families if family.definition.name == name]
    (series,) = [series for series in family.series if series.labels == labels]
    return series.value


def test_every_series_that_can_be_told_is_at_zero_before_anything_happens(
    store: MemoryShardStore, clock: ManualClock
) -> None:
    shot = scraped(store, clock)

    for function, routes in ROUTES.items():
        for route, methods in routes.items():
            for method in methods:
                for status in STATUSES:
                    assert value(shot, "edge_requests_total", function, route, method, status) == 0
    assert (
        value(shot, "edge_rate_limit_decisions_total", "ratelimit_check", "denied", "over_limit", "true") == 0
    )
    assert value(shot, "edge_replays_total", "sign_verify", "nonce") == 0
    assert value(shot, "edge_metrics_dropped_total", "geo_route", "unusable") == 0
    recent = value(shot, SUMMARY.name, "geo_route")
    assert isinstance(recent, Quantiles)
    assert all(math.isnan(quantile) for quantile in recent.values)
    assert (recent.observations, recent.sum) == (0, 0)


def test_snapshot_has_each_definition_once_in_order_and_no_series_twice(
    store: MemoryShardStore, clock: ManualClock
) -> None:
    for function in ROUTES:
        serve(store, clock, 5, function=function, status=599)
    shot = scraped(store, clock)

    assert [family.definition for family in shot.families] == list(DEFINITIONS)
    for family in shot.families:
        labels = [series.labels for series in family.series]
        assert len(set(labels)) == len(labels)
        assert labels == sorted(labels)
        assert all(len(each) == len(family.definition.labels) for each in labels)
        for series in family.series:
            if isinstance(series.value, Distribution):
                assert len(series.value.buckets) == len(family.definition.bounds) + 1
    assert sum(len(family.series) for family in shot.families) < 2_000


def test_environments_are_summed(store: MemoryShardStore, clock: ManualClock) -> None:
    serve(store, clock, 10, 20)
    serve(store, clock, 40)
    clock.advance(61_000)
    serve(store, clock, 7, function="sign_verify")
    shot = scraped(store, clock)

    assert value(shot, "edge_requests_total", "geo_route", "/api/geo/route", "POST", "2xx") == 3
    durations = value(shot, "edge_request_duration_seconds", "geo_route", "/api/geo/route")
    assert isinstance(durations, Distribution)
    assert sum(durations.buckets) == 3
    assert durations.sum == pytest.approx(0.07)
    recent = value(shot, SUMMARY.name, "geo_route")
    assert isinstance(recent, Quantiles)
    assert recent.values == pytest.approx([0.02, 0.02, 0.02], rel=0.01)
    assert value(shot, "edge_environments", "geo_route") == 2
    assert value(shot, "edge_environments", "sign_verify") == 1
    assert value(shot, "edge_metric_shards", "read") == 3
    assert value(shot, "edge_metrics_last_flush_timestamp_seconds") == clock.now_ms() / 1000
    assert value(shot, "edge_build_info", "1.2.3", "production") == 1
    assert shot.created_at == START_MS / 1000


def test_folding_changes_no_sum(store: MemoryShardStore, clock: ManualClock) -> None:
    for number in range(5):
        serve(store, clock, 10 + number)
    before = scraped(store, clock)
    assert fold_idle(store, now_ms=clock.now_ms(), idle_ms=0) == Folded(5, 0, 0)
    after = scraped(store, clock)

    changed = {"edge_environments", "edge_metric_shards"}
    for one, other in zip(before.families, after.families, strict=True):
        # As text: no NaN is equal to itself.
        assert (repr(one) == repr(other)) == (one.definition.name not in changed)
    assert before.created_at == after.created_at
    assert value(after, "edge_metric_shards", "read") == 0


def test_only_idle_shards_are_folded_and_as_many_as_a_call_may(
    store: MemoryShardStore, clock: ManualClock
) -> None:
    for number in range(105):
        serve(store, clock, 1 + number)
    serve(store, clock, 1, function="sign_verify")
    clock.advance(3_599_999)
    assert fold_idle(store, now_ms=clock.now_ms()) == Folded(0, 0, 0)
    serve(store, clock, 5)
    clock.advance(1)

    assert fold_idle(store, now_ms=clock.now_ms(), max_folds=1) == Folded(99, 0, 7)
    assert fold_idle(store, now_ms=clock.now_ms()) == Folded(7, 0, 0)
    assert [base.generation for base in store.read().bases] == [2, 1]
    assert (
        value(scraped(store, clock), "edge_requests_total", "geo_route", "/api/geo/route", "POST", "2xx")
        == 106
    )


def test_environment_that_nobody_heard_of_for_ten_minutes_is_none(
    store: MemoryShardStore, clock: ManualClock
) -> None:
    serve(store, clock, 5)
    clock.advance(599_999)
    assert value(scraped(store, clock), "edge_environments", "geo_route") == 1
    clock.advance(1)
    assert value(scraped(store, clock), "edge_environments", "geo_route") == 0


class TornStore(MemoryShardStore):
    """Its reads are torn for a while."""

    torn = 0

    def read(self) -> Contents:
        contents = super().read()
        if self.torn > 0:
            self.torn -= 1
            return contents._replace(bases=())
        return contents


@pytest.mark.parametrize("torn", [3, 4])
def test_torn_read_is_done_again_and_never_summed(clock: ManualClock, torn: int) -> None:
    store = TornStore(clock)
    serve(store, clock, 5)
    fold_idle(store, now_ms=START_MS, idle_ms=0)
    store.torn = torn
    if torn < 4:
        totals = read_totals(store, now_ms=START_MS)
        assert totals.functions["geo_route"].totals.counters["q /api/geo/route POST 2xx"] == 1
    else:
        with pytest.raises(TotalsUnavailable):
            read_totals(store, now_ms=START_MS)


def test_shard_that_cannot_be_understood_is_left_out_and_counted(
    store: MemoryShardStore, clock: ManualClock
) -> None:
    serve(store, clock, 5)
    store.put(StoredShard(ShardKey("geo_route", "a" * 32, 0), 1, b"later format", START_MS), is_known=False)
    shot = scraped(store, clock)

    assert value(shot, "edge_metric_shards", "unreadable") == 1
    assert value(shot, "edge_requests_total", "geo_route", "/api/geo/route", "POST", "2xx") == 1
    assert fold_idle(store, now_ms=START_MS, idle_ms=0).shards == 1, "it is left where it is"


def test_function_whose_base_cannot_be_understood_has_no_numbers(
    store: MemoryShardStore, clock: ManualClock
) -> None:
    serve(store, clock, 5)
    store._bases["geo_route"] = StoredBase("geo_route", 1, b"later format", frozenset())
    totals = read_totals(store, now_ms=START_MS)

    assert "geo_route" not in totals.functions
    assert totals.unreadable == 1
    assert fold_idle(store, now_ms=START_MS, idle_ms=0).shards == 0, "nothing is written over it"


def test_label_that_this_version_does_not_know_is_shown_as_other(
    store: MemoryShardStore, clock: ManualClock
) -> None:
    serve(store, clock, 5)
    totals = read_totals(store, now_ms=START_MS)
    counters = totals.functions["geo_route"].totals.counters
    counters |= {"e brand_new": 3, "e newer_still": 4, "e two words": 9, "z unknown": 1}
    shot = snapshot(
        totals,
        region="cdg1",
        version="1",
        stage="production",
        health={"cdg1": "healthy", "hnd1": "unhealthy"},
    )

    assert value(shot, "edge_errors_total", "geo_route", "other") == 7


def test_health_of_every_region_is_told_as_one_of_the_statuses(clock: ManualClock) -> None:
    totals = read_totals(MemoryShardStore(clock), now_ms=START_MS)
    shot = snapshot(totals, region="cdg1", version="1", stage="production", health={"hnd1": "draining"})

    assert value(shot, "edge_region_health", "hnd1", "draining") == 1
    held = [value(shot, "edge_region_health", "hnd1", status) for status in HEALTH_STATUSES]
    assert held.count(1) == 1
    assert held.count(0) == len(HEALTH_STATUSES) - 1


def test_regions_are_merged_as_if_they_were_one(clock: ManualClock) -> None:
    stores = [MemoryShardStore(clock) for _ in range(3)]
    serve(stores[0], clock, *[10] * 90)
    serve(stores[1], clock, *[1000] * 10)
    merged = merge_regions([read_totals(store, now_ms=START_MS) for store in stores])
    shot = snapshot(
        merged, region="all", version="1", stage="production", health={"cdg1": "healthy", "hnd1": "unhealthy"}
    )

    recent = value(shot, SUMMARY.name, "geo_route")
    assert isinstance(recent, Quantiles)
    assert recent.values == pytest.approx([0.01, 1.0, 1.0], rel=0.01), "no average of the regions' quantiles"
    assert recent.observations == 100
    assert merged.flushed_at_ms == START_MS
    assert isinstance(shot.families[0].series[0], Series)
