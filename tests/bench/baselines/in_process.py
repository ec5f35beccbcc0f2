"""
Times one handler in a fresh interpreter, without the emulator around it: import, first event, warm events.

AWS's bootstrap is loaded before the clock starts, because it is there before a function's code on Lambda too.
Run by tests/bench/cold_start.py with a file of events and a number of calls; prints one JSON object.
"""

from __future__ import annotations

import importlib
import json
import resource
import statistics
import sys
import time
from pathlib import Path

import awslambdaric.bootstrap  # noqa: F401 - see above

BLOCKS = 8
"""The calls are timed in blocks and the median block counts: another process disturbs some of them, not most."""


def main() -> None:
    events = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    calls_per_block = int(sys.argv[2]) // BLOCKS
    modules_before = len(sys.modules)

    begun_ns = time.perf_counter_ns()
    handler = importlib.import_module("app").handler
    imported_ns = time.perf_counter_ns()
    handler(events[0], None)
    answered_ns = time.perf_counter_ns()
    modules = len(sys.modules) - modules_before

    wall_us, cpu_us = [], []
    answer: dict[str, object] = {}
    for block in range(BLOCKS):
        chosen = [events[(block * calls_per_block + call) % len(events)] for call in range(calls_per_block)]
        wall_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
        for event in chosen:
            answer = handler(event, None)
        cpu_us.append((time.process_time_ns() - cpu_ns) / 1000 / calls_per_block)
        wall_us.append((time.perf_counter_ns() - wall_ns) / 1000 / calls_per_block)

    # A denial, an error or a fallback costs no call, and would flatter.
    if answer.get("statusCode", 200) != 200 or '"degraded":true' in str(answer.get("body")):
        raise SystemExit(f"not the work that is measured: {answer}")
    found = {
        "import_ms": (imported_ns - begun_ns) / 1e6,
        "first_ms": (answered_ns - imported_ns) / 1e6,
        "warm_wall_us": statistics.median(wall_us),
        "warm_cpu_us": statistics.median(cpu_us),
        "modules": modules,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    # the handler writes its log to standard output too; the last line is ours
    print("\n" + json.dumps(found), flush=True)


main()
