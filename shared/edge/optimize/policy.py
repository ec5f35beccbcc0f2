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
    "as_told",
    "request_has_credentials",
    "response_sets_cookie",
    "response_forbids_storing",
    "response_is_private",
    "response_revalidates",
    "not_acceptable",
    "precondition_failed",
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


def decide_policy(
    strategy: Strategy | None, request: Lines, response: Lines
) -> tuple[CachePolicy, CacheReason]:
    """
    Return the policy that *strategy* comes to, and why.

    Args:
        strategy: what was asked for; None for what *response* says itself, and where it says nothing, conservative.
        request: header lines of the request.
        response: header lines of the response.

    Returns:
        That of *strategy*, or a stricter one: ``no-store`` for an answer that sets a cookie (replayed, it would hand
        out the session) or forbids storing; ``private, no-cache`` for credentials, and for an answer that says
        ``private`` or ``no-cache`` itself. What *response* says itself stays if it is no wider than that.
    """
    told = directives(field(response, "cache-control"))
    asked = _own(response) if strategy is None else POLICIES[strategy]
    if not asked.is_tagged:
        return asked, "as_asked"
    if "no-store" in told:
        return POLICIES["none"], "response_forbids_storing"
    if field(response, "set-cookie") is not None:
        return POLICIES["none"], "response_sets_cookie"
    private = POLICIES["conservative"]
    if asked is private:
        return asked, "as_asked"
    if any(name in CREDENTIALS for name, _ in request) and not (strategy is None and _is_private(response)):
        return private, "request_has_credentials"
    if strategy is None:
        return asked, "as_told"
    if "private" in told:
        return private, "response_is_private"
    if "no-cache" in told:
        return private, "response_revalidates"
    return asked, "as_asked"


def _own(response: Lines) -> CachePolicy:
    """Return what *response* says to caches; a targeted field of its own is kept for shared ones that heed it."""
    told = field(response, "cache-control")
    if told is None:
        return POLICIES["conservative"]
    targeted = "no-store" if "private" in directives(told) else field(response, "cdn-cache-control") or told
    return CachePolicy(told, targeted, is_tagged=True)


def _is_private(response: Lines) -> bool:
    """Return whether shared caches may keep nothing of *response*: ``private="x-name"`` only forbids that field."""
    members = (field(response, "cache-control") or "").lower().split(",")
    return "private" in [member.strip(" \t") for member in members]


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
