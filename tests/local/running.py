"""A local setup as a child process, for tests and the benchmark: start it, wait for it, end it, see what is left."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.state import State

ROOT: Final = Path(__file__).resolve().parents[2]
FIXTURE_TEMPLATE: Final = Path(__file__).resolve().parent / "fixtures" / "template.yaml"
HOST: Final = "127.0.0.1"
PORTS_OF_ONE_SETUP: Final = 11
START_SECONDS: Final = 60.0


class LocalSetup:
    """
    ``python -m infra.local`` on ports of its own.

    Args:
        folder: for its logs, state and output.
        template: what it runs.
        base_port: of the global endpoint; None finds a free range.
        persist: whether tables are kept in *folder*.
        environment: variables on top of ours.
    """

    def __init__(
        self,
        folder: Path,
        *,
        template: Path = FIXTURE_TEMPLATE,
        base_port: int | None = None,
        persist: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.base_port = base_port or free_base_port()
        self._output_path = folder / "output.txt"
        arguments = ["--port", str(self.base_port), "--template", str(template), "--local-dir", str(folder)]
        self.began = time.monotonic()
        with self._output_path.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "infra.local", *arguments, *(["--persist"] if persist else [])],
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}",
                    **(environment or {}),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._output_path.read_text("utf-8")

    def wait_ready(self) -> State:
        """Return its state once all regions answer; fail with its output if it ends instead."""
        path = self.folder / "state.json"
        while not path.exists():
            if self.process.poll() is not None or time.monotonic() - self.began > START_SECONDS:
                msg = f"not ready (code {self.process.returncode}):\n{self.output}"
                raise AssertionError(msg)
            time.sleep(0.01)
        state: State = json.loads(path.read_text("utf-8"))
        return state

    def wait_output(self, text: str, seconds: float = 10.0) -> None:
        """Return once it has printed *text*."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            if time.monotonic() > deadline:
                msg = f"never said {text!r}:\n{self.output}"
                raise AssertionError(msg)
            time.sleep(0.01)

    def end(self, number: int = signal.SIGINT) -> int:
        """Send it a signal and return its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return self.process.wait(15)


def free_base_port() -> int:
    """Return the first of eleven ports in a row that nothing listens on."""
    first = 20_000 + os.getpid() % 400 * 20
    for base in range(first, first + 4_000, 20):
        if ports_are_free(base):
            return base
    raise AssertionError("no free range of ports")


def ports_are_free(base: int) -> bool:
    """Tell whether a setup could start at *base*."""
    for port in range(base, base + PORTS_OF_ONE_SETUP):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii")
    except OSError:
        return False
    return stat.rpartition(") ")[2][0] not in "ZX"


def fetch(
    url: str,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Make one request on a connection of its own; return status, headers by lower-case name, and body."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=15)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return (
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read(),
        )
    finally:
        connection.close()
