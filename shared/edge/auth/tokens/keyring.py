"""
The key table: which key is which, for what algorithm, of which issuer.

It is read from the text of one secret::

    {"token_keys": [{"kid": "k2", "alg": "ES256", "issuer": "https://edge.example", "key": {JWK}, "created_at": 1800000000},
                    {"kid": "k1", ...}], ...}

Newest first: the first signs, all verify. ``created_at`` (seconds since the epoch) may be left out; rotation goes by it.
Members beside ``token_keys`` belong to others. One bad key spoils the document: a table that silently lost a key would
refuse good tokens with nobody knowing why.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from edge.auth.tokens import base64url
from edge.auth.tokens.algorithms import check_of
from edge.auth.tokens.jwk import ALGORITHMS, read_jwk
from edge.auth.tokens.problems import KeysRefused
from edge.auth.tokens.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.auth.tokens.algorithms import Check
    from edge.auth.tokens.jwk import Algorithm, Material

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - RFC 9068, section 2.1
"""The ``typ`` of an access token."""

KID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
ISSUER: Final = re.compile(r"[!-~]{1,256}")
"""A name or a URL (RFC 7519's StringOrURI), as the setting ``TOKEN_ISSUER`` takes it; it is compared, never resolved."""


MAX_DOCUMENT_CHARS: Final = 65_536
"""What Secrets Manager takes."""

MAX_KEYS: Final = 32
MAX_SECONDS: Final = 2**33
"""Times are below this (year 2242): it fits every number on the way, DynamoDB's and JavaScript's too."""

_REQUIRED: Final = frozenset({"kid", "alg", "issuer", "key"})
_ALLOWED: Final = _REQUIRED | {"created_at"}


class TokenKey:
    """
    One key of the table; neither its text nor a pickle shows the material.

    Args:
        kid: its name, ``[A-Za-z0-9._-]{1,64}``.
        alg: the only algorithm that it is used with.
        issuer: the only issuer whose tokens it signs.
        material: the key itself.

    Attributes:
        signer: what the issuer made of the private part, None until it signs.
    """

    __slots__ = ("_check", "alg", "issuer", "kid", "material", "signer")

    def __init__(self, kid: str, alg: Algorithm, issuer: str, material: Material) -> None:
        self.kid = kid
        self.alg: Algorithm = alg
        self.issuer = issuer
        self.material = material
        self.signer: object | None = None
        self._check: Check | None = None

    @property
    def check(self) -> Check:
        """The signature check, made at first use: a key that nobody uses costs no import."""
        check = self._check
        if check is None:
            check = self._check = check_of(self.material.checking)
        return check

    def __repr__(self) -> str:
        return f"TokenKey(kid={self.kid!r}, alg={self.alg!r}, issuer={self.issuer!r}, material=<hidden>)"

    def __reduce__(self) -> str:
        raise TypeError("keys are not pickled")


class KeyRing:
    """
    The table; it does not change.

    Args:
        keys: newest first, at least one, each with a kid of its own.

    Attributes:
        by_kid: the table.
        by_header: the same by the header segment that our issuer writes, so that it need not be parsed again.

    Raises:
        KeysRefused: there is none, or a kid occurs twice.
    """

    __slots__ = ("by_header", "by_kid", "keys")

    def __init__(self, keys: Sequence[TokenKey]) -> None:
        if not keys:
            raise KeysRefused("no_keys")
        self.keys = tuple(keys)
        self.by_kid: dict[str, TokenKey] = {}
        for position, key in enumerate(self.keys):
            if key.kid in self.by_kid:
                raise KeysRefused("duplicate_kid", position=position)
            self.by_kid[key.kid] = key
        self.by_header = {_header_segment(key): key for key in self.keys}

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """
        Read the table from the secret's text.

        Raises:
            KeysRefused: anything about it is wrong; nothing of the text is in the error.
        """
        if len(text) > MAX_DOCUMENT_CHARS:
            raise KeysRefused("oversize")
        try:
            document = decode_object(text.encode("utf-8"))
        except ValueError:  # a UnicodeEncodeError is one
            raise KeysRefused("not_json") from None
        entries = document.get("token_keys")
        if not isinstance(entries, list) or not entries:
            raise KeysRefused("no_keys")
        if len(entries) > MAX_KEYS:
            raise KeysRefused("too_many_keys")
        return cls([_read_entry(entry, position) for position, entry in enumerate(entries)])

    @property
    def signing_key(self) -> TokenKey:
        """
        The key that signs: the first.

        Raises:
            KeysRefused: it cannot (``no_signing_key``).
        """
        if not self.keys[0].material.can_sign:
            raise KeysRefused("no_signing_key", position=0)
        return self.keys[0]

    def public_jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK set (RFC 7517, section 5) of the asymmetric keys' public parts, in the table's order."""
        return {
            "keys": [
                {**key.material.public_jwk, "kid": key.kid, "alg": key.alg, "use": "sig"}
                for key in self.keys
                if key.material.public_jwk is not None
            ]
        }


def _header_segment(key: TokenKey) -> str:
    """Return the header of *key*'s tokens as PyJWT writes it, members in order; none needs escaping."""
    header = f'{{"alg":"{key.alg}","kid":"{key.kid}","typ":"{TOKEN_TYPE}"}}'
    return base64url.encode(header.encode("ascii")).decode("ascii")


def _read_entry(entry: object, position: int) -> TokenKey:
    if not isinstance(entry, dict) or not _REQUIRED <= entry.keys() <= _ALLOWED:
        raise KeysRefused("bad_entry", position=position)
    kid, alg, issuer, members = entry["kid"], entry["alg"], entry["issuer"], entry["key"]
    created_at = entry.get("created_at", 0)
    if type(kid) is not str or not KID.fullmatch(kid):
        raise KeysRefused("bad_kid", position=position)
    if type(alg) is not str or alg not in ALGORITHMS:
        raise KeysRefused("unknown_algorithm", position=position)
    if type(issuer) is not str or not ISSUER.fullmatch(issuer):
        raise KeysRefused("bad_issuer", position=position)
    if type(created_at) is not int or not 0 <= created_at < MAX_SECONDS:
        raise KeysRefused("bad_created_at", position=position)
    if not isinstance(members, dict):
        raise KeysRefused("bad_entry", position=position)
    known = cast("Algorithm", alg)
    return TokenKey(kid, known, issuer, read_jwk(members, alg=known, kid=kid, position=position))
