"""
Seeded random lives of several subjects: checks of one and of some of them together, by containers that restart and whose
clocks disagree, with writes that arrive late, answers that are lost, and readings that fail. In memory and on engines.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from edge.aws.faults import Unavailable
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.ratelimit.decisions import Charge, SubjectCharge
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.store import Applied, AppliedTogether
from edge.ratelimit.subjects import record_key
from edge.ratelimit.tiers import make_tier
from tests.unit.ratelimit.simulation import START_MS, OffsetClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.ratelimit.decisions import Decision
    from edge.ratelimit.store import Amendment, NotApplied, NotAppliedTogether, Record, WindowStore, Write

CONTAINERS = 3
TIERS = (make_tier("wide", limit=20, window_ms=60_000), make_tier("tight", limit=6, window_ms=6_000))
WINDOWS = {tier.code: tier.window for tier in TIERS}
SHAPES = [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2), (1, 2, 3), (3, 2, 1, 0)]


class Commit(NamedTuple):
    """Units that a store took: whose, and at which stamp of the container that charged them."""

    key: str
    code: str
    stamp_ms: int
    cost: int


class Running(NamedTuple):
    """A check under way."""

    now_ms: int
    commits: list[Commit]
    late: list[tuple[SubjectCharge, ...]]


class TogetherLife:
    """
    Lives through *checks* checks and asserts at each that it was charged as it was answered.

    Args:
        seed: decides all.
        checks: how many are begun at top level; late ones come on top.
        store: shared by all containers; a memory store by default.
        prefix: of the subjects' names.
    """

    def __init__(
        self, seed: int, *, checks: int, store: WindowStore | None = None, prefix: str = "life/"
    ) -> None:
        self.commits: list[Commit] = []
        self.calls = self.admitted_together = self.refused_together = self.lost = self.unread = 0
        self._chance = random.Random(seed)
        self._clock = ManualClock(now_ms=START_MS)
        self._subjects = [f"{prefix}{number}" for number in range(4)]
        self._clocks = [OffsetClock(self._clock, self._chance.randrange(5_000)) for _ in range(CONTAINERS)]
        self.store = store or MemoryStore(self._clock)
        self._limiters = [self._container(number) for number in range(CONTAINERS)]
        self._running: list[Running] = []
        for _ in range(checks):
            self._step()

    def excess(self) -> int:
        """Return by how much any window of stamps of any counter exceeds its limit, 0 for not at all."""
        worst = 0
        for key, code in {(commit.key, commit.code) for commit in self.commits}:
            window = WINDOWS[code]
            taken = sorted(
                (commit.stamp_ms, commit.cost)
                for commit in self.commits
                if (commit.key, commit.code) == (key, code)
            )
            total = start = 0
            for stamp_ms, cost in taken:
                total += cost
                while stamp_ms - taken[start][0] >= window.window_ms:
                    total -= taken[start][1]
                    start += 1
                worst = max(worst, total - window.limit)
        return worst

    def charged(self) -> dict[tuple[str, str], int]:
        """Return what the commits come to, by key and tier."""
        sums: dict[tuple[str, str], int] = {}
        for commit in self.commits:
            sums[commit.key, commit.code] = sums.get((commit.key, commit.code), 0) + commit.cost
        return sums

    def stored(self) -> dict[tuple[str, str], int]:
        """Return what the store's counters say, in the same form."""
        keys = [record_key(subject) for subject in self._subjects]
        return {
            (key, code): counter.total
            for key, record in self.store.read_together(keys).items()
            if record is not None
            for code, counter in record.counters.items()
        }

    def _step(self) -> None:
        event = self._chance.random()
        if event < 0.03:
            number = self._chance.randrange(CONTAINERS)
            self._limiters[number] = self._container(number)
        elif event < 0.35:
            self._clock.advance(int(self._chance.expovariate(1 / 1_500)))
        elif event < 0.36:
            self._clock.advance(self._chance.randrange(90_000))
        late = [self._asked() for _ in range(self._chance.randrange(1, 6))] if event > 0.94 else []
        self._check(self._asked(), late)

    def _asked(self) -> tuple[SubjectCharge, ...]:
        asked = []
        for number in self._chance.choice(SHAPES):
            tiers = TIERS if self._chance.random() < 0.2 else (self._chance.choice(TIERS),)
            asked += [
                SubjectCharge(self._subjects[number], Charge(tier, self._chance.choice([1, 1, 1, 2, 4])))
                for tier in tiers
            ]
        return tuple(asked[:5])

    def _check(self, asked: tuple[SubjectCharge, ...], late: list[tuple[SubjectCharge, ...]]) -> None:
        number = self._chance.randrange(CONTAINERS)
        running = Running(self._clocks[number].now_ms(), [], late)
        self._running.append(running)
        subjects = {one.subject for one in asked}
        decisions: tuple[Decision, ...] = ()
        try:
            if len(asked) == 1:
                ((subject, (tier, cost)),) = asked
                decisions = (self._limiters[number].check(subject, tier, cost=cost),)
            else:
                decisions = self._limiters[number].check_together(asked).decisions
        except DependencyUnavailable:
            self.lost += 1
        finally:
            self._running.pop()
        if decisions:
            allowed = all(decision.allowed for decision in decisions)
            made = [
                Commit(record_key(one.subject), one.charge.tier.code, decision.decided_at_ms, one.charge.cost)
                for one, decision in zip(asked, decisions, strict=True)
            ]
            assert sorted(running.commits) == (sorted(made) if allowed else [])
            assert all(0 <= each.remaining <= each.tier.window.limit for each in decisions)
            self.admitted_together += allowed and len(subjects) > 1
            self.refused_together += not allowed and len(subjects) > 1

    def arrive(self) -> None:
        """Let others act before the write under way arrives."""
        late = self._running[-1].late
        if late:
            others, late[:] = list(late), []
            self._clock.advance(self._chance.randrange(90_000))
            for asked in others:
                self._check(asked, [])

    def took(self, writes: Sequence[tuple[str, Write]]) -> None:
        """Note that the store took *writes*."""
        for key, write in writes:
            for change in write.changes:
                if change.cost:
                    window = WINDOWS[change.counter]
                    # A clock that was behind the floor is moved forward to it.
                    floor_ms = change.oldest_bucket * window.bucket_ms + window.window_ms
                    stamp_ms = max(self._running[-1].now_ms, floor_ms)
                    self._running[-1].commits.append(Commit(key, change.counter, stamp_ms, change.cost))
                    self.commits.append(self._running[-1].commits[-1])

    def told(self, outcome: AppliedTogether) -> AppliedTogether:
        """Return what of *outcome* comes back to the container."""
        event = self._chance.random()
        if event < 0.03:
            raise Unavailable("timed_out", outcome_unknown=True)
        if event < 0.06:
            self.unread += 1
            return AppliedTogether({})
        return outcome

    def _container(self, number: int) -> Limiter:
        return Limiter(_Wire(self, self.store), self._clocks[number])


class _Wire:
    """What a container has in place of the store."""

    def __init__(self, life: TogetherLife, store: WindowStore) -> None:
        self._life = life
        self._store = store

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        self._life.calls += 1
        self._life.arrive()
        outcome = self._store.apply(key, write)
        if isinstance(outcome, Applied):
            self._life.took([(key, write)])
        return outcome

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        self._life.calls += 1
        self._life.arrive()
        outcome = self._store.apply_together(writes)
        if isinstance(outcome, AppliedTogether):
            self._life.took(writes)
            return self._life.told(outcome)
        return outcome

    def amend(self, key: str, amendment: Amendment) -> Applied | NotApplied:
        return self._store.amend(key, amendment)

    def read(self, key: str) -> Record | None:
        return self._store.read(key)

    def read_together(self, keys: Sequence[str]) -> dict[str, Record | None]:
        return self._store.read_together(keys)
