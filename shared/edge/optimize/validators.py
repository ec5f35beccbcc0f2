"""
Entity tags and the conditions that a GET can carry (RFC 9110, sections 8.8 and 13).

A tag is the SHA-256 of the body before its content coding, and names the coding: a strong tag stands for bytes, and two
codings of one body are different bytes. (A server that gives both the same tag makes caches mix them up.)
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from typing import TYPE_CHECKING, Final

from edge.optimize.fields import MOST_LIST_CHARS

try:
    # hashlib itself takes a millisecond at start to arrive at the same function.
    from _hashlib import openssl_sha256 as sha256
except ImportError:  # a Python without OpenSSL
    from hashlib import sha256

if TYPE_CHECKING:
    from edge.optimize.negotiation import Encoding

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_TAG: Final = re.compile(r'(W/|)"([\x21\x23-\x7e\x80-\xff]*)"')
_BETWEEN: Final = re.compile(r"[ \t]*(?:,[ \t]*)+|[ \t]*\Z")
_LEADING: Final = re.compile(r"(?:[ \t]*,)*[ \t]*")


def opaque_tag(body: bytes) -> str:
    """Return the 43 characters that stand for *body*: its SHA-256 in base64url."""
    return b2a_base64(sha256(body).digest(), newline=False).translate(_TO_URL, b"=").decode("ascii")


def entity_tag(opaque: str, encoding: Encoding) -> str:
    """
    Return the strong tag of a body in *encoding*.

    Example:
        >>> entity_tag("47DE", "gzip"), entity_tag("47DE", "identity")
        ('"47DE-gzip"', '"47DE"')
    """
    return f'"{opaque}"' if encoding == "identity" else f'"{opaque}-{encoding}"'


def none_match(value: str, tag: str) -> bool:
    """
    Return whether the condition ``If-None-Match: value`` holds for a representation with *tag*: False means 304.

    Compares weakly (section 13.1.2), so a tag that a proxy has weakened on its way is still known. A list that is
    malformed, or longer than :data:`~edge.optimize.fields.MOST_LIST_CHARS`, names nothing: the whole answer is never
    wrong.

    Args:
        value: the field's, lines joined.
        tag: from :func:`entity_tag`.

    Example:
        >>> none_match('W/"a", "b"', '"a"'), none_match("*", '"a"'), none_match('"c"', '"a"')
        (False, False, True)
    """
    if value.strip(" \t") == "*":
        return False
    listed = _listed(value)
    return listed is None or tag[1:-1] not in {opaque for _, opaque in listed}


def any_match(value: str, tag: str) -> bool:
    """
    Return whether the condition ``If-Match: value`` holds for a representation with *tag*: False means 412.

    Compares strongly (section 13.1.1): a weak tag matches nothing, and neither does any tag where *tag* is empty. A
    malformed list fails: the client wanted one version, and must not take another for it.

    Args:
        value: the field's, lines joined.
        tag: from :func:`entity_tag`; empty where the representation has none.

    Example:
        >>> any_match('"b", "a"', '"a"'), any_match("*", ""), any_match('W/"a"', '"a"')
        (True, True, False)
    """
    if value.strip(" \t") == "*":
        return True
    return tag != "" and ("", tag[1:-1]) in (_listed(value) or ())


def _listed(value: str) -> list[tuple[str, str]] | None:
    """Return ``W/`` or nothing, and the opaque part, of each tag in *value*; None if it is malformed or too long."""
    if len(value) > MOST_LIST_CHARS:
        return None
    listed: list[tuple[str, str]] = []
    leading = _LEADING.match(value)
    position = leading.end() if leading else 0
    while position < len(value):
        found = _TAG.match(value, position)
        between = None if found is None else _BETWEEN.match(value, found.end())
        if found is None or between is None:
            return None
        listed.append((found[1], found[2]))
        position = between.end()
    return listed


def modified_since(value: str, last_modified: str | None, *, now_ms: int) -> bool:
    """
    Return whether ``If-Modified-Since: value`` holds: False means 304 (section 13.1.3).

    Args:
        value: the field's; what is not one date is as if it were not there.
        last_modified: of the representation; without one it counts as modified.
        now_ms: epoch milliseconds, for dates with a year of two digits.
    """
    since, modified = _dates(value, last_modified, now_ms)
    return since is None or modified is None or modified > since


def unmodified_since(value: str, last_modified: str | None, *, now_ms: int) -> bool:
    """
    Return whether ``If-Unmodified-Since: value`` holds: False means 412 (section 13.1.4).

    Args:
        value: the field's; what is not one date is as if it were not there.
        last_modified: of the representation; without one the condition is not evaluated.
        now_ms: epoch milliseconds, for dates with a year of two digits.
    """
    since, modified = _dates(value, last_modified, now_ms)
    return since is None or modified is None or modified <= since


def _dates(value: str, last_modified: str | None, now_ms: int) -> tuple[int | None, int | None]:
    from edge.optimize.http_dates import (
        read_http_date,  # deferred: whoever has a tag sends no date, or it does not count
    )

    modified = None if last_modified is None else read_http_date(last_modified, now_ms=now_ms)
    return read_http_date(value, now_ms=now_ms), modified
