"""
The frame: what is an access token of this service, and what is not.

Everything is checked in one order, cheap before dear and the signature before the content; the first broken rule is the
reason. It takes one spelling of one kind of token and raises :class:`TokenRefused` for all else, whatever the bytes: the
header picks a key and nothing more, it never brings one.

Why not ``jwt.decode``: with all its options on it takes 67 of 759 hostile tokens, spends 27 ms on 1 MB of junk before any
signature, and costs twice as much on a good one (``tests/bench/token_frame.py``). PyJWT signs, and is what this is
tested against.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.auth.tokens import base64url
from edge.auth.tokens.claims import read_claims
from edge.auth.tokens.keyring import KID, TOKEN_TYPE
from edge.auth.tokens.problems import TokenRefused
from edge.auth.tokens.strict_json import decode_object

if TYPE_CHECKING:
    from edge.auth.tokens.claims import AccessToken
    from edge.auth.tokens.jwk import Algorithm
    from edge.auth.tokens.keyring import KeyRing, TokenKey

MAX_TOKEN_CHARS: Final = 4_096
"""Ours have 350 to 950; a request's headers must fit into 8 to 10 KB on the way to us."""

LEEWAY_SECONDS: Final = 60

_HEADER: Final = frozenset({"alg", "typ", "kid"})


def verify(
    token: str,
    keys: KeyRing,
    *,
    algorithms: frozenset[Algorithm],
    issuer: str,
    audience: str,
    now_seconds: int,
    leeway_seconds: int = LEEWAY_SECONDS,
) -> AccessToken:
    """
    Return what *token* says, if it is valid in every respect but revocation.

    Args:
        token: what stood after ``Bearer``.
        keys: the key table.
        algorithms: those that are accepted here, under the names that the keys declare.
        issuer: the only issuer; the key must be that issuer's too.
        audience: the only audience.
        now_seconds: since the epoch.
        leeway_seconds: how far ``iat`` and ``nbf`` may lie in the future, >= 0; ``exp`` has none.

    Raises:
        TokenRefused: it is not; nothing else is raised, whatever *token* is.
    """
    if not isinstance(token, str):
        raise TokenRefused("malformed")
    if len(token) > MAX_TOKEN_CHARS:
        raise TokenRefused("oversize")
    if not token.isascii():
        raise TokenRefused("malformed")
    signed, _, signature_text = token.rpartition(".")
    header_text, _, payload_text = signed.partition(".")
    message = signed.encode("ascii")
    try:  # a dot too many is in the payload's text, which then does not decode; one too few leaves a part empty
        payload = base64url.decode(payload_text.encode("ascii"))
        signature = base64url.decode(signature_text.encode("ascii"))
    except ValueError:
        raise TokenRefused("malformed") from None
    if not header_text or not payload or not signature:
        raise TokenRefused("malformed")
    key = keys.by_header.get(header_text) or _key_of(header_text, keys)
    if key.alg not in algorithms:
        raise TokenRefused("wrong_algorithm")
    key.check(message, signature)
    try:
        claims = decode_object(payload)
    except ValueError:
        raise TokenRefused("bad_payload") from None
    if key.issuer != issuer:
        raise TokenRefused("wrong_issuer")
    return read_claims(
        claims,
        key_id=key.kid,
        issuer=issuer,
        audience=audience,
        now_seconds=now_seconds,
        leeway_seconds=leeway_seconds,
    )


def _key_of(header_text: str, keys: KeyRing) -> TokenKey:
    """Return the key that a header names which is not byte for byte what our issuer writes."""
    try:
        raw = base64url.decode(header_text.encode("ascii"))
    except ValueError:
        raise TokenRefused("malformed") from None
    try:
        header = decode_object(raw)
    except ValueError:
        raise TokenRefused("bad_header") from None
    alg, typ, kid = header.get("alg"), header.get("typ"), header.get("kid")
    if header.keys() != _HEADER or type(alg) is not str or type(typ) is not str or type(kid) is not str:
        raise TokenRefused("bad_header")
    if typ != TOKEN_TYPE:
        raise TokenRefused("wrong_type")
    if not KID.fullmatch(kid):
        raise TokenRefused("bad_header")
    key = keys.by_kid.get(kid)
    if key is None:
        raise TokenRefused("unknown_key")
    if alg != key.alg:
        raise TokenRefused("wrong_algorithm")
    return key
