"""
How fast `make up` is: seconds until four regions answer, and requests a second that one region's light route takes.

The client is a process of its own (this file with ``--client``), so that it competes for the second core as a real
one does and not for the gateway's interpreter lock. Bounded: 64 connections for 10 seconds on the loopback address.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, TypedDict

import httptools

from tests.local.running import FIXTURE_TEMPLATE, ROOT, LocalSetup, fetch

OK: Final = 200
LIGHT_PATHS: Final = ("/api/geo/route", "/api/monitoring/live", "/asgi/light")
CONNECTIONS: Final = 64
DURATION_SECONDS: Final = 10.0
WARM_SECONDS: Final = 1.0


class Load(TypedDict):
    """What one load run saw: latencies in milliseconds."""

    requests_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    errors: int


def main() -> None:
    """Start the local regions, measure, print, stop; once for the product and once for a route that does nothing."""
    for label, template in (("template.yaml", ROOT / "template.yaml"), ("fixture", FIXTURE_TEMPLATE)):
        with tempfile.TemporaryDirectory() as folder:
            setup = LocalSetup(Path(folder), template=template)
            try:
                setup.wait_ready()
                print(f"{label}: four regions answer after {time.monotonic() - setup.began:.2f} s")
                path = first_answering(setup.base_port + 1)
                load = run_client(setup.base_port + 1, path)
                print(
                    f"{label}: GET {path}, {CONNECTIONS} connections, {DURATION_SECONDS:.0f} s: "
                    f"{load['requests_per_second']:.0f} requests/s, p50 {load['p50_ms']:.1f} ms, "
                    f"p95 {load['p95_ms']:.1f} ms, p99 {load['p99_ms']:.1f} ms, {load['errors']} errors"
                )
            finally:
                setup.end()


def first_answering(port: int) -> str:
    """Return the first light route that this template has."""
    for path in LIGHT_PATHS:
        if fetch(f"http://127.0.0.1:{port}", path)[0] == OK:
            return path
    raise RuntimeError("no light route answers 200")


def run_client(port: int, path: str) -> Load:
    """Run the load in another process."""
    command = [sys.executable, "-m", "tests.bench.local_gateway", "--client", str(port), path]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=60, check=True)
    load: Load = json.loads(done.stdout)
    return load


class _Client(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, until: float, latencies: list[int], errors: list[str]) -> None:
        self._request, self._until, self._latencies, self._errors = request, until, latencies, errors
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sent_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # a TCP connection's is a Transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self._errors.append(f"connection lost: {exc}")
            self.finished.set_result(None)

    def on_message_complete(self) -> None:
        now_ns = time.perf_counter_ns()
        self._latencies.append(now_ns - self._sent_ns)
        if self._parser.get_status_code() != OK:
            self._errors.append(str(self._parser.get_status_code()))
        if time.monotonic() >= self._until:
            self.finished.set_result(None)
            if self._transport is not None:
                self._transport.close()
        else:
            # httptools parses the next response with a parser of its own state; ask after this callback returns.
            asyncio.get_running_loop().call_soon(self._ask)

    def _ask(self) -> None:
        if self._transport is not None:
            self._sent_ns = time.perf_counter_ns()
            self._transport.write(self._request)


async def _load(port: int, path: str, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()
    latencies: list[int] = []
    errors: list[str] = []
    began = time.monotonic()
    clients = [
        (
            await loop.create_connection(
                lambda: _Client(request, began + seconds, latencies, errors), "127.0.0.1", port
            )
        )[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(client.finished for client in clients))
    elapsed = time.monotonic() - began
    ordered = sorted(latencies)
    return {
        "requests_per_second": len(ordered) / elapsed,
        "p50_ms": ordered[len(ordered) // 2] / 1e6,
        "p95_ms": ordered[int(len(ordered) * 0.95)] / 1e6,
        "p99_ms": ordered[int(len(ordered) * 0.99)] / 1e6,
        "errors": len(errors),
    }


def client(port: int, path: str) -> None:
    """Warm up, measure, and print the result as JSON."""
    try:
        import uvloop  # the client shall not be the bottleneck
    except ImportError:
        factory = asyncio.new_event_loop
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_load(port, path, WARM_SECONDS))
        print(json.dumps(runner.run(_load(port, path, DURATION_SECONDS))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--client", nargs=2, metavar=("PORT", "PATH"))
    options = parser.parse_args()
    if options.client:
        client(int(options.client[0]), options.client[1])
    else:
        main()
