"""
Events of API Gateway HTTP APIs (payload format 2.0), at the seam that Mangum has for other event shapes.

Mangum's own translation of the same events works the scope out twice (15 us), decodes a path that the gateway has
decoded already, and fails on a host header with a bad port. This one is for format 2.0 alone; all other events go to
Mangum's handlers.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mangum.types import LambdaConfig, LambdaContext, LambdaEvent, Response, Scope


class HttpApiEvent:
    """
    One event, as Mangum's ``LambdaHandler`` protocol has it.

    Raises:
        ValueError: the event cannot be read as an HTTP request.
    """

    __slots__ = ("_text_mime_types", "body", "scope")

    @classmethod
    def infer(cls, event: LambdaEvent, _context: LambdaContext, _config: LambdaConfig) -> bool:
        """Return whether *event* is of payload format 2.0."""
        return event.get("version") == "2.0" and "http" in event.get("requestContext", ())

    def __init__(self, event: LambdaEvent, context: LambdaContext, config: LambdaConfig) -> None:
        self._text_mime_types = tuple(config["text_mime_types"])
        http = event["requestContext"]["http"]
        headers = [
            (name.lower().encode("latin-1"), value.encode())
            for name, value in event.get("headers", {}).items()
        ]
        cookies = event.get("cookies")
        if cookies:
            headers.append((b"cookie", "; ".join(cookies).encode()))
        body = event.get("body") or ""
        self.body: bytes = (
            base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        )
        path: str = event["rawPath"]
        self.scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "http_version": "1.1",
            "method": http["method"],
            "scheme": "https",
            "path": path or "/",
            "raw_path": None,
            "root_path": "",
            "query_string": event.get("rawQueryString", "").encode(),
            "headers": headers,
            "client": (http["sourceIp"], 0),
            "server": (event["requestContext"].get("domainName", "localhost"), 443),
            "aws.event": event,
            "aws.context": context,
        }

    def __call__(self, response: Response) -> dict[str, Any]:
        """Return what the gateway makes an HTTP response of."""
        headers: dict[str, str] = {}
        cookies: list[str] = []
        for raw_name, raw_value in response["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            if name == "set-cookie":
                cookies.append(value)
            elif name in headers:
                headers[name] += f", {value}"
            else:
                headers[name] = value
        body = response["body"]
        is_text = headers.get("content-type", "text/").startswith(self._text_mime_types)
        answer: dict[str, Any] = {
            "statusCode": response["status"],
            "headers": headers,
            "body": body.decode() if is_text else base64.b64encode(body).decode("ascii"),
            "isBase64Encoded": not is_text,
        }
        if cookies:
            answer["cookies"] = cookies
        return answer
