"""
Four regions and one limit: published usage beside independent counters and a home, on a virtual clock.

Each cell: MOST admitted in any true window of all regions together, as a part of the limit / admitted as a part of what
an exact log admits on the same trace. Published: three containers in each region, replication takes a second; beside
it what a thousand admitted checks cost: queries and publications. Everything is counted, seeded, the same in every run.

The last rows are bad luck made: three regions that stop just below the floor and a fourth that takes all it can, and a
burst in each region that is over before the others can have heard of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.clock import ManualClock
from edge.ratelimit.decisions import Charge
from edge.ratelimit.home import HomeLimiter
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.tiers import DAY_MS, make_tier
from edge.regions import CDG1, DEPLOYED, HND1, IAD1, SFO1
from tests.bench.traces import ExactLog, most_in_any_window
from tests.unit.ratelimit.regions_simulation import EVEN, LEANING, START_MS, SUBJECT, World, arrivals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.ratelimit.tiers import Tier
    from tests.unit.ratelimit.regions_simulation import Arrival

DAILY: Final = make_tier("1000/day", limit=1_000, window_ms=DAY_MS)
HOURLY: Final = make_tier("1000/h", limit=1_000, window_ms=3_600_000, buckets=24)
LARGE: Final = make_tier("10000/day", limit=10_000, window_ms=DAY_MS)

ROWS: Final = (
    *((DAILY, load, spread) for load in (2, 5) for spread in ("even", "90/10")),
    (HOURLY, 5, "even"),
    (LARGE, 2, "90/10"),
    (LARGE, 5, "90/10"),
)
"""An hour shows what a window does that is less long beside the lag."""

WINDOWS: Final = {2: 1.6, 5: 1.3}
"""By load: the limit is used up, and used up again once the first of it has left."""

SPREADS: Final = {"even": EVEN, "90/10": LEANING}


def main() -> None:
    """Print the tables, a row as soon as it is known."""
    print("most admitted in any true window of the limit / admitted of an exact log\n")
    print(
        "| limit, load, spread | independent | home | published | queries per 1000 | publications per 1000 |"
    )
    print("|---|---|---|---|---|---|")
    for tier, load, spread in ROWS:
        trace = arrivals(tier, load=load, windows=WINDOWS[load], shares=SPREADS[spread], seed=1)
        print(f"| {tier.name}, {load}x, {spread} | {row(trace, tier)} |", flush=True)
    print("\n1000/day, admitted of the limit\n")
    print("| what happens | floor 20 % | floor 5 % |")
    print("|---|---|---|")
    print(f"| three regions stop below the floor | {silence(20):.2f} | {silence(5):.2f} |")
    ended = [f"{silence(floor_percent, ended=True):.2f}" for floor_percent in (20, 5)]
    print(f"| the same, one check in each after the fourth published | {' | '.join(ended)} |")
    print(f"| burst of the limit everywhere, quicker than news | {burst(20):.2f} | {burst(5):.2f} |")


def row(trace: Sequence[Arrival], tier: Tier) -> str:
    """Return the cells of one trace."""
    exact = ExactLog(limit=tier.window.limit, window_ms=tier.window.window_ms)
    exactly = sum(exact.decide(at_ms) for at_ms, _ in trace)

    def cell(admitted_ms: Sequence[int]) -> str:
        most = most_in_any_window(admitted_ms, tier.window.window_ms)
        return f"{most / tier.window.limit:.3f} / {len(admitted_ms) / exactly:.2f}"

    world = World(containers=3)
    admitted_ms = world.run(trace, tier)
    calls = world.calls()
    spent = [f"{1_000 * calls[name] / len(admitted_ms):.0f}" for name in ("query", "put")]
    # They take longer with a larger limit, and do not differ.
    others = ["", ""] if tier == LARGE else [cell(independent(trace, tier)), cell(at_home(trace, tier))]
    return " | ".join([*others, cell(admitted_ms), *spent])


def independent(trace: Sequence[Arrival], tier: Tier) -> list[int]:
    """Return when counters that know nothing of each other admit."""
    clock = ManualClock(now_ms=START_MS)
    limiters = {region: Limiter(MemoryStore(clock), clock) for region in DEPLOYED}
    admitted_ms = []
    for at_ms, region in trace:
        clock.advance(at_ms - clock.now_ms())
        if limiters[region].check(SUBJECT, tier).allowed:
            admitted_ms.append(at_ms)
    return admitted_ms


def at_home(trace: Sequence[Arrival], tier: Tier) -> list[int]:
    """Return when the subject's home admits."""
    clock = ManualClock(now_ms=START_MS)
    limiters = {region: Limiter(MemoryStore(clock), clock) for region in DEPLOYED}
    homes = {region: HomeLimiter(region, DEPLOYED, limiters.__getitem__) for region in DEPLOYED}
    charges = [Charge(tier, 1)]
    admitted_ms = []
    for at_ms, region in trace:
        clock.advance(at_ms - clock.now_ms())
        if homes[region].check_all(SUBJECT, charges).verdict.allowed:
            admitted_ms.append(at_ms)
    return admitted_ms


def silence(floor_percent: int, *, ended: bool = False) -> float:
    """Return what is admitted if three regions use just less than the floor and the fourth then what it can."""
    world = World(floor_percent=floor_percent)
    silent = (IAD1, SFO1, CDG1)
    admitted = sum(world.take(region, DAILY, 10 * floor_percent - 1, every_ms=100) for region in silent)
    admitted += world.take(HND1, DAILY, 300, every_ms=2_000)
    if ended:
        world.clock.advance(5_000)
        admitted += sum(world.take(region, DAILY, 1) for region in silent)
    return (admitted + world.take(HND1, DAILY, 1_000, every_ms=2_000)) / DAILY.window.limit


def burst(floor_percent: int) -> float:
    """Return what is admitted if every region is asked for the limit within the replication's lag."""
    world = World(floor_percent=floor_percent)
    return sum(world.take(region, DAILY, DAILY.window.limit) for region in DEPLOYED) / DAILY.window.limit


if __name__ == "__main__":
    main()
