"""
Header lines: checked once, so that nothing that comes out can split a response.

Lines are pairs of name and value, names in lower case; one name may have several lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from edge.optimize.problems import UnusableHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.optimize.problems import HeaderPart

    Lines = list[tuple[str, str]]

MOST_LINES: Final = 100
MOST_CHARS: Final = 32_768
"""Of all lines of one message together; servers take 8 to 64 KB."""
MOST_LIST_CHARS: Final = 8_192
"""The longest list that is read: one that is longer counts as malformed."""

TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110, section 5.6.2
_NAME: Final = re.compile(TOKEN)
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def checked_lines(lines: Iterable[tuple[str, str]], part: HeaderPart) -> Lines:
    """
    Return *lines* with names in lower case and values without surrounding blanks.

    Args:
        lines: names and values as they were given.
        part: where they are from, for the problem.

    Raises:
        UnusableHeaders: a name or a value that HTTP cannot carry (RFC 9110, section 5.5), or too much of them.
    """
    checked: Lines = []
    chars = 0
    for name, value in lines:
        chars += len(name) + len(value)
        if len(checked) == MOST_LINES:
            raise UnusableHeaders("too_many_headers", part)
        if chars > MOST_CHARS:
            raise UnusableHeaders("headers_too_large", part)
        if _NAME.fullmatch(name) is None:
            raise UnusableHeaders("bad_header_name", part)
        checked.append((name.lower(), checked_value(value, part)))
    return checked


def checked_value(value: str, part: HeaderPart) -> str:
    """Return *value* without surrounding blanks; raises as :func:`checked_lines`."""
    if _VALUE.fullmatch(value) is None:
        raise UnusableHeaders("bad_header_value", part)
    return value.strip(" \t")


def field(lines: Lines, name: str) -> str | None:
    """Return the value of *name*, several lines joined (RFC 9110, section 5.3); None where there is none."""
    values = [value for present, value in lines if present == name]
    return ", ".join(values) if values else None


def directives(cache_control: str | None) -> frozenset[str]:
    """
    Return the names of the directives in *cache_control*, in lower case, whatever their arguments.

    A comma in a quoted argument separates too: what follows it is taken for a directive, at worst for a strict one.

    Example:
        >>> sorted(directives('max-age=5, Private="set-cookie", no-transform'))
        ['max-age', 'no-transform', 'private']
    """
    members = (cache_control or "").lower().split(",")
    return frozenset(member.partition("=")[0].strip(' \t"') for member in members)
