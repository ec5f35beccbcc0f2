"""
Regions that publish their usage to each other over a table that is late, loses, or is cut off.

Everything happens on one virtual clock. A region has a table of counters, a replica of the usage table, and some
containers; a trace of (when, region) is offered to a random container of its region.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from edge.breaker import Breaker
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.ratelimit.component import ComponentLimiter
from edge.ratelimit.decisions import Charge
from edge.ratelimit.home import HomeLimiter
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.published import PublishedLimiter, is_published
from edge.ratelimit.usage_exchange import FLOOR_PERCENT, UsageExchange
from edge.ratelimit.usage_store import MemoryUsageStore
from edge.ratelimit.watched_store import WatchedStore
from edge.regions import DEPLOYED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.ratelimit.decisions import Decision
    from edge.ratelimit.home import Limits, Located
    from edge.ratelimit.store import Applied, NotApplied, Record, Write
    from edge.ratelimit.tiers import Tier
    from edge.ratelimit.usage_store import Published
    from edge.regions import Region

START_MS = 2_000_000_000_000
SUBJECT = "s"
LEAST_WINDOW_MS = 3_600_000


class Replication:
    """
    The usage tables of all regions.

    Attributes:
        lag_ms: how long a record travels.
        cut_off: regions that hear nothing and are not heard, until they are taken out again.
    """

    def __init__(self, clock: ManualClock, *, lag_ms: int) -> None:
        self.clock = clock
        self.lag_ms = lag_ms
        self.cut_off: set[Region] = set()
        self.replicas = {region: MemoryUsageStore(clock) for region in DEPLOYED}
        self._travelling: list[tuple[int, Region, str, Published]] = []

    def send(self, key: str, usage: Published) -> None:
        arrives_ms = self.clock.now_ms() + self.lag_ms
        self._travelling += [
            (arrives_ms, region, key, usage) for region in DEPLOYED if region.code != usage.writer
        ]

    def deliver(self) -> None:
        """Let arrive what has travelled long enough; what a cut-off region sent or should get waits."""
        late, now_ms = [], self.clock.now_ms()
        codes = {region.code for region in self.cut_off}
        for entry in self._travelling:
            arrives_ms, region, key, usage = entry
            if arrives_ms > now_ms or region in self.cut_off or usage.writer in codes:
                late.append(entry)
            else:
                self.replicas[region].publish(key, usage)
        self._travelling = late


class Replica:
    """
    One region's usage table, as one container reaches it; it counts calls, and may fail.

    Attributes:
        failing: the part of the calls that fail; half of the publications that do have taken place all the same.
        publishes: whether publications get anywhere at all.
        heard: what the last read found, and when that was.
        asked_ms: when it was last read, or tried to.
    """

    def __init__(self, region: Region, replication: Replication, *, seed: int) -> None:
        self._region = region
        self._replication = replication
        self._chance = random.Random(seed)
        self.failing = 0.0
        self.publishes = True
        self.calls: Counter[str] = Counter()
        self.heard: list[Published] = []
        self.asked_ms = 0

    def read(self, key: str) -> list[Published]:
        self.calls["read"] += 1
        self.asked_ms = self._replication.clock.now_ms()
        if self._chance.random() < self.failing:
            raise DependencyUnavailable(1)
        self._replication.deliver()
        self.heard = self._replication.replicas[self._region].read(key)
        return self.heard

    def publish(self, key: str, usage: Published) -> Published:
        self.calls["publish"] += 1
        fails = self._chance.random() < self.failing
        if not self.publishes or (fails and self._chance.random() < 1 / 2):
            raise DependencyUnavailable(1)
        held = self._replication.replicas[self._region].publish(key, usage)
        if held is usage:
            self._replication.send(key, usage)
        if fails:
            raise DependencyUnavailable(1)
        return held


class Table(MemoryStore):
    """A region's counters; it counts calls, and may be cut off."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.calls: Counter[str] = Counter()
        self.cut_off = False

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        self.calls["write"] += 1
        if self.cut_off:
            raise DependencyUnavailable(1)
        return super().apply(key, write)

    def read(self, key: str) -> Record | None:
        self.calls["read"] += 1
        if self.cut_off:
            raise DependencyUnavailable(1)
        return super().read(key)


