"""
What limiters admit beside an exact log: seven arrival traces, five seeds, 100 units in 60 s, on a virtual clock.

Each cell: decisions that differ from the exact log's on the same trace, % / decisions that admitted into a full window of the
limiter's own history, % / admitted as a part of what the exact log admits / most admitted in any true window as a part
of the limit. Do not rank by the first: one admission that is shifted flips many that follow. Rank by the last.

A row marked *model* is the algorithm alone; the others are the libraries, with the time injected. Everything here is
counted, seeded and the same in every run. The peers need .venv-bench; without it their rows are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.clock import ManualClock
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.tiers import make_tier
from tests.bench.peers.catalogue import ROWS
from tests.bench.peers.models import FixedWindow, Gcra, SlidingCounter
from tests.bench.peers.running import NOWHERE, ChildFailed, peers_missing, run_child
from tests.bench.traces import SEEDS, SHAPE, START_MS, TRACES, Score, scores

if TYPE_CHECKING:
    from collections.abc import Callable

INJECTED: Final = frozenset({"limits_peer", "pyrate_peer"})
"""Adapters of libraries whose memory limiter can be told the time."""


def main() -> None:
    """Print the table, a row as soon as it is known."""
    reason = peers_missing()
    if reason:
        print(f"{reason}\n")
    print(f"{SHAPE.limit} units in {SHAPE.window_ms // 1000} s, {SHAPE.windows} windows, {len(SEEDS)} seeds")
    print(
        "differing % / wrongly allowed % / admitted of exact (means) / MOST in any true window of limit (worst)\n"
    )
    print(f"| limiter | {' | '.join(TRACES)} |")
    print(f"|---|{'---|' * len(TRACES)}")
    print_row("ours, N = 60", scores(open_ours))
    print_row("model: fixed window", scores(lambda: FixedWindow(SHAPE).decide))
    print_row("model: sliding counter, one window before", scores(lambda: SlidingCounter(SHAPE).decide))
    print_row("model: GCRA, burst = limit", scores(lambda: Gcra(SHAPE).decide))
    if reason:
        return
    for row in ROWS:
        if row.adapter in INJECTED and row.kind.endswith("memory"):
            try:
                found = run_child("accuracy", row, NOWHERE)
            except ChildFailed as failed:
                print(f"| {row.label} | {' | '.join(['failed'] * len(TRACES))} |\n\n{row.label}: {failed}")
            else:
                print_row(row.label, {name: Score(*numbers) for name, numbers in found.items()})


def open_ours() -> Callable[[int], bool]:
    """Return our limiter's decision at a given time, one warm container."""
    clock = ManualClock(now_ms=START_MS)
    limiter = Limiter(MemoryStore(clock), clock)
    tier = make_tier("bench", limit=SHAPE.limit, window_ms=SHAPE.window_ms)

    def decide(now_ms: int) -> bool:
        clock.advance(now_ms - clock.now_ms())
        return limiter.check("traced", tier).allowed

    return decide


def print_row(label: str, found: dict[str, Score]) -> None:
    """Print one row."""
    cells = [
        f"{score.differing:.1%} / {score.wrongly_allowed:.1%} / {score.admitted_ratio:.2f} / {score.most_ratio:.2f}"
        for score in found.values()
    ]
    print(f"| {label} | {' | '.join(cells).replace('%', '')} |", flush=True)
