"""Makes API Gateway events (HTTP API, payload format 2.0) and reads what a handler answers."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Answer(NamedTuple):
    """A handler's answer, decoded."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def http_event(
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    raw_body: bytes | None = None,
    query: str = "",
) -> dict[str, Any]:
    """
    Return the event of one request.

    Args:
        method: of the request.
        path: decoded, as the gateway passes it.
        body: sent as JSON; None for no body.
        headers: added to those that every client sends.
        raw_body: sent as it is, in base64, in place of *body*.
        query: raw query string.
    """
    sent = {
        "host": "api.example.com",
        "user-agent": "pytest",
        "x-forwarded-for": "203.0.113.7",
        "accept": "*/*",
    }
    if body is not None or raw_body is not None:
        sent["content-type"] = "application/json"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"ANY {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": sent | dict(headers or {}),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "pytest",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"ANY {path}",
            "stage": "$default",
            "time": "20/Nov/2026:13:00:00 +0000",
            "timeEpoch": 1_795_179_600_000,
        },
        "isBase64Encoded": False,
    }
    if raw_body is not None:
        event |= {"body": base64.b64encode(raw_body).decode("ascii"), "isBase64Encoded": True}
    elif body is not None:
        event["body"] = json.dumps(body)
    return event


def invoke(handler: Callable[[dict[str, Any], object], dict[str, Any]], event: dict[str, Any]) -> Answer:
    """Call *handler* as Lambda does and return its answer."""
    answer = handler(event, None)
    body = answer["body"]
    return Answer(
        answer["statusCode"],
        answer["headers"],
        base64.b64decode(body) if answer["isBase64Encoded"] else body.encode(),
    )
