"""
What optimising a JSON body costs, beside the codec alone and Starlette's GZipMiddleware: bytes, and CPU time.

Ours does more than the others: it minifies, hashes, tags, and decides on caches. Times are process CPU, the least of
interleaved batches: the machine is shared. ``codec alone`` is gzip 6 of the same body; the ratio that the budget speaks
of is that of compact JSON, which is what programs send. nginx is asked for its bytes where there is one: its CPU time
is spent elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.clock import ManualClock
from edge.optimize.codecs import encoder
from edge.optimize.engine import optimise
from edge.optimize.middleware import OptimizeMiddleware
from edge.optimize.minify import minified

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge.optimize.policy import Strategy

ROOT: Final = Path(__file__).resolve().parents[2]
NOW_MS: Final = 1_795_179_600_000
SIZES: Final = ((1_100, 400), (30_000, 20), (500_000, 2))
BATCHES: Final = 15
LARGE_BYTES: Final = 100_000
PORT: Final = 18_765
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
    print("| JSON | bytes in | coded: codec, ours | codec us | minify us | engine us | / codec | strategy none us | 304 us "
          "| middleware us | GZipMiddleware (level 6) us | nginx bytes |")  # fmt: skip
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    # Starlette compresses large bodies in a thread, which needs a loop.
    loop = asyncio.new_event_loop()
    for size, repeat in SIZES:
        rows = document(size)
        run = run_straight if size < LARGE_BYTES else loop.run_until_complete
        layouts = {
            "compact": json.dumps(rows, separators=(",", ":")),
            "json.dumps": json.dumps(rows),
            "indented": json.dumps(rows, indent=2),
        }
        for layout, text in layouts.items():
            body = text.encode()
            _, coded, headers = ours(body, "moderate", gzip)
            known = [*gzip, ("if-none-match", headers["etag"])]
            assert ours(body, "moderate", known)[0] == 304
            plain = through(
                lambda app: OptimizeMiddleware(app, strategy="moderate", clock=ManualClock(now_ms=NOW_MS)),
                body,
                run,
            )
            starlette = through(
                lambda app: GZipMiddleware(app, minimum_size=1_024, compresslevel=6), body, run
            )
            times = least_us(
                [
                    partial(zlib.compress, body, 6, 31),
                    partial(minified, body),
                    partial(ours, body, "moderate", gzip),
                    partial(ours, body, "none", gzip),
                    partial(ours, body, "moderate", known),
                    plain,
                    starlette,
                ],
                repeat,
            )
            codec_us, minify_us, engine_us, none_us, known_us, middleware_us, starlette_us = times
            print(
                f"| {layout} | {len(body):,} | {len(zlib.compress(body, 6, 31)):,}, {len(coded):,} | {codec_us:.0f} "
                f"| {minify_us:.1f} | {engine_us:.0f} | {engine_us / codec_us:.2f} | {none_us:.0f} | {known_us:.0f} "
                f"| {middleware_us:.0f} | {starlette_us:.0f} | {nginx_bytes(body)} |"
            )


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


def nginx_bytes(body: bytes) -> str:
    """Return how many bytes nginx (gzip 6) makes of *body*, or a dash where there is no nginx."""
    unpacked = ROOT / ".cache" / "nginx" / "usr" / "sbin" / "nginx"
    binary = shutil.which("nginx") or (str(unpacked) if unpacked.exists() else None)
    if binary is None:
        return "-"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "b.json").write_bytes(body)
        (root / "logs").mkdir()
        temporary = " ".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (root / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/logs/e; events {{}}\n"
            f"http {{ access_log off; {temporary} types {{ application/json json; }} gzip on; gzip_comp_level 6;\n"
            f"gzip_types application/json; gzip_min_length 1024; gzip_buffers 256 4k;\n"
            f"server {{ listen 127.0.0.1:{PORT}; root {folder}; }} }}\n"
        )
        server = subprocess.Popen(
            [binary, "-p", folder, "-c", f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL
        )
        try:
            return _fetched_bytes()
        finally:
            server.terminate()
            server.wait(10)


def _fetched_bytes() -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/b.json", headers={"Accept-Encoding": "gzip"})
    for _ in range(50):
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - on this machine
                return (
                    f"{len(answer.read()):,}" if answer.headers["content-encoding"] == "gzip" else "not coded"
                )
        except OSError:
            time.sleep(0.05)
    return "-"


def main() -> None:
    """Measure and print."""
    compare()
    codings()
    imports()


if __name__ == "__main__":
    main()
