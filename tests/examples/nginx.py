"""nginx for the tests of ``examples/nginx``; where it is not to be had, :func:`find_nginx` says why."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.debian import Found, find_program

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "examples" / "nginx" / "run"
HOST = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 5.0


@cache
def find_nginx() -> Found:
    """Find an nginx that can run the example."""
    if shutil.which("envsubst") is None:
        return Found(None, "no envsubst (gettext-base), which examples/nginx/run needs")
    found = find_program("nginx", "usr/sbin/nginx")
    if found.binary is None:
        return found
    ran = subprocess.run([found.binary, "-V"], capture_output=True, text=True, timeout=30)
    if "--with-http_auth_request_module" not in ran.stderr:
        return Found(None, f"{found.binary} does not run here or has no auth_request")
    return found


@contextlib.contextmanager
def run_example(prefix: Path, *, edge: str, upstream: str) -> Iterator[str]:
    """
    Run ``examples/nginx/run`` and yield the URL of the guarded site.

    Args:
        prefix: nginx keeps its files there.
        edge: ``host:port`` of what is asked who calls.
        upstream: ``host:port`` of the site.
    """
    binary = find_nginx().binary
    assert binary is not None
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        listen = f"{HOST}:{probe.getsockname()[1]}"
    prefix.mkdir()
    variables = {
        "NGINX_BINARY": str(binary),
        "PREFIX": str(prefix),
        "LISTEN": listen,
        "EDGE": edge,
        "UPSTREAM": upstream,
    }
    log_path = prefix / "error.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen([RUN], env={**os.environ, **variables}, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(listen):
            assert process.poll() is None, log_path.read_text()
            assert time.monotonic() < deadline, log_path.read_text()
            time.sleep(0.02)
        yield f"http://{listen}"
    finally:
        process.send_signal(signal.SIGTERM)  # run has become nginx: the signal is for its master process
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
