"""Published usage: four regions keep one limit without a trip to each other, as closely as the docstring says."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.breaker import Breaker
from edge.ratelimit.component import joint_release_ms
from edge.ratelimit.decisions import Charge
from edge.ratelimit.home import home_of
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.published import is_published
from edge.ratelimit.resilient import ResilientLimiter
from edge.ratelimit.store import Counter
from edge.ratelimit.subjects import record_key
from edge.ratelimit.tiers import DAY_MS, TIERS, make_tier
from edge.ratelimit.usage_exchange import UsageExchange, used_of
from edge.ratelimit.usage_store import MemoryUsageStore, Published
from edge.regions import CDG1, DEPLOYED, HND1, IAD1, SFO1
from tests.bench.traces import ExactLog, most_in_any_window
from tests.unit.ratelimit.regions_simulation import (
    EVEN,
    LEANING,
    START_MS,
    SUBJECT,
    Container,
    World,
    arrivals,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.clock import ManualClock
    from edge.ratelimit.tiers import Tier
    from edge.regions import Region

DAILY = make_tier("daily", limit=1_000, window_ms=DAY_MS)
HOURLY = make_tier("hourly", limit=1_000, window_ms=3_600_000, buckets=24)
SMALL = make_tier("small", limit=100, window_ms=3_600_000, buckets=24)
STRICT = TIERS["strict"]
HOME = home_of(SUBJECT, DEPLOYED)
AWAY = next(region for region in DEPLOYED if region != HOME)


def used_in(world: World, tier: Tier) -> int:
    """Return what all regions have admitted, by their tables."""
    code, now_ms = tier.across_regions().code, world.clock.now_ms()
    records = [table.read(record_key(SUBJECT)) for table in world.tables.values()]
    return sum(used_of(tier.window, record.counters.get(code), now_ms) for record in records if record)


# --- the bound


@pytest.mark.parametrize(
    ("tier", "load", "shares", "windows"),
    [(DAILY, 2, EVEN, 2), (DAILY, 5, LEANING, 1.4), (HOURLY, 5, EVEN, 1.4)],
    ids=["day 2x even", "day 5x 90/10", "hour 5x even"],
)
def test_four_regions_admit_one_limit_together(
    tier: Tier, load: float, shares: Sequence[float], windows: float
) -> None:
    """Within a hundredth, and little is left undone: a window is long beside the seconds that news take."""
    world = World(containers=3)
    trace = arrivals(tier, load=load, windows=windows, shares=shares, seed=1)
    admitted_ms = world.run(trace, tier)

    window_ms, limit = tier.window.window_ms, tier.window.limit
    assert most_in_any_window(admitted_ms, window_ms) <= 1.01 * limit
    exact = ExactLog(limit=limit, window_ms=window_ms)
    assert len(admitted_ms) >= 0.95 * sum(exact.decide(at_ms) for at_ms, _ in trace)


class Admitted(NamedTuple):
    at_ms: int
    region: str


def fuzzed(seed: int) -> None:
    """
    Live through bursts, pauses, lag, failing calls, partitions and new containers, and hold the docstring's law.

    Of each admission: what its region admitted in the window that ends with it, and what its container had last read
    of the others, are within the limit; and that was read within five seconds, unless reads failed.
    """
    chance = random.Random(seed)
    tier = make_tier("fuzz", limit=chance.randrange(20, 300), window_ms=3_600_000, buckets=24)
    window = tier.window
    world = World(lag_ms=chance.randrange(5_001), containers=chance.randrange(1, 4), seed=seed)
    log: list[Admitted] = []
    failing = chance.choice([0.0, 0.0, 0.3])
    for _ in range(900):
        world.clock.advance(chance.choice([0, 1, 30, 400, 1_000, 5_000, 60_000]))
        if chance.random() < 0.01:
            world.clock.advance(chance.randrange(2 * window.window_ms))
        if chance.random() < 0.01:
            world.replication.cut_off = set(chance.sample(DEPLOYED, chance.randrange(3)))
        region = chance.choice(DEPLOYED)
        if chance.random() < 0.01:
            world.containers[region][0] = world.container(region)
        container: Container = chance.choice(world.containers[region])
        container.usage.failing = failing
        cost = chance.choice([1, 1, 1, 2, 5])
        now_ms = world.clock.now_ms()
        if not container.limits.check_all(SUBJECT, [Charge(tier, cost)]).verdict.allowed:
            continue
        log += [Admitted(now_ms, region.code)] * cost
        own = sum(1 for one in log if one.region == region.code and now_ms - one.at_ms < window.window_ms)
        heard: dict[str, int] = {}
        for published in container.usage.heard:
            if published.component != region.code:
                used = used_of(window, published.counter, now_ms)
                heard[published.component] = max(used, heard.get(published.component, 0))
        assert own + sum(heard.values()) <= window.limit
        assert failing or now_ms - container.usage.asked_ms < 5_000
    assert len(log) >= window.limit


@pytest.mark.parametrize("seed", range(12))
def test_no_life_admits_more_than_the_limit_and_what_had_not_arrived(seed: int) -> None:
    fuzzed(seed)


@pytest.mark.parametrize("seed", range(6))
def test_what_a_region_has_not_told_is_little(seed: int) -> None:
    """A twentieth of the limit, or a second's worth at a low rate."""
    chance = random.Random(seed)
    world = World(containers=2, lag_ms=0, seed=seed)
    limit = SMALL.window.limit
    for _ in range(400):
        world.clock.advance(chance.randrange(1_001, 30_000))
        region = chance.choice(DEPLOYED)
        world.check_one(region, SMALL)
        record = world.tables[region].read(record_key(SUBJECT))
        code, now_ms = SMALL.across_regions().code, world.clock.now_ms()
        own = used_of(SMALL.window, record.counters[code], now_ms) if record else 0
        told = [
            used_of(SMALL.window, published.counter, now_ms)
            for published in world.replication.replicas[region].read(usage_key(SMALL))
            if published.component == region.code
        ]
        # A container that heard nothing within five seconds asks, so it knows whether anybody published.
        untold = own - max(told, default=0)
        assert untold <= limit // 20


