"""
Containers that share one record while everything goes wrong: clocks disagree, snapshots are lost, writes arrive late.

A write is late when other containers act between its plan and its arrival. The simulation nests them: the store that a
container sees lets others run before it applies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge.clock import ManualClock
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.store import Applied, NotApplied, Snapshot, Write

if TYPE_CHECKING:
    from edge.ratelimit.tiers import Tier

START_MS = 1_795_179_600_000
SUBJECT = "s"


class Check(NamedTuple):
    """One container checks; *late* are the steps that others take before its write arrives."""

    container: int
    cost: int
    late: tuple[Step, ...] = ()


class Pass(NamedTuple):
    """Time passes for all."""

    duration_ms: int


class Restart(NamedTuple):
    """A container is replaced by one that knows nothing."""

    container: int


Step = Check | Pass | Restart


class Admission(NamedTuple):
    """Units admitted at a stamp of the container that admitted them."""

    stamp_ms: int
    cost: int


class OffsetClock:
    """A container's clock: the common one and a constant error."""

    def __init__(self, common: ManualClock, offset_ms: int) -> None:
        self._common = common
        self._offset_ms = offset_ms

    def now_ms(self) -> int:
        return self._common.now_ms() + self._offset_ms

    def monotonic_ns(self) -> int:
        return self._common.monotonic_ns()


class Simulation:
    """
    Runs steps and records every admission.

    Args:
        tier: the limit.
        offsets_ms: the clock error of each container.
    """

    def __init__(self, tier: Tier, offsets_ms: list[int]) -> None:
        self.tier = tier
        self.admissions: list[Admission] = []
        self.calls = 0
        self.clock = ManualClock(now_ms=START_MS)
        self._store = MemoryStore(self.clock)
        self._clocks = [OffsetClock(self.clock, offset_ms) for offset_ms in offsets_ms]
        self._limiters = [self._container(number) for number in range(len(offsets_ms))]
        self._late: tuple[Step, ...] = ()
        self._stamps: list[int] = []

    def run(self, steps: list[Step] | tuple[Step, ...]) -> None:
        for step in steps:
            if isinstance(step, Pass):
                self.clock.advance(step.duration_ms)
            elif isinstance(step, Restart):
                number = step.container % len(self._limiters)
                self._limiters[number] = self._container(number)
            else:
                self._late = step.late
                number = step.container % len(self._limiters)
                # A check reads its clock once, at its start; that is its stamp, however late its write arrives.
                self._stamps.append(self._clocks[number].now_ms())
                self._limiters[number].check(SUBJECT, self.tier, cost=step.cost)
                self._stamps.pop()

    def most_in_any_window(self) -> int:
        """Return the largest sum of units whose stamps lie within less than one window."""
        admissions = sorted(self.admissions)
        most = total = start = 0
        for stamp_ms, cost in admissions:
            total += cost
            while stamp_ms - admissions[start].stamp_ms >= self.tier.window.window_ms:
                total -= admissions[start].cost
                start += 1
            most = max(most, total)
        return most

    def _container(self, number: int) -> Limiter:
        return Limiter(_LateStore(self, self._store), self._clocks[number])

    def stamp_ms(self) -> int:
        return self._stamps[-1]

    def take_late(self) -> tuple[Step, ...]:
        late, self._late = self._late, ()
        return late


class _LateStore:
    def __init__(self, simulation: Simulation, store: MemoryStore) -> None:
        self._simulation = simulation
        self._store = store

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        window = self._simulation.tier.window
        # The stamp of a check whose clock was behind the floor is the instant that it was moved forward to.
        stamp_ms = max(self._simulation.stamp_ms(), write.oldest_bucket * window.bucket_ms + window.window_ms)
        self._simulation.run(self._simulation.take_late())
        self._simulation.calls += 1
        outcome = self._store.apply(key, write)
        if isinstance(outcome, Applied) and write.cost:
            self._simulation.admissions.append(Admission(stamp_ms, write.cost))
        return outcome

    def read(self, key: str) -> Snapshot | None:
        return self._store.read(key)
