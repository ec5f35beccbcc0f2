"""Processes that the launcher starts: on a leash, in a session of their own, with a log and a status line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]


class ChildFailed(Exception):
    """A process could not start; the message is one line."""


@dataclass(frozen=True)
class Child:
    """
    One process.

    Attributes:
        name: for messages.
        process: its standard input is the leash.
        status: where it says ``ready`` or ``failed: …``.
        log_path: its output and errors.
    """

    name: str
    process: asyncio.subprocess.Process
    status: asyncio.StreamReader
    log_path: Path

    def release(self) -> None:
        """Let it go on: it waits for a line."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.process.stdin.write(b"go\n")

    async def wait_ready(self) -> None:
        """
        Return when it serves.

        Raises:
            ChildFailed: it said why not, or ended without a word.
        """
        line = (await self.status.readline()).decode("utf-8", "replace").strip()
        if line == "ready":
            return
        if line.startswith("failed: "):
            msg = f"{line.removeprefix('failed: ')} (traceback, if any, in {shown(self.log_path)})"
            raise ChildFailed(msg)
        code = await self.process.wait()
        msg = f"{self.name} ended with code {code} while starting; see {shown(self.log_path)}"
        raise ChildFailed(msg)

    async def stop(self, *, grace_seconds: float) -> None:
        """Ask it to end, then end it."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), grace_seconds)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
                await self.process.wait()


async def start_child(name: str, module: str, arguments: Sequence[str], log_path: Path) -> Child:
    """
    Start ``python -m module`` with a status descriptor and return at once.

    Args:
        name: for messages.
        module: a module of this package that takes ``--status-fd``.
        arguments: the others.
        log_path: is written anew.
    """
    read_fd, write_fd = os.pipe()
    try:
        with log_path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                "--status-fd",
                str(write_fd),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                cwd=ROOT,
                env=child_environment(),
                pass_fds=(write_fd,),
                start_new_session=True,  # a Ctrl-C at the terminal is handled once, by the launcher
            )
    finally:
        os.close(write_fd)
    status = asyncio.StreamReader()
    pipe = os.fdopen(read_fd, "rb", 0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(status), pipe)
    return Child(name, process, status, log_path)


def child_environment() -> dict[str, str]:
    """Return our environment with this tree importable and without anything that leads to a real AWS account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}


def shown(path: Path) -> str:
    """Return *path* relative to the working directory where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
