"""
What an access token says, and which payloads say it (RFC 7519, RFC 9068 section 2.2).

The set of claims is closed. RFC 7519 lets a reader ignore what it does not know; but a claim can restrict (``cnf`` binds
the token to a key, ``act`` says that another acts), and ignoring it would give more than was granted. So a new claim
is released to every region that reads before any region writes it.

Values are matched, not cleaned: no trimming, no case folding, no conversion. What leaves this module can stand in a
database key, a log line and a header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from edge.auth.plans import PLANS
from edge.auth.roles import SCOPES, scope_text
from edge.auth.tokens.keyring import MAX_SECONDS
from edge.auth.tokens.problems import TokenRefused

if TYPE_CHECKING:
    from edge.auth.plans import Plan
    from edge.auth.roles import Role

MAX_LIFETIME_SECONDS: Final = 86_400

REQUIRED: Final = frozenset({"iss", "aud", "sub", "client_id", "iat", "exp", "jti", "role", "scope"})
ALLOWED: Final = REQUIRED | {"family", "nbf", "plan"}

TOKEN_ROLES: Final = frozenset(SCOPES) - {"ANONYMOUS"}
"""ANONYMOUS is whoever shows nothing: a token that says so contradicts itself."""

_identifier = re.compile(r"[A-Za-z0-9._~:@|+-]{1,128}").fullmatch
"""
sub, client_id, jti: no ``#`` (it separates the parts of our keys), no slash, space, quote or control, ASCII alone. It takes
UUIDs, e-mail addresses, URNs and the ``provider|id`` of identity services.
"""

_family = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch


class AccessToken(NamedTuple):
    """
    A verified token, or one to be issued.

    Attributes:
        subject: who acts (``sub``).
        client_id: through which client.
        issuer: of the key that signed (``iss``).
        audience: whom it is for (``aud``), one.
        issued_at: seconds since the epoch (``iat``).
        expires_at: seconds since the epoch, the first in which it is no longer valid (``exp``).
        jti: the token's name; revocation goes by it.
        role: ADMIN, USER or GUEST.
        scopes: what it is good for, at least one, all within the role's.
        family: the refresh family that it belongs to, if any.
        key_id: the key that signed (``kid``).
        plan: whose limit its calls count against, if any.
    """

    subject: str
    client_id: str
    issuer: str
    audience: str
    issued_at: int
    expires_at: int
    jti: str
    role: Role
    scopes: frozenset[str]
    family: str | None
    key_id: str
    plan: Plan | None = None


def payload_of(token: AccessToken) -> dict[str, object]:
    """Return *token* as claims, ``family`` and ``plan`` only where there is one."""
    claims: dict[str, object] = {
        "iss": token.issuer,
        "aud": token.audience,
        "sub": token.subject,
        "client_id": token.client_id,
        "iat": token.issued_at,
        "exp": token.expires_at,
        "jti": token.jti,
        "role": token.role,
        "scope": scope_text(token.scopes),
    }
    if token.family is not None:
        claims["family"] = token.family
    if token.plan is not None:
        claims["plan"] = token.plan
    return claims


def read_claims(
    claims: dict[str, object],
    *,
    key_id: str,
    issuer: str,
    audience: str,
    now_seconds: int,
    leeway_seconds: int,
) -> AccessToken:
    """
    Return the token that *claims* describe.

    Args:
        claims: the payload, its signature checked.
        key_id: the key that signed.
        issuer: the only value of ``iss``.
        audience: the only value of ``aud``.
        now_seconds: since the epoch.
        leeway_seconds: how far ``iat`` and ``nbf`` may lie ahead, for clocks that differ; ``exp`` is exact.

    Raises:
        TokenRefused: they describe none that is valid now.
    """
    if not REQUIRED <= claims.keys() <= ALLOWED:
        raise TokenRefused("bad_claims")
    subject, client_id, jti = claims["sub"], claims["client_id"], claims["jti"]
    family, plan = claims.get("family"), claims.get("plan")
    if (
        type(subject) is not str
        or type(client_id) is not str
        or type(jti) is not str
        or not _identifier(subject)
        or not _identifier(client_id)
        or not _identifier(jti)
        or ("family" in claims and (type(family) is not str or not _family(family)))
        or ("plan" in claims and (type(plan) is not str or plan not in PLANS))
    ):
        raise TokenRefused("bad_claims")
    issued_at, expires_at = _read_times(claims, now_seconds, leeway_seconds)
    if claims["iss"] != issuer:
        raise TokenRefused("wrong_issuer")
    if claims["aud"] != audience:
        raise TokenRefused("wrong_audience")
    role = claims["role"]
    if type(role) is not str or role not in TOKEN_ROLES:
        raise TokenRefused("bad_role")
    return AccessToken(
        subject,
        client_id,
        issuer,
        audience,
        issued_at,
        expires_at,
        jti,
        role,
        _read_scope(claims["scope"], role),
        cast("str | None", family),
        key_id,
        cast("Plan | None", plan),
    )


def _read_times(claims: dict[str, object], now_seconds: int, leeway_seconds: int) -> tuple[int, int]:
    issued_at, expires_at = claims["iat"], claims["exp"]
    not_before = claims.get("nbf", 0)
    if (
        type(issued_at) is not int  # neither True nor 1.0
        or type(expires_at) is not int
        or type(not_before) is not int
        or not 0 <= issued_at < expires_at < MAX_SECONDS
        or not 0 <= not_before < expires_at
    ):
        raise TokenRefused("bad_times")
    if expires_at - issued_at > MAX_LIFETIME_SECONDS:
        raise TokenRefused("lifetime_too_long")
    if now_seconds >= expires_at:
        raise TokenRefused("expired")
    if issued_at > now_seconds + leeway_seconds or not_before > now_seconds + leeway_seconds:
        raise TokenRefused("not_yet_valid")
    return issued_at, expires_at


def _read_scope(scope: object, role: Role) -> frozenset[str]:
    """
    Return the scopes, in any order, one space between two and none twice (RFC 6749, section 3.3).

    A scope beyond the role refuses the token: our issuer writes none, so its key was used by somebody else. Cutting it
    down to the role would take that token for honest. A new scope is released to all readers before it is written.
    """
    if type(scope) is not str:
        raise TokenRefused("bad_scope")
    names = scope.split(" ")
    scopes = frozenset(names)
    if len(scopes) != len(names) or not scopes <= SCOPES[role]:
        raise TokenRefused("bad_scope")
    return scopes
