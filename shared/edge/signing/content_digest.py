"""
The body as a ``Content-Digest`` field (RFC 9530): SHA-256 always, also of an empty body.

Others may stand beside it and are not looked at: SHA-256 alone fixes the body, and the field is signed as a whole.
"""

from __future__ import annotations

import re
from typing import Final

from edge.signing.dictionary import KEY, OWS_COMMA
from edge.signing.primitives import base64, compare_digest, sha256
from edge.signing.problems import SignatureRefused, violated
from edge.signing.profile import MAX_CONTENT_DIGEST_CHARS

_SHA_256: Final = re.compile(r":([A-Za-z0-9+/]{43}=):")
_MEMBER: Final = re.compile(rf"({KEY})=(:[A-Za-z0-9+/]*={{0,2}}:)")
_PREFIX: Final = "sha-256="


def content_digest(body: bytes) -> str:
    """
    Return the field's value for *body*.

    Example:
        >>> content_digest(b"")
        'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'
    """
    return f"{_PREFIX}:{base64(sha256(body).digest())}:"


def read_content_digest(field: str | None) -> str:
    """
    Return the SHA-256 that *field* states, as ``:base64:``.

    Args:
        field: the value, lines joined; None where there is none.

    Raises:
        SignatureRefused: ``profile_violation``; it is missing, too large, malformed, or has no SHA-256 or two.
    """
    if field is None:
        raise violated("no_content_digest")
    if len(field) > MAX_CONTENT_DIGEST_CHARS:
        raise violated("content_digest_too_large")
    stated: dict[str, str] = {}
    position = 0
    while True:
        member = _MEMBER.match(field, position)
        if member is None or member[1] in stated:
            raise violated("malformed_content_digest")
        stated[member[1]] = member[2]
        if member.end() == len(field):
            break
        comma = OWS_COMMA.match(field, member.end())
        if comma is None:
            raise violated("malformed_content_digest")
        position = comma.end()
    if "sha-256" not in stated:
        raise violated("no_sha_256")
    if _SHA_256.fullmatch(stated["sha-256"]) is None:
        raise violated("malformed_content_digest")
    return stated["sha-256"]


def check_content_digest(stated: str, body: bytes) -> None:
    """
    Check *body* against what :func:`read_content_digest` returned.

    Raises:
        SignatureRefused: ``digest_mismatch``. Texts are compared, so another spelling of the same bytes is one.
    """
    if not compare_digest(_PREFIX + stated, content_digest(body)):
        raise SignatureRefused("digest_mismatch")