def usage_key(tier: Tier) -> str:
    return tier.across_regions().code + record_key(SUBJECT)


@pytest.mark.parametrize(("floor_percent", "worst"), [(20, 1.597), (5, 1.147)])
def test_regions_that_fall_silent_below_the_floor_are_the_worst_case(
    floor_percent: int, worst: float
) -> None:
    """As bad as the docstring says, and no worse."""
    world = World(floor_percent=floor_percent)
    silent = sum(
        world.take(region, DAILY, 10 * floor_percent - 1, every_ms=100) for region in (IAD1, SFO1, CDG1)
    )
    admitted = silent + world.take(HND1, DAILY, 1_500, every_ms=2_000)

    assert admitted / 1_000 == worst
    assert admitted == used_in(world, DAILY)


def test_one_check_each_ends_the_silence() -> None:
    """Any publisher makes the others publish."""
    world = World()
    for region in (IAD1, SFO1, CDG1):
        world.take(region, DAILY, 199, every_ms=100)
    world.take(HND1, DAILY, 200, every_ms=2_000)
    world.clock.advance(5_000)
    for region in (IAD1, SFO1, CDG1):
        world.take(region, DAILY, 1)
    world.take(HND1, DAILY, 1_500, every_ms=2_000)

    assert used_in(world, DAILY) == 1_000


def test_burst_that_ends_within_a_second_is_told_but_for_a_twentieth() -> None:
    world = World()
    assert world.take(IAD1, DAILY, 900, every_ms=1) == 900
    world.clock.advance(3_000)

    assert 100 <= world.take(SFO1, DAILY, 500, every_ms=2_000) <= 150


