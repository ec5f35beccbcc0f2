"""
What shipping 10,000 lines costs: lines a second of processor, memory, batches, bytes; and what its start imports.

The lines come as CloudWatch hands them over, in events of a thousand and in one, and go over a real socket to a receiver in a
process of its own, which reads and answers 202. Memory is the most that Python's allocator held over what it held before the
event was read, with a collector that takes everything: with nobody there, it is the same and what the queue's client takes.
"""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.utilities.data_classes import CloudWatchLogsEvent

from edge.clock import SystemClock
from edge.composition.shipping import Opener
from edge.telemetry.shipping import Shipper
from edge.telemetry.shipping_http import HttpCollector
from edge.telemetry.shipping_ports import Reply, Tally
from edge.telemetry.shipping_records import LogEvent, records

if TYPE_CHECKING:
    from edge.telemetry.shipping_batches import Batch
    from edge.telemetry.shipping_ports import Collector

ROOT: Final = Path(__file__).resolve().parents[2]
LINES: Final = 10_000
ROUNDS: Final = 5
MODULES: Final = (
    "aws_lambda_powertools.utilities.data_classes",
    "aws_lambda_powertools.utilities.batch",
    "edge.composition.shipping",
    "boto3",
)

_RECEIVER: Final = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Take(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
server = HTTPServer(("127.0.0.1", 0), Take)
print(server.server_port, flush=True)
server.serve_forever()
"""
_IMPORT: Final = """
import sys, time
before = set(sys.modules)
started = time.process_time_ns()
import {module}
print((time.process_time_ns() - started) / 1e6, len(set(sys.modules) - before))
"""


def events(lines: int) -> list[dict[str, Any]]:
    """Return 10,000 lines of requests as events of *lines* each."""
    return [_event(first, lines) for first in range(0, LINES, lines)]


def _event(first: int, lines: int) -> dict[str, Any]:
    found = [
        {"id": f"{number:056}", "timestamp": 1_795_000_000_000 + number, "message": json.dumps(_line(number))}
        for number in range(first, first + lines)
    ]
    document = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/lambda/kaizen-edge-geo-route",
        "logStream": "2026/11/20/[live]0123456789abcdef",
        "subscriptionFilters": ["ship"],
        "logEvents": found,
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()}}


def _line(number: int) -> dict[str, object]:
    return {
        "timestamp": "2026-11-20T10:00:00.123Z",
        "level": "error" if number % 100 == 0 else "info",
        "message": "request",
        "request_id": f"{number * 2_654_435_761 % 2**64:016x}{number * 40_503 % 2**32:08x}",
        "correlation_id": f"{number * 2_246_822_519 % 2**64:016x}",
        "method": "POST",
        "route": "/api/geo/route",
        "status": 500 if number % 100 == 0 else 200,
        "duration_ms": number % 977 / 100,
        "body_bytes": number % 350,
        "caller": "key",
        "trace_id": f"1-{number:08x}-{number * 2_654_435_761 % 2**64:024x}",
        "aws_request_id": f"{number * 3_266_489_917 % 2**64:032x}",
        "region": "cdg1",
        "function": "kaizen-edge-geo-route",
        "stage": "production",
        "version": "1.4.0",
    }


class _Taker:
    """Takes everything, over no socket."""

    def post(self, batch: Batch, deadline_ns: int) -> Reply:  # noqa: ARG002 - the protocol's
        return Reply(202)


class _NoQueue:
    def put(self, message: str) -> None:
        raise AssertionError(len(message))


def ship(event: dict[str, Any], shipper: Shipper, tally: Tally) -> None:
    """Do what the function does with an event."""
    logs = CloudWatchLogsEvent(event).parse_logs_data()
    found = [LogEvent(line.get_id, line.timestamp, line.message) for line in logs.log_events]
    shipper.ship(
        list(records(found, log_group=logs.log_group, log_stream=logs.log_stream)), tally, lambda: 60_000
    )


def _shipper(collector: Collector) -> Shipper:
    return Shipper({"logs": collector}, _NoQueue(), SystemClock(), random=lambda: 0.5, sleep=time.sleep)


def _measure(given: list[dict[str, Any]], url: str) -> tuple[float, float, Tally]:
    clock = SystemClock()
    collector = HttpCollector(url, open_socket=Opener(url, clock).open, clock=clock, token=None)
    shipper = _shipper(collector)
    best_cpu = best_wall = float("inf")
    tally = Tally()
    for _ in range(ROUNDS):
        tally = Tally()
        cpu, wall = time.process_time(), time.perf_counter()
        for event in given:
            ship(event, shipper, tally)
        best_cpu = min(best_cpu, time.process_time() - cpu)
        best_wall = min(best_wall, time.perf_counter() - wall)
    collector.close()
    return best_cpu, best_wall, tally


def _peak_bytes(given: list[dict[str, Any]]) -> int:
    shipper = _shipper(_Taker())
    tracemalloc.start()
    try:
        held = tracemalloc.get_traced_memory()[0]
        for event in given:
            ship(event, shipper, Tally())
        return tracemalloc.get_traced_memory()[1] - held
    finally:
        tracemalloc.stop()


def _import_cost(module: str) -> tuple[float, int]:
    runs = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT.format(module=module)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": str(ROOT / "shared")},
        )
        milliseconds, modules = done.stdout.split()
        runs.append((float(milliseconds), int(modules)))
    return min(runs)


def main() -> None:
    """Print the tables."""
    receiver = subprocess.Popen([sys.executable, "-c", _RECEIVER], stdout=subprocess.PIPE, text=True)
    try:
        assert receiver.stdout is not None
        url = f"http://127.0.0.1:{int(receiver.stdout.readline())}/"
        print(
            f"{'10,000 lines in events of':28} {'lines/CPU s':>12} {'lines/s':>10} {'batches':>8} {'kB sent':>8} {'peak MB':>8}"
        )
        for lines in (1_000, LINES):
            given = events(lines)
            cpu, wall, tally = _measure(given, url)
            assert tally.lines == LINES
            print(
                f"{lines:28,} {LINES / cpu:12,.0f} {LINES / wall:10,.0f} {tally.batches:8} "
                f"{tally.packed_bytes / 1e3:8.0f} {_peak_bytes(given) / 1e6:8.1f}"
            )
    finally:
        receiver.terminate()
        receiver.wait()
        if receiver.stdout is not None:
            receiver.stdout.close()
    print(f"\n{'import':48} {'CPU ms':>8} {'modules':>8}")
    for module in MODULES:
        milliseconds, modules = _import_cost(module)
        print(f"{module:48} {milliseconds:8.1f} {modules:8}")
