"""
The engine for the answers of an ASGI application, as one middleware; it needs no framework, but something around it
that renders problems (:mod:`edge.web.boundary`).

It acts on 200 answers to GET that are known to be finite and small enough. Streams (more to come, no
``Content-Length``), everything larger, every other status and method pass as they are and when they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.optimize.codecs import encoder
from edge.optimize.engine import MOST_BODY_BYTES, READ_FIELDS, Optimised, optimise
from edge.optimize.problems import NothingAcceptable, PreconditionFailed, UnusableHeaders

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge.clock import Clock
    from edge.optimize.engine import EncoderOf
    from edge.optimize.policy import Strategy

    StrategyOf = Callable[[Scope], Strategy | None]

_OK: Final = 200
_PROBLEMS: Final = {problem.status: problem for problem in (NothingAcceptable, PreconditionFailed)}
_LATIN: Final = "iso-8859-1"


class OptimizeMiddleware:
    """
    Wraps an application.

    Args:
        app: the application.
        strategy: for every answer, or what says it of a request's scope; None keeps what each answer says to caches.
        clock: to read dates with.
        most_buffered_bytes: the largest body that is held back, at most 5 MB.
        encoder_of: gives the encoder of a coding, or None; one that remembers suits files that never change.
    """

    never_waits: Final = True
    """It awaits the application and nothing else: an application that never waits stays one (:mod:`edge.web.straight`)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        strategy: Strategy | StrategyOf | None,
        clock: Clock,
        most_buffered_bytes: int = MOST_BODY_BYTES,
        encoder_of: EncoderOf = encoder,
    ) -> None:
        if not 0 < most_buffered_bytes <= MOST_BODY_BYTES:
            raise ValueError("most_buffered_bytes")
        self._app = app
        self._strategy = strategy
        self._clock = clock
        self._most_bytes = most_buffered_bytes
        self._encoder_of = encoder_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve one request; other ASGI scopes pass through.

        Raises:
            NothingAcceptable: the client takes none of what the answer can be coded in.
            PreconditionFailed: the answer is not the version that the client asks for.
        """
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        strategy = self._strategy(scope) if callable(self._strategy) else self._strategy
        held = _Held(scope, send, strategy, self._clock, self._most_bytes, self._encoder_of)
        await self._app(scope, receive, held.send)


class _Held:
    """An answer that is held back until it is whole, or known to be none of ours."""

    def __init__(
        self,
        scope: Scope,
        send: Send,
        strategy: Strategy | None,
        clock: Clock,
        most_bytes: int,
        encoder_of: EncoderOf,
    ) -> None:
        self._request = [
            (name.decode(_LATIN), value.decode(_LATIN))
            for name, value in scope["headers"]
            if name.decode(_LATIN) in READ_FIELDS
        ]
        self._send = send
        self._strategy = strategy
        self._clock = clock
        self._most_bytes = most_bytes
        self._encoder_of = encoder_of
        self._start: Message | None = None
        self._parts: list[Message] = []
        self._bytes = 0
        self._is_announced = False

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self._start is None and kind == "http.response.start" and message["status"] == _OK:
            self._start = message
            self._is_announced = _announces_at_most(message, self._most_bytes)
        elif self._start is None:
            await self._send(message)
        elif kind != "http.response.body":
            self._parts.append(message)
            await self._pass()  # push, path send, trailers: not ours to change
        else:
            await self._collect(message)

    async def _collect(self, message: Message) -> None:
        self._parts.append(message)
        self._bytes += len(message.get("body", b""))
        more = message.get("more_body", False)
        if self._bytes > self._most_bytes or (more and not self._is_announced):
            await self._pass()
        elif not more:
            await self._optimise()

    async def _pass(self) -> None:
        """Let go what is held, and all that follows."""
        start, self._start = self._start, None
        for message in ([start] if start else []) + self._parts:
            await self._send(message)
        self._parts = []

    async def _optimise(self) -> None:
        start = self._start
        if start is None or start.get("trailers", False):
            await self._pass()
            return
        try:
            made = self._made(start)
        except UnusableHeaders:
            await self._pass()  # the server knows what to do with them
            return
        if made.status in _PROBLEMS:
            raise _PROBLEMS[made.status]
        self._start, self._parts = None, []
        headers = [(name.encode(_LATIN), value.encode(_LATIN)) for name, value in made.headers]
        await self._send({**start, "status": made.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": made.body})

    def _made(self, start: Message) -> Optimised:
        lines = [
            (bytes(name).decode(_LATIN), bytes(value).decode(_LATIN))
            for name, value in start.get("headers", ())
        ]
        return optimise(
            b"".join([part.get("body", b"") for part in self._parts]),
            None,
            strategy=self._strategy,
            request_headers=self._request,
            response_headers=lines,
            now_ms=self._clock.now_ms(),
            encoder_of=self._encoder_of,
        )


def _announces_at_most(start: Message, most_bytes: int) -> bool:
    """Return whether *start* announces a length that may be held."""
    lengths = [
        bytes(value) for name, value in start.get("headers", ()) if bytes(name).lower() == b"content-length"
    ]
    return (
        len(lengths) == 1 and lengths[0].isdigit() and len(lengths[0]) < 10 and int(lengths[0]) <= most_bytes
    )
