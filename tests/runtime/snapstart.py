"""
SnapStart on this machine, as far as it can be had: AWS's bootstrap behind a Runtime API of ours, and clones by ``fork``.

The emulator speaks no part of SnapStart. The Runtime API here does: ``restore/next`` answers when the test says that the
picture was taken and restored (https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html). A fork is what
comes closest to two environments of one picture: the same memory, other processes.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from tests import rie
from tests.runtime.pinned import python_of_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

API: Final = "/2018-06-01/runtime"
FUNCTION_ARN: Final = "arn:aws:lambda:us-west-1:123456789012:function:pictured"
WAIT_SECONDS: Final = 20
SNAP_START: Final = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}

CLONES: Final = """
import json, os, sys
import app
from awslambdaric.lambda_runtime_hooks_runner import run_after_restore, run_before_snapshot

class Context:
    aws_request_id = "00000000-0000-0000-0000-000000000000"
    memory_limit_in_mb = 512
    function_name, function_version = "clone", "1"
    invoked_function_arn = "arn:aws:lambda:us-west-1:123456789012:function:clone"
    def get_remaining_time_in_millis(self):
        return 60_000

def sockets():
    targets = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            targets.append(os.readlink("/proc/self/fd/" + descriptor))
        except OSError:
            pass
    return sum(target.startswith("socket:") for target in targets)

def tell(**members):
    os.write(told, (json.dumps(members) + "\\n").encode())

told = os.dup(1)
os.dup2(2, 1)
started = sockets()
run_before_snapshot()
tell(started=started, pictured=sockets(), modules=sorted(sys.modules))
for line in sys.stdin.read().splitlines():
    if os.fork() == 0:
        status = 1
        try:
            run_after_restore()
            restored = sockets()
            tell(restored=restored, answer=app.handler(json.loads(line), Context()))
            status = 0
        finally:
            os._exit(status)
    _, status = os.wait()
    if status:
        sys.exit("a clone failed")
"""


def clones(
    code: Path, events: list[dict[str, Any]], *, variables: Mapping[str, str], log_path: Path
) -> list[dict[str, Any]]:
    """
    Start a function for a picture and give each clone one event.

    Args:
        code: the built function.
        events: one for each clone.
        variables: the function's environment.
        log_path: takes what it logs.

    Returns:
        What the picture holds: ``started`` and ``pictured`` sockets, ``modules``. Then of each clone, ``restored`` sockets
        and its ``answer``.
    """
    environment = rie.lambda_environment(
        code, layers=[code, rie.LAYER], variables={**variables, **SNAP_START}
    )
    with log_path.open("wb") as log:
        done = subprocess.run(
            [python_of_runtime(), "-c", CLONES],
            cwd=code,
            env=environment,
            input="\n".join(json.dumps(event) for event in events).encode(),
            stdout=subprocess.PIPE,
            stderr=log,
            timeout=WAIT_SECONDS,
            check=True,
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


class RuntimeApi:
    """
    What AWS's bootstrap asks for work.

    Attributes:
        address: host and port.
        pictured: set when the function is ready for its picture.
    """

    def __init__(self) -> None:
        self.pictured = threading.Event()
        self._restored = threading.Event()
        self._events: queue.Queue[bytes] = queue.Queue()
        self._ends: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                """Say nothing."""

            def do_GET(self) -> None:
                if self.path == f"{API}/restore/next":
                    api.pictured.set()
                    api._restored.wait(WAIT_SECONDS)
                    self._answer(200, b"")
                else:
                    self._answer(200, api._events.get(timeout=WAIT_SECONDS))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                api._ends.put((self.path.rsplit("/", 1)[1], json.loads(body or b"{}")))
                self._answer(202, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 10_000))
                # the bootstrap's client ends without a word if one of these is missing
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", FUNCTION_ARN)
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer((rie.HOST, 0), Handler)
        self._server.daemon_threads = True
        self.address = f"{rie.HOST}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def restore(self) -> None:
        """Let the function go on, as after a restore."""
        self._restored.set()

    def invoke(self, event: object) -> tuple[str, dict[str, Any]]:
        """Return how an invocation ended, ``response`` or ``error``, and with what."""
        self._events.put(json.dumps(event).encode())
        return self.ended()

    def ended(self) -> tuple[str, dict[str, Any]]:
        """Return the next end that the function reports."""
        return self._ends.get(timeout=WAIT_SECONDS)

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def started_for_picture(code: Path, *, variables: Mapping[str, str], log_path: Path) -> Iterator[RuntimeApi]:
    """Run a function under AWS's bootstrap with SnapStart until the block ends."""
    api = RuntimeApi()
    environment = rie.lambda_environment(
        code, layers=[rie.LAYER], variables={**variables, **SNAP_START, "AWS_LAMBDA_RUNTIME_API": api.address}
    )
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [python_of_runtime(), "-m", "awslambdaric", "app.handler"],
            cwd=code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield api
    finally:
        process.kill()
        process.wait()
        api.stop()
