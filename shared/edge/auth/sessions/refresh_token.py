"""
Refresh tokens: ``rt1.<key version>.<home region>.<family>.<generation>.<mac>``.

The MAC proves that we issued it, so a token is refused without any I/O unless it is ours. One token is one text: what is
presented is compared with what we would have written. The successor of a token follows from its family, its generation
and the key, and so does the ``jti`` of the access token beside it: a refresh whose answer was lost can be answered again,
to the byte, and no token is stored anywhere. For the same reason a family keeps the key that it began with.

Keys come from the member ``refresh_keys`` of the secret: the first signs for new families, all verify. To rotate, add
the new key as the second, wait until every container has it, then move it to the front; remove the old one when the last
family that it signed for has expired.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.auth.sessions.macs import base64url, compare_digest, mac
from edge.auth.sessions.problems import RefreshRefused
from edge.regions import BY_CODE
from edge.versioned_secrets import parse_versioned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.regions import Region

MAX_ROTATIONS: Final = 5
"""Refreshes of one family; with access tokens of a day it is six days at most."""

_JTI_BYTES: Final = 16
_SHAPE: Final = re.compile(
    r"rt1\.([1-9][0-9]{0,3})\.([a-z]{3}[0-9])\.([A-Za-z0-9_-]{22})\.([0-5])\.([A-Za-z0-9_-]{43})"
)
"""Bounded, so a text of any length costs no more than a token: 79 to 82 characters."""


class RefreshToken(NamedTuple):
    """
    What a refresh token says.

    Attributes:
        key_version: of the key that signs it.
        home: the region whose store decides about its family.
        family: see :mod:`edge.auth.sessions.family_id`.
        generation: 0 for the first token of a family, one more for each successor.
    """

    key_version: int
    home: Region
    family: str
    generation: int


class RefreshKeys:
    """
    The keys of one moment; immutable, so threads share it. Make one by :meth:`parse`.

    Example:
        >>> from edge.regions import CDG1
        >>> keys = RefreshKeys.parse([{"version": 1, "secret": "A" * 43}])
        >>> text = keys.write(RefreshToken(1, CDG1, "dzWUAAAAAAAAAAAAAAAAAA", 0))
        >>> text[:36], len(text)
        ('rt1.1.cdg1.dzWUAAAAAAAAAAAAAAAAAA.0.', 79)
        >>> keys.read(text).generation
        0
        >>> keys.read(text.replace(".0.", ".1."))
        Traceback (most recent call last):
        edge.auth.sessions.problems.RefreshRefused
    """

    __slots__ = ("_secrets", "signing_version")

    def __init__(self, secrets: Mapping[int, bytes]) -> None:
        self._secrets = dict(secrets)
        self.signing_version = next(iter(self._secrets))

    @classmethod
    def parse(cls, entries: object) -> RefreshKeys:
        """
        Return the keys that the secret's member ``refresh_keys`` states.

        Args:
            entries: see :func:`edge.versioned_secrets.parse_versioned`; the first signs.

        Raises:
            edge.versioned_secrets.VersionedSecretsInvalid: it states none.
        """
        return cls(parse_versioned(entries, member="refresh_keys"))

    def __repr__(self) -> str:
        return f"RefreshKeys(versions={list(self._secrets)})"

    def write(self, token: RefreshToken) -> str:
        """
        Return the text of *token*.

        Raises:
            KeyError: there is no key of its version.
        """
        head = f"rt1.{token.key_version}.{token.home.code}.{token.family}.{token.generation}"
        return f"{head}.{base64url(mac(self._secrets[token.key_version], 'refresh', head))}"

    def read(self, text: str) -> RefreshToken:
        """
        Return what *text* says, if it is a token of ours; no I/O, and nothing of the text is kept in the error.

        Raises:
            RefreshRefused: ``invalid_refresh_token``.
        """
        found = _SHAPE.fullmatch(text)
        if found is not None:
            version, home = int(found[1]), BY_CODE.get(found[2])
            if version in self._secrets and home is not None:
                token = RefreshToken(version, home, found[3], int(found[4]))
                if compare_digest(self.write(token), text):
                    return token
        raise RefreshRefused("invalid_refresh_token")

    def jti_of(self, token: RefreshToken) -> str:
        """
        Return the ``jti`` of the access token that is issued beside *token*: 22 characters.

        Raises:
            KeyError: there is no key of its version.
        """
        grant = f"{token.home.code}.{token.family}.{token.generation}"
        return base64url(mac(self._secrets[token.key_version], "jti", grant)[:_JTI_BYTES])
