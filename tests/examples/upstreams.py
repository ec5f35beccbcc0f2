"""Tiny HTTP servers for the tests of the examples: one shows what reached it, one answers as it is told."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOST = "127.0.0.1"


class Asked(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5.0
    wbufsize = -1  # headers and body leave together, not 40 ms apart

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def received(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))


class _Echo(_Quiet):
    def _tell(self) -> None:
        told = {
            "method": self.command,
            "path": self.path,
            "headers": [(name.lower(), value) for name, value in self.headers.items()],
            "body": self.received().decode(),
        }
        self.answer(500 if self.path == "/broken" else 200, {}, json.dumps(told).encode())

    do_GET = do_POST = _tell  # noqa: N815 - http.server's names


@contextmanager
def run_echo() -> Iterator[str]:
    """Run a server that answers with the request that it got, ``/broken`` with 500; yield its ``host:port``."""
    with _run(_Echo) as address:
        yield address


@contextmanager
def run_fixed(status: int, headers: Mapping[str, str], asked: list[Asked] | None = None) -> Iterator[str]:
    """Run a server that answers all requests the same and notes them in *asked*; yield its ``host:port``."""

    class Fixed(_Quiet):
        given: ClassVar = dict(headers)

        def do_GET(self) -> None:
            self.received()
            if asked is not None:
                names = {name.lower(): value for name, value in self.headers.items()}
                asked.append(Asked(self.command, self.path, names))
            self.answer(status, self.given, b"")

    with _run(Fixed) as address:
        yield address


@contextmanager
def _run(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer((HOST, 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
