"""
HTTP messages as values: what the server reads, what a gateway answers, and the limits of both.

Nothing here touches a socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

MAX_HEADER_BYTES: Final = 10_240
"""Request line and header values together (API Gateway quotas, HTTP API)."""

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""Request body (API Gateway quotas, HTTP API)."""

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"expect",
    }
)
"""Fields that belong to one connection (RFC 9110, section 7.6.1) and are never passed on."""

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_NO_CONTENT: Final = (204, 304)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """
    One request as it was received.

    Attributes:
        method: upper case.
        target: the origin-form target, percent-encoded, ``/a%20b?c=d``.
        headers: in order, names in lower case.
        body: decoded from chunks.
        client_host: address of the peer.
        server_port: port that it came in on.
    """

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    client_host: str
    server_port: int


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """
    One response without its framing: ``content-length``, ``date`` and ``connection`` are added when it is written.

    A ``content-length`` among the headers stands: a proxy passes on what HEAD told it.

    Attributes:
        status: 200 to 599.
        headers: in order, names in lower case.
        body: the bytes; not sent for HEAD.
        close: the connection must not be used again.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    close: bool = False

    def encode(self, *, head: bool, keep_alive: bool) -> bytes:
        """
        Return the bytes to write.

        Args:
            head: the request was HEAD: the length is told and the body is not sent.
            keep_alive: whether the connection stays open after it.
        """
        lines = [b"HTTP/1.1 %d %s\r\n" % (self.status, _REASONS.get(self.status, "").encode("ascii"))]
        lines += [b"%s: %s\r\n" % pair for pair in self.headers]
        lines.append(b"date: %s\r\n" % formatdate(usegmt=True).encode("ascii"))
        if self.status not in _NO_CONTENT and not any(name == b"content-length" for name, _ in self.headers):
            lines.append(b"content-length: %d\r\n" % len(self.body))
        lines.append(b"connection: keep-alive\r\n\r\n" if keep_alive else b"connection: close\r\n\r\n")
        if not head and self.status not in _NO_CONTENT:
            lines.append(self.body)
        return b"".join(lines)


def gateway_message(status: int, message: str, *, close: bool = False) -> HttpResponse:
    """
    Return an answer of the gateway itself, in the shape that AWS uses.

    Args:
        status: HTTP status.
        message: the text in ``{"message": …}``; ASCII without quotes.
        close: whether the connection must not be used again.
    """
    body = b'{"message":"%s"}' % message.encode("ascii")
    return HttpResponse(status, ((b"content-type", b"application/json"),), body, close=close)


BAD_REQUEST: Final = gateway_message(400, "Bad Request", close=True)
NOT_FOUND: Final = gateway_message(404, "Not Found")
TOO_LARGE: Final = gateway_message(413, "Request Entity Too Large", close=True)
HEADERS_TOO_LARGE: Final = gateway_message(431, "Request Header Fields Too Large", close=True)
INTERNAL_SERVER_ERROR: Final = gateway_message(500, "Internal Server Error")
BAD_GATEWAY: Final = gateway_message(502, "Bad Gateway")
SERVICE_UNAVAILABLE: Final = gateway_message(503, "Service Unavailable")