def test_burst_quicker_than_news_is_admitted_in_every_region() -> None:
    """What no asynchronous limit can hold: a day's limit, spent everywhere before the replication's lag is over."""
    world = World(lag_ms=1_000)
    assert sum(world.take(region, SMALL, 100) for region in DEPLOYED) == 400
    world.clock.advance(1_000)
    assert sum(world.take(region, SMALL, 1) for region in DEPLOYED) == 0


# --- what it costs


def test_unused_limit_costs_one_write_a_check_and_a_query_in_five_seconds() -> None:
    world = World()
    world.take(IAD1, DAILY, 40, every_ms=200)

    assert world.calls() == {"write": 40, "get": 0, "query": 2, "put": 0}


def test_used_limit_costs_at_most_a_query_and_a_publication_a_second() -> None:
    world = World()
    world.take(IAD1, HOURLY, 250, every_ms=5)
    before = world.calls()
    assert world.take(IAD1, HOURLY, 700, every_ms=50) == 700

    spent = world.calls() - before
    assert spent["write"] == 700
    assert "get" not in spent
    assert 34 <= spent["query"] <= 35
    assert 10 <= spent["put"] <= 35


def test_slow_use_of_a_limit_is_not_published_unit_by_unit() -> None:
    """A twentieth of what is left: 1,000 checks a minute apart make far fewer publications than checks."""
    world = World()
    assert world.take(IAD1, DAILY, 1_000, every_ms=60_000) == 1_000

    assert world.calls()["put"] <= 100


def test_containers_of_a_region_share_a_second() -> None:
    """What another has published less than a second ago is not published again for a unit more."""
    world = World(containers=2)
    first, second = world.containers[IAD1]
    charge = [Charge(SMALL, 1)]
    assert first.limits.check_all(SUBJECT, [Charge(SMALL, 40)]).verdict.allowed
    world.clock.advance(2_000)
    first.limits.check_all(SUBJECT, [Charge(SMALL, 4)])
    for _ in range(3):
        world.clock.advance(333)
        second.limits.check_all(SUBJECT, charge)
    assert (first.usage.calls["publish"], second.usage.calls["publish"]) == (2, 0)

    world.clock.advance(1)
    second.limits.check_all(SUBJECT, charge)
    assert second.usage.calls["publish"] == 1


def test_flood_on_a_full_limit_asks_no_table_of_counters() -> None:
    world = World()
    world.take(IAD1, DAILY, 1_000, every_ms=5)
    world.clock.advance(2_000)
    world.take(IAD1, DAILY, 1)
    world.take(SFO1, DAILY, 1)
    before = world.calls()
    for region in (IAD1, SFO1):
        assert world.take(region, DAILY, 1_000, every_ms=10) == 0

    assert world.calls() - before == {"query": 4}


def test_light_subject_is_never_published() -> None:
    world = World(floor_percent=20)
    for _ in range(30):
        world.take(world.chance.choice(DEPLOYED), SMALL, 1, every_ms=60_000)

    assert world.calls()["put"] == 0
    assert all(len(replica) == 0 for replica in world.replication.replicas.values())


# --- what is told


