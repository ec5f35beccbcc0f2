"""JSON of the auth routes: what they take and answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import (
    Annotated,
    Final,
    Literal,
    NotRequired,  # pydantic refuses typing's before Python 3.12
)

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from edge.auth.house_keys import HouseKeys
from edge.auth.roles import Role, scope_text
from edge.auth.sessions.families import Families
from edge.auth.sessions.grants import Grant
from edge.auth.sessions.problems import RefreshRefused
from edge.auth.tokens.claims import MAX_LIFETIME_SECONDS
from edge.auth.tokens.issuer import issue
from edge.auth.tokens.problems import RefusalReason, TokenRefused
from edge.auth.validation import TokenValidator, Validated
from edge.problems import FieldError, InvalidValues

AskedRole = Literal["ADMIN", "USER", "GUEST"]

NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""Of every answer with a token in it (RFC 6749, section 5.1)."""


REQUIREMENTS: Final = frozenset({"required_role", "required_scopes"})
"""What the query of forward-auth may name."""


class TokenAnswer(TypedDict):
    """A sign-in or a refresh; after the last refresh *refresh_token* is null."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str | None
    refresh_expires_in: int
    refreshes_remaining: int
    role: Role
    scope: str


def token_answer(grant: Grant, keys: HouseKeys, *, audience: str, now_ms: int) -> TokenAnswer:
    """
    Return what *grant* gives, signed; the same grant gives the same tokens.

    Args:
        grant: of a sign-in or a refresh.
        keys: the newest signs.
        audience: whom the access token is for.
        now_ms: epoch milliseconds.

    Raises:
        edge.auth.tokens.problems.KeysUnavailable: there are no keys.
    """
    # No token outlives its session: that ends with the key that it was begun with.
    expires_at = min(grant.issued_at + MAX_LIFETIME_SECONDS, grant.refresh_expires_at)
    now = now_ms // 1000
    return TokenAnswer(
        access_token=issue(
            keys.ring.current(),
            subject=grant.subject,
            client_id=grant.client_id,
            audience=audience,
            issued_at=grant.issued_at,
            expires_at=expires_at,
            jti=grant.jti,
            role=grant.role,
            scopes=grant.scopes,
            family=grant.family,
            plan=grant.plan,
        ),
        token_type="Bearer",  # noqa: S106 - a type
        expires_in=max(0, expires_at - now),
        refresh_token=grant.refresh_token,
        refresh_expires_in=max(0, grant.refresh_expires_at - now),
        refreshes_remaining=grant.refreshes_remaining,
        role=grant.role,
        scope=scope_text(grant.scopes),
    )


class RefreshRequest(BaseModel):
    """What ``POST /api/auth/refresh`` takes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    refresh_token: Annotated[str, Field(description="The newest one of the session.")]


class RevokeRequest(BaseModel):
    """What ``POST /api/auth/revoke`` takes (RFC 7009): an access token or a refresh token."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    token: str
    token_type_hint: Annotated[
        Literal["access_token", "refresh_token"] | None, Field(description="Not needed: we can tell.")
    ] = None

    def revoke(self, families: Families, validator: TokenValidator, keys: HouseKeys) -> bool:
        """
        Revoke the token: a refresh token with its whole session, an access token alone. Whoever has it may.

        Returns:
            Whether there was anything to revoke; what is unknown, expired or no token needs nothing (RFC 7009).

        Raises:
            edge.problems.DependencyUnavailable: it cannot be written down anywhere; nothing was revoked.
        """
        try:
            if self.token.startswith("rt1."):
                refresh = keys.refresh_keys().read(self.token)
                families.revoke_family(refresh.family, home=refresh.home, why="logout")
            else:
                access = validator.read(self.token)
                families.revoke_token(access.jti, expires_at=access.expires_at)
        except (RefreshRefused, TokenRefused):
            return False
        return True


class ValidateRequest(BaseModel):
    """What ``POST /api/auth/validate`` takes; without *token* that of the Authorization header is meant."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    token: str | None = None
    audience: Annotated[str | None, Field(description="Whom the token must be for.")] = None
    required_role: Annotated[AskedRole | None, Field(description="This or a higher one.")] = None
    required_scopes: Annotated[list[str], Field(max_length=64, description="All of them.")] = []


class ActiveAnswer(TypedDict):
    """A token that is good; *permitted* tells whether it has the role and the scopes that were asked for."""

    active: Literal[True]
    sub: str
    client_id: str
    role: Role
    scope: str
    iss: str
    aud: str
    exp: int
    iat: int
    jti: str
    family: NotRequired[str]
    revocation_as_of: int | None
    permitted: bool


class InactiveAnswer(TypedDict):
    """A token that is not; nothing is told of it but why (RFC 7662, section 2.2)."""

    active: Literal[False]
    role: Literal["ANONYMOUS"]
    reason: RefusalReason | Literal["missing"]


def check_query(names: Iterable[str]) -> None:
    """
    Refuse a query of forward-auth that names anything but its two requirements, or one of them twice.

    A requirement that is misspelt would let everybody pass; and of two that differ a client may have written one.

    Args:
        names: of the query's parameters.

    Raises:
        InvalidValues: it does.
    """
    seen: set[str] = set()
    for name in names:
        if name not in REQUIREMENTS:
            raise InvalidValues([FieldError(pointer="/query", reason="unknown_member")])
        if name in seen:
            raise InvalidValues([FieldError(pointer=f"/query/{name}", reason="twice")])
        seen.add(name)


def validate_answer(
    request: ValidateRequest, shown: str | None, validator: TokenValidator
) -> ActiveAnswer | InactiveAnswer:
    """
    Return what is known of the token that *request* names.

    Args:
        request: what was asked.
        shown: the token of the Authorization header, if there was one.
        validator: judges it.

    Raises:
        edge.problems.DependencyUnavailable: nobody can tell.
    """
    token = request.token if request.token is not None else shown
    if token is None:
        return InactiveAnswer(active=False, role="ANONYMOUS", reason="missing")
    try:
        validated = validator.validate(token, audience=request.audience)
    except TokenRefused as refused:
        return InactiveAnswer(active=False, role="ANONYMOUS", reason=refused.reason)
    return active_answer(
        validated, permitted=validated.permits(role=request.required_role, scopes=request.required_scopes)
    )


def active_answer(validated: Validated, *, permitted: bool) -> ActiveAnswer:
    """Return what a good token says."""
    token, as_of_ms = validated
    answer = ActiveAnswer(
        active=True,
        sub=token.subject,
        client_id=token.client_id,
        role=token.role,
        scope=scope_text(token.scopes),
        iss=token.issuer,
        aud=token.audience,
        exp=token.expires_at,
        iat=token.issued_at,
        jti=token.jti,
        revocation_as_of=None if as_of_ms is None else as_of_ms // 1000,
        permitted=permitted,
    )
    if token.family is not None:
        answer["family"] = token.family
    return answer
