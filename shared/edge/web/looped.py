"""
Runs an application by Mangum, on an event loop: for routes that wait, and for events that are not of HTTP APIs.

Imported when the first of these turns up, because Mangum brings asyncio with it: 14 ms of a cold start.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

from mangum import Mangum

from edge.web.http_api import TEXT_MIME_TYPES, is_http_api_event, read_event, write_answer

if TYPE_CHECKING:
    from mangum.types import LambdaConfig, LambdaContext, LambdaEvent, Response, Scope
    from starlette.types import ASGIApp


class HttpApiEvent:
    """One event of payload format 2.0, as Mangum's ``LambdaHandler`` protocol has it."""

    __slots__ = ("body", "scope")

    @classmethod
    def infer(cls, event: LambdaEvent, _context: LambdaContext, _config: LambdaConfig) -> bool:
        """Return whether *event* is ours to translate."""
        return is_http_api_event(event)

    def __init__(self, event: LambdaEvent, context: LambdaContext, _config: LambdaConfig) -> None:
        self.scope: Scope
        self.body: bytes
        self.scope, self.body = read_event(event, context)

    def __call__(self, response: Response) -> dict[str, Any]:
        """Return what the gateway makes an HTTP response of."""
        return write_answer(response["status"], response["headers"], response["body"])  # type: ignore[arg-type]


class Looped:
    """
    *app* behind Mangum, for any thread.

    Args:
        app: an ASGI application.
    """

    def __init__(self, app: ASGIApp) -> None:
        _ensure_event_loop()
        # Mangum logs a line of its own for each request; the boundary already does.
        logging.getLogger("mangum.http").setLevel(logging.ERROR)
        self._answer = Mangum(
            app,  # type: ignore[arg-type]  # it asks for a coroutine where ASGI has an awaitable
            lifespan="off",
            text_mime_types=list(TEXT_MIME_TYPES),
            custom_handlers=[HttpApiEvent],
        )

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        """
        Return the answer to *event*.

        Raises:
            RuntimeError: it is no HTTP request.
            ValueError: it cannot be read as HTTP.
        """
        _ensure_event_loop()
        return self._answer(event, context)  # type: ignore[arg-type]


class _ThreadLoop:
    """The event loop of one thread, closed when the thread ends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)

    def __del__(self) -> None:
        self.loop.close()


_thread = threading.local()


def _ensure_event_loop() -> None:
    """Give this thread a loop: Mangum runs the application on the thread's current one and makes none by itself."""
    if not hasattr(_thread, "holder"):
        _thread.holder = _ThreadLoop()
