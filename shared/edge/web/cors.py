"""Cross-origin requests (Fetch standard): exact origins from settings, with credentials, never a wildcard."""

from __future__ import annotations

from typing import Final

ALLOW_METHODS: Final = b"GET, POST, PUT, DELETE, PATCH, OPTIONS"
ALLOW_HEADERS: Final = (
    b"authorization, content-type, idempotency-key, if-match, if-modified-since, if-none-match, if-unmodified-since, "
    b"traceparent, tracestate, x-api-key, x-correlation-id"
)
"""What our routes read, and what tracing in a page adds unasked; never ``*``, which means no header to credentials."""
EXPOSE_HEADERS: Final = (
    b"etag, location, ratelimit, ratelimit-policy, retry-after, server-timing, x-correlation-id, x-edge-region, "
    b"x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id, www-authenticate"
)
MAX_AGE_SECONDS: Final = 86_400


class CorsPolicy:
    """
    Which origins may read our answers from a browser.

    Args:
        allowed_origins: as :func:`edge.settings.parse_origins` returns them.
    """

    __slots__ = ("_origins",)

    def __init__(self, allowed_origins: frozenset[str]) -> None:
        self._origins = frozenset(origin.encode("ascii") for origin in allowed_origins)

    def allows(self, origin: bytes) -> bool:
        """Return whether *origin* is on the list, byte for byte."""
        return origin in self._origins

    def headers(self, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        """Return what an answer to a request from *origin* carries; also an error, or the page could not read it."""
        if not self._origins:
            return []
        if origin is None or not self.allows(origin):
            return [(b"vary", b"Origin")]
        return [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", EXPOSE_HEADERS),
        ]

    def preflight_headers(self) -> list[tuple[bytes, bytes]]:
        """Return what the answer to a preflight carries beyond :meth:`headers`."""
        return [
            (b"access-control-allow-methods", ALLOW_METHODS),
            (b"access-control-allow-headers", ALLOW_HEADERS),
            (b"access-control-max-age", b"%d" % MAX_AGE_SECONDS),
        ]
