"""The promise: in any window of stamps at most the limit, whatever happens."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.ratelimit.tiers import Tier, make_tier
from tests.unit.ratelimit.simulation import Check, Pass, Restart, Simulation, Step

SMALL = make_tier("small", limit=5, window_ms=60_000)
SHORT = make_tier("short", limit=7, window_ms=1_000)


def steps_of(tier: Tier, containers: int, depth: int = 2) -> st.SearchStrategy[Step]:
    window_ms = tier.window.window_ms
    # Mostly around the edges that matter: nothing, a bucket, a window, two windows.
    durations = st.one_of(
        st.sampled_from(
            [1, tier.window.bucket_ms - 1, tier.window.bucket_ms, window_ms - 1, window_ms, 2 * window_ms]
        ),
        st.integers(0, 2 * window_ms),
    )
    passing = st.builds(Pass, durations)
    restart = st.builds(Restart, st.integers(0, containers - 1))
    late = st.lists(st.deferred(lambda: steps_of(tier, containers, depth - 1)), max_size=4).map(tuple)
    check = st.builds(
        Check,
        st.integers(0, containers - 1),
        st.sampled_from([1, 1, 1, 2, tier.window.limit]),
        late if depth else st.just(()),
    )
    return st.one_of(check, check, passing, restart)


@pytest.mark.parametrize("tier", [SMALL, SHORT], ids=lambda tier: tier.name)
@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_never_above_the_limit_in_any_window_of_stamps(tier: Tier, data: st.DataObject) -> None:
    """Late writes, lost snapshots, costs, and clocks that disagree by up to a quarter of a window."""
    disagreement_ms = tier.window.window_ms // 4
    offsets_ms = data.draw(st.lists(st.integers(0, disagreement_ms), min_size=1, max_size=4))
    simulation = Simulation(tier, offsets_ms)

    simulation.run(data.draw(st.lists(steps_of(tier, len(offsets_ms)), min_size=1, max_size=40)))

    assert simulation.most_in_any_window() <= tier.window.limit


@pytest.mark.parametrize("seed", range(8))
def test_never_above_the_limit_in_a_long_run(seed: int) -> None:
    """Long random lives: 2,500 checks each, floods and pauses, up to two windows late."""
    chance = random.Random(seed)
    tier = make_tier("fuzz", limit=chance.choice([3, 10, 50]), window_ms=chance.choice([1_000, 60_000]))
    window_ms = tier.window.window_ms
    containers = chance.choice([1, 3, 20])
    simulation = Simulation(tier, [chance.randrange(window_ms // 4) for _ in range(containers)])

    for _ in range(2_500):
        event = chance.random()
        if event < 0.02:
            simulation.run([Restart(chance.randrange(containers))])
        elif event < 0.25:
            simulation.run([Pass(int(chance.expovariate(1 / (window_ms / 20))))])
        late: tuple[Step, ...] = ()
        if event > 0.97:
            late = (
                Pass(chance.randrange(2 * window_ms)),
                *(Check(chance.randrange(containers), 1) for _ in range(chance.randrange(8))),
            )
        cost = chance.choice([1, 1, 1, 1, min(3, tier.window.limit)])
        simulation.run([Check(chance.randrange(containers), cost, late)])

    assert simulation.admissions
    assert simulation.most_in_any_window() <= tier.window.limit


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
