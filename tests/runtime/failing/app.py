"""A function that does what functions should not: fails, sleeps, answers too much. Runs with the built layer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from edge.app import Request, Response, create_app, make_handler
from edge.clock import SystemClock
from edge.composition.telemetry import counted
from edge.settings import Settings

if TYPE_CHECKING:
    from typing import Protocol

    class Context(Protocol):
        """What is needed of Lambda's."""

        def get_remaining_time_in_millis(self) -> int:
            """Return how long this invocation may still take."""


settings = Settings.from_env()
app = create_app(settings)


@app.get("/fail")
async def fail() -> Response:
    """Raise what nobody foresaw, with a secret in it."""
    raise ZeroDivisionError("hunter2")


@app.get("/bytes")
async def answer(request: Request) -> Response:
    """Answer so many bytes."""
    return Response(b"x" * int(request.query_params["count"]), media_type="text/plain")


handle_request = make_handler(app)


def do(event: dict[str, Any], context: Context) -> object:
    """Do what an event says."""
    if "sleep_seconds" in event:
        time.sleep(event["sleep_seconds"])
    if "characters" in event:
        return "x" * event["characters"]
    if "fail" in event:
        raise ZeroDivisionError("division by zero")
    return context.get_remaining_time_in_millis()


handle_event = counted(do, settings, SystemClock())


def handler(event: dict[str, Any], context: Context) -> object:
    """Handle a request or an event."""
    return handle_request(event, context) if "requestContext" in event else handle_event(event, context)
