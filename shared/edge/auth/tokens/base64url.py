"""
Base64url as JWS writes it (RFC 7515, section 2), in exactly one spelling.

``base64.urlsafe_b64decode`` skips what is not of the alphabet and takes any trailing bits, so that one value has many
spellings. Here what does not encode back to itself is refused: no padding, no white space, no stray bits.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Final

_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
"""Padding and the standard alphabet's own two characters become one of neither, so that they do not decode."""

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_PADDING: Final = (b"", b"", b"==", b"=")


def decode(text: bytes) -> bytes:
    r"""
    Return what *text* encodes.

    Raises:
        ValueError: it is not the canonical encoding of anything.

    Example:
        >>> decode(b"-_8")
        b'\xfb\xff'
        >>> decode(b"-_9")
        Traceback (most recent call last):
        ValueError: not canonical base64url
    """
    standard = text.translate(_TO_STANDARD) + _PADDING[len(text) & 3]
    raw = a2b_base64(standard)
    if b2a_base64(raw, newline=False) != standard:
        raise ValueError("not canonical base64url")
    return raw


def encode(raw: bytes) -> bytes:
    r"""
    Return *raw* in base64url without padding.

    Example:
        >>> encode(b"\xfb\xff")
        b'-_8'
    """
    return b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL)
