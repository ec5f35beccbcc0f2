"""
``make up``: starts the engine, its tables, four regions and the global endpoint, watches them, and ends them all.

Everything that can start at the same time does: the regions import while the engine starts, and wait for the word.
Each process is on a leash (``leash.py``), so not even ``kill -9`` of this one leaves another behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from edge.regions import DEPLOYED, GLOBAL_STACK_REGION
from infra.local.children import ROOT, Child, ChildFailed, shown, start_child
from infra.local.emulator import HOST, Emulator, EmulatorFailed, start_emulator
from infra.local.ports import Ports, PortTaken
from infra.local.progress import Progress, say
from infra.local.provision import DEMO_KEY_FILE, Provision
from infra.local.state import RegionState, State, remove_state, write_state
from infra.template import Stack, TemplateError, load_stack

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

EXIT_STOPPED: Final = 0
EXIT_FAILED: Final = 1
EXIT_PORT_TAKEN: Final = 2

GLOBAL_STACK: Final = "kaizen-edge-global"
"""What the regional template takes for the stack of what all regions share."""

STOP_SECONDS: Final = 4.0
"""From the signal that asks a process to end to the one that does not ask."""


@dataclass(frozen=True)
class Options:
    """
    What ``make up`` is told.

    Attributes:
        base_port: of the global endpoint; the others follow from it.
        persist: keep the tables across runs.
        template: the regional stack.
        global_template: what all regions share.
        local_dir: logs, state and kept tables.
    """

    base_port: int
    persist: bool
    template: Path = ROOT / "template.yaml"
    global_template: Path = ROOT / "infra" / "global.yaml"
    local_dir: Path = ROOT / ".local"


@dataclass
class _Running:
    """What was started, so that it can be ended."""

    emulator: Emulator | None = None
    front: Child | None = None
    regions: dict[str, Child] = field(default_factory=dict)


class Launcher:
    """
    One local setup, from start to end.

    Args:
        options: what to start and where.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._ports = Ports.from_base(options.base_port, DEPLOYED)
        self._state_path = options.local_dir / "state.json"
        self._running = _Running()
        self._starting_engine: asyncio.Task[Emulator] | None = None
        self._give_up = threading.Event()
        self._progress = Progress()
        self._demo_key: str | None = None

    async def run(self) -> int:
        """Start everything, wait until it is told to stop, end everything; return the exit code."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        stopping = asyncio.create_task(stop.wait())
        working = asyncio.create_task(self._start_and_watch())
        try:
            await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                say("stopping")
                return EXIT_STOPPED
            return working.result()
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)
            await self._stop_all()

    async def _start_and_watch(self) -> int:
        try:
            self._ports.check()
            stacks = self._load_stacks()
            await self._start(stacks)
        except PortTaken as error:
            say(f"error: {error}")
            return EXIT_PORT_TAKEN
        except (TemplateError, EmulatorFailed, ChildFailed, OSError) as error:
            say(f"error: {error}")
            return EXIT_FAILED
        return await self._watch()

    def _load_stacks(self) -> dict[str, Stack]:
        template = self._options.template
        return {region.code: load_stack(template, aws_region=region.aws_region) for region in DEPLOYED}

    async def _start(self, stacks: dict[str, Stack]) -> None:
        self._progress.step("python", f"{sys.version.split()[0]} in {self._progress.environment()}")
        self._state_path.unlink(missing_ok=True)
        (self._options.local_dir / "logs").mkdir(parents=True, exist_ok=True)
        self._starting_engine = asyncio.create_task(asyncio.to_thread(self._start_emulator))
        await asyncio.gather(self._start_regions(), self._start_front())
        # Shielded: a thread cannot be cancelled, and the end waits for it to know what to stop.
        self._running.emulator = await asyncio.shield(self._starting_engine)
        self._progress.step("emulator", self._running.emulator.url)
        once = load_stack(
            self._options.global_template, aws_region=GLOBAL_STACK_REGION.aws_region, stack_name=GLOBAL_STACK
        )
        provision = Provision(self._emulator_url, self._options.local_dir)
        await asyncio.to_thread(provision.create_tables, stacks, once)
        keys_table = next(table.name for table in once.tables if table.logical_id == "Keys")
        self._demo_key = await asyncio.to_thread(provision.create_demo_key, keys_table)
        tables = len(next(iter(stacks.values())).tables)
        self._progress.step(
            "tables", f"{tables} in each of {len(stacks)} regions, {len(once.tables)} in all of them"
        )
        for child in self._running.regions.values():
            child.release()
        front = self._running.front
        await _first_failure(
            *(self._report_ready(code, child) for code, child in self._running.regions.items()),
            *([front.wait_ready()] if front is not None else []),
        )
        state = self._state()
        write_state(self._state_path, state)
        self._progress.summary(state, logs=self._options.local_dir / "logs", state_path=self._state_path)

    async def _start_regions(self) -> None:
        for region in DEPLOYED:
            arguments = [
                "--code",
                region.code,
                "--aws-region",
                region.aws_region,
                "--template",
                str(self._options.template),
                "--port",
                str(self._ports.regions[region.code]),
                "--emulator",
                self._emulator_url,
                "--endpoints",
                ",".join([f"{code}={self._url(port)}" for code, port in self._ports.regions.items()]),
            ]
            log_path = self._log_path(region.code)
            child = await start_child(f"region {region.code}", "infra.local.region", arguments, log_path)
            self._running.regions[region.code] = child

    async def _start_front(self) -> None:
        key_file = self._options.local_dir / DEMO_KEY_FILE
        arguments = ["--port", str(self._ports.front), "--key-file", str(key_file)]
        for code, port in self._ports.regions.items():
            arguments += ["--region", f"{code}={port}"]
        log_path = self._log_path("global")
        self._running.front = await start_child("global endpoint", "infra.local.front", arguments, log_path)

    def _start_emulator(self) -> Emulator:
        state_dir = self._options.local_dir / "aws-state" if self._options.persist else None
        return start_emulator(
            port=self._ports.emulator,
            log_path=self._log_path("emulator"),
            state_dir=state_dir,
            give_up=self._give_up,
        )

    async def _report_ready(self, code: str, child: Child) -> None:
        await child.wait_ready()
        self._progress.step(code, self._url(self._ports.regions[code]))

    async def _watch(self) -> int:
        """Say what ends by itself; return when nothing is left to serve."""
        running = self._running
        ends = {asyncio.create_task(child.process.wait()): child for child in running.regions.values()}
        if running.front is not None:
            ends[asyncio.create_task(running.front.process.wait())] = running.front
        engine = asyncio.create_task(self._engine_end())
        waiting: set[asyncio.Task[int]] = {engine, *ends}
        try:
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    child = ends.pop(task, None)
                    name = child.name if child else "the AWS emulator"
                    log = child.log_path if child else self._log_path("emulator")
                    say(f"{name} ended (code {task.result()}), the rest keeps running; see {shown(log)}")
                if not any(child in running.regions.values() for child in ends.values()):
                    say("error: no region is left")
                    return EXIT_FAILED
        finally:
            for task in waiting:
                task.cancel()
        return EXIT_FAILED

    async def _engine_end(self) -> int:
        emulator = self._running.emulator
        while emulator is not None and emulator.process.poll() is None:  # noqa: ASYNC110 - a child, not a task
            await asyncio.sleep(0.5)  # a thread in wait() could not be cancelled
        return emulator.process.returncode if emulator is not None else 0

    async def _stop_all(self) -> None:
        remove_state(self._state_path)
        running = self._running
        if self._starting_engine is not None and running.emulator is None:
            self._give_up.set()
            with contextlib.suppress(EmulatorFailed, OSError):
                running.emulator = await self._starting_engine
        stops: list[Coroutine[None, None, None]] = [
            child.stop(grace_seconds=STOP_SECONDS) for child in running.regions.values()
        ]
        if running.front is not None:
            stops.append(running.front.stop(grace_seconds=STOP_SECONDS))
        if running.emulator is not None:
            stops.append(asyncio.to_thread(running.emulator.stop, grace_seconds=STOP_SECONDS))
        await asyncio.gather(*stops)

    def _state(self) -> State:
        running = self._running
        pids = {code: child.process.pid for code, child in running.regions.items()}
        if running.front is not None:
            pids["global"] = running.front.process.pid
        if running.emulator is not None:
            pids["emulator"] = running.emulator.process.pid
        regions: dict[str, RegionState] = {
            region.code: {"url": self._url(self._ports.regions[region.code]), "aws_region": region.aws_region}
            for region in DEPLOYED
        }
        return {
            "global": self._url(self._ports.front),
            "regions": regions,
            "admin_api_key": self._demo_key,
            "emulator": self._emulator_url,
            "pids": {"launcher": os.getpid(), **pids},
        }

    def _log_path(self, name: str) -> Path:
        return self._options.local_dir / "logs" / f"{name}.log"

    @property
    def _emulator_url(self) -> str:
        return self._url(self._ports.emulator)

    @staticmethod
    def _url(port: int) -> str:
        return f"http://{HOST}:{port}"


async def _first_failure(*steps: Coroutine[None, None, None]) -> None:
    """Run *steps* together; raise the first failure and give up the others."""
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
