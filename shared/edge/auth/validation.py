"""
Whether an access token is good now: the frame, then what was revoked; and what it permits.

The answer says as of when revocations are known. Without the store a token is judged by its signature and claims
alone, unless this is set to fail closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge.auth.roles import RANKS
from edge.auth.tokens.problems import TokenRefused

if TYPE_CHECKING:
    from collections.abc import Collection

    from edge.auth.roles import Role
    from edge.auth.sessions.revocations import Revocations
    from edge.auth.tokens.claims import AccessToken
    from edge.auth.tokens.verifier import TokenVerifier


class Validated(NamedTuple):
    """
    A token that is good.

    Attributes:
        token: what it says.
        revocation_as_of_ms: epoch ms of the read that "not revoked" rests on; None if nothing could ever be read.
    """

    token: AccessToken
    revocation_as_of_ms: int | None

    def permits(self, *, role: Role | None, scopes: Collection[str]) -> bool:
        """Tell whether it is of *role* or a higher one, where one is asked for, and has all of *scopes*."""
        return (role is None or RANKS[self.token.role] >= RANKS[role]) and self.token.scopes.issuperset(
            scopes
        )


class TokenValidator:
    """
    Validates access tokens; share one between threads.

    Args:
        verifier: the frame with this service's keys and rules.
        revocations: of this region.
        fail_closed: refuse to answer when nobody can say whether a token was revoked.
    """

    def __init__(self, verifier: TokenVerifier, revocations: Revocations, *, fail_closed: bool) -> None:
        self._verifier = verifier
        self._revocations = revocations
        self._fail_closed = fail_closed

    def validate(self, token: str, *, audience: str | None = None) -> Validated:
        """
        Return what *token* says.

        Args:
            token: as it was shown.
            audience: whom it must be for, where that is more than this service's own audience.

        Raises:
            TokenRefused: it is not good; ``revoked`` if it was.
            edge.problems.DependencyUnavailable: there are no keys, or revocations are unknown and that is refused.
        """
        said = self.read(token)
        if audience not in (None, said.audience):
            raise TokenRefused("wrong_audience")
        status = self._revocations.status(
            jti=said.jti,
            family=said.family,
            subject=said.subject,
            client_id=said.client_id,
            issued_at=said.issued_at,
            fail_closed=self._fail_closed,
        )
        if status.revoked:
            raise TokenRefused("revoked")
        return Validated(said, status.as_of_ms)

    def read(self, token: str) -> AccessToken:
        """
        Return what *token* says, whether it was revoked or not.

        Raises:
            TokenRefused: it is not ours, or over.
            edge.auth.tokens.problems.KeysUnavailable: there are no keys to tell.
        """
        return self._verifier.verify(token)
