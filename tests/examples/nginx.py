"""
nginx for the tests of ``examples/nginx``: the one on PATH, else Debian's package, unpacked below ``.cache``.

Unpacking needs no root and installs nothing: ``apt-get download`` and ``dpkg -x``. Where neither is to be had,
:func:`find_nginx` says why.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "examples" / "nginx" / "run"
HOST = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 5.0


class Found(NamedTuple):
    """Where nginx lies, or why it does not: exactly one is set."""

    binary: Path | None
    reason: str | None


@cache
def find_nginx() -> Found:
    """Find nginx, or unpack it once."""
    if shutil.which("envsubst") is None:
        return Found(None, "no envsubst (gettext-base), which examples/nginx/run needs")
    installed = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if installed is not None:
        return Found(Path(installed), None)
    folder = ROOT / ".cache" / "nginx"
    binary = folder / "usr" / "sbin" / "nginx"
    if not binary.exists() and (reason := _unpack(folder)) is not None:
        return Found(None, reason)
    ran = subprocess.run([binary, "-V"], capture_output=True, text=True, timeout=30)
    if "--with-http_auth_request_module" not in ran.stderr:
        return Found(None, f"{binary} does not run here or has no auth_request")
    return Found(binary, None)


def _unpack(folder: Path) -> str | None:
    """Return None once nginx is in *folder*, else why it is not."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return "no nginx, and no apt-get and dpkg to get it with"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        scratch = Path(name)
        try:
            fetched = subprocess.run(
                ["apt-get", "download", "-q", "nginx"], cwd=scratch, capture_output=True, timeout=60
            )
        except subprocess.TimeoutExpired:
            return "no nginx, and apt-get did not fetch it in 60 s"
        packages = list(scratch.glob("nginx_*.deb"))
        if fetched.returncode != 0 or len(packages) != 1:
            return f"no nginx, and apt-get could not fetch it (exit code {fetched.returncode})"
        unpacked = scratch / "unpacked"
        subprocess.run(["dpkg", "-x", packages[0], unpacked], check=True, capture_output=True, timeout=60)
        try:
            unpacked.rename(folder)
        except OSError:  # another run unpacked it at the same time
            if not (folder / "usr" / "sbin" / "nginx").exists():
                raise
    return None


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
