"""
What optimising a JSON body costs, beside the codec alone, Starlette's GZipMiddleware and nginx: bytes, and CPU time.

Ours does more than the others: it minifies, hashes, tags, and decides on caches. Times are process CPU, the least of
interleaved batches: the machine is shared. ``codec alone`` is gzip 6 of the same body, and every ``/ codec`` is to that.
nginx (Debian's, gzip 6) serves the same bodies from files; its time is what its process took for a request of gzip,
less what it took for one of the identity: what it adds is the codec, and its own passing of buffers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.clock import ManualClock
from edge.optimize.codecs import encoder
from edge.optimize.engine import optimise
from edge.optimize.middleware import OptimizeMiddleware
from edge.optimize.minify import minified
from tests.debian import find_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge.optimize.policy import Strategy

ROOT: Final = Path(__file__).resolve().parents[2]
NOW_MS: Final = 1_795_179_600_000
SIZES: Final = ((1_100, 400), (30_000, 20), (500_000, 2))
BATCHES: Final = 9
LARGE_BYTES: Final = 100_000
LAYOUTS: Final[dict[str, dict[str, Any]]] = {
    "compact": {"separators": (",", ":")},
    "json.dumps": {},
    "indented": {"indent": 2},
}
WORDS: Final = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "islet",
    "jetty",
    "knoll",
    "lagoon",
    "meadow",
    "north",
    "ocean",
]


def document(size: int) -> object:
    """Return rows as an API lists them, of about *size* bytes in compact JSON."""
    chance = random.Random(7)
    rows: list[dict[str, object]] = []
    total = 0
    while total < size:
        rows.append(
            {
                "id": f"ord_{chance.getrandbits(48):012x}",
                "created_at": 1_795_000_000 + chance.randrange(10**6),
                "customer": {
                    "name": " ".join(chance.choices(WORDS, k=2)).title(),
                    "tier": chance.choice(WORDS),
                },
                "total": round(chance.uniform(1, 900), 2),
                "note": " ".join(chance.choices(WORDS, k=12)) + ', "as agreed".',
                "paid": chance.random() < 0.7,
            }
        )
        total += len(json.dumps(rows[-1], separators=(",", ":"))) + 1
    return rows


def least_us(calls: list[Callable[[], object]], repeat: int) -> list[float]:
    """Return the least CPU time of one call of each, their batches interleaved."""
    least = [float("inf")] * len(calls)
    for _ in range(BATCHES):
        for number, call in enumerate(calls):
            started = time.process_time_ns()
            for _ in range(repeat):
                call()
            least[number] = min(least[number], (time.process_time_ns() - started) / repeat / 1e3)
    return least


def ours(
    body: bytes, strategy: Strategy, request: list[tuple[str, str]]
) -> tuple[int, bytes, dict[str, str]]:
    """Optimise *body* for *request*."""
    made = optimise(
        body,
        "application/json",
        strategy=strategy,
        request_headers=request,
        response_headers=[("x-request-id", "r-1"), ("content-length", "1")],
        now_ms=NOW_MS,
    )
    return made.status, made.body, dict(made.headers)


def run_straight(coroutine: Any) -> None:
    """Run what waits for nothing; a turn of an event loop costs more than a small answer."""
    with contextlib.suppress(StopIteration):
        coroutine.send(None)


def through(
    wrap: Callable[[ASGIApp], ASGIApp], body: bytes, run: Callable[[Any], None]
) -> Callable[[], bytes]:
    """Return a call that sends *body* through a middleware."""

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    app = wrap(application)

    def call() -> bytes:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [(b"accept-encoding", b"gzip")],
        }
        run(app(scope, receive, send))
        return b"".join([message["body"] for message in sent[1:]])

    return call


def compare() -> None:
    """Print the table of bytes and times."""
    from starlette.middleware.gzip import GZipMiddleware

    gzip = [("accept-encoding", "gzip, deflate")]
    bodies = {
        (size, layout): json.dumps(document(size), **options).encode()
        for size, _ in SIZES
        for layout, options in LAYOUTS.items()
    }
    nginx = nginx_costs(list(bodies.values()))
    # Starlette compresses large bodies in a thread, which needs a loop.
    loop = asyncio.new_event_loop()
    print("| JSON | bytes in | bytes coded: codec, moderate, aggressive, nginx | codec us | moderate us | / codec "
          "| aggressive us | / codec | minify us | strategy none us | 304 us | middleware us | / codec "
          "| GZipMiddleware us | / codec | nginx us | / codec |")  # fmt: skip
    print("|---" + "|--:" * 16 + "|")
    for number, ((size, layout), body) in enumerate(bodies.items()):
        run = run_straight if size < LARGE_BYTES else loop.run_until_complete
        _, coded, headers = ours(body, "moderate", gzip)
        _, smallest, _ = ours(body, "aggressive", gzip)
        known = [*gzip, ("if-none-match", headers["etag"])]
        assert ours(body, "moderate", known)[0] == 304
        optimising = through(
            lambda app: OptimizeMiddleware(app, strategy="moderate", clock=ManualClock(now_ms=NOW_MS)),
            body,
            run,
        )
        starlette = through(lambda app: GZipMiddleware(app, minimum_size=1_024, compresslevel=6), body, run)
        calls: list[Callable[[], object]] = [
            partial(zlib.compress, body, 6, 31),
            partial(ours, body, "moderate", gzip),
            partial(ours, body, "aggressive", gzip),
            partial(minified, body),
            partial(ours, body, "none", gzip),
            partial(ours, body, "moderate", known),
            optimising,
            starlette,
        ]
        codec, moderate, aggressive, minify, none, not_modified, middleware, theirs = least_us(
            calls, dict(SIZES)[size]
        )
        nginx_bytes, nginx_us = nginx[number]
        print(
            f"| {layout} | {len(body):,} | {len(zlib.compress(body, 6, 31)):,}, {len(coded):,}, {len(smallest):,}, "
            f"{nginx_bytes:,} | {codec:.0f} | {moderate:.0f} | {moderate / codec:.2f} | {aggressive:.0f} "
            f"| {aggressive / codec:.2f} | {minify:.1f} | {none:.0f} | {not_modified:.0f} | {middleware:.0f} "
            f"| {middleware / codec:.2f} | {theirs:.0f} | {theirs / codec:.2f} | {nginx_us:.0f} "
            f"| {nginx_us / codec:.2f} |"
        )
    loop.close()


def codings() -> None:
    """Print what each coding that is there makes of compact JSON."""
    print("\n| coding | " + " | ".join(f"{size:,} B in: bytes, us" for size, _ in SIZES) + " |")
    print("|---" * (len(SIZES) + 1) + "|")
    for coding in ("gzip", "br", "zstd"):
        encode = encoder(coding)
        cells = []
        for size, repeat in SIZES:
            body = json.dumps(document(size), separators=(",", ":")).encode()
            if encode is None:
                cells.append("not installed")
            else:
                cells.append(f"{len(encode(body)):,}, {least_us([partial(encode, body)], repeat)[0]:.0f}")
        print(f"| {coding} | " + " | ".join(cells) + " |")


def imports() -> None:
    """Print what importing the engine and the wire costs a fresh process."""
    code = (
        "import sys, time; import re, typing, zlib, pydantic, json; before = len(sys.modules); t = time.process_time_ns(); "
        "import {module}; print((time.process_time_ns() - t) / 1e6, len(sys.modules) - before)"
    )
    print("\n| import | ms | modules |\n|---|--:|--:|")
    for module in ("edge.optimize.engine", "edge.optimize.wire", "edge.optimize.middleware"):
        found = []
        for _ in range(7):
            done = subprocess.run(
                [sys.executable, "-c", code.format(module=module)],
                env={"PYTHONPATH": str(ROOT / "shared")},
                capture_output=True,
                text=True,
                check=True,
            )
            took, modules = done.stdout.split()
            found.append((float(took), int(modules)))
        print(f"| {module} | {min(found)[0]:.1f} | {min(found)[1]} |")


def nginx_costs(bodies: list[bytes]) -> list[tuple[int, float]]:
    """Return what nginx makes of each of *bodies*: bytes, and CPU us beyond those of the identity; nan without nginx."""
    found = find_program("nginx", "usr/sbin/nginx")
    if found.binary is None:
        print(f"{found.reason}\n")
        return [(0, float("nan"))] * len(bodies)
    with tempfile.TemporaryDirectory() as folder:
        for number, body in enumerate(bodies):
            Path(folder, f"{number}.json").write_bytes(body)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        temporary = " ".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        Path(folder, "nginx.conf").write_text(
            f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/e; events {{}}\n"
            f"http {{ access_log off; {temporary} types {{ application/json json; }} gzip on; gzip_comp_level 6;\n"
            f"gzip_types application/json; gzip_min_length 1024; gzip_buffers 256 4k; keepalive_requests 1000000;\n"
            f"server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n"
        )
        command: list[str | Path] = [found.binary, "-p", folder, "-c", f"{folder}/nginx.conf"]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            return [nginx_cost(server.pid, port, number, len(body)) for number, body in enumerate(bodies)]
        finally:
            server.terminate()
            server.wait(10)


def nginx_cost(pid: int, port: int, number: int, size: int) -> tuple[int, float]:
    """Return bytes and us of file *number*."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(100):
        with contextlib.suppress(OSError):
            connection.connect()
            break
        time.sleep(0.05)
    repeat = max(20, 3_000_000 // size)

    def batch(encoding: str) -> tuple[int, float]:
        sent = 0
        started = cpu_ns(pid)
        for _ in range(repeat):
            connection.request("GET", f"/{number}.json", headers={"Accept-Encoding": encoding})
            answer = connection.getresponse()
            sent = len(answer.read())
            assert answer.headers.get("content-encoding", "identity") == encoding
        return sent, (cpu_ns(pid) - started) / repeat / 1e3

    costs = {encoding: [batch(encoding) for _ in range(3)] for encoding in ("identity", "gzip")}
    connection.close()
    least = {encoding: min(took for _, took in found) for encoding, found in costs.items()}
    return costs["gzip"][0][0], least["gzip"] - least["identity"]


def cpu_ns(pid: int) -> int:
    """Return the CPU time that the one thread of *pid* has had."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def main() -> None:
    """Measure and print."""
    compare()
    codings()
    imports()


if __name__ == "__main__":
    main()
