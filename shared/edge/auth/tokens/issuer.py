"""
Issuing: claims to a signed token, by PyJWT.

What comes out depends on the key and the claims alone: ``iat`` and ``jti`` are given, members are in order, and ES256 is signed
without randomness (RFC 6979), so that a lost answer can be given again, byte for byte, and so that two clones of one
snapshot never share a nonce. ``jwt`` loads when the first token is issued (75 ms with ``cryptography``).

Nothing is issued that the frame would refuse: the claims pass the same reader before they are signed.
"""

from __future__ import annotations

from functools import cache
from json import dumps
from typing import TYPE_CHECKING, cast

from edge.auth.tokens.claims import AccessToken, payload_of, read_claims
from edge.auth.tokens.frame import MAX_TOKEN_CHARS
from edge.auth.tokens.keyring import TOKEN_TYPE
from edge.auth.tokens.problems import KeysRefused, TokenRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from jwt.algorithms import AllowedPrivateKeys
    from jwt.api_jws import PyJWS

    from edge.auth.plans import Plan
    from edge.auth.roles import Role
    from edge.auth.tokens.keyring import KeyRing, TokenKey


class NotIssuable(ValueError):
    """
    The frame would refuse such a token; a defect of the caller.

    Args:
        refusal: as the frame would say it.
    """

    def __init__(self, refusal: TokenRefused) -> None:
        super().__init__(refusal.reason)
        self.reason = refusal.reason


def issue(
    keys: KeyRing,
    *,
    subject: str,
    client_id: str,
    audience: str,
    issued_at: int,
    expires_at: int,
    jti: str,
    role: Role,
    scopes: Iterable[str],
    family: str | None,
    plan: Plan | None = None,
) -> str:
    """
    Return a token of the newest key; arguments are as in :class:`~edge.auth.tokens.claims.AccessToken`.

    Args:
        keys: the first signs, and says which issuer this is.
        subject: who acts.
        client_id: through which client.
        audience: whom the token is for.
        issued_at: seconds since the epoch.
        expires_at: seconds since the epoch, at most 24 hours later.
        jti: the token's name, from a random source or derived; unique for each grant.
        role: not ANONYMOUS.
        scopes: at least one, all within the role's.
        family: the refresh family that it belongs to, or None.
        plan: whose limit its calls count against, or None.

    Raises:
        NotIssuable: the claims are not those of a valid token.
        KeysRefused: the newest key cannot sign, or its parts do not belong together.
    """
    key = keys.signing_key
    token = AccessToken(
        subject,
        client_id,
        key.issuer,
        audience,
        issued_at,
        expires_at,
        jti,
        role,
        frozenset(scopes),
        family,
        key.kid,
        plan,
    )
    claims = payload_of(token)
    try:
        read_claims(
            claims,
            key_id=key.kid,
            issuer=key.issuer,
            audience=audience,
            now_seconds=issued_at,
            leeway_seconds=0,
        )
    except TokenRefused as refusal:
        raise NotIssuable(refusal) from None
    signed = _sign(key, dumps(claims, separators=(",", ":")).encode("ascii"))
    if len(signed) > MAX_TOKEN_CHARS:
        raise NotIssuable(TokenRefused("oversize"))
    return signed


def _sign(key: TokenKey, payload: bytes) -> str:
    if key.signer is None:
        key.signer = _make_signer(key)
    return _jws().encode(
        payload,
        cast("AllowedPrivateKeys | bytes", key.signer),
        algorithm=key.alg,
        headers={"typ": TOKEN_TYPE, "kid": key.kid},
    )


def _make_signer(key: TokenKey) -> object:
    """Return PyJWT's form of the private part; PyJWT sees that it belongs to the public one (read_jwk does for RSA)."""
    from jwt.exceptions import PyJWTError

    algorithm = _jws().get_algorithm_by_name(key.alg)
    try:
        signer: object = algorithm.prepare_key(algorithm.from_jwk(dict(key.material.jwk)))
    except (PyJWTError, ValueError):
        raise KeysRefused("bad_private_part", position=0) from None
    return signer


@cache
def _jws() -> PyJWS:
    """Return PyJWT with the four algorithms, two of them ours."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1
    from cryptography.hazmat.primitives.hashes import SHA256
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm
    from jwt.api_jws import PyJWS
    from jwt.utils import der_to_raw_signature

    class DeterministicES256(ECAlgorithm):
        def sign(self, msg: bytes, key: EllipticCurvePrivateKey) -> bytes:
            der = key.sign(msg, ECDSA(SHA256(), deterministic_signing=True))
            return der_to_raw_signature(der, key.curve)

    jws = PyJWS(algorithms=["HS256", "RS256", "EdDSA"])
    jws.register_algorithm("ES256", DeterministicES256(SHA256, SECP256R1))
    jws.register_algorithm("Ed25519", OKPAlgorithm())  # RFC 9864's name, which PyJWT does not know
    return jws
