"""
The emulated AWS that local regions and tests run on: one ministack process.

It supplies DynamoDB and the control-plane APIs with regions kept apart, without an account or a container.
It is told to listen on the loopback address only and not to open its MQTT port: by default it does both.
It runs on a leash, so that it ends with the process that started it, even if that is killed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]

LOCAL_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",  # the emulator accepts any pair and this one says what it is
}


class EmulatorFailed(RuntimeError):
    """The emulator ended, or did not answer in time; the message is one clear line."""


def free_port() -> int:
    """Return a TCP port on the loopback address that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Emulator:
    """A running emulator: *url* is the endpoint of every AWS API in every region."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self, *, grace_seconds: float = 5.0) -> None:
        """End the process that was started here, by its pid, and wait until it is gone."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def start_emulator(
    *,
    port: int,
    log_path: Path,
    state_dir: Path | None = None,
    timeout_seconds: float = 30.0,
    give_up: threading.Event | None = None,
) -> Emulator:
    """
    Start ministack and return once its health route answers.

    Args:
        port: TCP port to listen on, on the loopback address.
        log_path: where its standard output and error go.
        state_dir: keep state there across runs; None forgets everything at the end.
        timeout_seconds: how long it may take to answer.
        give_up: another thread sets it to end the wait, and what was started.

    Raises:
        EmulatorFailed: it ended or did not answer; the message names the log.
    """
    environment = {
        **os.environ,
        **LOCAL_CREDENTIALS,
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "PERSIST_STATE": "0" if state_dir is None else "1",
    }
    if state_dir is not None:
        environment["STATE_DIR"] = str(state_dir)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local.leash", "ministack"],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.PIPE,  # the leash: it ends when this end is closed, by us or by our death
            env=environment,
            start_new_session=True,  # a Ctrl-C at the terminal is handled once, by the launcher
        )
    emulator = Emulator(url=f"http://{HOST}:{port}", process=process)
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline and not (give_up is not None and give_up.is_set()):
        if process.poll() is not None:
            msg = f"the AWS emulator ended with code {process.returncode}; see {log_path}"
            raise EmulatorFailed(msg)
        try:
            with urllib.request.urlopen(f"{emulator.url}/_ministack/health", timeout=1.0):  # noqa: S310
                return emulator
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    emulator.stop()
    msg = f"the AWS emulator did not answer on port {port} in {timeout_seconds:.0f} s; see {log_path}"
    raise EmulatorFailed(msg)
