"""Runs limiters in child processes, and the Redis server that some of them need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local.emulator import HOST, LOCAL_CREDENTIALS, free_port
from tests.bench.peers.port import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.peers.catalogue import Row

ROOT: Final = Path(__file__).resolve().parents[3]
PEERS_PYTHON: Final = ROOT / ".venv-bench" / "bin" / "python"
CHILD_SECONDS: Final = 90.0
REDIS_SECONDS: Final = 5.0
NOWHERE: Final = Servers(redis_port=0, dynamodb_url="", rate_windows_table="", name="nowhere")


class ChildFailed(RuntimeError):
    """A limiter could not be measured; the message is the last line that its process wrote."""


def peers_missing() -> str | None:
    """Return the line that says why the peers are left out, or None if they are there."""
    if PEERS_PYTHON.exists():
        return None
    return "no .venv-bench: the peers are left out (make .venv-bench/stamp)"


def run_child(task: str, row: Row, servers: Servers) -> Any:
    """
    Return what the child printed.

    Raises:
        ChildFailed: it ended with an error or not in time.
    """
    python = sys.executable if row.is_ours else str(PEERS_PYTHON)
    command = [python, "-m", "tests.bench.peers.child", task, row.adapter, row.kind]
    environment = {
        **os.environ,
        **LOCAL_CREDENTIALS,
        "AWS_DEFAULT_REGION": "eu-west-3",
        "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}" if row.is_ours else str(ROOT),
    }
    try:
        done = subprocess.run(
            [*command, json.dumps(servers._asdict())],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=CHILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ChildFailed(f"not done in {CHILD_SECONDS:.0f} s") from None
    if done.returncode:
        raise ChildFailed((done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def redis_server(log_path: Path) -> Iterator[int | None]:
    """
    Run a Redis server that keeps nothing and yield its port, or None where there is no ``redis-server``.

    Raises:
        ChildFailed: it did not begin to listen.
    """
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    port = free_port()
    options = ("--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no", "--daemonize", "no")
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [program, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=log_path.parent
        )
    try:
        _wait_until_it_listens(process, log_path)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(REDIS_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + REDIS_SECONDS
    while b"Ready to accept connections" not in log_path.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ChildFailed(f"redis-server did not start: {log_path.read_text()[-300:]}")
        time.sleep(0.02)
