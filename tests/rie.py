"""
Runs a function as AWS does: AWS's Runtime Interface Emulator, AWS's bootstrap for Python, the built layer.

The emulator comes with aws-sam-cli (.venv-sam), the bootstrap (awslambdaric) and the boto3 of the managed runtime are
installed once, with bytecode, into .cache/runtime and stand last on the module path, as on Lambda. It starts the
runtime at the first invocation: that invocation is the cold start. Linux only, like the emulator.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.runtime.pinned import CACHE, ROOT, install_pinned, python_of_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BUILD = ROOT / ".aws-sam" / "build"
LAYER = BUILD / "SharedLayer" / "python"

HOST = "127.0.0.1"
INVOKE_PATH = "/2015-03-31/functions/function/invocations"
INVOKE_TIMEOUT_SECONDS = 30.0

RUNTIME_PACKAGES = ("awslambdaric", "simplejson", "snapshot-restore-py")
SDK_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
"""What the managed runtime carries besides the bootstrap; on the path of every stack, imported by who wants it."""


class RuntimeMissing(RuntimeError):
    """Something that `make` builds is not there; the message names the target."""


def built(logical_id: str) -> Path:
    """Return the built folder of a function or of the layer."""
    folder = BUILD / logical_id
    if not folder.is_dir():
        raise RuntimeMissing(f"{folder.relative_to(ROOT)} is missing: make build")
    return folder


def runtime_site() -> Path:
    """Return the folder with AWS's bootstrap and SDK."""
    return install_pinned(
        (*RUNTIME_PACKAGES, *SDK_PACKAGES),
        CACHE / "runtime" / "site",
        requirements=ROOT / "requirements-dev.txt",
        bytecode=True,
    )


def emulator_path() -> Path:
    """Return the emulator for this machine."""
    name = "aws-lambda-rie-arm64" if platform.machine() in {"arm64", "aarch64"} else "aws-lambda-rie-x86_64"
    for found in (ROOT / ".venv-sam" / "lib").glob(f"python3*/site-packages/samcli/local/rapid/{name}"):
        return found
    raise RuntimeMissing(".venv-sam has no Runtime Interface Emulator: make build")


@dataclass(frozen=True)
class Answer:
    """
    What one invocation came to.

    Attributes:
        payload: the function's answer, or Lambda's error document with ``errorType``.
        wall_ms: from the caller's side; of the first one, that of the whole cold start.
    """

    payload: dict[str, object]
    wall_ms: float

    @classmethod
    def of(cls, payload: object, wall_ms: float = 0.0) -> Answer:
        """Return what a function's answer came to; what is no object stands as member ``payload`` of one."""
        return cls(payload if isinstance(payload, dict) else {"payload": payload}, wall_ms)


class Sandbox:
    """
    One emulated execution environment.

    Args:
        process: the emulator.
        port: that it takes invocations on.
        log_path: its output and that of the runtime.
    """

    def __init__(self, process: subprocess.Popen[bytes], *, port: int, log_path: Path) -> None:
        self._process = process
        self._connection = http.client.HTTPConnection(HOST, port, timeout=INVOKE_TIMEOUT_SECONDS)
        self._log_path = log_path

    def invoke(self, event: object) -> Answer:
        """
        Invoke the function once and wait for its answer.

        Args:
            event: anything that JSON can say; Lambda's own tools send what they are given.
        """
        body = json.dumps(event).encode()
        begun_ns = time.perf_counter_ns()
        self._connection.request("POST", INVOKE_PATH, body, {"Content-Type": "application/json"})
        content = self._connection.getresponse().read()
        wall_ms = (time.perf_counter_ns() - begun_ns) / 1e6
        try:
            payload = json.loads(content) if content else {}
        except ValueError:  # of a timeout the emulator tells in plain text
            payload = {"errorMessage": content.decode("utf-8", errors="replace")}
        return Answer.of(payload, wall_ms)

    def log(self) -> str:
        """Return what the emulator and the function have written so far."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def cold_starts(self) -> int:
        """Return how often the runtime has been started; more than once after a crash, a timeout or too large an answer."""
        return self.log().count("INIT RTDONE(")

    def runtime_pid(self) -> int:
        """Return the pid of the Python process; there is one after the first invocation."""
        children = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        pids = [int(pid) for children_of_thread in children for pid in children_of_thread.read_text().split()]
        if not pids:
            raise RuntimeMissing("the emulator has not started a runtime")
        return max(pids)

    def cpu_ns(self) -> int:
        """Return the processor time that the Python process has used so far."""
        clock = (~self.runtime_pid() << 3) | 2  # clock_getcpuclockid(3) of another process, scheduler time
        return time.clock_gettime_ns(clock)

    def peak_rss_mb(self) -> float:
        """Return the most memory that the Python process has held."""
        status = Path(f"/proc/{self.runtime_pid()}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def stop(self) -> None:
        """End the emulator and the runtime that it started."""
        self._connection.close()
        try:
            runtime = [self.runtime_pid()]
        except (RuntimeMissing, OSError):
            runtime = []
        for pid in (self._process.pid, *runtime):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


def free_ports(count: int) -> list[int]:
    """Return TCP ports on the loopback address that nothing listens on at this moment."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def module_path(layers: Sequence[Path]) -> str:
    """Return PYTHONPATH: the layers, then the runtime's own packages."""
    return os.pathsep.join(str(folder) for folder in (*layers, runtime_site()))


def lambda_environment(code: Path, *, layers: Sequence[Path], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a function: Lambda's own variables, then *variables*; nothing of this process."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": module_path(layers),
        "PYTHONDONTWRITEBYTECODE": "1",  # /opt and /var/task are read-only on Lambda
        "LAMBDA_TASK_ROOT": str(code),
        "AWS_REGION": "us-west-1",
        "AWS_DEFAULT_REGION": "us-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": code.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        **variables,
    }


@contextmanager
def sandbox(
    code: Path,
    *,
    layers: Sequence[Path],
    variables: Mapping[str, str],
    log_path: Path,
    handler: str = "app.handler",
) -> Iterator[Sandbox]:
    """
    Run one function until the block ends.

    Args:
        code: the function's folder; stands for ``/var/task``.
        layers: folders for the module path, in order; they stand for ``/opt/python``.
        variables: the function's environment besides Lambda's own.
        log_path: takes all output.
        handler: ``module.attribute``.
    """
    invoke_port, api_port = free_ports(2)
    command: list[str | Path] = [emulator_path()]
    command += ["--runtime-interface-emulator-address", f"{HOST}:{invoke_port}"]
    command += ["--runtime-api-address", f"{HOST}:{api_port}"]
    command += [python_of_runtime(), "-m", "awslambdaric", handler]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=code,
            env=lambda_environment(code, layers=layers, variables=variables),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Sandbox(process, port=invoke_port, log_path=log_path)
    try:
        _await_port(invoke_port, process)
        yield running
    finally:
        running.stop()


def _await_port(port: int, process: subprocess.Popen[bytes], *, timeout_seconds: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=0.5).close()
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise RuntimeMissing("the Runtime Interface Emulator did not come up")
