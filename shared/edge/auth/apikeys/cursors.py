"""Where a page of the list of keys ended, as text that clients hand back without reading it."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Final

from edge.auth.apikeys.records import Position
from edge.problems import InvalidValues

if TYPE_CHECKING:
    from edge.auth.apikeys.records import KeyMetadata

_FORM: Final = re.compile(r"([0-9]{10})#([0-9A-Za-z]{12})")
_LENGTH: Final = 31


def write_cursor(position: KeyMetadata | Position) -> str:
    """
    Return the cursor that goes on behind *position*.

    Example:
        >>> write_cursor(Position(1_795_179_600, "0123456789ab"))
        'MTc5NTE3OTYwMCMwMTIzNDU2Nzg5YWI'
    """
    text = f"{position.created_at:010d}#{position.id}"
    return urlsafe_b64encode(text.encode("ascii")).decode("ascii").rstrip("=")


def read_cursor(cursor: str) -> Position:
    """
    Return what *cursor* says. It is not signed: whoever makes one up may list keys, and only chooses where to begin.

    Raises:
        InvalidValues: it is not as :func:`write_cursor` writes them, letter by letter.
    """
    position = _position(cursor) if len(cursor) == _LENGTH else None
    # Decoding is lax: it skips what is not of its alphabet and drops spare bits.
    if position is None or write_cursor(position) != cursor:
        raise InvalidValues([{"pointer": "/cursor", "reason": "malformed"}])
    return position


def _position(cursor: str) -> Position | None:
    try:
        found = _FORM.fullmatch(urlsafe_b64decode(f"{cursor}=").decode("ascii"))
    except ValueError:
        return None
    return None if found is None else Position(int(found[1]), found[2])
