"""
A DynamoDB that misbehaves as told: a loopback server that plays a script of faults and counts what it applied.

A fault that happens after the service has done the write is played as such (*applies*): the count shows whether a
client charged twice.
"""

from __future__ import annotations

import binascii
import json
import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from infra.local.emulator import HOST

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

TYPE_PREFIX = "com.amazonaws.dynamodb.v20120810#"


class Fault(NamedTuple):
    """
    One scripted answer.

    Attributes:
        name: for test ids.
        applies: the write happens before the fault.
        play: sends whatever it sends; returns whether the connection stays open.
    """

    name: str
    applies: bool
    play: Callable[[socket.socket, threading.Event], bool]


def answer(
    body: bytes = b"{}",
    *,
    status: str = "200 OK",
    fields: tuple[str, ...] = (),
    length: int | None = None,
    crc: int | None = None,
) -> bytes:
    """Return a whole answer; *length* and *crc* lie where they are given."""
    head = [
        f"HTTP/1.1 {status}",
        "Server: Server",
        "Content-Type: application/x-amz-json-1.0",
        f"Content-Length: {len(body) if length is None else length}",
        f"x-amz-crc32: {binascii.crc32(body) if crc is None else crc}",
        *fields,
    ]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def error(code: str, *, status: str = "400 Bad Request", **members: object) -> bytes:
    """Return an error answer as DynamoDB writes it."""
    document = {"__type": TYPE_PREFIX + code, "message": "SECRET-IN-MESSAGE", **members}
    return answer(json.dumps(document).encode(), status=status)


def sends(name: str, data: bytes, *, applies: bool, then_close: bool = False) -> Fault:
    """A fault that sends *data*."""

    def play(connection: socket.socket, stopped: threading.Event) -> bool:
        connection.sendall(data)
        return not then_close and not stopped.is_set()

    return Fault(name, applies, play)


def drips(name: str, data: bytes, *, pause_seconds: float, applies: bool) -> Fault:
    """A fault that sends *data* a byte at a time."""

    def play(connection: socket.socket, stopped: threading.Event) -> bool:
        for position in range(len(data)):
            connection.sendall(data[position : position + 1])
            if stopped.wait(pause_seconds):
                return False
        return True

    return Fault(name, applies, play)


def _hang(connection: socket.socket, stopped: threading.Event) -> bool:
    connection.settimeout(0.05)
    while not stopped.is_set():
        with suppress(TimeoutError):
            if not connection.recv(1):
                return False
    return False


def _reset(connection: socket.socket, _: threading.Event) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return an answer in chunks."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


OK = sends("ok", answer(), applies=True)
OK_THEN_CLOSE = sends("ok_then_close", answer(), applies=True, then_close=True)
HANG = Fault("hang", applies=True, play=_hang)
RESET = Fault("reset", applies=True, play=_reset)
CLOSE = sends("close_before_answer", b"", applies=True, then_close=True)
THROTTLE = sends("throttle", error("ProvisionedThroughputExceededException"), applies=False)
EXPIRED = sends("expired_credentials", error("ExpiredTokenException"), applies=False)

