"""
HMAC, SHA-256, HKDF and base64, from the C functions themselves: hashlib and hmac cost 1 ms at start to arrive at them.

No signing package and no ``cryptography``: HMAC-SHA256 is all there is to do.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from typing import Final

try:
    from _hashlib import compare_digest, hmac_digest
    from _hashlib import openssl_sha256 as sha256
except ImportError:  # a Python without OpenSSL
    from hashlib import sha256
    from hmac import compare_digest
    from hmac import digest as hmac_digest  # type: ignore[assignment]

__all__ = [
    "DIGEST_BYTES",
    "base64",
    "base64url",
    "compare_digest",
    "hkdf_expand",
    "hkdf_extract",
    "hmac_sha256",
    "read_base64url",
    "sha256",
]

DIGEST_BYTES: Final = 32

_MOST_BLOCKS: Final = 255
_URL_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = str.maketrans("-_", "+/")


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256 of *message* (RFC 2104), 32 bytes."""
    return hmac_digest(key, message, "sha256")


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    """Return the pseudorandom key of *secret* (RFC 5869, section 2.2, SHA-256), 32 bytes."""
    return hmac_sha256(salt or bytes(DIGEST_BYTES), secret)


def hkdf_expand(pseudorandom_key: bytes, info: bytes, length: int) -> bytes:
    """
    Return *length* bytes for the purpose *info* (RFC 5869, section 2.3, SHA-256).

    Args:
        pseudorandom_key: from :func:`hkdf_extract`.
        info: what the bytes are for; another one gives others.
        length: 1 to 8,160.

    Raises:
        ValueError: *length* is out of range.
    """
    blocks = -(-length // DIGEST_BYTES)
    if not 1 <= blocks <= _MOST_BLOCKS:
        raise ValueError("HKDF gives 1 to 8160 bytes")
    block, material = b"", b""
    for number in range(1, blocks + 1):
        block = hmac_sha256(pseudorandom_key, block + info + bytes((number,)))
        material += block
    return material[:length]


def base64(raw: bytes) -> str:
    """Return *raw* in base64 with padding (RFC 4648, section 4), as byte sequences of fields have it."""
    return b2a_base64(raw, newline=False).decode("ascii")


def base64url(raw: bytes) -> str:
    """Return *raw* in base64url without padding (RFC 4648, section 5)."""
    return b2a_base64(raw, newline=False).translate(_TO_URL).decode("ascii").rstrip("=")


def read_base64url(text: str) -> bytes | None:
    r"""
    Return the bytes that *text* is the one and only base64url of; None if it is none.

    Example:
        >>> read_base64url("-_8"), read_base64url("-_9"), read_base64url("-_8=")
        (b'\xfb\xff', None, None)
    """
    if _URL_ALPHABET.fullmatch(text) is None or len(text) % 4 == 1:
        return None
    raw = a2b_base64(text.translate(_FROM_URL) + "=" * (-len(text) % 4))
    return raw if base64url(raw) == text else None
