"""
POST to a collector: one deadline for all of it, nothing followed, little of the answer read.

Collectors are anybody's servers, so the answer is parsed by the standard library, which knows more of HTTP's ways to end a
body than our client for AWS has to. What it lacks is a deadline: here every read and write gets what is left of one,
however slowly bytes drip in.
"""

from __future__ import annotations

import io
import re
import time
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from edge.telemetry.shipping_ports import NoReply, Reply

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Protocol

    from typing_extensions import Buffer

    from edge.clock import Clock
    from edge.telemetry.shipping_batches import Batch

    class Token(Protocol):
        """What a collector knows us by."""

        def text(self) -> str | None:
            """Return it, None if it cannot be had."""

        def refused(self) -> bool:
            """Take note that it was not believed; return whether another one may be had now."""


MAX_BODY_BYTES: Final = 64 * 1024
"""Of an answer, which nobody reads; after a longer one the connection is closed, and its status holds."""

PIECE_BYTES: Final = 16 * 1024
MAX_RETRY_AFTER_MS: Final = 24 * 3600 * 1000

_TARGET: Final = re.compile(r"/[!-~]*")


class HttpCollector:
    """
    One endpoint, over a connection that is kept until :meth:`close`.

    Args:
        url: with path; http or https.
        open_socket: connects, TLS included, until a moment of monotonic time.
        clock: measures what is left.
        token: sent as ``Authorization: Bearer``; None for none.

    Raises:
        ValueError: *url* has a user, a fragment, or what does not belong into a request.
    """

    def __init__(
        self, url: str, *, open_socket: Callable[[int], socket.socket], clock: Clock, token: Token | None
    ) -> None:
        place = urlsplit(url)
        target = (place.path or "/") + (f"?{place.query}" if place.query else "")
        if place.username is not None or place.fragment or not _TARGET.fullmatch(target):
            raise ValueError("a URL with a path, without a user and without a fragment")
        self._open_socket = open_socket
        self._clock = clock
        self._token = token
        self._socket: socket.socket | None = None
        self._head = (
            f"POST {target} HTTP/1.1\r\nhost: {place.netloc}\r\nuser-agent: kaizen-edge-log-shipper\r\n"
            "accept: */*\r\ncontent-type: application/x-ndjson\r\ncontent-encoding: gzip\r\n"
        )

    def post(self, batch: Batch, deadline_ns: int) -> Reply:
        """
        Send *batch* and return the answer; after 401 or 403 once more, if there is another token.

        Args:
            batch: to send.
            deadline_ns: in monotonic time.

        Raises:
            NoReply: there was none by then; the connection is closed.
        """
        reply = self._exchange(self._request(batch), deadline_ns)
        if reply.status in (401, 403) and self._token is not None and self._token.refused():
            return self._exchange(self._request(batch), deadline_ns)
        return reply

    def close(self) -> None:
        """Close the connection, if there is one."""
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def _request(self, batch: Batch) -> bytes:
        fields = f"idempotency-key: {batch.key}\r\ncontent-length: {len(batch.packed)}\r\n"
        if self._token is not None:
            token = self._token.text()
            if token is None:
                raise NoReply("no_token")
            fields += f"authorization: Bearer {token}\r\n"
        return f"{self._head}{fields}\r\n".encode("ascii") + batch.packed

    def _exchange(self, request: bytes, deadline_ns: int) -> Reply:
        if self._socket is not None:
            try:
                return self._once(self._socket, request, deadline_ns)
            except NoReply as none:
                # A kept connection may be closed just when it is used again. The key makes it safe to send once more.
                if none.fault != "connection":
                    raise
        try:
            self._socket = self._open_socket(deadline_ns)
        except TimeoutError:
            raise NoReply("timed_out") from None
        except OSError:  # ssl.SSLError is one
            raise NoReply("connection") from None
        return self._once(self._socket, request, deadline_ns)

    def _once(self, sock: socket.socket, request: bytes, deadline_ns: int) -> Reply:
        is_kept = False
        try:
            wire = _Wire(sock, deadline_ns, self._clock)
            wire.send(request)
            reply, is_kept = _read_reply(wire)
        except TimeoutError:
            raise NoReply("timed_out") from None
        except OSError:  # http.client's RemoteDisconnected is one
            raise NoReply("connection") from None
        except (HTTPException, ValueError):
            raise NoReply("garbled") from None
        finally:
            if not is_kept:
                self.close()
        return reply


class _Wire(io.RawIOBase):
    """A socket whose every step gets what is left of one deadline."""

    def __init__(self, sock: socket.socket, deadline_ns: int, clock: Clock) -> None:
        super().__init__()
        self._socket = sock
        self._deadline_ns = deadline_ns
        self._clock = clock
        self.is_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        self._arm()
        read_bytes = self._socket.recv_into(memoryview(buffer))
        self.is_ended = self.is_ended or not read_bytes
        return read_bytes

    def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._arm()
            rest = rest[self._socket.send(rest[:PIECE_BYTES]) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what reads the answer: all that :class:`http.client.HTTPResponse` asks of a socket."""
        return io.BufferedReader(self)

    def _arm(self) -> None:
        left_ns = self._deadline_ns - self._clock.monotonic_ns()
        if left_ns <= 0:
            raise TimeoutError
        self._socket.settimeout(left_ns / 1e9)


def _read_reply(wire: _Wire) -> tuple[Reply, bool]:
    """Return the answer, and whether the connection can be used again."""
    response = HTTPResponse(cast("socket.socket", wire), method="POST")
    try:
        response.begin()
        if wire.is_ended:
            raise ConnectionError  # within the head, which http.client takes for its end
        read_bytes = 0
        while read_bytes <= MAX_BODY_BYTES and (piece := response.read(PIECE_BYTES)):
            read_bytes += len(piece)
        is_whole = read_bytes <= MAX_BODY_BYTES
        if is_whole and response.length:
            raise ConnectionError  # the body ended before its time, which it does not mind either
        retry_after = response.headers.get("retry-after")
        reply = Reply(response.status, None if retry_after is None else retry_after_ms(retry_after))
        return reply, is_whole and not response.will_close
    finally:
        response.close()


def retry_after_ms(value: str, now_seconds: float | None = None) -> int | None:
    """
    Return how long to wait by a ``Retry-After`` field (RFC 9110, section 10.2.3), None if it says nothing.

    Args:
        value: of the field.
        now_seconds: epoch seconds, by default of this machine, for the form with a date.

    Example:
        >>> retry_after_ms("2"), retry_after_ms("soon")
        (2000, None)
        >>> retry_after_ms("Thu, 01 Jan 1970 00:00:10 GMT", now_seconds=7.5)
        2500
    """
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return min(int(value[:9]) * 1000, MAX_RETRY_AFTER_MS)
    from email.utils import parsedate_to_datetime  # http.client has imported the module

    try:
        at_seconds = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    now_seconds = time.time() if now_seconds is None else now_seconds
    return min(max(0, int((at_seconds - now_seconds) * 1000)), MAX_RETRY_AFTER_MS)
