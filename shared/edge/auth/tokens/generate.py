"""
New keys and their rotation: for whoever sets up or operates the service, not for a request.

Rotation puts a new key first. An old one goes when it is beyond the wanted count or age AND every token that it signed has
expired: it signed until its successor had reached every container (``HANDOVER_SECONDS``), and tokens live a day at most. A
key that leaked is taken out at once by :func:`without_key`, and its tokens with it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from edge.auth.tokens import base64url
from edge.auth.tokens.claims import MAX_LIFETIME_SECONDS
from edge.auth.tokens.key_source import MAX_AGE_SECONDS
from edge.auth.tokens.keyring import KeyRing
from edge.auth.tokens.problems import KeysRefused
from edge.auth.tokens.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.tokens.jwk import Algorithm

    Random: TypeAlias = Callable[[int], bytes]

SECRET_BYTES: Final = 64
"""A block of SHA-256: longer is hashed down, shorter is padded up."""

MODULUS_BITS: Final = 2048
PUBLIC_EXPONENT: Final = 65_537

HANDOVER_SECONDS: Final = MAX_AGE_SECONDS
"""So long can a container that cannot reach the source go on to sign with the old key."""

Entry: TypeAlias = dict[str, object]
"""One member of ``token_keys``."""


def new_entry(
    alg: Algorithm, *, issuer: str, created_at: int, random: Random, kid: str | None = None
) -> Entry:
    """
    Return a new key as a document holds it.

    Args:
        alg: what it is for.
        issuer: whose it is.
        created_at: seconds since the epoch.
        random: returns so many random bytes, ``os.urandom``; for the secret and the name. Asymmetric keys are made by
            OpenSSL from its own source.
        kid: its name; by default algorithm, creation and four random bytes.
    """
    name = kid or f"{alg.lower()}-{created_at}-{random(4).hex()}"
    return {
        "kid": name,
        "alg": alg,
        "issuer": issuer,
        "created_at": created_at,
        "key": {**_new_jwk(alg, random), "kid": name, "alg": alg, "use": "sig"},
    }


def new_document(entries: list[Entry]) -> str:
    """
    Return a document of *entries*, newest first.

    Raises:
        KeysRefused: it is none that would be taken.
    """
    return _written({"token_keys": entries})


def rotated(
    document: str,
    entry: Entry,
    *,
    now_seconds: int,
    keep_keys: int,
    max_age_seconds: int,
) -> str:
    """
    Return *document* with *entry* as the key that signs; other members stay as they are.

    Args:
        document: the secret's text.
        entry: from :func:`new_entry`.
        now_seconds: since the epoch.
        keep_keys: how many keys to keep, the new one counted, >= 1. More stay while their tokens can be alive.
        max_age_seconds: older ones go as well, under the same condition.

    Raises:
        KeysRefused: the document is none that is taken, before or after.
        ValueError: *keep_keys* is less than 1.
    """
    if keep_keys < 1:
        raise ValueError("keep_keys is at least 1")
    members, entries = _read(document)
    entries.insert(0, entry)
    kept = [
        old
        for position, old in enumerate(entries)
        if position == 0
        or not _is_spent(entries[position - 1], now_seconds)
        or (position < keep_keys and now_seconds - _created_at(old) <= max_age_seconds)
    ]
    return _written({**members, "token_keys": kept})


def without_key(document: str, kid: str) -> str:
    """
    Return *document* without a key, whatever it signed.

    Raises:
        KeyError: there is no such key; the error does not name it.
        KeysRefused: the document is none that is taken, before or after; such as without its only key.
    """
    members, entries = _read(document)
    kept = [entry for entry in entries if entry["kid"] != kid]
    if len(kept) == len(entries):
        raise KeyError("no such key")
    return _written({**members, "token_keys": kept})


def _created_at(entry: Entry) -> int:
    return cast("int", entry.get("created_at", 0))


def _is_spent(successor: Entry, now_seconds: int) -> bool:
    """Tell whether all tokens of the key before *successor* have expired."""
    return _created_at(successor) + HANDOVER_SECONDS + MAX_LIFETIME_SECONDS <= now_seconds


def _read(document: str) -> tuple[dict[str, object], list[Entry]]:
    KeyRing.parse(document)
    members = decode_object(document.encode("utf-8"))
    return members, list(cast("list[Entry]", members["token_keys"]))


def _written(members: dict[str, object]) -> str:
    """Return the document, once it reads back and its first key signs."""
    text = json.dumps(members, separators=(",", ":"), allow_nan=False)
    if not KeyRing.parse(text).keys[0].material.can_sign:
        raise KeysRefused("no_signing_key", position=0)
    return text


def _new_jwk(alg: Algorithm, random: Random) -> dict[str, str]:
    if alg == "HS256":
        return {"kty": "oct", "k": _text(random(SECRET_BYTES))}
    if alg == "RS256":
        return _new_rsa()
    if alg == "ES256":
        return _new_p256()
    return _new_ed25519()


def _new_rsa() -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    numbers = generate_private_key(PUBLIC_EXPONENT, MODULUS_BITS).private_numbers()
    public = numbers.public_numbers
    return {
        "kty": "RSA",
        "n": _number(public.n),
        "e": _number(public.e),
        "d": _number(numbers.d),
        "p": _number(numbers.p),
        "q": _number(numbers.q),
        "dp": _number(numbers.dmp1),
        "dq": _number(numbers.dmq1),
        "qi": _number(numbers.iqmp),
    }


def _new_p256() -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    numbers = generate_private_key(SECP256R1()).private_numbers()
    x, y, d = (
        _text(one.to_bytes(32, "big"))
        for one in (numbers.public_numbers.x, numbers.public_numbers.y, numbers.private_value)
    )
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": d}


def _new_ed25519() -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _text(key.public_key().public_bytes_raw()),
        "d": _text(key.private_bytes_raw()),
    }


def _text(raw: bytes) -> str:
    return base64url.encode(raw).decode("ascii")


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))
