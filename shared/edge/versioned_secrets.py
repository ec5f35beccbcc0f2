"""
Secrets with versions, as the house's secret states them: the first is used for what is new, all for what is old.

::

    [{"version": 2, "secret": "<base64url of 32 bytes>"}, {"version": 1, "secret": "…"}]

Refresh tokens and signatures name the version that they were made with.
"""

from __future__ import annotations

import os
import re
from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET_BYTES: Final = 32
MAX_SECRETS: Final = 16
MAX_VERSION: Final = 9999

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class VersionedSecret(TypedDict):
    """One of them; *secret* is base64url of 32 bytes, without padding."""

    version: int
    secret: str


class VersionedSecretsInvalid(ValueError):
    """
    A member of the secret states no usable secrets. The message tells where and what, and nothing that is in them.

    Args:
        member: its name.
        reason: of a closed set.
        index: of the entry.
    """

    def __init__(self, member: str, reason: str, index: int | None = None) -> None:
        super().__init__(f"{member}{'' if index is None else f'[{index}]'}: {reason}")


def parse_versioned(entries: object, *, member: str) -> dict[int, bytes]:
    """
    Return the secrets that *entries* state by version, in their order.

    Args:
        entries: a list of :class:`VersionedSecret`, 1 to 16.
        member: its name, for the error.

    Raises:
        VersionedSecretsInvalid: it is none, or a version or a secret is there twice.

    Example:
        >>> parse_versioned([{"version": 1, "secret": "A" * 43}], member="refresh_keys") == {1: bytes(32)}
        True
        >>> parse_versioned([{"version": 1, "secret": "A"}], member="refresh_keys")
        Traceback (most recent call last):
        edge.versioned_secrets.VersionedSecretsInvalid: refresh_keys[0]: secret_not_32_bytes_base64url
    """
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_SECRETS:
        raise VersionedSecretsInvalid(member, "not_a_list_of_1_to_16")
    secrets: dict[int, bytes] = {}
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or entry.keys() != {"version", "secret"}:
            raise VersionedSecretsInvalid(member, "not_a_version_and_a_secret", index)
        version = entry["version"]
        if type(version) is not int or not 1 <= version <= MAX_VERSION:
            raise VersionedSecretsInvalid(member, "version_out_of_range", index)
        secret = _decoded(entry["secret"])
        if secret is None:
            raise VersionedSecretsInvalid(member, "secret_not_32_bytes_base64url", index)
        # The same secret under two versions would make one of two, and a rotation that rotates nothing.
        if version in secrets or secret in secrets.values():
            raise VersionedSecretsInvalid(member, "version_or_secret_twice", index)
        secrets[version] = secret
    return secrets


def new_versioned(version: int, *, random_bytes: Callable[[int], bytes] = os.urandom) -> VersionedSecret:
    """
    Return a new secret.

    Args:
        version: 1 to 9999, none that was in use before.
        random_bytes: a source fit for keys.
    """
    return {"version": version, "secret": _encoded(random_bytes(SECRET_BYTES))}


def _encoded(raw: bytes) -> str:
    text = b2a_base64(raw, newline=False).decode("ascii")
    return text.rstrip("=").replace("+", "-").replace("/", "_")


def _decoded(text: object) -> bytes | None:
    """Return the 32 bytes that *text* is the one and only base64url of, or None."""
    if not isinstance(text, str) or _SECRET.fullmatch(text) is None:
        return None
    raw = a2b_base64(text.replace("-", "+").replace("_", "/") + "=")
    return raw if _encoded(raw) == text else None