def test_decision_is_about_all_regions() -> None:
    world = World(lag_ms=0)
    world.take(IAD1, DAILY, 400, every_ms=10)
    world.clock.advance(3_600_000)
    told = world.check_one(SFO1, DAILY, cost=100)

    assert (told.allowed, told.remaining, told.tier.window.limit) == (True, 500, 1_000)
    assert told.reset_at_ms == (START_MS // DAILY.window.bucket_ms + 1) * DAILY.window.bucket_ms + DAY_MS


def test_peek_tells_the_same_and_leaves_nothing() -> None:
    world = World(lag_ms=0)
    world.take(IAD1, DAILY, 400, every_ms=10)
    before = world.calls()
    limits = world.containers[SFO1][0].limits
    told = limits.peek_all(SUBJECT, [Charge(DAILY, 1)]).verdict.decisions[0]
    refused = limits.peek_all(SUBJECT, [Charge(DAILY, 700)]).verdict

    assert (told.allowed, told.remaining) == (True, 600)
    assert (refused.allowed, refused.violated) == (False, ("daily",))
    assert world.calls() - before == {"get": 2, "query": 1}


def counters_of(world: World, tier: Tier) -> list[Counter]:
    records = [table.read(record_key(SUBJECT)) for table in world.tables.values()]
    code = tier.across_regions().code
    return [record.counters[code] for record in records if record and code in record.counters]


def first_room_ms(tier: Tier, counters: Sequence[Counter], now_ms: int, cost: int) -> int:
    """Return when *cost* fits beside *counters*, tried at every edge of a bucket."""
    edges = range(now_ms - now_ms % tier.window.bucket_ms, now_ms + 2 * DAY_MS, tier.window.bucket_ms)
    for at_ms in (now_ms, *[edge for edge in edges if edge > now_ms]):
        if sum(used_of(tier.window, counter, at_ms) for counter in counters) + cost <= tier.window.limit:
            return at_ms
    raise AssertionError


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 40), st.integers(2_000, 900_000)), min_size=3, max_size=25
    ),
    st.integers(1, 100),
)
@settings(max_examples=40, deadline=None)
def test_wait_ends_exactly_when_all_regions_together_leave_room(
    spent: list[tuple[int, int, int]], cost: int
) -> None:
    """In every region, once all is told: denied a millisecond before what Retry-After names, admitted then."""
    world = World(lag_ms=0)
    for number, units, pause_ms in spent:
        world.check_one(DEPLOYED[number], SMALL, cost=units)
        world.clock.advance(pause_ms)
    for region in DEPLOYED * 2:  # what was spent last is told, and heard
        world.check_one(region, SMALL, cost=100)
        world.clock.advance(5_000)
    denied = [world.check_one(region, SMALL, cost=cost) for region in DEPLOYED]
    if any(decision.allowed for decision in denied):
        return
    now_ms = world.clock.now_ms()
    room_ms = first_room_ms(SMALL, counters_of(world, SMALL), now_ms, cost)

    for region, decision in zip(DEPLOYED, denied, strict=True):
        known = known_to(world, region)
        assert now_ms + decision.retry_after_ms == first_room_ms(SMALL, known, now_ms, cost) <= room_ms
    known_used = [
        sum(used_of(SMALL.window, one, now_ms) for one in known_to(world, region)) for region in DEPLOYED
    ]
    # Below the floor a region may have told nothing; where all is told, the wait is right to the millisecond.
    if known_used == [used_in(world, SMALL)] * 4:
        world.clock.advance(room_ms - now_ms - 1)
        assert not any(world.check_one(region, SMALL, cost=cost).allowed for region in DEPLOYED)
        world.clock.advance(1)
        assert world.check_one(DEPLOYED[0], SMALL, cost=cost).allowed


def known_to(world: World, region: Region) -> list[Counter]:
    """Return the region's own counter and what its container last heard of the others."""
    record = world.tables[region].read(record_key(SUBJECT))
    own = [] if record is None else [record.counters[SMALL.across_regions().code]]
    heard = world.containers[region][0].usage.heard
    return own + [published.counter for published in heard if published.component != region.code]


