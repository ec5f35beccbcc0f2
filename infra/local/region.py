"""
The process of one region: waits for the word, loads the functions, serves until it is told to stop.

It speaks with the launcher over two pipes: ``go`` arrives on standard input when the engine and its tables are there,
and the input's end means that the launcher is gone; ``ready`` or ``failed: …`` leaves on the status descriptor.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.local.children import ROOT
from infra.local.emulator import HOST
from infra.local.functions import LocalFunctions, region_environment
from infra.local.gateway import Gateway
from infra.local.leash import hold_leash
from infra.local.loading import LoadFailed
from infra.local.schedules import run_schedules
from infra.local.server import Server
from infra.template import TemplateError, borrow_authorizers, load_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

DRAIN_SECONDS: Final = 3.0
"""How long requests in flight may take once the region is told to stop."""

HEAVY_MODULES: Final = ("fastapi", "mangum")
"""Most of what functions import; loaded while the engine starts."""


def main() -> None:
    """Run one region from command-line arguments; see the launcher for who calls it."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.region")
    parser.add_argument("--code", required=True)
    parser.add_argument("--aws-region", required=True)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator", required=True)
    parser.add_argument("--endpoints", default="", help="of all regions, as the setting ENDPOINTS has them")
    parser.add_argument("--status-fd", type=int, required=True)
    options = parser.parse_args()

    environment = region_environment(
        code=options.code,
        aws_region=options.aws_region,
        emulator_url=options.emulator,
        endpoints=options.endpoints,
    )
    os.environ.update(environment)  # stays: clients that a function makes later read it then
    for name in HEAVY_MODULES:
        with contextlib.suppress(ImportError):  # a template's functions need not use them
            importlib.import_module(name)
    if not sys.stdin.buffer.readline():
        return
    hold_leash()
    try:
        stack = load_stack(options.template, aws_region=options.aws_region)
        if stack.borrowed:  # somebody else's API, guarded by our authorizer: it runs beside
            own = load_stack(ROOT / "template.yaml", aws_region=options.aws_region)
            stack = borrow_authorizers(stack, own)
        functions = LocalFunctions(stack.functions, environment)
        functions.wait_loaded()
        gateway = Gateway(stack, functions, api_id=f"local{options.code}", aws_region=options.aws_region)
        new_event_loop = fastest_event_loop()
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            clockwork = run_schedules(stack.schedules, functions, aws_region=options.aws_region)
            runner.run(_serve(gateway, functions, clockwork, port=options.port, status_fd=options.status_fd))
    except (LoadFailed, TemplateError, OSError) as error:
        tell(options.status_fd, f"failed: {' '.join(str(error).split())}")
        leave(1)
    leave(0)


def fastest_event_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's event loop where it is installed, else the standard library's."""
    try:
        import uvloop  # no wheel for every platform, and nothing depends on it
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def tell(status_fd: int, line: str) -> None:
    """Write one status line to the launcher, which may be gone."""
    with contextlib.suppress(OSError):
        os.write(status_fd, f"{line}\n".encode())


def leave(code: int) -> None:
    """Exit without waiting for threads: one may be stuck in a function."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def serve_until_signal(server: Server, *, port: int, status_fd: int) -> None:
    """
    Listen, say ``ready``, and on SIGTERM or SIGINT finish what is in flight.

    Args:
        server: not started yet.
        port: on the loopback address.
        status_fd: where ``ready`` goes.

    Raises:
        OSError: the port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await server.start(HOST, port)
    tell(status_fd, "ready")
    await stop.wait()
    await server.stop(grace_seconds=DRAIN_SECONDS)


async def _serve(
    gateway: Gateway,
    functions: LocalFunctions,
    clockwork: Coroutine[None, None, None],
    *,
    port: int,
    status_fd: int,
) -> None:
    beside = [asyncio.create_task(functions.watch()), asyncio.create_task(clockwork)]
    await serve_until_signal(Server(gateway.handle), port=port, status_fd=status_fd)
    for task in beside:
        task.cancel()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # typeshed: TextIO has no reconfigure
    main()
