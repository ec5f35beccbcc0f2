"""The promise: in any window of stamps at most the limit, whatever happens."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.ratelimit.tiers import Tier, make_tier
from tests.unit.ratelimit.fuzz import run_life
from tests.unit.ratelimit.simulation import Check, Limit, Pass, Refund, Reset, Restart, Simulation, Step

SMALL = make_tier("small", limit=5, window_ms=60_000)
SHORT = make_tier("short", limit=7, window_ms=1_000)
EXACT = make_tier("exact", limit=3, window_ms=1_000, buckets=1_000)


def steps_of(tier: Tier, depth: int = 2) -> st.SearchStrategy[Step]:
    window_ms = tier.window.window_ms
    # Mostly around the edges that matter: nothing, a bucket, a window, two windows.
    durations = st.one_of(
        st.sampled_from(
            [1, tier.window.bucket_ms - 1, tier.window.bucket_ms, window_ms - 1, window_ms, 2 * window_ms]
        ),
        st.integers(0, 2 * window_ms),
    )
    containers = st.integers(0, 3)
    late = (
        st.lists(st.deferred(lambda: steps_of(tier, depth - 1)), max_size=4).map(tuple)
        if depth
        else st.just(())
    )
    check = st.builds(Check, containers, st.sampled_from([1, 1, 1, 2, tier.window.limit]), late)
    refund = st.builds(Refund, containers, st.integers(0, 20), st.integers(1, 3), late)
    return st.one_of(
        check,
        check,
        check,
        st.builds(Pass, durations),
        st.builds(Restart, containers),
        refund,
        st.builds(Reset, containers),
        st.builds(Limit, containers, st.integers(1, tier.window.limit + 2)),
    )


@pytest.mark.parametrize("tier", [SMALL, SHORT, EXACT], ids=lambda tier: tier.name)
@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_never_above_the_limit_in_any_window_of_stamps(tier: Tier, data: st.DataObject) -> None:
    """Late writes, lost snapshots, costs, refunds, resets, changed limits, and clocks that disagree by up to a window."""
    offsets_ms = data.draw(st.lists(st.integers(0, tier.window.window_ms), min_size=1, max_size=4))
    simulation = Simulation(tier, offsets_ms)

    simulation.run(data.draw(st.lists(steps_of(tier), min_size=1, max_size=40)))

    assert simulation.excess() == 0


@pytest.mark.parametrize("seed", range(40))
def test_never_above_the_limit_in_a_long_life(seed: int) -> None:
    """Forty long random lives, 100,000 checks in all: floods and pauses, up to two windows late."""
    assert run_life(seed, checks=2_500).excess() == 0


@pytest.mark.parametrize("offset_ms", [50, 1_000, 4_000, 20_000])
def test_clocks_that_disagree_shorten_the_window_by_no_more_than_that(offset_ms: int) -> None:
    """Two containers and a flood: in true time the limit holds for windows that are shorter by the disagreement."""
    chance = random.Random(offset_ms)
    tier = make_tier("pair", limit=50, window_ms=60_000)
    simulation = Simulation(tier, [0, offset_ms])
    for _ in range(6_000):
        container = chance.randrange(2) if chance.random() < 0.9 else 1
        simulation.run([Pass(chance.randrange(120)), Check(container, 1)])

    assert simulation.excess() == 0
    assert simulation.most_in_true_window(60_000 - offset_ms) <= 50


def test_slow_clock_does_not_miss_boundaries_that_a_fast_one_removed() -> None:
    """Six seconds apart: the fast container removes what it no longer needs, the slow one would still have to count."""
    fast, slow = 0, 1
    simulation = Simulation(make_tier("pair", limit=10, window_ms=60_000), [6_000, 0])

    simulation.run([Pass(8_000), Check(fast, 10), Pass(65_000), Check(fast, 1), Restart(slow)])
    simulation.run([Check(slow, 1) for _ in range(10)])

    assert simulation.excess() == 0


@pytest.mark.parametrize("rate", [1.0, 2.0, 5.0])
def test_admits_nearly_what_an_exact_log_would(rate: float) -> None:
    """Poisson arrivals at *rate* times the limit: at least 0.97 of the exact sliding log."""
    chance = random.Random(42)
    tier = make_tier("poisson", limit=100, window_ms=60_000)
    simulation = Simulation(tier, [0])
    log: list[int] = []
    exact = 0
    for _ in range(int(rate * 100 * 30)):
        simulation.run([Pass(round(chance.expovariate(rate * 100 / 60_000))), Check(0, 1)])
        now_ms = simulation.clock.now_ms()
        log = [stamp_ms for stamp_ms in log if now_ms - stamp_ms < 60_000]
        if len(log) < 100:
            log.append(now_ms)
            exact += 1

    assert sum(admission.cost for admission in simulation.admissions) >= 0.97 * exact
