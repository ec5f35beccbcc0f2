"""
What ``ratelimit_check`` costs: cold start, warm processor time, memory; beside the usual stack and the bare minimum.

All stacks do the same work (a validated body, one UpdateItem, the X-RateLimit headers) under AWS's Runtime Interface
Emulator against a stub DynamoDB that answers at once, interleaved in one run:

- null: an empty handler. Its cold start is subtracted from the others', round by round.
- bare: the standard library and one hand-signed call; the physical limit.
- usual: FastAPI, Mangum and boto3.resource with a sync route; the layer without bytecode, as stock `sam build` ships
  it. boto3 comes from the runtime, compiled, which favours it.
- edge: the built layer and function, as deployed.

BENCH_ROUNDS sets the number of cold starts of each (default 9). Only the ratios travel to another machine.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests import rie
from tests.bench.stub_dynamodb import API_KEY, FUNCTION_VARIABLES, stub_dynamodb
from tests.http_events import http_event
from tests.runtime.pinned import CACHE, ROOT, install_pinned, python_of_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

BASELINES = Path(__file__).resolve().parent / "baselines"
USUAL_PACKAGES = (
    *("annotated-doc", "annotated-types", "anyio", "fastapi", "idna", "mangum", "opentelemetry-api"),
    *("pydantic", "pydantic-core", "starlette", "typing-extensions", "typing-inspection"),
)

DEFAULT_ROUNDS = 9
WARM_CALLS = 200
IN_PROCESS_ROUNDS = 5
IN_PROCESS_CALLS = 800
SUBJECTS = 50
"""Enough that no subject meets its limit of 1000 in a run: a denial costs no call and would flatter."""

HEADER = (
    "| stack | cold ms | above null, ms | of usual | warm CPU us, in process | of usual | of bare "
    "| emulated, above null | RSS MB | modules |"
)


@dataclass
class Stack:
    """One way to write the handler, and what its runs measured."""

    name: str
    code: Path
    layers: tuple[Path, ...]
    cold_ms: list[float] = field(default_factory=list)
    warm_us: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    in_process: list[dict[str, float]] = field(default_factory=list)

    def in_process_median(self, measure: str) -> float:
        """Return the median of one measure over the in-process rounds."""
        return statistics.median(found[measure] for found in self.in_process)


def stacks() -> list[Stack]:
    """Return the stacks, installed and built."""
    usual = install_pinned(
        USUAL_PACKAGES,
        CACHE / "bench" / "usual",
        requirements=ROOT / "shared" / "requirements.txt",
        bytecode=False,
    )
    return [
        Stack("null", BASELINES / "null", ()),
        Stack("bare", BASELINES / "bare", ()),
        Stack("edge", rie.built("RatelimitCheckFunction"), (rie.LAYER,)),
        Stack("usual", BASELINES / "usual", (usual,)),
    ]


def check_events() -> list[dict[str, object]]:
    """Return one event for each subject."""
    return [
        http_event(
            "POST",
            "/api/ratelimit/check",
            {"subject": f"user-{number}", "tier": "relaxed", "cost": 1},
            headers={"x-api-key": API_KEY},
        )
        for number in range(SUBJECTS)
    ]


@contextmanager
def _children_on_last_core() -> Iterator[None]:
    """Start processes on one core, away from this process and the stub, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def measure_emulated(stack: Stack, *, variables: dict[str, str], scratch: Path, warm_calls: int) -> None:
    """Start *stack* once under the emulator and add what it cost; with *warm_calls* 0 only the cold start."""
    events = check_events()
    with _children_on_last_core():
        running = rie.sandbox(
            stack.code, layers=stack.layers, variables=variables, log_path=scratch / f"{stack.name}.log"
        )
        emulated = running.__enter__()
    try:
        first = emulated.invoke(events[0])
        if first.payload.get("statusCode") != 200 or '"degraded":true' in str(first.payload.get("body")):
            raise RuntimeError(f"{stack.name} answered {first.payload}; log: {emulated.log()[-2000:]}")
        stack.cold_ms.append(first.wall_ms)
        if warm_calls:
            begun_ns = emulated.cpu_ns()
            for call in range(warm_calls):
                emulated.invoke(events[call % SUBJECTS])
            stack.warm_us.append((emulated.cpu_ns() - begun_ns) / 1000 / warm_calls)
        stack.rss_mb.append(emulated.peak_rss_mb())
    finally:
        running.__exit__(None, None, None)


def measure_in_process(stack: Stack, *, variables: dict[str, str], scratch: Path) -> None:
    """Time *stack* in a fresh interpreter without the emulator."""
    events_path = scratch / "events.json"
    events_path.write_text(json.dumps(check_events()), encoding="utf-8")
    environment = rie.lambda_environment(stack.code, layers=stack.layers, variables=variables)
    environment["PYTHONPATH"] = os.pathsep.join([str(stack.code), environment["PYTHONPATH"]])
    with _children_on_last_core():
        child = subprocess.Popen(
            [python_of_runtime(), BASELINES / "in_process.py", events_path, str(IN_PROCESS_CALLS)],
            cwd=stack.code,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
    output, _ = child.communicate(timeout=120)
    stack.in_process.append(json.loads(output.rstrip().splitlines()[-1]))


def table(measured: list[Stack]) -> str:
    """Return the measurements as a Markdown table."""
    by_name = {stack.name: stack for stack in measured}
    null = by_name["null"]
    own_ms = {
        stack.name: statistics.median(
            cold - floor for cold, floor in zip(stack.cold_ms, null.cold_ms, strict=True)
        )
        for stack in measured
    }
    floor_us = statistics.median(null.warm_us)
    warm_us = {stack.name: stack.in_process_median("warm_cpu_us") for stack in measured}
    lines = [
        HEADER,
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for stack in measured:
        name = stack.name
        lines.append(
            f"| {name} | {statistics.median(stack.cold_ms):.0f} | {own_ms[name]:.0f} "
            f"| {own_ms[name] / own_ms['usual']:.2f} | {warm_us[name]:.0f} | {warm_us[name] / warm_us['usual']:.2f} "
            f"| {warm_us[name] / warm_us['bare']:.2f} | {statistics.median(stack.warm_us) - floor_us:.0f} "
            f"| {max(stack.rss_mb):.1f} | {stack.in_process_median('modules'):.0f} |"
        )
    edge = by_name["edge"]
    lines.append(
        f"\nedge in process: import {edge.in_process_median('import_ms'):.0f} ms, first event "
        f"{edge.in_process_median('first_ms'):.1f} ms, warm call {edge.in_process_median('warm_wall_us'):.0f} us "
        f"of wall time. Cold spread: {min(edge.cold_ms):.0f} to {max(edge.cold_ms):.0f} ms."
    )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    rounds = int(os.environ.get("BENCH_ROUNDS", DEFAULT_ROUNDS))
    measured = stacks()
    with tempfile.TemporaryDirectory() as folder, stub_dynamodb() as url:
        scratch = Path(folder)
        variables = {"AWS_ENDPOINT_URL": url, **FUNCTION_VARIABLES}
        for stack in measured:  # fills the page cache; not counted
            measure_emulated(stack, variables=variables, scratch=scratch, warm_calls=0)
            stack.cold_ms.clear()
        for number in range(rounds):
            for stack in measured:
                warm_calls = WARM_CALLS if number % 3 == 0 else 0
                measure_emulated(stack, variables=variables, scratch=scratch, warm_calls=warm_calls)
        for _ in range(IN_PROCESS_ROUNDS):
            for stack in measured:
                measure_in_process(stack, variables=variables, scratch=scratch)
    print(table(measured))
