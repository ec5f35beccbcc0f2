"""
A global table in miniature: a store for each region, replicated asynchronously, last writer wins for each item.

Conditions are evaluated against a region's own version, as DynamoDB's are. A region that is cut off neither answers nor
hears of others; when it comes back, what was written meanwhile is delivered with the stamps that it was written with.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING, Final

from edge.auth.sessions.memory import MemorySessionStore
from edge.clock import ManualClock
from edge.regions import CDG1, HND1, IAD1
from tests.unit.auth.sessions.stores import START_MS, Lost

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from edge.auth.sessions.memory import Record
    from edge.auth.sessions.store import Family, Marks, Names, NotRotated, Rotated, Rotation, Tombstone
    from edge.regions import Region

REGIONS: Final = (IAD1, CDG1, HND1)
TAKEOVER_MS: Final = 60_000
"""An operator gives the families of a region that is cut off to another after this long."""

Stamp = tuple[int, str]


class World:
    """
    Simulated time, and what happens in it.

    Args:
        chance: decides how long replication takes.
    """

    def __init__(self, chance: Random) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.chance = chance
        self.replicas = {region: Replica(self, region) for region in REGIONS}
        self.cut: tuple[Region, int, int] | None = None
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, at_ms: int, event: Callable[[], None]) -> None:
        """Do *event* at a time; one that has passed means now."""
        heapq.heappush(self._events, (max(at_ms, self.clock.now_ms()), next(self._order), event))

    def later(self, delay_ms: float, event: Callable[[], None]) -> None:
        """Do *event* after *delay_ms*."""
        self.at(self.clock.now_ms() + int(delay_ms), event)

    def run(self) -> None:
        """Let everything happen that is planned, and what follows from it."""
        while self._events:
            at_ms, _, event = heapq.heappop(self._events)
            self.clock.advance(at_ms - self.clock.now_ms())
            event()
        if self.cut is not None:
            self.clock.advance(max(0, self.cut[2] - self.clock.now_ms()))

    def is_cut(self, region: Region) -> bool:
        """Tell whether *region* is cut off now."""
        return (
            self.cut is not None
            and self.cut[0] == region
            and self.cut[1] <= self.clock.now_ms() < self.cut[2]
        )

    def store_of(self, region: Region) -> Replica:
        """Return the store that decides for families of *region* now."""
        if self.is_cut(region) and self.cut is not None and self.clock.now_ms() >= self.cut[1] + TAKEOVER_MS:
            region = next(other for other in REGIONS if other != region)
        return self.replicas[region]

    def replicate(self, source: Region, key: tuple[str, str], record: Record, stamp: Stamp) -> None:
        """Deliver a write to all other regions, each after a lag of its own."""
        for target in REGIONS:
            if target != source:
                self._deliver(source, target, key, record, stamp)

    def _deliver(
        self, source: Region, target: Region, key: tuple[str, str], record: Record, stamp: Stamp
    ) -> None:
        def arrive() -> None:
            if self.is_cut(source) or self.is_cut(target):
                assert self.cut is not None
                self.at(self.cut[2] + lag_ms, arrive)
            else:
                self.replicas[target].receive(key, record, stamp)

        lag_ms = 200 + int(self.chance.expovariate(1 / 800))
        self.later(lag_ms, arrive)


class Replica(MemorySessionStore):
    """One region's store."""

    def __init__(self, world: World, region: Region) -> None:
        super().__init__()
        self._world = world
        self._region = region
        self._stamps: dict[tuple[str, str], Stamp] = {}

    def receive(self, key: tuple[str, str], record: Record, stamp: Stamp) -> None:
        """Take another region's write, unless this region's item is younger."""
        if stamp > self._stamps.get(key, (0, "")):
            self._items[key] = record
            self._stamps[key] = stamp

    def holds(self, key: tuple[str, str]) -> bool:
        """Tell whether there is an item of *key*."""
        return key in self._items

    def begin(self, family: Family) -> Family | None:
        self._answer()
        return super().begin(family)

    def rotate(self, rotation: Rotation) -> Rotated | NotRotated:
        self._answer()
        return super().rotate(rotation)

    def end(self, family: str) -> None:
        self._answer()
        super().end(family)

    def bury(self, name: str, tombstone: Tombstone) -> None:
        self._answer()
        super().bury(name, tombstone)

    def marks(self, names: Names) -> Marks:
        self._answer()
        return super().marks(names)

    def _answer(self) -> None:
        if self._world.is_cut(self._region):
            raise Lost

    def _keep(self, partition: str, sort: str, record: Record) -> None:
        super()._keep(partition, sort, record)
        stamp = (self._world.clock.now_ms(), self._region.code)
        self._stamps[partition, sort] = stamp
        self._world.replicate(self._region, (partition, sort), record, stamp)
