"""
What each strategy says to caches (RFC 9111, RFC 5861, RFC 9213), and when it may not say it.

A strategy is a wish. An answer to somebody who showed credentials, or that sets a cookie, or that says itself that it
is not for everybody, is never called public: the loss from a shared cache that hands one person's answer to another
has no bound, the gain is some milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from edge.optimize.fields import directives, field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.optimize.fields import Lines

Strategy = Literal["aggressive", "moderate", "conservative", "none"]
CacheReason = Literal[
    "as_asked",
    "request_has_credentials",
    "response_sets_cookie",
    "response_forbids_storing",
    "response_is_private",
    "response_revalidates",
    "not_acceptable",
]

CREDENTIALS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
"""Request fields that make an answer one person's; the last is how callers of this API present themselves."""


class CachePolicy(NamedTuple):
    """
    Cache fields of an answer.

    Attributes:
        cache_control: for every cache.
        cdn_cache_control: for shared caches that know RFC 9213; they heed nothing else.
        is_tagged: whether it has validators: an entity tag, and 304 for those who have it already.
    """

    cache_control: str
    cdn_cache_control: str
    is_tagged: bool


POLICIES: Final[dict[Strategy, CachePolicy]] = {
    "aggressive": CachePolicy(
        "public, max-age=300, s-maxage=3600, stale-while-revalidate=600, stale-if-error=86400",
        "public, max-age=3600, stale-while-revalidate=600, stale-if-error=86400",
        is_tagged=True,
    ),
    "moderate": CachePolicy(
        "public, max-age=60, s-maxage=300, stale-while-revalidate=60, stale-if-error=600",
        "public, max-age=300, stale-while-revalidate=60, stale-if-error=600",
        is_tagged=True,
    ),
    "conservative": CachePolicy("private, no-cache", "no-store", is_tagged=True),
    "none": CachePolicy("no-store", "no-store", is_tagged=False),
}


def decide_policy(strategy: Strategy, request: Lines, response: Lines) -> tuple[CachePolicy, CacheReason]:
    """
    Return the policy that *strategy* comes to, and why.

    Args:
        strategy: what was asked for.
        request: header lines of the request.
        response: header lines of the response.

    Returns:
        That of *strategy*, or a stricter one: ``no-store`` for an answer that sets a cookie (replayed, it would hand
        out the session) or forbids storing; ``private, no-cache`` for credentials, and for an answer that says
        ``private`` or ``no-cache`` itself.
    """
    asked = POLICIES[strategy]
    if not asked.is_tagged:
        return asked, "as_asked"
    told = directives(field(response, "cache-control"))
    if "no-store" in told:
        return POLICIES["none"], "response_forbids_storing"
    if field(response, "set-cookie") is not None:
        return POLICIES["none"], "response_sets_cookie"
    private = POLICIES["conservative"]
    if asked is private:
        return asked, "as_asked"
    if any(name in CREDENTIALS for name, _ in request):
        return private, "request_has_credentials"
    if "private" in told:
        return private, "response_is_private"
    if "no-cache" in told:
        return private, "response_revalidates"
    return asked, "as_asked"


def is_cache_field(name: str) -> bool:
    """Return whether *name* tells caches something that a policy replaces, targeted fields of any CDN included."""
    return name in {"cache-control", "surrogate-control", "expires", "pragma"} or name.endswith(
        "-cache-control"
    )


def merge_vary(values: Iterable[str], name: str) -> str:
    """
    Return the ``Vary`` of *values* and *name*; a wildcard swallows all (RFC 9110, section 12.5.5).

    Example:
        >>> merge_vary(["Origin, accept-encoding", "Origin"], "Accept-Encoding")
        'Origin, accept-encoding'
        >>> merge_vary(["Origin"], "Accept-Encoding"), merge_vary(["Origin, *"], "Accept-Encoding")
        ('Origin, Accept-Encoding', '*')
    """
    members: dict[str, str] = {}
    for member in [*",".join(values).split(","), name]:
        stripped = member.strip(" \t")
        if stripped:
            members.setdefault(stripped.lower(), stripped)
    return "*" if "*" in members else ", ".join(members.values())
