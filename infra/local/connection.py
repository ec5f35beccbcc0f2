"""
One HTTP/1.1 connection: framing, limits, keep-alive, pipelining, and answers in the order of the questions.

httptools (llhttp) parses and refuses ambiguous framing: both lengths, two lengths, unknown transfer codings, bare line
feeds, folded or space-padded names. This file adds the limits of API Gateway and what llhttp leaves to its caller.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, cast

import httptools

from infra.local.messages import (
    BAD_REQUEST,
    HEADERS_TOO_LARGE,
    INTERNAL_SERVER_ERROR,
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    TOO_LARGE,
    HttpRequest,
    HttpResponse,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]

IDLE_SECONDS: Final = 75.0
"""A connection without a request is closed after this; API Gateway's client side does about the same."""

RECEIVE_SECONDS: Final = 30.0
"""From a request's first byte to its last: a client that dribbles bytes holds nothing for longer."""

MAX_PIPELINED: Final = 16
"""Requests that wait on one connection before its bytes are left in the kernel."""


class Connection(asyncio.Protocol):
    """
    One client: parses bytes into requests and answers them in order, one at a time.

    Args:
        handler: returns the response; if it raises, the client gets 500 and the loop's exception handler the error.
        register: the server's set of open connections; this one enters and leaves it by itself.
        loop: that it lives on.

    Attributes:
        deadline: loop time after which the server may end it.
    """

    def __init__(self, handler: Handler, register: set[Connection], loop: asyncio.AbstractEventLoop) -> None:
        self.deadline = loop.time() + IDLE_SECONDS
        self._handler = handler
        self._register = register
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._queue: deque[tuple[HttpRequest | HttpResponse, bool]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._draining = False
        self._refused = False
        self._client_host = ""
        self._server_port = 0
        self._began_here = False
        self._receiving = False
        self._begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who is there and register."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only
        self._client_host = str(transport.get_extra_info("peername")[0])
        self._server_port = int(transport.get_extra_info("sockname")[1])
        self._register.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget what waits: nobody is left to answer."""
        self._transport = None
        self._writable.set()
        self._queue.clear()
        self._register.discard(self)

    def pause_writing(self) -> None:
        """Hold answers back: the client reads slower than we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let answers go again."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Parse; refuse what is not HTTP or never ends."""
        if self._refused:
            return
        if not self._receiving:
            self._receiving = True
            self.deadline = self._loop.time() + RECEIVE_SECONDS
        self._began_here = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refused = True  # the request itself is answered; what follows is no longer HTTP
        except httptools.HttpParserError:
            self._refuse(BAD_REQUEST)
        else:
            self._bound_head(len(data))

    # --- httptools' callbacks, in the order in which they come ---

    def on_message_begin(self) -> None:
        """Start a request."""
        self._begin()
        self._began_here = True
        self._receiving = True

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field."""
        if not self._headers_done:  # trailers of a chunked body are read and dropped
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Check framing and limits before any of the body is kept."""
        self._headers_done = True
        hosts = sum(name == b"host" for name, _ in self._headers)
        codings = [value.strip().lower() for name, value in self._headers if name == b"transfer-encoding"]
        version = self._parser.get_http_version()
        framed = version == "1.1" and codings in ([], [b"chunked"])
        if (
            not (framed or (version == "1.0" and not codings))
            or hosts > 1
            or (version == "1.1" and not hosts)
        ):
            self._refuse(BAD_REQUEST)
        elif (
            len(self._target) + sum(len(name) + len(value) for name, value in self._headers)
            > MAX_HEADER_BYTES
        ):
            self._refuse(HEADERS_TOO_LARGE)
        else:
            self._check_length()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse(TOO_LARGE)
        elif not self._refused:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the request."""
        if self._refused:
            return
        request = HttpRequest(
            method=self._parser.get_method().decode("ascii"),
            target=self._target,
            headers=tuple(self._headers),
            body=b"".join(self._body),
            client_host=self._client_host,
            server_port=self._server_port,
        )
        self._receiving = False
        self._enqueue(request, keep_alive=self._parser.should_keep_alive())

    # --- answering ---

    def drain(self) -> asyncio.Task[None] | None:
        """Take no further request; return the task that answers those already here, if there is one."""
        self._draining = True
        if self._worker is None:
            self.close()
        return self._worker

    def close(self) -> None:
        """Close after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once: a client that does not read would never let what was written go."""
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._head_bytes = 0
        self._headers_done = False
        self._receiving = False

    def _bound_head(self, received_bytes: int) -> None:
        # A head that does not end is not handed over by the parser; what came with the previous request is not its.
        if self._receiving and not self._headers_done and not self._began_here:
            self._head_bytes += received_bytes
            if self._head_bytes > MAX_HEADER_BYTES:
                self._refuse(HEADERS_TOO_LARGE)

    def _check_length(self) -> None:
        lengths = [value for name, value in self._headers if name == b"content-length"]
        if lengths and int(lengths[0]) > MAX_BODY_BYTES:
            self._refuse(TOO_LARGE)
            return
        expected = [value.strip().lower() for name, value in self._headers if name == b"expect"]
        if expected and self._worker is None and self._transport is not None:
            if expected == [b"100-continue"]:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            else:
                self._refuse(BAD_REQUEST)

    def _refuse(self, response: HttpResponse) -> None:
        if not self._refused:
            self._refused = True
            self._enqueue(response, keep_alive=False)

    def _enqueue(self, item: HttpRequest | HttpResponse, *, keep_alive: bool) -> None:
        self._queue.append((item, keep_alive))
        if len(self._queue) >= MAX_PIPELINED and self._transport is not None:
            self._transport.pause_reading()
        if self._worker is None:
            self._worker = self._loop.create_task(self._answer())

    async def _answer(self) -> None:
        try:
            while self._queue and self._transport is not None:
                item, keep_alive = self._queue.popleft()
                self.deadline = float("inf")
                response = item if isinstance(item, HttpResponse) else await self._call(item)
                head = isinstance(item, HttpRequest) and item.method == "HEAD"
                self.deadline = self._loop.time() + IDLE_SECONDS
                await self._writable.wait()
                transport = self._open_transport()
                if transport is None:
                    return
                keep_alive = keep_alive and not response.close and not self._draining
                transport.write(response.encode(head=head, keep_alive=keep_alive))
                if not keep_alive or (self._refused and not self._queue):
                    self._linger()
                    return
                if len(self._queue) < MAX_PIPELINED:
                    transport.resume_reading()
        finally:
            self._worker = None

    def _open_transport(self) -> asyncio.Transport | None:
        return self._transport  # read anew after each await: the client may be gone

    async def _call(self, request: HttpRequest) -> HttpResponse:
        try:
            return await self._handler(request)
        except Exception as error:  # the boundary: a defect here must cost one request, not the region
            self._loop.call_exception_handler({"message": "request handler failed", "exception": error})
            return INTERNAL_SERVER_ERROR

    def _linger(self) -> None:
        # A client that still sends when we close gets a reset and may lose the answer: end our side, read on a while.
        if self._transport is None:
            return
        if self._refused and self._transport.can_write_eof():
            self._transport.write_eof()
            self.deadline = self._loop.time() + 1.0
        else:
            self._transport.close()
