"""
Arrival traces for the accuracy benchmark, the exact log that judges them, and the score of a limiter on a trace.

Pure and seeded: the same seed is the same trace in every interpreter. Times are whole milliseconds from an aligned
start, sorted; two arrivals may share one.
"""

from __future__ import annotations

import random
from collections import deque
from statistics import fmean
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

START_MS: Final = 2_000_000_040_000
"""
A multiple of every window used, so that aligned windows begin here; and ahead of the machine's clock, so that no engine
deletes an item whose time to live seems over.
"""


class Shape(NamedTuple):
    """What a trace is made for: *limit* units in *window_ms* milliseconds, over *windows* windows."""

    limit: int
    window_ms: int
    windows: int


SHAPE: Final = Shape(limit=100, window_ms=60_000, windows=60)
SEEDS: Final = (1, 2, 3, 4, 5)


class Score(NamedTuple):
    """
    A limiter on one trace.

    Attributes:
        differing: part of the decisions that differ from the exact log's on the same trace.
        wrongly_allowed: part of the decisions that admitted although the limiter's own window was full.
        admitted_ratio: admitted / what the exact log admits.
        most_ratio: most admitted in any true window / limit.
    """

    differing: float
    wrongly_allowed: float
    admitted_ratio: float
    most_ratio: float


class ExactLog:
    """
    The oracle: remembers every admission of the last window.

    An admission counts for one window exactly: at ``admitted + window_ms`` it no longer does.

    Example:
        >>> log = ExactLog(limit=1, window_ms=1_000)
        >>> [log.decide(now_ms) for now_ms in (0, 999, 1_000)]
        [True, False, True]
    """

    def __init__(self, *, limit: int, window_ms: int) -> None:
        self._limit = limit
        self._window_ms = window_ms
        self._admitted_ms: deque[int] = deque()

    def is_full(self, now_ms: int) -> bool:
        """Return whether the window that ends at *now_ms* has no room."""
        while self._admitted_ms and now_ms - self._admitted_ms[0] >= self._window_ms:
            self._admitted_ms.popleft()
        return len(self._admitted_ms) >= self._limit

    def admit(self, now_ms: int) -> None:
        """Note an admission that somebody made, full or not."""
        self._admitted_ms.append(now_ms)

    def decide(self, now_ms: int) -> bool:
        """Admit if there is room."""
        if self.is_full(now_ms):
            return False
        self.admit(now_ms)
        return True


def most_in_any_window(stamps_ms: Sequence[int], window_ms: int) -> int:
    """Return the most of the sorted *stamps_ms* that lie within less than *window_ms* of each other."""
    most = start = 0
    for end, stamp_ms in enumerate(stamps_ms):
        while stamp_ms - stamps_ms[start] >= window_ms:
            start += 1
        most = max(most, end - start + 1)
    return most


def score(trace: Sequence[int], decisions: Sequence[bool], shape: Shape) -> Score:
    """Return how *decisions*, one for each arrival of *trace*, compare with the exact log."""
    exact = ExactLog(limit=shape.limit, window_ms=shape.window_ms)
    own = ExactLog(limit=shape.limit, window_ms=shape.window_ms)
    differing = wrong = exact_admitted = 0
    admitted_ms = []
    for now_ms, allowed in zip(trace, decisions, strict=True):
        exactly = exact.decide(now_ms)
        exact_admitted += exactly
        differing += allowed != exactly
        if allowed:
            wrong += own.is_full(now_ms)
            own.admit(now_ms)
            admitted_ms.append(now_ms)
    return Score(
        differing / len(trace),
        wrong / len(trace),
        len(admitted_ms) / exact_admitted,
        most_in_any_window(admitted_ms, shape.window_ms) / shape.limit,
    )


def poisson(shape: Shape, seed: int, *, load: float) -> list[int]:
    """Return arrivals at *load* times the limit's rate, independent of each other."""
    chance = random.Random(seed)
    per_ms = load * shape.limit / shape.window_ms
    end_ms = shape.windows * shape.window_ms
    arrivals = []
    elapsed_ms = chance.expovariate(per_ms)
    while elapsed_ms < end_ms:
        arrivals.append(START_MS + int(elapsed_ms))
        elapsed_ms += chance.expovariate(per_ms)
    return arrivals


def bursty(shape: Shape, seed: int) -> list[int]:
    """Return bursts of 0.5 to 1.5 limits within a tenth of a window, with pauses of up to two windows between."""
    chance = random.Random(seed)
    arrivals = []
    at_ms = 0.0
    while at_ms < shape.windows * shape.window_ms:
        count = int(shape.limit * chance.uniform(0.5, 1.5))
        spread_ms = shape.window_ms / 10
        arrivals += [START_MS + int(at_ms + chance.uniform(0, spread_ms)) for _ in range(count)]
        at_ms += spread_ms + chance.uniform(0, 2 * shape.window_ms)
    return sorted(arrivals)


def boundary_attack(shape: Shape, seed: int) -> list[int]:
    """Return a limit's worth on each side of every aligned boundary: the last 2 % of a window and the first 2 %."""
    chance = random.Random(seed)
    edge_ms = shape.window_ms // 50
    arrivals = []
    for number in range(1, shape.windows):
        boundary_ms = START_MS + number * shape.window_ms
        for begin_ms in (boundary_ms - edge_ms, boundary_ms):
            arrivals += [begin_ms + chance.randrange(edge_ms) for _ in range(shape.limit)]
    return sorted(arrivals)


def cluster_then_flood(shape: Shape, seed: int) -> list[int]:
    """
    Return, in every third window, a limit's worth at the very end and then a flood of twice the limit's rate.

    The flood meets a limiter that smooths the last window over its length, or has refilled, at its weakest.
    """
    chance = random.Random(seed)
    edge_ms = shape.window_ms // 100
    arrivals = []
    for number in range(0, shape.windows - 1, 3):
        boundary_ms = START_MS + (number + 1) * shape.window_ms
        arrivals += [boundary_ms - edge_ms + chance.randrange(edge_ms) for _ in range(shape.limit)]
        arrivals += [boundary_ms + chance.randrange(shape.window_ms) for _ in range(2 * shape.limit)]
    return sorted(arrivals)


TRACES: Final[dict[str, Callable[[Shape, int], list[int]]]] = {
    "Poisson 0.5x": lambda shape, seed: poisson(shape, seed, load=0.5),
    "Poisson 1x": lambda shape, seed: poisson(shape, seed, load=1.0),
    "Poisson 2x": lambda shape, seed: poisson(shape, seed, load=2.0),
    "Poisson 5x": lambda shape, seed: poisson(shape, seed, load=5.0),
    "bursty on/off": bursty,
    "boundary attack": boundary_attack,
    "cluster + flood": cluster_then_flood,
}
"""By the name in the table's head."""


def scores(open_decider: Callable[[], Callable[[int], bool]]) -> dict[str, Score]:
    """
    Return the score on every trace: over all seeds the mean of each part, and the worst of ``most_ratio``.

    Args:
        open_decider: returns a limiter for :data:`SHAPE` that has seen nothing; it is given ``now_ms`` of each arrival.
    """
    found = {}
    for name, generate in TRACES.items():
        runs = []
        for seed in SEEDS:
            trace = generate(SHAPE, seed)
            decide = open_decider()
            runs.append(score(trace, [decide(now_ms) for now_ms in trace], SHAPE))
        differing, wrongly_allowed, admitted_ratio, most_ratio = zip(*runs, strict=True)
        found[name] = Score(fmean(differing), fmean(wrongly_allowed), fmean(admitted_ratio), max(most_ratio))
    return found
