"""
A connection pool to one region: sends a request and reads the response, for the global endpoint.

It says which of two things went wrong, because they call for different answers: *refused* (nothing was sent, another
region may be asked) and *broken* (the request may have been executed, nobody else may be asked).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, cast

import httptools

from infra.local.messages import HOP_BY_HOP, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

IDLE_SECONDS: Final = 20.0
"""Shorter than the server's own, so that the server never closes a connection that we are about to use."""

CONNECT_SECONDS: Final = 2.0

RESPONSE_SECONDS: Final = 35.0
"""Longer than any gateway waits for its function: a region that is silent for this long is stopped or stuck."""

_SKIPPED: Final = HOP_BY_HOP | {b"content-length", b"date"}


class Refused(Exception):
    """No connection could be made; nothing was sent."""


class Broken(Exception):
    """The connection ended after bytes were sent and before the response was whole."""


class Upstream:
    """
    One region's address and its idle connections.

    Args:
        host: loopback address.
        port: of the region.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._idle: list[_Exchange] = []

    async def send(self, request: HttpRequest, headers: Iterable[tuple[bytes, bytes]]) -> HttpResponse:
        """
        Send *request* with *headers* instead of its own and return the response.

        Args:
            request: method, target and body.
            headers: end-to-end fields; framing is added.

        Raises:
            Refused: nothing was sent.
            Broken: something was.
        """
        exchange = self._take_idle() or await self._connect()
        lines = [b"%s %s HTTP/1.1\r\n" % (request.method.encode("ascii"), request.target)]
        lines += [b"%s: %s\r\n" % pair for pair in headers]
        lines.append(b"content-length: %d\r\n\r\n" % len(request.body))
        lines.append(request.body)
        try:
            running = exchange.run(b"".join(lines), head=request.method == "HEAD")
            response = await asyncio.wait_for(running, RESPONSE_SECONDS)
        except TimeoutError as error:
            exchange.close()
            raise Broken from error
        except asyncio.CancelledError:  # its answer would be taken for that of the next request
            exchange.close()
            raise
        if exchange.reusable:
            exchange.idle_since = asyncio.get_running_loop().time()
            self._idle.append(exchange)
        else:
            exchange.close()
        return response

    def _take_idle(self) -> _Exchange | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            exchange = self._idle.pop()
            if exchange.reusable and now - exchange.idle_since < IDLE_SECONDS:
                return exchange
            exchange.close()
        return None

    async def _connect(self) -> _Exchange:
        loop = asyncio.get_running_loop()
        try:
            connecting = loop.create_connection(lambda: _Exchange(loop), self._host, self._port)
            _, exchange = await asyncio.wait_for(connecting, CONNECT_SECONDS)
        except OSError as error:  # TimeoutError is one
            raise Refused from error
        return exchange


class _Exchange(asyncio.Protocol):
    """One connection; at most one request on it at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.idle_since = 0.0
        self.reusable = True
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._done: asyncio.Future[HttpResponse] | None = None
        self._head = False

    async def run(self, request: bytes, *, head: bool) -> HttpResponse:
        if self._transport is None:
            raise Broken
        self._done = self._loop.create_future()
        self._head = head
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        return await self._done

    def close(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        self._transport = None
        if self._done is not None and not self._done.done():
            self._done.set_exception(Broken(str(exc)))

    def data_received(self, data: bytes) -> None:
        if self._done is None or self._done.done():
            self.close()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._done.set_exception(Broken(str(error)))
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._head:  # its content-length announces a body that never comes
            self.reusable = False
            self._finish()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._head:
            self.reusable = self.reusable and self._parser.should_keep_alive()
            self._finish()

    def _finish(self) -> None:
        kept = _SKIPPED - {b"content-length"} if self._head else _SKIPPED
        headers = tuple(pair for pair in self._headers if pair[0] not in kept)
        with contextlib.suppress(asyncio.InvalidStateError):
            if self._done is not None:
                self._done.set_result(
                    HttpResponse(self._parser.get_status_code(), headers, b"".join(self._body))
                )
