"""
What a log group hands over, unpacked with a bound: the packed form alone is bounded by Lambda, and gzip packs a thousand to one.

Powertools unpacks whatever it is given, before anybody can look at how much it is; so this comes before it.
"""

from __future__ import annotations

import zlib
from binascii import a2b_base64
from typing import Final

MAX_EVENT_BYTES: Final = 32 * 1024 * 1024
"""Unpacked. CloudWatch takes a megabyte of lines at once; with its text and its objects this fits into the function's memory."""


class EventUnreadable(ValueError):
    """What was handed over is no packed event, or too much of one. It quotes nothing."""

    def __init__(self) -> None:
        super().__init__(f"awslogs.data is not gzip in base64, or is more than {MAX_EVENT_BYTES} bytes")


def unpacked_event(data: str) -> bytes:
    """
    Return what is packed in the one member of a log group's event.

    Args:
        data: gzip in base64.

    Raises:
        EventUnreadable: it is not, or unpacks to more than :data:`MAX_EVENT_BYTES`.

    Example:
        >>> import base64, gzip
        >>> unpacked_event(base64.b64encode(gzip.compress(b"{}")).decode())
        b'{}'
    """
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unzip.decompress(a2b_base64(data), MAX_EVENT_BYTES + 1)
    except (ValueError, zlib.error):
        raise EventUnreadable from None
    if len(plain) > MAX_EVENT_BYTES or not unzip.eof:
        raise EventUnreadable
    return plain