def test_new_container_looks_once_how_long_its_own_region_makes_wait() -> None:
    """Others have used the limit, so its table would never be asked; but its own units leave last."""
    world = World(lag_ms=0)
    world.replication.cut_off = {IAD1}
    world.take(SFO1, SMALL, 100, every_ms=1_000)
    world.clock.advance(600_000)
    assert world.take(IAD1, SMALL, 15) == 15
    last_ms = SMALL.window.leaves_at_ms(world.clock.now_ms() // SMALL.window.bucket_ms)
    world.replication.cut_off = set()
    world.containers[IAD1][0] = world.container(IAD1)
    before = world.calls()["get"]
    waits_ms = {world.check_one(IAD1, SMALL, cost=90).retry_after_ms for _ in range(5)}

    assert waits_ms == {last_ms - world.clock.now_ms()}
    assert world.calls()["get"] - before == 1


def test_peek_does_not_publish_what_a_check_would() -> None:
    world = World()
    limits, usage = world.containers[IAD1][0]
    limits.check_all(SUBJECT, [Charge(SMALL, 40)])
    limits.check_all(SUBJECT, [Charge(SMALL, 4)])
    world.clock.advance(2_000)
    limits.peek_all(SUBJECT, [Charge(SMALL, 1)])
    assert usage.calls["publish"] == 1

    limits.check_all(SUBJECT, [Charge(SMALL, 1)])
    assert usage.calls["publish"] == 2


# --- several charges


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        (TIERS["plan:pro"], True),
        (make_tier("half-day", limit=5, window_ms=DAY_MS // 2), True),
        (make_tier("shorter", limit=5, window_ms=DAY_MS // 2 - 60_000), False),
        (TIERS["default"], False),
        (TIERS["plan:enterprise"], False),
        (TIERS["plan:pro"]._replace(shadow=True), False),
        (make_tier("exact-day", limit=5, window_ms=DAY_MS, buckets=DAY_MS), False),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else None,
)
def test_windows_of_half_a_day_and_more_are_published(tier: Tier, *, expected: bool) -> None:
    assert is_published(tier) is expected


def test_short_windows_are_decided_at_home_and_long_ones_here() -> None:
    world = World()

    assert world.check(AWAY, Charge(STRICT, 1)).region == HOME
    assert world.check(AWAY, Charge(DAILY, 1)).region == AWAY
    assert world.check(AWAY, Charge(DAILY, 1), Charge(TIERS["plan:enterprise"], 1)).region == AWAY
    assert world.containers[AWAY][0].limits.peek_all(SUBJECT, [Charge(STRICT, 1)]).region == HOME


def test_quota_is_one_whichever_checks_it_is_charged_by() -> None:
    """Alone it is charged here, beside a short window at home: in all the limit, and each check all or nothing."""
    world = World(lag_ms=0)
    both = (Charge(STRICT, 1), Charge(SMALL, 1))
    admitted = 0
    for number in range(600):
        world.clock.advance(4_000)
        region = DEPLOYED[number % 4]
        located = world.check(region, *both) if number % 3 else world.check(region, Charge(SMALL, 1))
        admitted += located.verdict.allowed
        if number % 3:
            assert located.region == HOME
        if world.clock.now_ms() - START_MS > 3_400_000:
            break

    assert admitted == used_in(world, SMALL) == SMALL.window.limit
    totals = {
        region: record.counters
        for region, table in world.tables.items()
        if (record := table.read(record_key(SUBJECT)))
    }
    at_home = totals[HOME][SMALL.across_regions().code].total
    assert at_home > totals[AWAY][SMALL.across_regions().code].total > 0
    assert STRICT.across_regions().code not in totals[AWAY]


def test_denied_quota_charges_nothing_to_the_window_beside_it() -> None:
    world = World(lag_ms=0)
    world.take(AWAY, SMALL, 100, every_ms=2_000)
    refused = world.check(AWAY, Charge(STRICT, 1), Charge(SMALL, 1)).verdict

    assert (refused.allowed, refused.violated) == (False, ("small",))
    assert [decision.remaining for decision in refused.decisions] == [10, 0]
    assert world.check(AWAY, Charge(STRICT, 10)).verdict.allowed


def test_quota_holds_while_the_home_is_cut_off() -> None:
    world = World(lag_ms=0)
    both = (Charge(STRICT, 1), Charge(SMALL, 1))
    for _ in range(60):
        world.clock.advance(10_000)
        world.check(AWAY, *both)
    world.tables[HOME].cut_off = True
    alone = []
    for _ in range(60):
        world.clock.advance(10_000)
        alone.append(world.check(AWAY, *both))

    admitted = [located for located in alone if located.verdict.allowed]
    assert len(admitted) == 40
    assert {located.region for located in admitted} == {AWAY}
    assert all(decision.degraded for located in admitted for decision in located.verdict.decisions)


@pytest.mark.parametrize("cost", [0, 101])
def test_cost_that_can_never_fit_is_refused(cost: int) -> None:
    with pytest.raises(ValueError, match="cost"):
        World().check_one(IAD1, SMALL, cost=cost)


def test_tier_that_is_named_twice_is_refused_whatever_is_left() -> None:
    world = World(lag_ms=0)
    world.take(SFO1, SMALL, 100, every_ms=2_000)
    with pytest.raises(ValueError, match="once"):
        world.check(IAD1, Charge(SMALL, 1), Charge(SMALL, 1))


# --- when something is gone


def test_usage_table_that_is_gone_leaves_what_was_known() -> None:
    """It decays as the window slides; the answer says so once it is half a minute old."""
    world = World(lag_ms=0)
    world.take(SFO1, SMALL, 60, every_ms=2_000)
    usage = world.containers[IAD1][0].usage
    assert world.check_one(IAD1, SMALL).remaining == 39
    usage.failing = 1.0

    world.clock.advance(29_000)
    assert world.check_one(IAD1, SMALL).degraded is False
    world.clock.advance(1_000)
    stale = world.check_one(IAD1, SMALL)
    assert (stale.degraded, stale.remaining) == (True, 37)
    world.clock.advance(2 * SMALL.window.window_ms)
    assert world.check_one(IAD1, SMALL).remaining == 99

    usage.failing = 0.0
    world.clock.advance(10_000)
    assert world.check_one(IAD1, SMALL).degraded is False


def test_container_that_never_heard_anything_says_so_at_once() -> None:
    world = World()
    world.containers[IAD1][0].usage.failing = 1.0

    assert world.check_one(IAD1, SMALL).degraded is True
    assert world.check_one(SFO1, SMALL).degraded is False


def test_sick_usage_table_costs_little() -> None:
    """Five failures, then one probe in ten seconds, whatever the traffic."""
    world = World()
    usage = world.containers[IAD1][0].usage
    usage.failing = 1.0
    world.take(IAD1, DAILY, 900, every_ms=100)

    assert sum(usage.calls.values()) <= 5 + 9


def test_publications_that_fail_degrade_answers() -> None:
    """Others do not know of us: the limit may be exceeded."""
    world = World()
    usage = world.containers[IAD1][0].usage
    world.take(IAD1, DAILY, 199, every_ms=10)
    usage.publishes = False
    assert world.take(IAD1, DAILY, 20, every_ms=1_500) == 20
    assert world.check_one(IAD1, DAILY).degraded is False
    world.clock.advance(5_000)
    assert world.check_one(IAD1, DAILY).degraded is True


def test_partition_admits_each_side_once_and_heals() -> None:
    world = World(lag_ms=0)
    world.replication.cut_off = {HND1}
    assert [world.take(region, SMALL, 150, every_ms=1_100) for region in (IAD1, SFO1, HND1)] == [100, 0, 100]
    world.replication.cut_off = set()
    world.clock.advance(SMALL.window.window_ms + SMALL.window.bucket_ms)

    admitted = [world.take(region, SMALL, 80, every_ms=1_100) for region in (HND1, IAD1, SFO1)]
    assert admitted == [80, 20, 0]


def test_regional_table_that_is_gone_is_made_up_for_as_ever() -> None:
    """The container's share of what the others leave, in its memory."""

    def resilient(limiter: Limiter, clock: ManualClock) -> ResilientLimiter:
        return ResilientLimiter(limiter, clock, expected_containers=4, breaker=Breaker(clock))

    world = World(lag_ms=0, wrap=resilient)
    world.take(SFO1, SMALL, 60, every_ms=2_000)
    world.tables[IAD1].cut_off = True
    decisions = [world.check_one(IAD1, SMALL) for _ in range(15)]

    assert [decision.allowed for decision in decisions] == [True] * 10 + [False] * 5
    assert all(decision.degraded and decision.tier.window.limit == 100 for decision in decisions)


def test_clock_that_is_set_back_does_not_stop_the_news() -> None:
    world = World(lag_ms=0)
    world.check_one(IAD1, SMALL)
    world.clock.set_back(600_000)
    world.take(SFO1, SMALL, 100, every_ms=1_500)

    assert world.take(IAD1, SMALL, 10) == 0


def test_container_that_was_frozen_hears_the_news_at_once() -> None:
    """Its monotonic clock stood still meanwhile."""
    world = World(lag_ms=0)
    world.check_one(IAD1, SMALL)
    world.take(SFO1, SMALL, 100)
    world.clock.set_back(-10_000)

    assert world.take(IAD1, SMALL, 10) == 0


def test_publications_that_fail_are_not_tried_at_every_check() -> None:
    """Reads go well, so no breaker opens."""
    world = World()
    usage = world.containers[IAD1][0].usage
    usage.publishes = False
    world.take(IAD1, HOURLY, 600, every_ms=10)

    assert usage.calls["publish"] <= 1 + 6, "once a second"


# --- what is kept


def test_reset_is_told() -> None:
    world = World(lag_ms=0)
    world.take(IAD1, SMALL, 60, every_ms=2_000)
    assert world.check_one(SFO1, SMALL).remaining == 39
    Limiter(world.tables[IAD1], world.clock).reset(SUBJECT, SMALL.across_regions())
    world.clock.advance(10_000)
    world.containers[IAD1][0] = world.container(IAD1)
    world.check_one(IAD1, SMALL)
    world.clock.advance(5_000)

    assert world.check_one(SFO1, SMALL).remaining == 97


def test_counter_that_was_forgotten_and_began_anew_is_told() -> None:
    """Its totals are lower than those published before, which have expired by then."""
    world = World(lag_ms=0)
    world.take(IAD1, SMALL, 90, every_ms=2_000)
    world.take(SFO1, SMALL, 1)
    world.clock.advance(3 * DAY_MS)
    world.take(IAD1, SMALL, 60, every_ms=2_000)

    assert world.take(SFO1, SMALL, 60, every_ms=2_000) == 40


def test_subjects_that_are_remembered_are_bounded() -> None:
    world = World()
    exchange = UsageExchange(
        IAD1, MemoryUsageStore(world.clock), world.clock, breaker=Breaker(world.clock), max_subjects=10
    )
    for number in range(50):
        exchange.refresh(f"0aa={number}", IAD1, SMALL.window, None, is_full=False)
    assert len(exchange) == 10


def test_memory_store_is_bounded() -> None:
    world = World()
    store = MemoryUsageStore(world.clock, max_subjects=10)
    counter = Counter(1, {}, 0, 0, 0, 0)
    for number in range(50):
        store.publish(f"0aa={number}", Published("iad1", "iad1", counter, START_MS, 4_000_000_000))
    assert len(store) == 10
    assert store.read("0aa=49") != store.read("0aa=39") == []


def test_wait_is_no_wait_where_there_is_room() -> None:
    counter = Counter(100, {START_MS // SMALL.window.bucket_ms: 50}, 0, 0, 0, 0)

    assert joint_release_ms(SMALL.window, [], START_MS, 100) == START_MS
    assert joint_release_ms(SMALL.window, [counter], START_MS, 50) == START_MS
    assert joint_release_ms(SMALL.window, [counter, counter], START_MS, 1) == SMALL.window.leaves_at_ms(
        START_MS // SMALL.window.bucket_ms
    )


def test_reset_frees_every_region_at_once() -> None:
    """Also one that nobody asks any more: its usage is known to the others, and would be believed for a day."""
    world = World(lag_ms=0)
    for region in DEPLOYED:
        world.take(region, DAILY, 250, every_ms=20)
    assert world.check_one(SFO1, DAILY).remaining < 100

    world.containers[CDG1][0].limits.reset(SUBJECT, DAILY)
    world.clock.advance(6_000)

    assert world.check_one(SFO1, DAILY).remaining == 999
    assert world.check_one(HND1, DAILY).remaining >= 998
