"""
JSON as RFC 8259 means it, without what Python's parser adds: refuse what two readers could read differently.

Duplicate members, NaN, Infinity, UTF-16, a byte order mark and lone surrogates are the classics of parser
disagreement: a gateway checks one value and the service acts on another.
"""

from __future__ import annotations

from json import JSONDecoder
from typing import TYPE_CHECKING, NoReturn

from edge.problems import MalformedJson

if TYPE_CHECKING:
    from collections.abc import Mapping


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


_decode = JSONDecoder(object_pairs_hook=_object, parse_constant=_constant).decode


def parse_json(body: bytes) -> object:
    r"""
    Return the one JSON value that *body* holds.

    Args:
        body: UTF-8.

    Raises:
        MalformedJson: it is not one JSON document, or one that readers may disagree about.

    Example:
        >>> parse_json(b'{"cost": 2}')
        {'cost': 2}
        >>> parse_json(b'{"cost": 2, "cost": 1}')
        Traceback (most recent call last):
        edge.problems.MalformedJson
    """
    try:
        # A lone surrogate can only come from an escape; it would fail later, wherever the text is encoded.
        text = body.decode("utf-8")
        value: object = _decode(text)
        if "\\u" in text:
            _refuse_surrogates(value)
    except (ValueError, RecursionError):
        raise MalformedJson from None
    return value


def _refuse_surrogates(value: object) -> None:
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, list):
        for element in value:
            _refuse_surrogates(element)
    elif isinstance(value, dict):
        _refuse_in_members(value)


def _refuse_in_members(members: Mapping[object, object]) -> None:
    for name, member in members.items():
        _refuse_surrogates(name)
        _refuse_surrogates(member)
