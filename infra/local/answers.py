"""
What a function returned as an HTTP response, as API Gateway reads payload format 2.0.

Two forms (developer guide, "Lambda function response format"): with ``statusCode`` the members are taken as they are
named; anything else is the body of a 200 with ``application/json``. A shape that is neither is the function's error.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final

from infra.local.messages import INTERNAL_SERVER_ERROR, HttpResponse

MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
"""Lambda returns no more than this from a synchronous invocation; the body counts with its JSON escapes."""

DEFAULT_CONTENT_TYPE: Final = b"text/plain; charset=utf-8"
"""What HTTP APIs send where the function names a status and no type."""

_FRAMING: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"}
)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_LINE_BREAK: Final = re.compile(r"[\r\n\x00]")


class _BadShape(ValueError):
    """The payload has a status and is not a response."""


def to_response(payload: object) -> HttpResponse:
    """
    Return the response for what a function returned.

    Args:
        payload: JSON values, as the function's result reads after serialization.
    """
    if not isinstance(payload, dict) or "statusCode" not in payload:
        text = payload if isinstance(payload, str) else json.dumps(payload, separators=(",", ":"))
        headers = ((b"content-type", b"application/json"),)
        return HttpResponse(200, headers, b"" if payload is None else text.encode("utf-8", "replace"))
    try:
        status, body = _status(payload), _body(payload)
        fields = [*_headers(payload), *_cookies(payload)]
    except _BadShape:
        return INTERNAL_SERVER_ERROR
    if not any(name == b"content-type" for name, _ in fields):
        fields.append((b"content-type", DEFAULT_CONTENT_TYPE))
    return HttpResponse(status, tuple(fields), body)


def _status(payload: dict[str, object]) -> int:
    status = payload["statusCode"]
    if isinstance(status, str) and re.fullmatch(r"[0-9]{3}", status):
        status = int(status)
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise _BadShape
    return status


def _body(payload: dict[str, object]) -> bytes:
    body = payload.get("body")
    encoded = payload.get("isBase64Encoded", False)
    if body is None:
        return b""
    if not isinstance(body, str) or not isinstance(encoded, bool):
        raise _BadShape
    if not encoded:
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise _BadShape from None


def _headers(payload: dict[str, object]) -> list[tuple[bytes, bytes]]:
    headers = payload.get("headers") or {}
    if not isinstance(headers, dict):
        raise _BadShape
    fields = []
    for name, value in headers.items():
        lowered = str(name).lower()
        if value is None or lowered in _FRAMING:
            continue
        if not isinstance(value, (str, int, float)):
            raise _BadShape
        text = str(value).lower() if isinstance(value, bool) else str(value)
        fields.append((_name(lowered), _value(text)))
    return fields


def _cookies(payload: dict[str, object]) -> list[tuple[bytes, bytes]]:
    cookies = payload.get("cookies") or []
    if not isinstance(cookies, (list, tuple)) or not all(isinstance(cookie, str) for cookie in cookies):
        raise _BadShape
    return [(b"set-cookie", _value(cookie)) for cookie in cookies]


def _name(name: str) -> bytes:
    if not _TOKEN.match(name):
        raise _BadShape
    return name.encode("ascii")


def _value(value: str) -> bytes:
    # A line break in a value would let a function's caller write headers of their own.
    if _LINE_BREAK.search(value):
        raise _BadShape
    return value.strip().encode("utf-8", "replace")
