"""
Containers that share one record while everything goes wrong: clocks disagree, snapshots are lost, writes arrive late,
units are given back, records are reset, limits change on the way.

A write is late when other containers act between its plan and its arrival. The simulation nests them: the store that a
container sees lets others run before it applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from edge.clock import ManualClock
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.store import Amendment, Applied, NotApplied, Record, Write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.ratelimit.store import AppliedTogether, NotAppliedTogether, WindowStore
    from edge.ratelimit.tiers import Tier

START_MS = 2_000_000_000_000


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


class Refund(NamedTuple):
    """A container gives back units of an earlier admission; *late* as for a check."""

    container: int
    admission: int
    cost: int
    late: tuple[Step, ...] = ()


class Reset(NamedTuple):
    """A container forgets the subject."""

    container: int


class Limit(NamedTuple):
    """A container is told another limit."""

    container: int
    limit: int


Step = Check | Pass | Restart | Refund | Reset | Limit


@dataclass
class Admission:
    """Units admitted at a stamp of the container that admitted them, and at an instant of the common clock."""

    stamp_ms: int
    instant_ms: int
    cost: int
    limit: int
    epoch: int


class OffsetClock:
    """A container's clock: the common one and a constant error."""

    def __init__(self, common: ManualClock, offset_ms: int) -> None:
        self._common = common
        self._offset_ms = offset_ms

    def now_ms(self) -> int:
        return self._common.now_ms() + self._offset_ms

    def monotonic_ns(self) -> int:
        """Stand still: a check that lost patience would only make the life tamer."""
        return 0


class Simulation:
    """
    Runs steps and records every admission.

    Args:
        tier: the limit.
        offsets_ms: the clock error of each container.
        store: shared by all; a memory store by default.
        subject: whose record it is.
    """

    def __init__(
        self, tier: Tier, offsets_ms: list[int], store: WindowStore | None = None, *, subject: str = "s"
    ) -> None:
        self.tier = tier
        self.admissions: list[Admission] = []
        self.calls = 0
        self.clock = ManualClock(now_ms=START_MS)
        self._store = store or MemoryStore(self.clock)
        self._subject = subject
        self._clocks = [OffsetClock(self.clock, offset_ms) for offset_ms in offsets_ms]
        self._limiters = [self._container(number) for number in range(len(offsets_ms))]
        self._tiers = [tier] * len(offsets_ms)
        self._late: tuple[Step, ...] = ()
        self._stamps: list[int] = []
        self._epoch = 0
        self._resetting = False

    def run(self, steps: list[Step] | tuple[Step, ...]) -> None:
        for step in steps:
            if isinstance(step, Pass):
                self.clock.advance(step.duration_ms)
                continue
            number = step.container % len(self._limiters)
            if isinstance(step, Check):
                self._check(number, step)
            elif isinstance(step, Refund):
                self._refund(number, step)
            elif isinstance(step, Reset):
                self._resetting = True
                self._limiters[number].reset(self._subject, self._tiers[number])
                self._resetting = False
            elif isinstance(step, Limit):
                window = self.tier.window._replace(limit=step.limit)
                self._tiers[number] = self.tier._replace(window=window)
            else:
                self._limiters[number] = self._container(number)

    def excess(self) -> int:
        """
        Return by how much any window of stamps exceeds its limit, 0 for not at all.

        What was given back was never admitted, and a reset begins anew. Where limits changed, the limit of a window is
        the one that its last admission was made with.
        """
        worst = 0
        for epoch in range(self._epoch + 1):
            taken = [
                admission for admission in self.admissions if admission.epoch == epoch and admission.cost
            ]
            order = {id(admission): position for position, admission in enumerate(taken)}
            by_stamp = sorted(taken, key=lambda admission: admission.stamp_ms)
            start = 0
            for end, last in enumerate(by_stamp):
                while last.stamp_ms - by_stamp[start].stamp_ms >= self.tier.window.window_ms:
                    start += 1
                inside = by_stamp[start : end + 1]
                latest = max(inside, key=lambda admission: order[id(admission)])
                worst = max(worst, sum(admission.cost for admission in inside) - latest.limit)
        return worst

    def most_in_true_window(self, length_ms: int) -> int:
        """Return the most units that any window of *length_ms* of the common clock holds."""
        admissions = sorted(self.admissions, key=lambda admission: admission.instant_ms)
        most = total = start = 0
        for admission in admissions:
            total += admission.cost
            while admission.instant_ms - admissions[start].instant_ms >= length_ms:
                total -= admissions[start].cost
                start += 1
            most = max(most, total)
        return most

    def _check(self, number: int, step: Check) -> None:
        self._late = step.late
        # A check reads its clock once, at its start; that is its stamp, however late its write arrives.
        self._stamps.append(self._clocks[number].now_ms())
        tier = self._tiers[number]
        self._limiters[number].check(self._subject, tier, cost=min(step.cost, tier.window.limit))
        self._stamps.pop()

    def _refund(self, number: int, step: Refund) -> None:
        if not self.admissions:
            return
        admission = self.admissions[step.admission % len(self.admissions)]
        cost = min(step.cost, admission.cost)
        if not cost or admission.epoch != self._epoch:
            return
        self._late = step.late
        admission.cost -= cost  # nobody gives back the same units twice, also not while this is under way
        given_back = self._limiters[number].refund(
            self._subject, self._tiers[number], cost=cost, admitted_at_ms=admission.stamp_ms
        )
        if not given_back:
            admission.cost += cost

    def _container(self, number: int) -> Limiter:
        return Limiter(_LateStore(self, self._store), self._clocks[number], longest_window_ms=60_000)

    def arrive(self, write: Write, outcome: Applied | NotApplied, stamp_ms: int) -> None:
        (change,) = write.changes
        self.calls += 1
        if isinstance(outcome, Applied) and change.cost:
            instant_ms = self.clock.now_ms()
            self.admissions.append(Admission(stamp_ms, instant_ms, change.cost, change.limit, self._epoch))

    def amended(self) -> None:
        if self._resetting:
            self._epoch += 1

    def stamp_ms(self, write: Write) -> int:
        """Return the stamp of a check; one whose clock was behind the floor is moved forward to it."""
        window = self.tier.window
        return max(self._stamps[-1], write.changes[0].oldest_bucket * window.bucket_ms + window.window_ms)

    def run_late(self) -> None:
        late, self._late = self._late, ()
        resetting, self._resetting = self._resetting, False
        self.run(late)
        self._resetting = resetting


class _LateStore:
    def __init__(self, simulation: Simulation, store: WindowStore) -> None:
        self._simulation = simulation
        self._store = store

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        stamp_ms = self._simulation.stamp_ms(write)
        self._simulation.run_late()
        outcome = self._store.apply(key, write)
        self._simulation.arrive(write, outcome, stamp_ms)
        return outcome

    def amend(self, key: str, amendment: Amendment) -> Applied | NotApplied:
        self._simulation.run_late()
        outcome = self._store.amend(key, amendment)
        if isinstance(outcome, Applied):
            self._simulation.amended()
        return outcome

    def read(self, key: str) -> Record | None:
        return self._store.read(key)

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        return self._store.apply_together(writes)

    def read_together(self, keys: Sequence[str]) -> dict[str, Record | None]:
        return self._store.read_together(keys)
