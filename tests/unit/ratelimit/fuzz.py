"""Seeded random lives of a record, for a store in memory and for real engines."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from edge.ratelimit.tiers import make_tier
from tests.unit.ratelimit.simulation import Check, Limit, Pass, Refund, Reset, Restart, Simulation, Step

if TYPE_CHECKING:
    from edge.ratelimit.store import WindowStore


def run_life(seed: int, *, checks: int, store: WindowStore | None = None, subject: str = "s") -> Simulation:
    """
    Return a simulation that has lived through *checks* checks and everything that goes wrong between them.

    Args:
        seed: decides all.
        checks: how many are begun at top level; late ones come on top.
        store: in place of a memory store.
        subject: whose record it is.
    """
    chance = random.Random(seed)
    tier = make_tier("fuzz", limit=chance.choice([3, 10, 50]), window_ms=chance.choice([1_000, 60_000]))
    window_ms, limit = tier.window.window_ms, tier.window.limit
    containers = chance.choice([1, 3, 20])
    offsets_ms = [chance.randrange(window_ms // 4) for _ in range(containers)]
    simulation = Simulation(tier, offsets_ms, store, subject=subject)
    late: tuple[Step, ...]
    for _ in range(checks):
        event = chance.random()
        container = chance.randrange(containers)
        if event < 0.02:
            simulation.run([Restart(container)])
        elif event < 0.03:
            simulation.run([Reset(container)])
        elif event < 0.05:
            simulation.run([Limit(container, chance.randrange(1, 2 * limit))])
        elif event < 0.25:
            simulation.run([Pass(int(chance.expovariate(1 / (window_ms / 20))))])
        elif event < 0.26:  # after a quiet window the first to come knows nothing, and is late
            others = (Check(chance.randrange(containers), 1) for _ in range(limit))
            late = (Pass(chance.randrange(window_ms)), *others)
            quiet = Pass(window_ms + chance.randrange(window_ms))
            simulation.run([quiet, Restart(container), Check(container, 1, late)])
        late = ()
        if event > 0.97:
            others = (Check(chance.randrange(containers), 1) for _ in range(chance.randrange(8)))
            late = (Pass(chance.randrange(2 * window_ms)), *others)
        if event > 0.92:
            simulation.run([Refund(container, -1 - chance.randrange(10), chance.randrange(1, 4), late[:3])])
        cost = chance.choice([1, 1, 1, 1, min(3, limit)])
        simulation.run([Check(container, cost, late)])
    return simulation
