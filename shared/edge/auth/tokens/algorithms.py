"""
Signature checks, one per algorithm.

HS256 is the standard library's. The others come from ``cryptography``, imported when the first signature of their kind is
checked (8 ms), with keys built from numbers, so that neither its ``serialization`` nor ``x509`` is loaded.

ES256 signatures are not unique: with (r, s) also (r, n - s) holds, and half of all honest ones have the larger s, so it is
not refused. Revocation therefore goes by ``jti``, never by a token's bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

try:  # the C functions themselves: importing hmac costs 1 ms at start to arrive at the same two
    from _hashlib import compare_digest, hmac_digest
except ImportError:  # a Python without OpenSSL
    from hmac import compare_digest
    from hmac import digest as hmac_digest  # type: ignore[assignment]

from edge.auth.tokens.jwk import Ed25519Point, P256Point, RsaNumbers, Secret
from edge.auth.tokens.problems import TokenRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.tokens.jwk import CheckingPart

    Check: TypeAlias = Callable[[bytes, bytes], None]

P256_SIGNATURE_BYTES: Final = 64


def verify(checking: CheckingPart, message: bytes, signature: bytes) -> None:
    """
    Check one signature; :func:`check_of` is for many.

    Args:
        checking: the key; its type is the algorithm.
        message: what was signed.
        signature: as JWS writes it: for ES256 r and s, 32 bytes each (RFC 7518, section 3.4).

    Raises:
        TokenRefused: the signature is not this key's over this message (``bad_signature``).
    """
    check_of(checking)(message, signature)


def check_of(checking: CheckingPart) -> Check:
    """Return the check for a key, a function of message and signature that raises as :func:`verify` does."""
    if isinstance(checking, Secret):
        return _hs256(checking)
    if isinstance(checking, RsaNumbers):
        return _rs256(checking)
    if isinstance(checking, P256Point):
        return _es256(checking)
    return _ed25519(checking)


def _hs256(secret: Secret) -> Check:
    key = secret.octets

    def check(message: bytes, signature: bytes) -> None:
        if not compare_digest(hmac_digest(key, message, "sha256"), signature):
            raise TokenRefused("bad_signature")

    return check


def _rs256(numbers: RsaNumbers) -> Check:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.hashes import SHA256

    public = RSAPublicNumbers(numbers.e, numbers.n).public_key()
    padding, sha256 = PKCS1v15(), SHA256()

    def check(message: bytes, signature: bytes) -> None:
        try:
            public.verify(signature, message, padding, sha256)
        except InvalidSignature:
            raise TokenRefused("bad_signature") from None

    return check


def _es256(point: P256Point) -> Check:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import (
        ECDSA,
        SECP256R1,
        EllipticCurvePublicNumbers,
    )
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    public = EllipticCurvePublicNumbers(point.x, point.y, SECP256R1()).public_key()
    ecdsa = ECDSA(SHA256())

    def check(message: bytes, signature: bytes) -> None:
        if len(signature) != P256_SIGNATURE_BYTES:
            raise TokenRefused("bad_signature")
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            public.verify(encode_dss_signature(r, s), message, ecdsa)
        except InvalidSignature:
            raise TokenRefused("bad_signature") from None

    return check


def _ed25519(point: Ed25519Point) -> Check:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = Ed25519PublicKey.from_public_bytes(point.octets)

    def check(message: bytes, signature: bytes) -> None:
        try:
            public.verify(signature, message)
        except InvalidSignature:
            raise TokenRefused("bad_signature") from None

    return check
