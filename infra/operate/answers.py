"""What a command answers: one document for programs, aligned text for people; and how values look in that text."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_DEPTH: Final = 8
"""Of a foreign document that is shown: the encoder recurses, and a hostile one is all brackets."""

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


class Answer(NamedTuple):
    """
    What a command answers.

    Attributes:
        document: all of it, for ``--json``.
        text: the same for people, without the last line's end.
    """

    document: Mapping[str, object]
    text: str

    def __repr__(self) -> str:
        """Leave out the content: it may be a key that is told once."""
        return "Answer(<hidden>)"


def json_text(document: object) -> str:
    """Return *document* as indented JSON in ASCII."""
    return json.dumps(plain(document), indent=2, allow_nan=False)


def plain(value: object, depth: int = 0) -> object:
    """Return *value* so that JSON can tell it, whatever a foreign document brought: infinite numbers, deep nests."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (dict, list, tuple)) and depth >= MAX_DEPTH:
        return "..."
    if isinstance(value, dict):
        return {str(name): plain(member, depth + 1) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member, depth + 1) for member in value]
    return value


def shown(value: object) -> str:
    """Return *value* on one line that cannot steer a terminal."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)) and all(isinstance(member, str) for member in value):
        return " ".join(map(shown, value)) or "-"
    if not isinstance(value, str):
        return json.dumps(plain(value))
    return value if value and value.isprintable() else json.dumps(value)


def fields(pairs: Iterable[tuple[str, object]]) -> str:
    """Return one line for each pair, values in one column."""
    lines = [(name, shown(value)) for name, value in pairs]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return headings and rows in columns; no spaces at a line's end."""
    lines = [list(headings), *([shown(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def moment(seconds: int | None) -> str:
    """
    Return epoch *seconds* for people.

    Example:
        >>> moment(1_795_179_600), moment(None)
        ('2026-11-20 13:00:00Z', '-')
    """
    if seconds is None:
        return "-"
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def span(seconds: int) -> str:
    """
    Return a duration for people, in its largest unit.

    Example:
        >>> span(59), span(3_700), span(-200_000)
        ('59 s', '1 h', '-2 d')
    """
    sign = "-" if seconds < 0 else ""
    for unit, length in _UNITS:
        if abs(seconds) >= length:
            return f"{sign}{abs(seconds) // length} {unit}"
    return f"{seconds} s"
