"""
JSON with one meaning: UTF-8, no member twice, no NaN.

``json.loads`` guesses among five encodings, keeps the last of two equal members, and takes NaN and Infinity. Two parsers
that disagree about a document are an attack (RFC 8259, section 4; RFC 8725, section 3.7).
"""

from __future__ import annotations

from json import JSONDecoder
from typing import NoReturn


def decode_object(raw: bytes) -> dict[str, object]:
    """
    Return the JSON object that *raw* is.

    Text can still hold lone surrogates, by way of escapes, and numbers can be infinite (``1e999``): callers compare or match
    what they take out.

    Raises:
        ValueError: it is anything else, or nested deeper than the interpreter goes.

    Example:
        >>> decode_object(b'{"role":"USER"}')
        {'role': 'USER'}
        >>> decode_object(b'{"role":"USER","role":"ADMIN"}')
        Traceback (most recent call last):
        ValueError: not one JSON object
    """
    try:
        document = _decoder.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("not one JSON object") from None  # the decoder's own error carries the whole text
    if type(document) is not dict:
        raise ValueError("not one JSON object")
    return document


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


_decoder = JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
