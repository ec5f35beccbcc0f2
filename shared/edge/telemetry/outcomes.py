"""
What one answer is counted as: the keys of its counters.

An answer tells what it is by what the boundary has of it anyway: route, method and status, the problem that was
raised, who called, and the ``outcome`` that a domain leaves for the log. Here is the one place that knows what those
mean to the metrics.

A key is the code of a metric and its label values, joined by spaces. The label ``function`` is not in it: whoever counts
is of one function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from edge.telemetry.labels import (
    AUTH_RESULTS,
    CACHEABLE_ROUTES,
    DECISIONS,
    GEO_METHODS,
    GEO_MODES,
    METHODS,
    OTHER,
    REASONS,
    REGIONS,
    REPLAYS,
    ROUTES,
    SIGNATURE_OUTCOMES,
    STATUSES,
    UNMATCHED,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

COLD_START: Final = "k"
"""The key of an environment's first request."""

BODY_BYTES: Final = "b"

_OK: Final = range(200, 300)
_NOT_MODIFIED: Final = 304
_SERVER_ERROR: Final = 500

_REFUSED: Final = {
    "not-authenticated": "not_authenticated",
    "ambiguous-credentials": "not_authenticated",
    "unknown-scheme": "not_authenticated",
    "key-refused": "key_refused",
    "token-refused": "token_refused",
    "not-allowed": "not_allowed",
}
_ACCEPTED: Final = {"key": "key_accepted", "token": "token_accepted", "anonymous": "anonymous"}
_NOT_CACHED: Final = frozenset({"response_forbids_storing", "not_acceptable"})


class Answer(NamedTuple):
    """
    What is known of an answer.

    Attributes:
        function: by the name of its folder.
        route: its template.
        method: of the request.
        status: of the answer.
        slug: of the problem that was raised, if one was.
        reason: of that.
        outcome: what the domain decided, members of closed sets.
        caller: ``key``, ``token`` or ``anonymous`` if a guard let the caller in, else None.
    """

    function: str
    route: str
    method: str
    status: int
    slug: str | None
    reason: str | None
    outcome: Mapping[str, object] | None
    caller: str | None


class Effects(NamedTuple):
    """
    What an answer adds one to.

    Attributes:
        counters: their keys.
        duration: key of the histogram of its duration.
        is_error: its status is 500 or above.
        is_degraded: it is a rate check that was decided without its table.
    """

    counters: tuple[str, ...]
    duration: str
    is_error: bool
    is_degraded: bool


def effects(answer: Answer) -> Effects:
    """Return what *answer* is counted as; values outside the closed sets are counted as ``other``."""
    routes = ROUTES.get(answer.function, {})
    route = answer.route if answer.route in routes or answer.route == UNMATCHED else OTHER
    method = answer.method if answer.method in METHODS else OTHER
    status = f"{answer.status // 100}xx"
    status = status if status in STATUSES else OTHER
    counters = [f"q {route} {method} {status}"]
    if answer.reason is not None:
        counters.append(f"e {answer.reason if answer.reason in REASONS else OTHER}")
    limit = _rate_limit(answer)
    for code, value in (
        ("l", limit),
        ("a", _caller(answer)),
        ("a", _auth_result(answer)),
        ("s", _signature(answer)),
        ("g", _route_decision(answer)),
        ("c", _cache(answer)),
        ("y", _replay(answer)),
    ):
        if value is not None:
            counters.append(f"{code} {value}")
    return Effects(
        tuple(counters),
        f"t {route}",
        answer.status >= _SERVER_ERROR,
        limit is not None and limit.endswith(" true"),
    )


def _rate_limit(answer: Answer) -> str | None:
    """Return the check's own decision, or that of the guard which turned the caller away."""
    if answer.slug is not None:
        because = {"too-many-requests": "over_limit", "subject-denied": "deny_list"}.get(answer.slug)
        return None if because is None else f"denied {because} false"
    if answer.function != "ratelimit_check" or not answer.outcome or "decision" not in answer.outcome:
        return None
    decision = str(answer.outcome["decision"])
    because = str(answer.outcome.get("because"))
    if (decision, because) not in DECISIONS:
        decision = because = OTHER
    return f"{decision} {because} {'true' if answer.outcome.get('degraded') else 'false'}"


def _caller(answer: Answer) -> str | None:
    """Return what a guard found of the caller."""
    refused = None if answer.slug is None else _REFUSED.get(answer.slug)
    if refused is not None:
        return refused
    return None if answer.caller is None else _ACCEPTED.get(answer.caller, OTHER)


def _auth_result(answer: Answer) -> str | None:
    """Return what a function of authentication did for the caller."""
    if answer.function not in AUTH_RESULTS:
        return None
    if answer.slug is not None:
        if answer.slug == "refresh-refused":
            return "refresh_reused" if answer.reason == "token_reuse_detected" else "refresh_refused"
        return "unavailable" if answer.status >= _SERVER_ERROR else None
    if answer.status not in _OK:
        return None
    outcome = answer.outcome or {}
    if answer.function == "auth_token":
        return "issued"
    if answer.function == "auth_refresh":
        return "refreshed"
    if "active" in outcome:
        return "active" if outcome["active"] else "inactive"
    if "revoked" in outcome:
        return "revoked" if outcome["revoked"] else "nothing_to_revoke"
    return None


def _signature(answer: Answer) -> str | None:
    known = SIGNATURE_OUTCOMES.get(answer.function)
    if known is None:
        return None
    if answer.slug is None:
        return known[0] if answer.status in _OK else None
    if answer.status >= _SERVER_ERROR:
        return "unavailable"
    # A guard's problems have reasons of the same names, and other slugs.
    is_verdict = answer.slug in {"signature-refused", "replayed", "region-mismatch"}
    if not is_verdict:
        return None
    return answer.reason if answer.reason in known else OTHER


def _route_decision(answer: Answer) -> str | None:
    if answer.function != "geo_route" or answer.slug is not None or not answer.outcome:
        return None
    values = (
        (str(answer.outcome.get("decision")), REGIONS),
        (str(answer.outcome.get("routed_by")), GEO_METHODS),
        (str(answer.outcome.get("mode")), GEO_MODES),
    )
    return " ".join([value if value in known else OTHER for value, known in values])


def _cache(answer: Answer) -> str | None:
    """Return whether a representation that its client may keep was sent, or had been kept."""
    if answer.slug is not None:
        return None
    if answer.function == "optimize_response":
        outcome = answer.outcome or {}
        if outcome.get("because") in _NOT_CACHED:
            return None
        return {"304": "hit", "200": "miss"}.get(str(outcome.get("decision")))
    if answer.route not in CACHEABLE_ROUTES:
        return None
    if answer.status == _NOT_MODIFIED:
        return "hit"
    return "miss" if answer.status in _OK else None


def _replay(answer: Answer) -> str | None:
    if answer.slug is None or answer.reason not in {"replayed", "token_reuse_detected"}:
        return None
    return REPLAYS.get(answer.function, OTHER)
