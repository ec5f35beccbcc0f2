"""What a client gets for signing in or refreshing: all that goes into its two tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge.auth.sessions.refresh_token import MAX_ROTATIONS

if TYPE_CHECKING:
    from edge.auth.plans import Plan
    from edge.auth.roles import Role
    from edge.auth.sessions.refresh_token import RefreshKeys, RefreshToken
    from edge.auth.sessions.store import Family
    from edge.regions import Region


class Grant(NamedTuple):
    """
    What a sign-in or a refresh gives; equal whenever it is given again.

    Attributes:
        family: name of the family; the access token's ``family``.
        generation: 0 for the sign-in, then one more for each refresh.
        home: the region where it is refreshed.
        subject: the access token's ``sub``.
        client_id: the same of the API key that the family was begun with.
        role: of the subject.
        scopes: what it may do.
        plan: whose limit its calls count against.
        jti: of the access token.
        issued_at: epoch seconds, its ``iat``.
        refresh_token: the next one; None in the last generation.
        refresh_expires_at: epoch seconds; the family's end.
        refreshes_remaining: how often *refresh_token* and its successors can still be used.
    """

    family: str
    generation: int
    home: Region
    subject: str
    client_id: str
    role: Role
    scopes: frozenset[str]
    plan: Plan
    jti: str
    issued_at: int
    refresh_token: str | None
    refresh_expires_at: int
    refreshes_remaining: int


def grant_of(keys: RefreshKeys, token: RefreshToken, family: Family) -> Grant:
    """
    Return the grant that *token* stands for.

    Args:
        keys: one of which signs *token*.
        token: the newest of *family*.
        family: as it is stored.
    """
    remaining = MAX_ROTATIONS - token.generation
    return Grant(
        family=token.family,
        generation=token.generation,
        home=token.home,
        subject=family.subject,
        client_id=family.client_id,
        role=family.role,
        scopes=frozenset(family.scope.split()),
        plan=family.plan,
        jti=keys.jti_of(token),
        issued_at=family.issued_at,
        refresh_token=keys.write(token) if remaining else None,
        refresh_expires_at=family.expires_at,
        refreshes_remaining=remaining,
    )
