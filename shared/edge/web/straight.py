"""
Runs an application that never waits, without an event loop.

Lambda hands a function one event at a time, so our routes are coroutines that never suspend: a store's call blocks, and
nothing else could run meanwhile. Such a coroutine runs to its end at one ``send(None)``. That leaves out asyncio, which
nothing else at start imports, and the loop's turn of each request (measured: ``tests/bench/cold_start.py``). Whether
an application is of this kind is read from the code of its routes, and middleware says it of itself (``never_waits``);
one that is not goes through Mangum.
"""

from __future__ import annotations

import inspect
from dis import opmap
from typing import TYPE_CHECKING, Any

from edge.web.http_api import write_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Scope

_GET_AWAITABLE = opmap["GET_AWAITABLE"]


def never_waits(function: Callable[..., object]) -> bool:
    """
    Return whether *function* is an ``async def`` in which nothing is awaited.

    Example:
        >>> async def straight() -> int:
        ...     return 1
        >>> async def waiting() -> int:
        ...     return await straight()
        >>> never_waits(straight), never_waits(waiting), never_waits(len)
        (True, False, False)
    """
    return inspect.iscoroutinefunction(function) and _GET_AWAITABLE not in function.__code__.co_code[::2]


def answer_straight(app: ASGIApp, scope: Scope, body: bytes) -> dict[str, Any]:
    """
    Return the gateway's form of what *app* answers.

    Args:
        app: an ASGI application that never waits.
        scope: of the request.
        body: of the request.

    Raises:
        RuntimeError: the application waited for something.
    """
    requests: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    answered: list[Message] = []

    async def receive() -> Message:
        return requests.pop() if requests else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answered.append(message)

    run = app(scope, receive, send).__await__()
    try:
        next(run)
    except StopIteration:
        start, *parts = answered
        return write_answer(start["status"], start["headers"], b"".join([part["body"] for part in parts]))
    run.close()
    raise RuntimeError("the application waited, and there is no event loop to wait on")
