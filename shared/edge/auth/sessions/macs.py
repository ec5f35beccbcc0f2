"""MACs and their text, from the C functions themselves: hashlib and hmac cost 1 ms at start to arrive at the same two."""

from __future__ import annotations

from base64 import urlsafe_b64encode

try:
    from _hashlib import compare_digest, hmac_digest
except ImportError:  # a Python without OpenSSL
    from hmac import compare_digest
    from hmac import digest as hmac_digest  # type: ignore[assignment]

__all__ = ["base64url", "compare_digest", "mac"]


def mac(key: bytes, purpose: str, message: str) -> bytes:
    """
    Return HMAC-SHA256 of *message* (RFC 2104).

    Args:
        key: 32 bytes of a secret, or something that is only to be told apart.
        purpose: ASCII; keeps what is proven for one purpose from being shown for another.
        message: any text, even with lone surrogates.
    """
    return hmac_digest(key, f"kaizen-edge/{purpose}/1\0{message}".encode("utf-8", "surrogatepass"), "sha256")


def base64url(raw: bytes) -> str:
    """Return *raw* as base64url without padding (RFC 4648, section 5)."""
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")
