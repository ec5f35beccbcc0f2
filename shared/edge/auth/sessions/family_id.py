"""
The names of families: 16 bytes as 22 characters, of which the first four bytes tell when the family began.

The time is there for the revocation of a subject ("sign out everywhere"). A refresh makes access tokens that are
younger than that order, from a family that is older; the name, which every access token carries, tells a validator so
without another read. The other 96 bits are random: they make names unique, the MAC makes tokens unguessable.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Final

from edge.auth.sessions.macs import base64url

RANDOM_BYTES: Final = 12
FAMILY_CHARS: Final = 22


def family_id(started_at: int, random: bytes) -> str:
    """
    Return the name of a family.

    Args:
        started_at: epoch seconds, 0 <= started_at < 2^32 (the year 2106).
        random: :data:`RANDOM_BYTES` bytes.

    Example:
        >>> family_id(2_000_000_000, bytes(12))
        'dzWUAAAAAAAAAAAAAAAAAA'
    """
    return base64url(started_at.to_bytes(4, "big") + random)


def started_at(family: str) -> int:
    """
    Return when the family of this name began, in epoch seconds.

    Args:
        family: as :func:`family_id` made it; from a token, so its signature must be verified.

    Raises:
        ValueError: it is no such name.

    Example:
        >>> started_at("dzWUAAAAAAAAAAAAAAAAAA")
        2000000000
    """
    if len(family) != FAMILY_CHARS:
        raise ValueError("not the name of a family")
    return int.from_bytes(urlsafe_b64decode(family + "==")[:4], "big")
