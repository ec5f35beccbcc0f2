"""
What a request goes through before it is served: who is it, do the lists name it, does its cost fit.

The middleware (:mod:`edge.ratelimit.asgi`) and the dependency (:mod:`edge.ratelimit.dependency`) are two ways to stand
in front of a route; this is what both do there. It knows ASGI's scope and neither framework nor messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import AddressValueError, IPv6Address
from random import random
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from edge.problems import DependencyUnavailable
from edge.ratelimit.decisions import Charge, spread
from edge.ratelimit.headers import verdict_headers
from edge.ratelimit.problems import SubjectDenied, TooManyRequests, UnusableSubject
from edge.ratelimit.subjects import BadSubject, check_subject
from edge.ratelimit.tiers import Tier

if TYPE_CHECKING:
    from starlette.types import Scope

    from edge.ratelimit.checks import AsyncChecks, Checks
    from edge.ratelimit.networks import Listed

SubjectOf: TypeAlias = "Callable[[Scope], str | None]"
CostOf: TypeAlias = "Callable[[Scope], int]"
OnUnavailable: TypeAlias = Literal["admit", "refuse"]

UNKNOWN_CLIENT: Final = "unknown-client"
"""Subject of all requests whose server names no client, as behind a Unix socket: limited together, loudly, not let in."""

_SITE_PREFIX_BITS: Final = 64


class AccessVerdicts(Protocol):
    """An access list, cached or not."""

    def verdict(self, subject: str) -> Listed | None:
        """Return what the lists say of *subject*, or None."""


def client_address(scope: Scope) -> str:
    """
    Return the address that the request came from, as the server saw it; no header is read, for a client can write it.

    Behind a proxy this is the proxy, unless the server is told which proxies to believe (uvicorn:
    ``--forwarded-allow-ips``). IPv4 that came by an IPv6 socket is IPv4.
    """
    client = scope.get("client")
    if not client:
        return UNKNOWN_CLIENT
    host: str = client[0]
    if ":" not in host:
        return host
    address = _v6(host)
    mapped = None if address is None else address.ipv4_mapped
    return host if mapped is None else str(mapped)


def client_network(scope: Scope) -> str:
    """
    Return the address as :func:`client_address` does, of IPv6 only its ``/64``, written as CIDR.

    One customer of a provider has at least a /64: by single addresses he has 2^64 limits (RFC 6177).
    """
    host = client_address(scope)
    address = _v6(host) if ":" in host else None
    if address is None:
        return host
    keep_shift = 128 - _SITE_PREFIX_BITS
    return f"{IPv6Address(int(address) >> keep_shift << keep_shift)}/{_SITE_PREFIX_BITS}"


def _v6(host: str) -> IPv6Address | None:
    try:
        return IPv6Address(host)
    except AddressValueError:
        return None


class Gate:
    """
    Decides about one request at a time.

    Args:
        limiter: blocking or awaited. A blocking one blocks the event loop for its store's call: right in memory and in
            Lambda; elsewhere wrap it in :class:`edge.ratelimit.aio.AsyncLimiter`.
        tier: the limit, or several that are charged together or not at all.
        subject: says whom a request is charged to; None exempts it.
        cost: units, ``1 <= cost`` and at most every limit, or what says them of a request.
        access: lists that are asked before the limiter: those they allow are not counted.
        on_unavailable: what becomes of a request that nobody can decide about, because the store is gone: ``"admit"``
            serves it, ``"refuse"`` answers 503.
        jitter: uniform in [0, 1): who is denied is told to wait longer by so much of a bucket, so that those who were
            denied together do not come back together.
    """

    def __init__(
        self,
        limiter: Checks | AsyncChecks,
        *,
        tier: Tier | Sequence[Tier],
        subject: SubjectOf,
        cost: int | CostOf,
        access: AccessVerdicts | None,
        on_unavailable: OnUnavailable,
        jitter: Callable[[], float] = random,
    ) -> None:
        if on_unavailable not in ("admit", "refuse"):
            raise ValueError("on_unavailable is admit or refuse")
        self._limiter = limiter
        self._tiers: Sequence[Tier] = (tier,) if isinstance(tier, Tier) else tuple(tier)
        self._subject = subject
        self._cost = cost
        self._access = access
        self._admits_undecided = on_unavailable == "admit"
        self._jitter = jitter

    async def admit(self, scope: Scope) -> dict[str, str]:
        """
        Return the header fields that the answer to an admitted request is to carry; none if it is not counted.

        Raises:
            TooManyRequests: the cost does not fit.
            SubjectDenied: the lists deny the subject.
            UnusableSubject: the subject cannot name one; it came from the request.
            DependencyUnavailable: the store is gone, and such requests are refused.
            ValueError: the cost can never fit: a defect of the application's ``cost``.
        """
        subject = self._subject(scope)
        if subject is None:
            return {}
        try:
            check_subject(subject)
        except BadSubject:
            raise UnusableSubject from None
        listed = None if self._access is None else self._access.verdict(subject)
        if listed == "deny":
            raise SubjectDenied
        if listed == "allow":
            return {}
        cost = self._cost if isinstance(self._cost, int) else self._cost(scope)
        try:
            answer = self._limiter.check_all(subject, [Charge(tier, cost) for tier in self._tiers])
            verdict = await answer if isinstance(answer, Awaitable) else answer
        except DependencyUnavailable:
            if self._admits_undecided:
                return {}
            raise
        if not verdict.allowed:
            raise TooManyRequests(spread(verdict, self._jitter()))
        return verdict_headers(verdict, verdict.decisions[0].decided_at_ms)
