"""
Events of API Gateway HTTP APIs (payload format 2.0) to ASGI and back; no framework, no event loop.

The gateway has decoded the path already: it is taken as it is. Also at Mangum's ``custom_handlers`` seam, because
Mangum's own translation decodes the path again, fails on a host header with a bad port, and works the scope out twice.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from starlette.types import Scope

TEXT_MIME_TYPES: Final = (
    "text/",
    "application/json",
    "application/problem+json",
    "application/health+json",
    "application/jwk-set+json",
    "application/openmetrics-text",
    "application/javascript",
)
"""Bodies that leave Lambda as text; all others are encoded in base64: more bytes, more work."""


def is_http_api_event(event: dict[str, Any]) -> bool:
    """Return whether *event* is an HTTP request in payload format 2.0."""
    return event.get("version") == "2.0" and "http" in event.get("requestContext", ())


def without_content(event: dict[str, Any]) -> dict[str, Any]:
    """Return *event* without what a client wrote into it, for an answer to one that cannot be read."""
    return {**event, "headers": {}, "cookies": [], "rawQueryString": "", "body": "", "isBase64Encoded": False}


def read_event(event: dict[str, Any], context: object) -> tuple[Scope, bytes]:
    """
    Return the ASGI scope and the body of *event*.

    Args:
        event: one that :func:`is_http_api_event` knows.
        context: Lambda's, passed on as ``aws.context``.

    Raises:
        ValueError: header names, header values, query or body are not what HTTP can carry.
    """
    request_context = event["requestContext"]
    http = request_context["http"]
    headers = [
        (name.lower().encode("latin-1"), value.encode()) for name, value in event.get("headers", {}).items()
    ]
    cookies = event.get("cookies")
    if cookies:
        headers.append((b"cookie", "; ".join(cookies).encode()))
    body = event.get("body") or ""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.0"},
        "http_version": "1.1",
        "method": http["method"],
        "scheme": "https",
        "path": event["rawPath"] or "/",
        "raw_path": None,
        "root_path": "",
        "query_string": event.get("rawQueryString", "").encode(),
        "headers": headers,
        "client": (http["sourceIp"], 0),
        "server": (request_context.get("domainName", "localhost"), 443),
        "aws.event": event,
        "aws.context": context,
    }
    return scope, base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()


def write_answer(status: int, raw_headers: list[tuple[bytes, bytes]], body: bytes) -> dict[str, Any]:
    """
    Return what the gateway makes an HTTP response of.

    Args:
        status: HTTP status code.
        raw_headers: names in lower case, and values.
        body: whole.
    """
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in raw_headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers:
            headers[name] += f", {value}"
        elif name == "set-cookie":
            cookies.append(value)
        else:
            headers[name] = value
    # What is compressed is no text, whatever it is the compressed form of.
    is_text = "content-encoding" not in headers and headers.get("content-type", "text/").startswith(
        TEXT_MIME_TYPES
    )
    answer: dict[str, Any] = {
        "statusCode": status,
        "headers": headers,
        "body": body.decode() if is_text else base64.b64encode(body).decode("ascii"),
        "isBase64Encoded": not is_text,
    }
    if cookies:
        answer["cookies"] = cookies
    return answer
