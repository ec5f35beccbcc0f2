# No "from __future__ import annotations" here: FastAPI looks the guard's annotations up when a route is declared.
"""
Who calls: an API key, an access token, or nobody in particular; and whether he may.

:func:`edge.composition.callers.open_callers` makes the one :class:`Callers` of a function, and ``callers.needs(scope)`` the
guard of a route::

    Guarded = Annotated[Caller, Depends(callers.needs("ratelimit:check"))]

Credentials are an API key in ``X-API-Key`` or, for clients that can set no other header (Prometheus), as
``Authorization: ApiKey <key>``; or an access token as ``Authorization: Bearer <token>``.

A guard answers 401 for credentials that are missing or wrong, 403 for a scope that the caller lacks and 429 for one who
is over his plan, before the body is looked at. Whoever shows nothing is ANONYMOUS and limited by the address that the
gateway saw, never by a header, which a client can write. Whoever shows something wrong is refused, not ANONYMOUS; and
that counts for his address too: who guesses is soon told to wait, whatever he guessed.

A call by an access token counts against the plan of the key that it was issued to, as a call by the key does: a token
is no way around a quota.
"""

from collections.abc import Awaitable, Callable, Sequence  # looked up when a route is declared
from socket import AF_INET6, inet_ntoa, inet_pton
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from starlette.requests import Request

from edge.auth.problems import AmbiguousCredentials, UnknownScheme
from edge.auth.roles import RANKS, SCOPES, Role, scope_text
from edge.problems import NotAllowed, NotAuthenticated
from edge.ratelimit.headers import verdict_headers
from edge.ratelimit.problems import TooManyRequests, header_lines
from edge.web.boundary import CALLER

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import Scope

    from edge.auth.apikeys.records import KeyRecord
    from edge.auth.plans import Plan
    from edge.auth.validation import Validated
    from edge.ratelimit.decisions import Verdict

Kind = Literal["key", "token", "anonymous"]

ANYBODY: Final = ""
"""In the place of a scope: whoever calls may, and is counted all the same."""

KEY_ONLY: Final = frozenset({b"x-api-key"})
KEY_OR_TOKEN: Final = KEY_ONLY | {b"authorization"}
"""The header fields that say who calls; any other is not looked at."""

_MAPPED_PREFIX: Final = b"\x00" * 10 + b"\xff\xff"


class Caller(NamedTuple):
    """
    Who calls.

    Attributes:
        kind: what he showed.
        role: as of his key or token.
        scopes: what he may do; a key or a token can carry fewer than its role.
        client_id: id of the API key that he called with, or that his token was issued to; empty for nobody.
        subject: whom a token speaks for; of a key its id; empty for nobody.
        plan: what his calls count against, but for nobody's.
        expires_at: epoch seconds at which his key or token does; None for never.
    """

    kind: Kind
    role: Role
    scopes: frozenset[str]
    client_id: str
    subject: str
    plan: "Plan"
    expires_at: int | None

    def require(self, *, role: Role | None, scopes: "Collection[str]") -> None:
        """
        Refuse one who is nobody, is below *role*, or lacks one of *scopes*.

        Raises:
            NotAuthenticated: he showed nothing.
            NotAllowed: he has not got it.
        """
        if self.kind == "anonymous":
            raise NotAuthenticated
        if (role is not None and RANKS[self.role] < RANKS[role]) or not self.scopes.issuperset(scopes):
            raise NotAllowed

    def auth_headers(self) -> dict[str, str]:
        """Return who he is as header fields, for the service behind a proxy that asked ahead."""
        return {
            "X-Auth-Subject": self.subject,
            "X-Auth-Client": self.client_id,
            "X-Auth-Role": self.role,
            "X-Auth-Scope": scope_text(self.scopes),
            "X-Auth-Kind": self.kind,
        }


NOBODY: Final = Caller("anonymous", "ANONYMOUS", SCOPES["ANONYMOUS"], "", "", "free", None)


class KeyAuthentication(Protocol):
    """Knows API keys; :class:`edge.auth.apikeys.authenticate.KeyVerifier`."""

    def authenticate(self, text: str) -> "KeyRecord":
        """Return the record of the key *text*, or raise a NotAuthenticated or a ServiceProblem."""

    def note_used(self, record: "KeyRecord") -> None:
        """Note that the key was used; never raises."""


class TokenValidation(Protocol):
    """Knows access tokens; :class:`edge.auth.validation.TokenValidator`."""

    def validate(self, token: str) -> "Validated":
        """Return what *token* says, or raise a NotAuthenticated or a ServiceProblem."""


class Quotas(Protocol):
    """Counts calls; :class:`edge.composition.callers.LimiterQuotas`."""

    def charge_client(self, client_id: str, plan: str) -> "Verdict | None":
        """Charge a call to a client's plan; None if the plan has no limit."""

    def charge_address(self, network: str) -> "Verdict":
        """Charge a call to an address."""


class Admitted(NamedTuple):
    """
    A caller who was let in, and what his answer and the log say of it.

    Attributes:
        caller: who it is.
        headers: lines that tell the limit he was counted against, for answers that tell none of their own.
    """

    caller: Caller
    headers: Sequence[tuple[bytes, bytes]]

    def log_fields(self) -> dict[str, str]:
        """Return what the log says of him: an id that is no secret, members of closed sets, never an address."""
        fields = {"caller": self.caller.kind, "role": str(self.caller.role)}
        return {**fields, "client_id": self.caller.client_id} if self.caller.client_id else fields


class Need(NamedTuple):
    """
    What a guard asks for, as the API's document tells it.

    Attributes:
        scope: that the caller must have, or :data:`ANYBODY`.
        shown_in: the header fields that may say who calls.
    """

    scope: str
    shown_in: frozenset[bytes]


