"""
The outermost middleware: what is true of every answer is made true here, once.

Request and correlation ids, the size limit, CORS, security headers, timing, problem documents, the one log line of
the request, and what is counted of it. Pure ASGI: a framework's middleware would cost more than all of this together. It knows no framework; what
a framework raises is translated by a function that it is given.
"""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from edge.deadline import within
from edge.problems import BodyTooLarge, OriginNotAllowed, Unexpected
from edge.web.log import describe_exception
from edge.web.problem_document import render_problem
from edge.web.security_headers import API_HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge.clock import Clock
    from edge.problems import Problem
    from edge.settings import Settings
    from edge.web.cors import CorsPolicy
    from edge.web.log import Log

    Translate = Callable[[Exception, Scope], Problem]

UNMATCHED_ROUTE: Final = "unmatched"
"""Stands in logs for a path that no route has: a path is input, and unbounded."""

OUTCOME: Final = "edge.outcome"
"""Where in the scope an answer leaves what the domain decided, for the log."""

CALLER: Final = "edge.caller"
"""Where in the scope a guard leaves who calls: an object with ``caller.kind``, ``log_fields()`` and ``headers``."""

_ID: Final = re.compile(rb"[A-Za-z0-9._:=+/-]{1,128}")
_TRACE_ID: Final = re.compile(
    rb"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})|\A00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}"
)


class Telemetry(Protocol):
    """Counts what is answered; :class:`edge.composition.telemetry.FunctionTelemetry`."""

    def tell(self, told: Told) -> Mapping[str, object]:
        """
        Count one request, and write what was counted if it is time; never raises.

        Returns:
            Members for the request's line in the log, of which CloudWatch makes metrics.
        """


class Told(NamedTuple):
    """
    What is counted of a request.

    Attributes:
        request_id: as the client was told it.
        route: its template, or :data:`UNMATCHED_ROUTE`.
        method: a known one, or ``OTHER``.
        status: of the answer.
        duration_ns: until the answer began.
        body_bytes: of the request.
        problem: that was answered, if one was.
        error: the exception that *problem* was made of, as it was caught.
        outcome: what the domain decided, if it says.
        caller: the kind of who was let in by a guard, else None.
        cold: this container's first.
    """

    request_id: str
    route: str
    method: str
    status: int
    duration_ns: int
    body_bytes: int
    problem: Problem | None
    error: Exception | None
    outcome: Mapping[str, str | bool] | None
    caller: str | None
    cold: bool


