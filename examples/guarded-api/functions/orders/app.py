"""Shows who calls: the context that the authorizer gave, as API Gateway passes it on."""

from __future__ import annotations

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return the caller's identity; whether a scope suffices for what a route does is the route's to say."""
    caller: dict[str, Any] = event["requestContext"]["authorizer"]["lambda"]
    return caller