class Arrival(NamedTuple):
    """A check that somebody asks for."""

    at_ms: int
    region: Region


class Container(NamedTuple):
    """One of a region's containers, and the usage table as it reaches it."""

    limits: PublishedLimiter
    usage: Replica


class World:
    """
    Four regions.

    Args:
        lag_ms: of replication.
        containers: in each region.
        floor_percent: from which regions publish.
        wrap: puts something between a container's own limiter and its component.
    """

    def __init__(
        self,
        *,
        lag_ms: int = 1_000,
        containers: int = 1,
        floor_percent: int = FLOOR_PERCENT,
        wrap: Callable[[Limiter, ManualClock], Limits] | None = None,
        seed: int = 7,
    ) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.replication = Replication(self.clock, lag_ms=lag_ms)
        self.tables = {region: Table(self.clock) for region in DEPLOYED}
        self.chance = random.Random(seed)
        self._floor_percent = floor_percent
        self._wrap = wrap
        self.containers = {region: [self.container(region) for _ in range(containers)] for region in DEPLOYED}

    def container(self, own: Region) -> Container:
        """Return a container that knows nothing."""
        usage = Replica(own, self.replication, seed=self.chance.randrange(1 << 30))
        exchange = UsageExchange(
            own, usage, self.clock, breaker=Breaker(self.clock), floor_percent=self._floor_percent
        )
        published = partial(is_published, least_window_ms=LEAST_WINDOW_MS)
        components: dict[Region, Limits] = {}
        for region, table in self.tables.items():
            seen = WatchedStore(table)
            limits: Limits = Limiter(seen, self.clock)
            if self._wrap is not None and region == own:
                limits = self._wrap(Limiter(seen, self.clock), self.clock)
            components[region] = ComponentLimiter(
                region, limits, seen, exchange, self.clock, published=published
            )
        home = HomeLimiter(own, DEPLOYED, components.__getitem__)
        return Container(PublishedLimiter(own, components[own], home, published=published), usage)

    def check(self, region: Region, *charges: Charge) -> Located:
        """Check in one of the region's containers."""
        return self.chance.choice(self.containers[region]).limits.check_all(SUBJECT, charges)

    def check_one(self, region: Region, tier: Tier, *, cost: int = 1) -> Decision:
        """Check one tier."""
        return self.check(region, Charge(tier, cost)).verdict.decisions[0]

    def take(self, region: Region, tier: Tier, attempts: int, *, every_ms: int = 0) -> int:
        """Check *attempts* times and return how many were admitted."""
        admitted = 0
        for _ in range(attempts):
            self.clock.advance(every_ms)
            admitted += self.check_one(region, tier).allowed
        return admitted

    def run(self, trace: Sequence[Arrival], tier: Tier) -> list[int]:
        """Offer *trace* and return when something was admitted."""
        admitted_ms = []
        for at_ms, region in trace:
            self.clock.advance(at_ms - self.clock.now_ms())
            if self.check_one(region, tier).allowed:
                admitted_ms.append(at_ms)
        return admitted_ms

    def calls(self) -> Counter[str]:
        """Return how often tables were asked: ``write`` and ``get`` of counters, ``query`` and ``put`` of usage."""
        found: Counter[str] = Counter()
        for table in self.tables.values():
            found["write"] += table.calls["write"]
            found["get"] += table.calls["read"]
        for container in (one for several in self.containers.values() for one in several):
            found["query"] += container.usage.calls["read"]
            found["put"] += container.usage.calls["publish"]
        return found


def arrivals(tier: Tier, *, load: float, windows: float, shares: Sequence[float], seed: int) -> list[Arrival]:
    """Return arrivals at *load* times the limit's rate, independent of each other, spread over the regions by *shares*."""
    chance = random.Random(seed)
    window = tier.window
    at_ms, found = float(START_MS), []
    sums = [sum(shares[: number + 1]) for number in range(len(shares))]
    while at_ms < START_MS + windows * window.window_ms:
        at_ms += chance.expovariate(load * window.limit / window.window_ms)
        region = DEPLOYED[min(bisect_right(sums, chance.random()), len(DEPLOYED) - 1)]
        found.append(Arrival(int(at_ms), region))
    return found


EVEN = (0.25, 0.25, 0.25, 0.25)
LEANING = (0.9, 0.04, 0.03, 0.03)
