"""A key of each algorithm, and tokens signed with it by hand: neither by the code under test nor by PyJWT."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from edge.auth.tokens import generate
from edge.auth.tokens.frame import verify
from edge.auth.tokens.keyring import KeyRing

if TYPE_CHECKING:
    from edge.auth.tokens.claims import AccessToken
    from edge.auth.tokens.jwk import Algorithm

ISSUER: Final = "https://edge.example"
AUDIENCE: Final = "kaizen-edge"
NOW: Final = 1_800_000_000
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("HS256", "RS256", "ES256", "EdDSA", "Ed25519")
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

CLAIMS: Final[dict[str, object]] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "user-42",
    "client_id": "web",
    "iat": NOW - 10,
    "exp": NOW + 3_590,
    "jti": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "role": "USER",
    "scope": "geo:route sign:request",
    "family": "fam_0123456789",
}


def pseudo_random(size: int) -> bytes:
    """The same bytes each time; the keys of tests need no more."""
    return hashlib.shake_128(b"kaizen-edge tests").digest(size)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


class Forge:
    """A key ring of one key of *alg*, another of the same kind that is not in it, and what they sign."""

    def __init__(self, alg: Algorithm) -> None:
        self.alg: Algorithm = alg
        self.kid = f"{alg}-1"
        self.entry = self._entry(self.kid, alg)
        other_alg: Algorithm = "ES256" if alg == "HS256" else "HS256"
        self.second = self._entry("second", other_alg)
        self.document = generate.new_document([self.entry, self.second])
        self.ring = KeyRing.parse(self.document)
        self.jwk = self._jwk(self.entry)
        self.stranger_jwk = self._jwk(self._entry("stranger", alg))

    @staticmethod
    def _entry(kid: str, alg: Algorithm) -> dict[str, object]:
        salt = kid.encode()
        return generate.new_entry(
            alg,
            issuer=ISSUER,
            created_at=NOW - 1_000,
            random=lambda size: hashlib.shake_128(salt).digest(size),
            kid=kid,
        )

    @staticmethod
    def _jwk(entry: dict[str, object]) -> dict[str, str]:
        key = entry["key"]
        assert isinstance(key, dict)
        return key

    @property
    def header(self) -> dict[str, object]:
        return {"alg": self.alg, "typ": "at+jwt", "kid": self.kid}

    def sign(self, message: bytes, jwk: dict[str, str] | None = None) -> bytes:
        """Sign with the ring's key, or with *jwk* of the same kind."""
        return signature_of(self.alg, jwk or self.jwk, message)

    def token(self, header: object = None, claims: object = None) -> str:
        """A token signed in earnest over whatever it is given: bytes as they are, the rest as JSON."""
        head = self.header if header is None else header
        body = CLAIMS if claims is None else claims
        return self.over(
            b64(head if isinstance(head, bytes) else compact(head)),
            b64(body if isinstance(body, bytes) else compact(body)),
        )

    def over(self, header_text: str, payload_text: str) -> str:
        """A token signed in earnest over two segments as they are written."""
        signed = f"{header_text}.{payload_text}"
        return f"{signed}.{b64(self.sign(signed.encode('utf-8', 'surrogatepass')))}"

    def with_claims(self, **changes: object) -> str:
        return self.token(claims={**CLAIMS, **changes})

    def without_claim(self, name: str) -> str:
        return self.token(claims={key: value for key, value in CLAIMS.items() if key != name})

    def with_header(self, **changes: object) -> str:
        return self.token(header={**self.header, **changes})

    def verify(self, token: str, *, now_seconds: int = NOW) -> AccessToken:
        return verify(
            token,
            self.ring,
            algorithms=frozenset({self.alg}),
            issuer=ISSUER,
            audience=AUDIENCE,
            now_seconds=now_seconds,
        )


@cache
def forge_of(alg: Algorithm) -> Forge:
    return Forge(alg)


def _number(text: str) -> int:
    return int.from_bytes(unb64(text), "big")


def signature_of(alg: str, jwk: dict[str, str], message: bytes) -> bytes:
    if alg == "HS256":
        return hmac.new(unb64(jwk["k"]), message, hashlib.sha256).digest()
    if alg == "RS256":
        return rsa_key(jwk["n"], jwk["e"], *(jwk[name] for name in ("d", "p", "q", "dp", "dq", "qi"))).sign(
            message, padding.PKCS1v15(), hashes.SHA256()
        )
    if alg == "ES256":
        r, s = utils.decode_dss_signature(ec_key(jwk["d"]).sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return ed25519.Ed25519PrivateKey.from_private_bytes(unb64(jwk["d"])).sign(message)


@cache
def rsa_key(*members: str) -> rsa.RSAPrivateKey:
    n, e, d, p, q, dp, dq, qi = (_number(member) for member in members)
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()


@cache
def ec_key(d: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(_number(d), ec.SECP256R1())
