"""
Dictionaries of inner lists (RFC 9651, section 3.2), as far as ``Signature-Input`` needs them: where each member ends.

A message may carry signatures of others, by a proxy or for another application (RFC 9421, section 7.2.1). Theirs must
be well-formed, or one could hide in what we take for a string; what they say is not looked at. Each pattern reads a
character in one way only and fields are short, so no text is slow.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

KEY: Final = r"[a-z*][a-z0-9_.*-]*"
STRING: Final = r'"[ !#-\[\]-~]*(?:\\["\\][ !#-\[\]-~]*)*"'
_BARE: Final = (
    rf"(?:{STRING}|-?[0-9]{{1,15}}(?:\.[0-9]{{1,3}})?|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
    r"|:[A-Za-z0-9+/]*={0,2}:|\?[01])"
)
_PARAMETER: Final = rf"; *({KEY})(?:=({_BARE}))?"
_PARAMETERS: Final = rf"(?:; *{KEY}(?:={_BARE})?)*"
_ITEM: Final = rf"{STRING}{_PARAMETERS}"
OWS_COMMA: Final = re.compile(r"[ \t]*,[ \t]*")

_INNER_LIST: Final = re.compile(rf"({KEY})=(\( *(?:{_ITEM}(?: +{_ITEM})*)? *\))({_PARAMETERS})")
_BYTES: Final = re.compile(rf"({KEY})=(:[A-Za-z0-9+/]*={{0,2}}:)({_PARAMETERS})")
_ONE_PARAMETER: Final = re.compile(_PARAMETER)


class Member(NamedTuple):
    """
    A member as it stands in the field.

    Attributes:
        label: its key.
        value: an inner list, or a byte sequence.
        parameters: from the first ``;``; empty for none.
    """

    label: str
    value: str
    parameters: str


def read_inner_lists(field: str) -> list[Member] | None:
    """
    Return the members of a dictionary of inner lists of strings; None if *field* is none or has a key twice.

    Example:
        >>> read_inner_lists('a=("x" "y";req);n=1, b=()')
        [Member(label='a', value='("x" "y";req)', parameters=';n=1'), Member(label='b', value='()', parameters='')]
    """
    return _read(_INNER_LIST, field)


def read_byte_sequences(field: str) -> list[Member] | None:
    """Return the members of a dictionary of byte sequences; None if *field* is none or has a key twice."""
    return _read(_BYTES, field)


def read_parameters(text: str) -> list[tuple[str, str]]:
    """
    Return name and value, as it stands, of each of a member's parameters; a value is empty where there is none.

    Args:
        text: a :class:`Member`'s *parameters*.

    Example:
        >>> read_parameters(';created=1;tag="a b";flag')
        [('created', '1'), ('tag', '"a b"'), ('flag', '')]
    """
    return [(found[1], found[2] or "") for found in _ONE_PARAMETER.finditer(text)]


def _read(pattern: re.Pattern[str], field: str) -> list[Member] | None:
    members: dict[str, Member] = {}
    position = 0
    while True:
        found = pattern.match(field, position)
        if found is None or found[1] in members:
            return None
        members[found[1]] = Member(found[1], found[2], found[3])
        if found.end() == len(field):
            return list(members.values())
        comma = OWS_COMMA.match(field, found.end())
        if comma is None:
            return None
        position = comma.end()
