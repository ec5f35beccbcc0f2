"""
What the health endpoints cost: milliseconds and questions of an answer, with dependencies that answer and that hang.

A container is new for each row's first answer; the shared one comes within five seconds of it. Tables and secret store are
a server in this process, so times hold its share of the interpreter too; the questions hold telemetry's own write. Promised are 800 ms whatever hangs.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from edge.aws.regional import forget_clients
from edge.aws.secrets import forget_clients as forget_secret_clients
from infra.local.emulator import LOCAL_CREDENTIALS
from tests.bench.stub_dynamodb import API_KEY, FUNCTION_VARIABLES, KEY_ITEMS, KEYS_TABLE
from tests.faults import answer
from tests.functional.health_setup import Server
from tests.functions import load_function
from tests.http_events import http_event, invoke

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable
    from types import ModuleType

READY, HEALTH = "/api/monitoring/ready", "/api/monitoring/health"
ROUNDS: Final = 7
SHARED_CALLS: Final = 200
VARIABLES: Final = {
    **FUNCTION_VARIABLES,
    "REGION_HEALTH_TABLE": "region-health",
    "TELEMETRY_TABLE": "telemetry",
}
WITHOUT: Final[dict[str, Callable[[bytes], bool]]] = {
    "all well": lambda _: False,
    "rate windows hang": lambda request: b'"windows"' in request,
    "keys hang": lambda request: b'"keys"' in request,
    "secrets hang": lambda request: b"secretsmanager" in request,
    "all hang": lambda _: True,
}


class Backend:
    """Tables and secret store that answer at once, or not at all."""

    def __init__(self) -> None:
        self.asked = 0
        self.hangs: Callable[[bytes], bool] = lambda _: False
        self.server = Server(self._play)

    def _play(self, connection: socket.socket, request: bytes, stopped: threading.Event) -> bool:
        self.asked += 1
        if self.hangs(request):
            stopped.wait(5)
            return False
        if b"GetSecretValue" in request:
            document: dict[str, object] = {"SecretString": "{}"}
        elif b"DynamoDB_20120810.Query" in request:
            document = {"Items": KEY_ITEMS if f'"{KEYS_TABLE}"'.encode() in request else []}
        else:
            document = {}
        connection.sendall(answer(json.dumps(document).encode()))
        return True


def main() -> None:
    """Print the table: the median of several new containers, the mean of many shared answers."""
    print(f"{'':20}{'':22}{'first ms':>10}{'worst':>8}{'asked':>7}{'shared ms':>11}{'asked':>7}  status")
    backend = Backend()
    with backend.server, patch.dict(os.environ, LOCAL_CREDENTIALS):
        for name, hangs in WITHOUT.items():
            for what, path, headers in (
                ("ready", READY, {}),
                ("health, anybody", HEALTH, {}),
                ("health, ADMIN", HEALTH, {"x-api-key": API_KEY}),
            ):
                _print_row(backend, hangs, f"{name:20}{what:22}", path, headers)


def _print_row(
    backend: Backend, hangs: Callable[[bytes], bool], title: str, path: str, headers: dict[str, str]
) -> None:
    first: list[tuple[float, int]] = []
    shared_ms = shared_asked = status = 0.0
    for _ in range(ROUNDS):
        backend.hangs = lambda _: False
        function = load_function("health", {**VARIABLES, "AWS_ENDPOINT_URL": backend.server.url})
        backend.hangs = hangs
        before = backend.asked
        took_ms, status = _ask(function, path, headers)
        first.append((took_ms, backend.asked - before))
        before = backend.asked
        calls = SHARED_CALLS if took_ms < 50 else 3
        shared_ms = sum(_ask(function, path, headers)[0] for _ in range(calls)) / calls
        shared_asked = (backend.asked - before) / calls
        forget_clients()
        forget_secret_clients()
    first.sort()
    median_ms, asked = first[ROUNDS // 2]
    print(
        f"{title}{median_ms:10.1f}{first[-1][0]:8.1f}{asked:7}{shared_ms:11.2f}{shared_asked:7.2f}  {status:.0f}",
        flush=True,
    )


def _ask(function: ModuleType, path: str, headers: dict[str, str]) -> tuple[float, int]:
    event = http_event("GET", path, headers=headers)
    with contextlib.redirect_stdout(io.StringIO()):
        started = time.perf_counter()
        status = invoke(function.handler, event).status
        return (time.perf_counter() - started) * 1e3, status


if __name__ == "__main__":
    main()