class Callers:
    """
    Tells who calls and lets in who may; share one between threads.

    Args:
        keys: knows API keys.
        tokens: knows access tokens.
        quotas: counts calls.
    """

    def __init__(self, *, keys: KeyAuthentication, tokens: TokenValidation, quotas: Quotas) -> None:
        self._keys = keys
        self._tokens = tokens
        self._quotas = quotas

    def needs(
        self, scope: str, *, shown_in: frozenset[bytes] = KEY_OR_TOKEN
    ) -> Callable[[Request], Awaitable[Caller]]:
        """
        Return the guard of a route, for FastAPI's ``Depends``.

        Args:
            scope: that the caller must have, or :data:`ANYBODY`.
            shown_in: the header fields that may say who calls.
        """

        def admit(asgi_scope: "Scope") -> Caller:
            known = asgi_scope.get(CALLER)
            if known is None:
                known = asgi_scope[CALLER] = self.admit(asgi_scope, scope, shown_in)
            caller: Caller = known.caller
            return caller

        async def guard(request: Request) -> Caller:
            return admit(request.scope)

        guard.admit = admit  # type: ignore[attr-defined]  # edge.app calls it before the body is read
        guard.need = Need(scope, shown_in)  # type: ignore[attr-defined]  # infra.openapi documents it
        return guard

    def admit(self, asgi_scope: "Scope", scope: str, shown_in: frozenset[bytes]) -> Admitted:
        """
        Let in who may, and count the call.

        Raises:
            NotAuthenticated: his credentials are missing or wrong.
            NotAllowed: he has not got *scope*.
            TooManyRequests: he is over his plan, or his address over its limit.
            edge.problems.ServiceProblem: nobody can tell.
        """
        try:
            caller = self.identify(asgi_scope, shown_in)
        except NotAuthenticated:
            _within(self._quotas.charge_address(client_network(asgi_scope)))
            raise
        if caller.kind == "anonymous":
            verdict: Verdict | None = self._quotas.charge_address(client_network(asgi_scope))
        else:
            verdict = self._quotas.charge_client(caller.client_id, caller.plan)
        admitted = Admitted(caller, () if verdict is None else _within(verdict))
        # What is refused here was a call all the same: who tries what he may not does so at his own cost.
        if scope and scope not in caller.scopes:
            raise NotAuthenticated if caller.kind == "anonymous" else NotAllowed
        return admitted

    def identify(self, asgi_scope: "Scope", shown_in: frozenset[bytes] = KEY_OR_TOKEN) -> Caller:
        """
        Return who calls.

        Raises:
            NotAuthenticated: what he shows is wrong, or twice.
            edge.problems.ServiceProblem: nobody can tell.
        """
        shown = [(name, value) for name, value in asgi_scope["headers"] if name in shown_in]
        if not shown:
            return NOBODY
        if len(shown) > 1:
            raise AmbiguousCredentials
        ((name, value),) = shown
        if name in KEY_ONLY:
            return self._by_key(value.decode("latin-1"))
        scheme, credentials = _authorization(value)
        if scheme == "apikey":
            return self._by_key(credentials)
        if scheme != "bearer":
            raise UnknownScheme
        said = self._tokens.validate(credentials).token
        return Caller(
            "token",
            said.role,
            said.scopes,
            said.client_id,
            said.subject,
            said.plan or "free",
            said.expires_at,
        )

    def _by_key(self, text: str) -> Caller:
        record = self._keys.authenticate(text)
        self._keys.note_used(record)
        return Caller("key", record.role, record.scopes, record.id, record.id, record.plan, record.expires_at)


def bearer_token(asgi_scope: "Scope") -> str | None:
    """
    Return the token of the Authorization header (RFC 6750, section 2.1), None without such a header.

    Raises:
        AmbiguousCredentials: there are several.
        UnknownScheme: it is of another scheme.
    """
    shown = [value for name, value in asgi_scope["headers"] if name == b"authorization"]
    if len(shown) > 1:
        raise AmbiguousCredentials
    if not shown:
        return None
    scheme, token = _authorization(shown[0])
    if scheme != "bearer":
        raise UnknownScheme
    return token


def _authorization(value: bytes) -> tuple[str, str]:
    """Return the scheme in lower case (RFC 9110, section 11.1) and what follows it."""
    scheme, _, credentials = value.decode("latin-1").partition(" ")
    return scheme.lower(), credentials


def _within(verdict: "Verdict") -> list[tuple[bytes, bytes]]:
    """Return the header lines that tell *verdict*, if it lets the call pass."""
    if not verdict.allowed:
        raise TooManyRequests(verdict)
    return header_lines(verdict_headers(verdict, verdict.decisions[0].decided_at_ms))


def client_network(asgi_scope: "Scope") -> str:
    """
    Return the address that the gateway saw; of IPv6 its /64, because one customer has at least that (RFC 6177).

    Example:
        >>> client_network({"client": ("2001:db8:1:2:3::4", 0)}), client_network({"client": ("::ffff:192.0.2.1", 0)})
        ('20010db800010002/64', '192.0.2.1')
    """
    client = asgi_scope.get("client")
    host: str = client[0] if client else "unknown"
    if ":" not in host:
        return host
    try:
        packed = inet_pton(AF_INET6, host.partition("%")[0])
    except (OSError, ValueError):  # no address; a NUL in it is a ValueError
        return "unknown"
    if packed.startswith(_MAPPED_PREFIX):
        return inet_ntoa(packed[-4:])
    return f"{packed[:8].hex()}/64"
