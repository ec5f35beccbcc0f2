"""
What counting costs a request, what a flush costs an environment, and what a scrape costs whoever answers it.

No network: what is measured is our own work. A flush adds one conditional put, at most every ten seconds; a scrape one query of
as many kilobytes as the shards have.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from edge.breaker import Breaker
from edge.clock import ManualClock, SystemClock
from edge.problems import InvalidValues
from edge.telemetry.emf import emf_members
from edge.telemetry.flushing import Flusher
from edge.telemetry.recorder import Recorder
from edge.telemetry.region_totals import read_totals
from edge.telemetry.shard_memory import MemoryShardStore
from edge.telemetry.shards import Shard, decode, encode
from edge.telemetry.snapshots import snapshot
from edge.telemetry.store import ShardKey, StoredShard
from edge.telemetry.summaries import numbers
from edge.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
CALLS = 64_000
NOW_MS = 2_000_000_000_000
GEO = {"decision": "cdg1", "because": "nearest", "routed_by": "model", "mode": "normal", "located_by": "body"}
PER_MINUTE = (1, 6, 60, 600)
SHARDS = (10, 100, 500)


def main() -> None:
    """Print microseconds of processor, bytes, and milliseconds of import."""
    print(f"{'a request':44}{'us':>8}")
    for name, work in _requests():
        print(f"{name:44}{_best_us(work, CALLS):8.2f}")
    print(f"\n{'a shard of two hours at':28}{'bytes':>8}{'encode us':>12}{'decode us':>12}{'flush us':>10}")
    for per_minute in PER_MINUTE:
        clock = ManualClock(now_ms=NOW_MS)
        recorder = _busy(clock, per_minute)
        minute = clock.now_ms() // 60_000
        shard = Shard(NOW_MS // 1000, recorder.totals())
        blob = encode(shard, minute=minute)
        flusher = Flusher(recorder, MemoryShardStore(clock), clock, breaker=Breaker(clock))
        print(
            f"{f'{per_minute} requests a minute':28}{len(blob):8}"
            f"{_best_us(partial(encode, shard, minute=minute), 50):12.0f}"
            f"{_best_us(partial(decode, blob), 50):12.0f}"
            f"{_best_us(flusher.flush, 50):10.0f}"
        )
    print(f"\n{'a scrape of shards':28}{'KB':>8}{'sum ms':>12}{'snapshot ms':>12}{'summary ms':>12}")
    blob = _blob(60)
    for count in SHARDS:
        store = MemoryShardStore(ManualClock(now_ms=NOW_MS))
        for number in range(count):
            key = ShardKey(("geo_route", "ratelimit_check")[number % 2], f"{number:032x}", 0)
            store.put(StoredShard(key, 1, blob, NOW_MS), is_known=False)
        totals = read_totals(store, now_ms=NOW_MS + 7_200_000)
        print(
            f"{count:<28}{count * len(blob) / 1024:8.0f}"
            f"{_best_us(partial(read_totals, store, now_ms=NOW_MS + 7_200_000), 1) / 1000:12.1f}"
            f"{_best_us(partial(snapshot, totals, region='cdg1', version='1', stage='production', health={}), 1) / 1000:12.1f}"
            f"{_best_us(partial(numbers, totals, now_ms=NOW_MS + 7_200_000), 1) / 1000:12.1f}"
        )
    print(f"\n{'':44}{'ms':>8}")
    for module in ("edge.telemetry.recorder", "edge.telemetry.flushing", "edge.telemetry.summaries"):
        print(f"{'import ' + module:44}{_import_ms(module):8.1f}")


def _requests() -> list[tuple[str, Callable[[], object]]]:
    clock = SystemClock()
    recorder = Recorder("geo_route", clock)
    flusher = Flusher(recorder, MemoryShardStore(clock), clock, breaker=Breaker(clock))
    telemetry = Telemetry(recorder, flusher)
    problem = InvalidValues([])
    plain: dict[str, Any] = {
        "route": "/api/geo/route",
        "method": "POST",
        "status": 200,
        "duration_ns": 1_234_567,
    }

    def record_and_look() -> None:
        telemetry.record(**plain, body_bytes=40, outcome=GEO, caller="key")
        telemetry.flush_if_due()

    return [
        ("record, an answer without an outcome", lambda: telemetry.record(**plain)),
        (
            "record, a routing decision for a key",
            lambda: telemetry.record(**plain, body_bytes=40, outcome=GEO, caller="key"),
        ),
        ("record, a problem", lambda: telemetry.record(**{**plain, "status": 422}, problem=problem)),
        ("look whether a flush is due", telemetry.flush_if_due),
        ("both, for a routing decision", record_and_look),
        ("members of the log line (EMF)", lambda: emf_members(status=200, degraded=False, now_ms=NOW_MS)),
    ]


def _busy(clock: ManualClock, per_minute: int) -> Recorder:
    random_ = random.Random(1)
    recorder = Recorder("geo_route", clock)
    for _ in range(120):
        for _ in range(per_minute):
            recorder.record(
                route="/api/geo/route",
                method="POST",
                status=random_.choice([200] * 95 + [422] * 4 + [503]),
                duration_ns=int(random_.lognormvariate(0.7, 0.5) * 1e6),
                body_bytes=60,
                outcome={**GEO, "decision": random_.choice(["cdg1", "iad1", "hnd1"])},
                caller="key",
            )
        clock.advance(60_000)
    return recorder


def _blob(per_minute: int) -> bytes:
    clock = ManualClock(now_ms=NOW_MS)
    recorder = _busy(clock, per_minute)
    return encode(Shard(NOW_MS // 1000, recorder.totals()), minute=clock.now_ms() // 60_000)


def _best_us(work: Callable[[], object], calls: int) -> float:
    """Return microseconds of processor a call, of the best round: the machine is shared."""
    best_ns = float("inf")
    for _ in range(ROUNDS):
        begun_ns = time.process_time_ns()
        for _ in range(calls):
            work()
        best_ns = min(best_ns, time.process_time_ns() - begun_ns)
    return best_ns / calls / 1000


def _import_ms(module: str) -> float:
    script = f"import time, json, re, typing; t = time.perf_counter_ns(); import {module}; print(time.perf_counter_ns() - t)"
    times = [
        int(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    return min(times) / 1e6
