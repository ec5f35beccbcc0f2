"""Which header lines of the plain answer stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.optimize.policy import is_cache_field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.optimize.fields import Lines

_CONNECTION: Final = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""About one connection or one message, not about the answer; two lengths in one message split it."""
_REPLACED: Final = frozenset({"etag", "vary"})
OF_BYTES: Final = frozenset({"accept-ranges", "content-digest", "content-md5", "digest", "repr-digest"})
"""True of the bytes that came, false of others."""
OF_REPRESENTATION: Final = OF_BYTES | {
    "content-encoding",
    "content-language",
    "content-range",
    "content-type",
    "last-modified",
}
"""What a 304 leaves out (RFC 9110, section 15.4.5); ``Last-Modified`` because there is a tag."""


def kept(response: Lines, dropped: Iterable[str]) -> Lines:
    """Return *response* without what is replaced, what is about one message, and the names in *dropped*."""
    away = _CONNECTION | _REPLACED | frozenset(dropped)
    return [line for line in response if line[0] not in away and not is_cache_field(line[0])]