class RequestBoundary:
    """
    Wraps an application.

    Args:
        app: raises a :class:`~edge.problems.Problem`, or what *translate* understands, instead of answering an error.
        settings: region, limits.
        cors: which origins may read answers.
        log: takes the line of each request.
        clock: measures durations.
        translate: turns an exception of the framework into a problem; what it does not know is ``Unexpected``.
        budget_ms: what the calls to AWS of one request may take together; None for no such limit.
        telemetry: counts requests; None for a function that nobody counts.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        cors: CorsPolicy,
        log: Log,
        clock: Clock,
        translate: Translate,
        budget_ms: int | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._app = app
        self._max_body_bytes = settings.max_body_bytes
        self._region = settings.region.code.encode("ascii")
        self._cors = cors
        self._log = log
        self._clock = clock
        self._translate = translate
        self._budget_ms = budget_ms
        self._telemetry = telemetry
        self._cold = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other ASGI scopes pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self._region, self._cors, self._clock)
        with self._deadline():
            try:
                await self._answer(exchange, receive)
            finally:
                self._tell(exchange)

    def _deadline(self) -> AbstractContextManager[None]:
        """Return what bounds the request, the writing of what was counted included."""
        return nullcontext() if self._budget_ms is None else within(self._budget_ms, self._clock)

    async def _answer(self, exchange: _Exchange, receive: Receive) -> None:
        try:
            if exchange.is_preflight():
                await exchange.answer_preflight()
            else:
                body = await _read_body(receive, exchange.request_headers, self._max_body_bytes)
                exchange.body_bytes = len(body)
                await self._app(exchange.scope, _replay(body), exchange.send)
        except Exception as error:  # the edge: nothing above it could answer
            problem = self._translate(error, exchange.scope)
            exchange.error, exchange.problem = error, problem
            if exchange.started:
                exchange.status = problem.status  # the server cuts the answer off
                raise
            await exchange.answer_problem(problem)

    def _tell(self, exchange: _Exchange) -> None:
        """Count the request and write its line."""
        cold, self._cold = self._cold, False
        metrics: Mapping[str, object] = {}
        if self._telemetry is not None:
            metrics = self._telemetry.tell(exchange.told(cold=cold))
        level = "error" if exchange.has_failed() else "info"
        if not self._log.enabled(level):
            return
        fields = exchange.describe()
        if cold:
            fields["cold_start"] = True
        if exchange.error is not None and exchange.status == Unexpected.status:
            fields["exception"] = describe_exception(exchange.error)
        self._log.write(level, "request", {**fields, **metrics})


class _Exchange:
    """One request and its answer."""

    __slots__ = (
        "_clock",
        "_correlation_id",
        "_cors",
        "_origin",
        "_region",
        "_send",
        "_started_ns",
        "body_bytes",
        "duration_ns",
        "error",
        "head_only",
        "problem",
        "request_headers",
        "request_id",
        "scope",
        "started",
        "status",
    )

    def __init__(self, scope: Scope, send: Send, region: bytes, cors: CorsPolicy, clock: Clock) -> None:
        self._clock = clock
        self._started_ns = clock.monotonic_ns()
        self.scope = scope
        self._send = send
        self._region = region
        self._cors = cors
        self.request_headers: dict[bytes, bytes] = dict(scope["headers"])
        self.request_id = _request_id(scope)
        correlation_id = self.request_headers.get(b"x-correlation-id", b"")
        self._correlation_id = correlation_id if _ID.fullmatch(correlation_id) else b""
        self._origin = self.request_headers.get(b"origin")
        # RFC 9110, section 9.3.2: HEAD is GET without the content, for every route that has GET.
        self.head_only = scope["method"] == "HEAD"
        if self.head_only:
            scope["method"] = "GET"
        self.started = False
        self.status = Unexpected.status
        self.problem: Problem | None = None
        self.error: Exception | None = None
        self.body_bytes = 0
        self.duration_ns = 0

    def is_preflight(self) -> bool:
        return (
            self.scope["method"] == "OPTIONS"
            and self._origin is not None
            and b"access-control-request-method" in self.request_headers
        )

    async def answer_preflight(self) -> None:
        if self._origin is None or not self._cors.allows(self._origin):
            raise OriginNotAllowed
        await self.send(
            {"type": "http.response.start", "status": 204, "headers": self._cors.preflight_headers()}
        )
        await self.send({"type": "http.response.body", "body": b""})

    async def answer_problem(self, problem: Problem) -> None:
        headers, body = render_problem(problem, instance=self.request_id)
        await self.send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def send(self, message: Message) -> None:
        """Pass *message* on, with the headers that every answer carries."""
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            self.duration_ns = self._clock.monotonic_ns() - self._started_ns
            message["headers"] = self._completed(message.get("headers", ()))
        elif self.head_only:
            message["body"] = b""
        await self._send(message)

    def _completed(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name for name, _ in headers}
        completed = list(headers)
        completed += [header for header in API_HEADERS if header[0] not in present]
        caller = self.scope.get(CALLER)
        if caller is not None:
            completed += [header for header in caller.headers if header[0] not in present]
        completed += self._cors.headers(self._origin)
        completed += (
            (b"x-request-id", self.request_id.encode("ascii")),
            (b"x-edge-region", self._region),
            (b"server-timing", b"app;dur=%.2f" % (self.duration_ns / 1e6)),
        )
        if self._correlation_id:
            completed.append((b"x-correlation-id", self._correlation_id))
        return completed

    def route(self) -> str:
        """Return the template of its route: a path is input, and unbounded."""
        found = self.scope.get("route")
        return UNMATCHED_ROUTE if found is None else str(found.path)

    def has_failed(self) -> bool:
        """Return whether we failed; a 503 that a health route answers with is what was asked for."""
        return self.status >= Unexpected.status and self.problem is not None

    def told(self, *, cold: bool) -> Told:
        """Return what is counted of it."""
        caller = self.scope.get(CALLER)
        return Told(
            self.request_id,
            self.route(),
            _known_method(self.scope["method"], head_only=self.head_only),
            self.status,
            self.duration_ns,
            self.body_bytes,
            self.problem,
            self.error,
            self.scope.get(OUTCOME),
            None if caller is None else caller.caller.kind,
            cold,
        )

    def describe(self) -> dict[str, object]:
        """Return what the log says of it; nothing in here is free input."""
        fields: dict[str, object] = {
            "request_id": self.request_id,
            "correlation_id": self._correlation_id.decode("ascii") or self.request_id,
            "method": _known_method(self.scope["method"], head_only=self.head_only),
            "route": self.route(),
            "status": self.status,
            "duration_ms": round(self.duration_ns / 1e6, 3),
            "body_bytes": self.body_bytes,
        }
        caller = self.scope.get(CALLER)
        if caller is not None:
            fields |= caller.log_fields()
        if self.problem is not None:
            fields["reason"] = self.problem.reason
            fields |= self.problem.log_fields()
        fields = {
            **self.scope.get(OUTCOME, {}),
            **fields,
        }  # no domain can say who asked, or what was answered
        trace = _TRACE_ID.search(
            self.request_headers.get(b"x-amzn-trace-id") or self.request_headers.get(b"traceparent") or b""
        )
        if trace:
            fields["trace_id"] = (trace[1] or trace[2]).decode("ascii")
        context = self.scope.get("aws.context")
        if context is not None:
            fields["aws_request_id"] = context.aws_request_id
        return fields


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _known_method(method: str, *, head_only: bool) -> str:
    if head_only:
        return "HEAD"
    return method if method in _METHODS else "OTHER"


def _request_id(scope: Scope) -> str:
    """Return the gateway's id, so that its log and ours can be joined; elsewhere 128 random bits."""
    event = scope.get("aws.event")
    if event is not None:
        request_id = event["requestContext"].get("requestId")
        if isinstance(request_id, str) and request_id.isascii() and _ID.fullmatch(request_id.encode("ascii")):
            return request_id
    return os.urandom(16).hex()


async def _read_body(receive: Receive, headers: dict[bytes, bytes], limit_bytes: int) -> bytes:
    """Return the whole body, or refuse as soon as it is known to be too large."""
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and (len(announced) > len(str(limit_bytes)) or int(announced) > limit_bytes):
        raise BodyTooLarge(limit_bytes)
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise BodyTooLarge(limit_bytes)
        more = message.get("more_body", False)
    return body


def _replay(body: bytes) -> Receive:
    """Return a receive channel that yields *body* once and then the end of the connection."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive
