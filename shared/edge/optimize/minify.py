"""
JSON without the blanks between its tokens, every token byte for byte as it was.

Nothing is parsed and written anew: that would change big integers, the digits of floats, repeated members, escapes.
Blanks are deleted outside strings, after a parser has said that it is JSON; of anything else, deleting blanks could
change the meaning (``1 2``), so it stays as it is.
"""

from __future__ import annotations

import re
from typing import Final

MOST_BYTES: Final = 2_000_000
"""Larger bodies are left: the work takes up to fifty times their size in memory, and compressing saves nearly as much."""

_PROBED_STRINGS: Final = 128
_COMPACT: Final = re.compile(
    rb'(?:[^ \t\r\n"]*+"[^"\\]*+(?:\\.[^"\\]*+)*+"){0,%d}+[^ \t\r\n"]*+' % _PROBED_STRINGS, re.DOTALL
)
_BLANKS: Final = b" \t\r\n"
# Bytes that UTF-8 never has.
_ESCAPED_BACKSLASH: Final = b"\xfe"
_ESCAPED_QUOTE: Final = b"\xff"


def minified(body: bytes) -> bytes:
    r"""
    Return *body* without insignificant blanks, or *body* itself where there is nothing to gain or it is not JSON.

    JSON is RFC 8259 with the limits of pydantic's parser: not NaN, no lone surrogates, some 200 levels, integers of
    4,300 digits. A body is judged by its first 128 strings: where they have no blanks between them, and no line breaks
    follow, its writer does not make any. So what is compact already costs a look, not a pass.

    Args:
        body: of any size; over :data:`MOST_BYTES` it is left.

    Example:
        >>> minified(b'{ "a b": [1.50, 12345678901234567890] }\n')
        b'{"a b":[1.50,12345678901234567890]}'
        >>> minified(b"1 2")
        b'1 2'
    """
    if len(body) > MOST_BYTES or _looks_compact(body) or not _is_json(body):
        return body
    return _without_blanks(body)


def _looks_compact(body: bytes) -> bool:
    # In JSON a line break or a tab is never part of a string.
    if b"\n" in body or b"\t" in body or b"\r" in body:
        return False
    probed = _COMPACT.match(body)
    return probed is not None and body[probed.end() : probed.end() + 1] in (b"", b'"')


def _is_json(body: bytes) -> bool:
    # Deferred: compact bodies come this far never. It takes half the time that json takes.
    from pydantic_core import from_json

    try:
        from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        return False
    return True


def _without_blanks(json: bytes) -> bytes:
    """Split at the quotes: every other part lies outside strings; join, delete and split those in one go."""
    masked = b"\\" in json
    if masked:
        json = json.replace(b"\\\\", _ESCAPED_BACKSLASH).replace(b'\\"', _ESCAPED_QUOTE)
    parts = json.split(b'"')
    parts[::2] = b'"'.join(parts[::2]).translate(None, _BLANKS).split(b'"')
    json = b'"'.join(parts)
    if masked:
        json = json.replace(_ESCAPED_QUOTE, b'\\"').replace(_ESCAPED_BACKSLASH, b"\\\\")
    return json
