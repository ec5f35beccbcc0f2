"""
Sign a request: three header fields to attach to it.

No I/O, no clock. The fields are to be sent as they are; who has a ``Signature`` field already adds these as members of
another label, ``edge`` is ours.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.problems import InvalidValues
from edge.signing.content_digest import content_digest as digest_of
from edge.signing.content_digest import read_content_digest
from edge.signing.primitives import base64, base64url, hmac_sha256
from edge.signing.problems import SignatureRefused
from edge.signing.profile import (
    MAX_LIFETIME_SECONDS,
    MAX_SECONDS,
    NONCE,
    NONCE_BYTES,
    tag_of,
)
from edge.signing.signature_base import profile_base
from edge.signing.signature_input import write_signature_params
from edge.signing.target import BadTarget, Target, read_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.signing.keys import SigningKey

LABEL: Final = "edge"


class SignedHeaders(NamedTuple):
    """
    A signature.

    Attributes:
        headers: ``Content-Digest``, ``Signature-Input`` and ``Signature``, to be sent as they are.
        signature_base: what was signed, to be compared when a verifier disagrees.
        key_id: of the key.
        nonce: of the signature.
        created: epoch seconds.
        expires: epoch seconds.
        tag: names profile and region.
    """

    headers: dict[str, str]
    signature_base: str
    key_id: str
    nonce: str
    created: int
    expires: int
    tag: str


def sign(
    *,
    method: str,
    url: str,
    key: SigningKey,
    created: int,
    expires_in_seconds: int,
    body: bytes | None = None,
    content_digest: str | None = None,
    nonce: str | None = None,
    random: Callable[[int], bytes] = os.urandom,
) -> SignedHeaders:
    """
    Sign a request for the region of *key*.

    Args:
        method: as it will be sent.
        url: as it will be sent, absolute.
        key: as :meth:`edge.signing.keys.SigningKeys.key_of` returns it.
        created: now, epoch seconds.
        expires_in_seconds: 1 to 300.
        body: as it will be sent, ``b""`` for none; or
        content_digest: the ``Content-Digest`` field of a body that is elsewhere, SHA-256 among its digests. One of the two.
        nonce: 16 to 64 of ``[A-Za-z0-9_-]``, never used before with this key; by default 128 random bits.
        random: returns so many random bytes, for the nonce.

    Raises:
        edge.problems.InvalidValues: one of these is not so; the pointer is named for the argument.
    """
    target = _target(method, url)
    if type(created) is not int or not 1 <= created <= MAX_SECONDS - MAX_LIFETIME_SECONDS:
        raise _invalid("/created", "out_of_range")
    if type(expires_in_seconds) is not int or not 1 <= expires_in_seconds <= MAX_LIFETIME_SECONDS:
        raise _invalid("/expires_in_seconds", "out_of_range")
    if nonce is None:
        nonce = base64url(random(NONCE_BYTES))
    elif NONCE.fullmatch(nonce) is None:
        raise _invalid("/nonce", "malformed")
    digest = _digest(body, content_digest)
    expires = created + expires_in_seconds
    tag = tag_of(key.region.aws_region)
    signature_params = write_signature_params(
        created=created, expires=expires, nonce=nonce, key_id=key.key_id, tag=tag
    )
    base = profile_base(target, digest, signature_params)
    headers = {
        "Content-Digest": digest,
        "Signature-Input": f"{LABEL}={signature_params}",
        "Signature": f"{LABEL}=:{base64(hmac_sha256(key.secret, base))}:",
    }
    return SignedHeaders(headers, base.decode("ascii"), key.key_id, nonce, created, expires, tag)


def _target(method: str, url: str) -> Target:
    try:
        return read_target(method, url)
    except BadTarget as bad:
        pointer = "/method" if bad.violation == "bad_method" else "/url"
        raise _invalid(pointer, bad.violation) from None


def _digest(body: bytes | None, content_digest: str | None) -> str:
    if (body is None) == (content_digest is None):
        raise _invalid("/content_digest", "body_or_content_digest")
    if body is not None:
        return digest_of(body)
    try:
        read_content_digest(content_digest)
    except SignatureRefused as refused:
        raise _invalid("/content_digest", refused.violation or refused.reason) from None
    return content_digest or ""


def _invalid(pointer: str, reason: str) -> InvalidValues:
    return InvalidValues([{"pointer": pointer, "reason": reason}])
