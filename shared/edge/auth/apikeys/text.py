"""
The text of an API key: ``ek_<env>_<id>_<secret><checksum>``.

========  ===================  ==============================================================================
env       ``[a-z]{2,8}``       a key of one environment is refused by another without asking a store
id        12 of base 62        public; names the key in stores, answers and logs
secret    43 of base 62        256.03 bits, uniform: no salt, stretching or pepper could add to that
checksum  6 of base 62         CRC-32 of everything before it, as GitHub's tokens have it
========  ===================  ==============================================================================

The checksum is no secret and keeps nobody out. It finds every typing error in one character and every swap of
neighbours (CRC-32 finds all bursts up to 32 bits), so that those, and scans by who does not know the form, cost no
read. ``_`` and no ``-``: a double click selects the whole key.

A presented key leaves this module as the SHA-256 of everything before the checksum. Environment and id are in the
hash, so a hash that somebody copies to another key's item proves nothing there.
"""

from __future__ import annotations

import re
from binascii import crc32
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.auth.apikeys.problems import KeyRefused

try:  # the C function itself: hashlib costs 1 ms at start to arrive at the same
    from _hashlib import openssl_sha256 as sha256
except ImportError:  # an interpreter without OpenSSL
    from hashlib import sha256

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

ENVIRONMENTS: Final = {"production": "live", "staging": "test", "development": "dev"}
"""The environment that each stage's keys name."""

ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 43
CHECKSUM_LENGTH: Final = 6

# Classes are written out: \w and \d would take letters and digits of every script.
_FORM: Final = re.compile(
    f"ek_([a-z]{{2,8}})_([0-9A-Za-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"
)
_ID: Final = re.compile(f"[0-9A-Za-z]{{{ID_LENGTH}}}")
_ENVIRONMENT: Final = re.compile("[a-z]{2,8}")

_FAIR_BYTES: Final = 256 // len(ALPHABET) * len(ALPHABET)
"""Bytes from here up would make the first letters of the alphabet likelier."""


class PresentedKey(NamedTuple):
    """
    What is kept of a key that somebody presents.

    Attributes:
        env: the environment that it names.
        id: the key's id.
        secret_hash: SHA-256, 32 bytes.
    """

    env: str
    id: str
    secret_hash: bytes

    def __repr__(self) -> str:
        """Leave out the hash: it is what a store compares with, and no log needs it."""
        return f"PresentedKey(env={self.env!r}, id={self.id!r})"


class GeneratedKey(NamedTuple):
    """
    A new key's text and what may be kept of it.

    Attributes:
        text: to be shown once; nothing else holds the secret.
        id: the key's id.
        secret_hash: SHA-256, 32 bytes.
    """

    text: str
    id: str
    secret_hash: bytes

    def __repr__(self) -> str:
        """Leave out the text and the hash."""
        return f"GeneratedKey(id={self.id!r})"


def parse(text: str) -> PresentedKey:
    """
    Return what *text* presents; no I/O, and no more work for a long one.

    Args:
        text: as it came, neither trimmed nor decoded.

    Raises:
        KeyRefused: ``malformed_key``: its form or its checksum is wrong.

    Example:
        >>> key = generate("test", lambda count: bytes(range(count)))
        >>> parse(key.text).id == key.id
        True
        >>> parse(key.text.replace("_test_", "_live_"))
        Traceback (most recent call last):
        edge.auth.apikeys.problems.KeyRefused
    """
    found = _FORM.fullmatch(text)  # it gives up after 75 characters, however many there are
    if found is None:
        raise KeyRefused("malformed_key")
    body = text[:-CHECKSUM_LENGTH].encode("ascii")
    if checksum(body) != text[-CHECKSUM_LENGTH:]:
        raise KeyRefused("malformed_key")
    return PresentedKey(found[1], found[2], sha256(body).digest())


def generate(env: str, random: Callable[[int], bytes], *, key_id: str | None = None) -> GeneratedKey:
    """
    Return a new key.

    Args:
        env: the environment, ``[a-z]{2,8}``.
        random: returns so many bytes that nobody can foretell, such as ``os.urandom``.
        key_id: of the key that gets a new secret; None for a new one.

    Raises:
        ValueError: *env* or *key_id* is not of its form.
    """
    if _ENVIRONMENT.fullmatch(env) is None:
        raise ValueError("env must be 2 to 8 of a-z")
    if key_id is None:
        key_id = random_text(ID_LENGTH, random)
    elif not is_key_id(key_id):
        raise ValueError("key_id must be 12 of base 62")
    body = f"ek_{env}_{key_id}_{random_text(SECRET_LENGTH, random)}"
    octets = body.encode("ascii")
    return GeneratedKey(body + checksum(octets), key_id, sha256(octets).digest())


def is_key_id(text: str) -> bool:
    """Tell whether *text* has the form of a key's id."""
    return _ID.fullmatch(text) is not None


def checksum(octets: bytes) -> str:
    """
    Return the CRC-32 of *octets* in base 62, padded with ``0`` to six.

    Example:
        >>> checksum(b"123456789"), checksum(b"")
        ('3jZRME', '000000')
    """
    rest = crc32(octets)
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, 62)
        digits = ALPHABET[digit] + digits
    return digits


def random_text(length: int, random: Callable[[int], bytes]) -> str:
    """
    Return *length* letters of base 62, each as likely as any other: bytes that would tip the scales are dropped.

    Args:
        length: > 0.
        random: as for :func:`generate`.
    """
    letters: list[str] = []
    while len(letters) < length:
        letters += [ALPHABET[byte % 62] for byte in random(2 * length) if byte < _FAIR_BYTES]
    return "".join(letters[:length])
