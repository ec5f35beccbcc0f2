"""
What checks cost in calls and units: five traffics over 1, 20 and 200 containers, on a virtual clock.

Arrivals are Poisson; each goes to a container chosen at random, as a load balancer would.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.bench.peers.port import Limit, TrafficCost
from tests.bench.traces import START_MS, ExactLog, Shape, most_in_any_window, poisson

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.peers.port import Fleet, Peer, Servers

LIMIT: Final = Limit(100, 60_000)
SEED: Final = 7
SIZE_SAMPLES: Final = 20
UNIT_BYTES: Final = 1_024


class Traffic(NamedTuple):
    """
    Load on one subject.

    Attributes:
        name: as printed.
        load: rate / the limit's rate.
        windows: how many windows it lasts.
        containers: over how many it is run in turn; 0 for a new one at every check.
    """

    name: str
    load: float
    windows: int
    containers: tuple[int, ...]


TRAFFICS: Final = (
    Traffic("1 per 12 s", 0.05, 30, (1, 20, 200)),
    Traffic("0.5x the limit", 0.5, 6, (1, 20, 200)),
    Traffic("1x the limit", 1.0, 4, (1, 20, 200)),
    Traffic("3x flood", 3.0, 3, (1, 20, 200)),
    Traffic("1 per 12 s, every container new", 0.05, 30, (0,)),
)


class Now:
    """The simulation's time."""

    def __init__(self) -> None:
        self.ms = START_MS

    def __call__(self) -> int:
        return self.ms


def costs(
    open_fleet: Callable[[Servers, Limit, Callable[[], int]], Fleet], servers: Servers
) -> dict[str, list[TrafficCost]]:
    """Return the costs of every traffic, one for each number of containers."""
    now = Now()
    fleet = open_fleet(servers, LIMIT, now)
    return {
        traffic.name: [_run(fleet, now, traffic, containers) for containers in traffic.containers]
        for traffic in TRAFFICS
    }


def _run(fleet: Fleet, now: Now, traffic: Traffic, containers: int) -> TrafficCost:
    subject = f"subject-{TRAFFICS.index(traffic)}-{containers}x"  # no subject is part of another
    chance = random.Random(SEED)
    arrivals = poisson(Shape(LIMIT.units, LIMIT.window_ms, traffic.windows), SEED, load=traffic.load)
    opened: list[Peer] = [fleet.container() for _ in range(containers)]
    exact = ExactLog(limit=LIMIT.units, window_ms=LIMIT.window_ms)
    exact_admitted = 0
    admitted_ms = []
    before = fleet.calls()
    sample_every = max(1, len(arrivals) // SIZE_SAMPLES)
    largest_bytes = 0
    scans = 0
    for number, arrival_ms in enumerate(arrivals, start=1):
        now.ms = arrival_ms
        exact_admitted += exact.decide(arrival_ms)
        container = chance.choice(opened) if opened else fleet.container()
        if container.hit(subject, 1):
            admitted_ms.append(arrival_ms)
        if number % sample_every == 0:
            counted = fleet.calls()
            largest_bytes = max(largest_bytes, largest_item_bytes(fleet.scanner, fleet.table, subject))
            scans += fleet.calls().total - counted.total  # where the scanner is the client that is counted
    after = fleet.calls()
    checks = len(arrivals)
    units_an_item = -(-largest_bytes // UNIT_BYTES)
    return TrafficCost(
        calls=(after.total - before.total - scans) / checks,
        write_units=(after.write_units - before.write_units) * units_an_item / checks,
        reads=(after.reads - before.reads - scans) / checks,
        admitted_ratio=len(admitted_ms) / exact_admitted,
        most_ratio=most_in_any_window(admitted_ms, LIMIT.window_ms) / LIMIT.units,
    )


def largest_item_bytes(scanner: Any, table: str, subject: str) -> int:
    """Return the size of the largest item whose key names *subject*, numbers by their digits: rather too much."""
    items = scanner.scan(TableName=table)["Items"]
    keys = [(str(item.get("pk", item.get("PK"))), item) for item in items]
    sizes = [
        sum(len(name) + sum(len(str(text)) for text in value.values()) for name, value in item.items())
        for key, item in keys
        if subject in key
    ]
    if not sizes:
        raise RuntimeError(f"no item of {subject} in {table}")
    return max(sizes)
