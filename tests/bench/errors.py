"""
What an error costs the request that it ends, and how well messages are told apart.

Times are process CPU, the least of interleaved batches: the machine is shared. ``again`` is an error of a group that has its
samples for this second, as almost all are in a storm.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.aws.faults import Unavailable
from edge.breaker import Breaker
from edge.clock import ManualClock
from edge.telemetry.error_groups import ErrorRecord, Sample
from edge.telemetry.error_ledger import ErrorLedger, FailedRequest
from edge.telemetry.error_memory import MemoryErrorStore
from edge.telemetry.error_store import StoredErrors
from edge.telemetry.error_wire import errors_answer
from edge.telemetry.normalise import normalise
from edge.telemetry.scrubbing import scrub
from tests.unit.telemetry.error_corpus import KINDS, SEED, corpus

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[2]
BATCHES: Final = 9
NOW_MS: Final = 2_000_000_000_000
MESSAGE: Final = "An error occurred (ThrottlingException) when calling the PutItem operation for key user#123 after 3 retries at 10.0.0.1"


def least_us(call: Callable[[], object], repeat: int) -> float:
    """Return the least CPU time of one call."""
    least = float("inf")
    for _ in range(BATCHES):
        started = time.process_time_ns()
        for _ in range(repeat):
            call()
        least = min(least, (time.process_time_ns() - started) / repeat / 1e3)
    return least


def raised_below(depth: int, error: Exception) -> Exception:
    """Return *error* with the traceback of *depth* frames."""
    # Functions of ours: the module's name is what makes them so. They are different ones, as in a real stack.
    source = "".join([f"def f{n}(error):\n    f{n + 1}(error)\n" for n in range(depth)])
    names: dict[str, Any] = {"__name__": "edge.bench"}
    exec(f"{source}def f{depth}(error):\n    raise error\n", names)  # noqa: S102
    try:
        names["f0"](error)
    except type(error) as caught:
        return caught
    raise AssertionError


def costs() -> None:
    """Print what noting and its parts cost."""
    clock = ManualClock(now_ms=NOW_MS)
    request = FailedRequest("r-1", "/api/x", 500)

    def noting(error: Exception, *, advance_ms: int) -> Callable[[], object]:
        ledger = ErrorLedger("keys", MemoryErrorStore(), clock, breaker=Breaker(clock))

        def note() -> None:
            ledger.note(error, request)
            clock.advance(advance_ms)

        for _ in range(20):
            note()
        return note

    unavailable = raised_below(20, Unavailable("throttled", outcome_unknown=False))
    framed = raised_below(20, ValueError(MESSAGE))
    print("| step | us |\n|---|--:|")
    print(f"| normalise | {least_us(lambda: normalise(MESSAGE), 200):.0f} |")
    print(f"| scrub | {least_us(lambda: scrub(MESSAGE), 200):.0f} |")
    print(f"| note, 503 of a store, again | {least_us(noting(unavailable, advance_ms=0), 500):.1f} |")
    print(f"| note, 20 frames, again | {least_us(noting(framed, advance_ms=0), 500):.1f} |")
    print(f"| note, 20 frames, with a sample | {least_us(noting(framed, advance_ms=2_000), 200):.0f} |")
    print(f"| note, no frame of ours | {least_us(noting(ValueError(MESSAGE), advance_ms=0), 200):.0f} |")


def corpus_table() -> None:
    """Print how many groups the corpus makes."""
    print("\n| seed | messages | raw texts | kinds | groups | mixed |\n|--:|--:|--:|--:|--:|--:|")
    for seed in (SEED, 1, 2, 3):
        groups: dict[str, set[str]] = defaultdict(set)
        messages = list(corpus(random.Random(seed)))
        for kind, message in messages:
            groups[normalise(scrub(message, limit=4_096))].add(kind)
        mixed = sum(len(kinds) > 1 for kinds in groups.values())
        raw = len({message for _, message in messages})
        print(f"| {seed} | {len(messages):,} | {raw:,} | {len(KINDS)} | {len(groups)} | {mixed} |")


def answer_cost() -> None:
    """Print what the answer of the endpoint costs."""
    samples = tuple(Sample(NOW_MS // 1000 - number, "r" * 32, "/api/x", 500, MESSAGE) for number in range(10))
    record = ErrorRecord("1a", "keys", "e", "a.B", "B: x", ("m:f",), "error", 1, 2, 3, {1: 2}, samples)
    records = tuple(record._replace(key=f"1{n % 60}", environment=f"e{n}") for n in range(1_000))
    stored = {"cdg1": StoredErrors(records)}
    took = least_us(
        lambda: errors_answer(stored, missing=(), region="cdg1", scope="region", now_seconds=NOW_MS // 1000),
        3,
    )
    print(f"\nanswer from 1,000 records of 60 groups: {took / 1e3:.1f} ms")


def imports() -> None:
    """Print what imports cost a fresh process: at start, and at the first error."""
    print("\n| import | ms |\n|---|--:|")
    for module in (
        "edge.telemetry.error_ledger",
        "edge.telemetry.error_dynamo",
        "edge.telemetry.normalise, edge.telemetry.scrubbing",
    ):
        code = (
            "import time, re, typing, json, functools, contextlib, threading, collections, edge.aws.dynamo, edge.breaker; "
            f"t = time.process_time_ns(); import {module}; print((time.process_time_ns() - t) / 1e6)"
        )
        found = [
            float(
                subprocess.run(
                    [sys.executable, "-c", code],
                    env={"PYTHONPATH": str(ROOT / "shared")},
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
            )
            for _ in range(7)
        ]
        print(f"| {module} | {min(found):.1f} |")


def main() -> None:
    """Measure and print."""
    costs()
    corpus_table()
    answer_cost()
    imports()


if __name__ == "__main__":
    main()