AMBIGUOUS: tuple[Fault, ...] = (
    sends("500", error("InternalServerError", status="500 Internal Server Error"), applies=True),
    sends("503_html", answer(b"<html>", status="503 Service Unavailable"), applies=True),
    HANG,
    RESET,
    CLOSE,
    sends("half_head", answer()[:40], applies=True, then_close=True),
    sends("truncated_json", answer(b'{"Attributes":'), applies=True),
    sends("not_an_object", answer(b"[1]"), applies=True),
    sends("nan", answer(b'{"Attributes":NaN}'), applies=True),
    sends("deep_json", answer(b'{"a":' + b"[" * 100_000), applies=True),
    sends("not_utf8", answer(b'{"a":"\xff"}'), applies=True),
    sends("wrong_crc", answer(b"{}", crc=1), applies=True),
    sends("truncated_body", answer(b"{}", length=400), applies=True, then_close=True),
    sends(
        "body_too_long", answer(b"{}" + b"HTTP/1.1 200 OK", length=2, crc=binascii.crc32(b"{}")), applies=True
    ),
    drips("slow_drip", answer(b"{}" + b" " * 5_000), pause_seconds=0.005, applies=True),
    sends("huge_head", answer(fields=tuple(f"x-{n}: {'y' * 1000}" for n in range(64))), applies=True),
    sends("endless_head", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000, applies=True),
    sends("huge_body", answer(b'{"a":"' + b"x" * 3_000_000 + b'"}'), applies=True),
    sends("claims_huge_body", answer(length=10**11), applies=True),
    sends("garbage_status", b"HTTP/1.1 OK 200\r\nContent-Length: 2\r\n\r\n{}", applies=True),
    sends("not_http", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", applies=True, then_close=True),
    sends("http_1_0", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", applies=True),
    sends("no_length", b"HTTP/1.1 200 OK\r\n\r\n{}", applies=True, then_close=True),
    sends("two_lengths", answer(fields=("Content-Length: 2",)), applies=True),
    sends("length_and_chunks", answer(fields=("Transfer-Encoding: chunked",)), applies=True),
    sends("negative_length", b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}", applies=True),
    sends("bare_lf", b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", applies=True, then_close=True),
    sends("folded_field", answer(fields=("x-a: b", " c")), applies=True),
    sends("gzip", answer(fields=("Content-Encoding: gzip",)), applies=True),
    sends("bad_chunk_size", chunked(end=b"zz\r\n"), applies=True),
    sends("chunk_overrun", chunked(end=b"2\r\n{}}}\r\n0\r\n\r\n"), applies=True),
    sends("chunk_too_large", chunked(end=b"fffffff\r\n"), applies=True),
    sends("endless_continue", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, applies=True),
    sends("switching", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", applies=True),
    sends(
        "redirect", answer(status="301 Moved", fields=("Location: http://169.254.169.254/",)), applies=True
    ),
    sends("error_without_type", answer(b'{"message":"x"}', status="400 Bad Request"), applies=True),
    sends("error_with_hostile_code", error("Evil\r\nX: y"), applies=True),
)
"""After these nobody knows whether the write happened; here it did."""

GOOD: tuple[Fault, ...] = (
    OK,
    sends("chunked", chunked(b"{", b"}"), applies=True),
    sends("chunked_with_trailer", chunked(b"{}", end=b"0;x=y\r\nx-t: 1\r\n\r\n"), applies=True),
    sends("after_100_continue", b"HTTP/1.1 100 Continue\r\n\r\n" + answer(), applies=True),
    drips("drip_in_time", answer(), pause_seconds=0.0005, applies=True),
    sends("connection_close", answer(fields=("Connection: close",)), applies=True, then_close=True),
    sends("no_checksum", b"HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\n{}", applies=True),
)
"""Unusual answers that are answers."""


class FaultServer:
    """
    Serves one script at a time, on a free port of the loopback address; a context manager.

    Attributes:
        url: its endpoint.
        applied: how often a write happened.
        requests: the requests it read, whole.
        connections: how many it accepted.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._listener = socket.create_server((HOST, 0))
        self._script: deque[Fault] = deque()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{'localhost' if tls else HOST}:{self.port}"
        self.applied = 0
        self.connections = 0
        self.requests: list[bytes] = []

    def script(self, *faults: Fault) -> None:
        """Play *faults* for the next requests, one each; after them :data:`OK`."""
        self._script = deque(faults)

    @property
    def open_connections(self) -> int:
        """How many connections stand now."""
        return len(self._open)

    def __enter__(self) -> Self:
        acceptor = threading.Thread(target=self._accept, daemon=True)
        self._threads.append(acceptor)
        acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the client left; ssl.SSLError is an OSError
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._open.add(connection)
            while (request := _read_request(connection)) is not None:
                with self._lock:
                    self.requests.append(request)
                    fault = self._script.popleft() if self._script else OK
                    self.applied += fault.applies
                if not fault.play(connection, self._stopped):
                    break
        self._open.discard(connection)
        connection.close()


def _read_request(connection: socket.socket) -> bytes | None:
    """Return the next whole request, None when the client has left."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    expected = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    while len(body) < expected:
        piece = connection.recv(65_536)
        if not piece:
            return None
        body += piece
    return head + b"\r\n\r\n" + body
