"""
Rate limits for any ASGI application, as one middleware; it needs no framework.

It answers refusals by itself. An application made by :func:`edge.app.create_app` takes the dependency instead
(:mod:`edge.ratelimit.dependency`): its boundary renders the refusal, with the request's id, and logs it.
"""

from __future__ import annotations

from random import random
from typing import TYPE_CHECKING

from edge.problems import DependencyUnavailable, RequestProblem
from edge.ratelimit.gate import Gate, client_address
from edge.ratelimit.problems import header_lines, problem_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge.problems import Problem
    from edge.ratelimit.checks import AsyncChecks, Checks
    from edge.ratelimit.gate import AccessVerdicts, CostOf, OnUnavailable, SubjectOf
    from edge.ratelimit.tiers import Tier


class RateLimitMiddleware:
    """
    Wraps an application; every HTTP request is charged before the application sees it.

    Refused requests get ``application/problem+json``: 429 over the limit, 403 denied by a list, 400 for a subject that
    cannot be one, 503 if the store is gone and *on_unavailable* is ``"refuse"``. Served ones carry the limiter's
    headers, except those that the application (or a limit inside this one) set itself. WebSocket and lifespan scopes
    pass: a socket is not a request, and its messages are for the application to count.

    Args:
        app: the application.
        limiter: blocking or awaited, see :class:`~edge.ratelimit.gate.Gate`.
        tier: the limit, or several that are charged together or not at all.
        subject: says of an ASGI scope whom it is charged to; None exempts it. By default the client's address as the
            server knows it; for a public IPv6 service take :func:`~edge.ratelimit.gate.client_network`.
        cost: units of every request, ``1 <= cost`` and at most every limit, or what says them of its scope.
        exempt_paths: paths that are served uncounted, letter by letter (``/health``).
        access: lists that are asked before the limiter.
        on_unavailable: ``"admit"`` or ``"refuse"`` requests while the store is gone.
        jitter: see :class:`~edge.ratelimit.gate.Gate`.
    """

    def __init__(
        self,
        app: ASGIApp,
        limiter: Checks | AsyncChecks,
        *,
        tier: Tier | Sequence[Tier],
        on_unavailable: OnUnavailable,
        subject: SubjectOf = client_address,
        cost: int | CostOf = 1,
        exempt_paths: Collection[str] = (),
        access: AccessVerdicts | None = None,
        jitter: Callable[[], float] = random,
    ) -> None:
        self._app = app
        self._exempt_paths = frozenset(exempt_paths)
        self._gate = Gate(
            limiter,
            tier=tier,
            subject=subject,
            cost=cost,
            access=access,
            on_unavailable=on_unavailable,
            jitter=jitter,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request; other ASGI scopes pass through."""
        if scope["type"] != "http" or scope["path"] in self._exempt_paths:
            await self._app(scope, receive, send)
            return
        try:
            fields = await self._gate.admit(scope)
        except (RequestProblem, DependencyUnavailable) as problem:
            await _refuse(problem, send)
            return
        await self._app(scope, receive, _adding(fields, send) if fields else send)


async def _refuse(problem: Problem, send: Send) -> None:
    headers, body = problem_answer(problem)
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _adding(fields: dict[str, str], send: Send) -> Send:
    """Return a send channel that adds *fields* to the answer's headers where it has none of that name."""
    ours = header_lines(fields)

    async def send_with_fields(message: Message) -> None:
        if message["type"] == "http.response.start":
            theirs = list(message.get("headers", ()))
            present = {bytes(name).lower() for name, _ in theirs}
            # A new message: an application may keep and send the same one again.
            message = {**message, "headers": theirs + [line for line in ours if line[0] not in present]}
        await send(message)

    return send_with_fields
