"""
How a decision is told in headers; the one place that knows the fields, because the draft may still rename them.

``X-RateLimit-*`` for the clients of today, and ``RateLimit-Policy`` / ``RateLimit`` as in
draft-ietf-httpapi-ratelimit-headers-11 (not an RFC), whose parameters mean: q quota, w window in seconds, r units
available, t seconds until more are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.ratelimit.decisions import Decision, Verdict


def rate_limit_headers(decision: Decision, now_ms: int) -> dict[str, str]:
    """
    Return the header fields that tell *decision*.

    Args:
        decision: of one charge.
        now_ms: epoch milliseconds at which it was made.

    Returns:
        Field names and values; times are whole seconds, rounded up so that nobody is sent back too early.
    """
    return _headers((decision,), decision, now_ms, decision.retry_after_ms, allowed=decision.allowed)


def verdict_headers(verdict: Verdict, now_ms: int) -> dict[str, str]:
    """
    Return the header fields that tell *verdict*: every policy, and in ``X-RateLimit-*`` the tightest.

    Args:
        verdict: of one or several charges; what is unlimited is not told, and if all is, nothing is.
        now_ms: epoch milliseconds at which it was made.
    """
    limited = tuple([decision for decision in verdict.decisions if not decision.tier.unlimited])
    if not limited:
        return {}
    tightest = min(limited, key=lambda decision: (decision.allowed, decision.remaining))
    return _headers(limited, tightest, now_ms, verdict.retry_after_ms, allowed=verdict.allowed)


def _headers(
    decisions: tuple[Decision, ...], tightest: Decision, now_ms: int, retry_after_ms: int, *, allowed: bool
) -> dict[str, str]:
    headers = {
        "X-RateLimit-Limit": str(tightest.tier.window.limit),
        "X-RateLimit-Remaining": str(tightest.remaining),
        "X-RateLimit-Reset": str(_ceil_seconds(tightest.reset_at_ms)),
        "RateLimit-Policy": ", ".join([_policy(decision) for decision in decisions]),
        "RateLimit": ", ".join([_available(decision, now_ms) for decision in decisions]),
    }
    if not allowed:
        headers["Retry-After"] = str(max(1, _ceil_seconds(retry_after_ms)))
    return headers


def _policy(decision: Decision) -> str:
    window = decision.tier.window
    # The draft has whole seconds only; a shorter window is told as one second.
    return f'"{decision.tier.name}";q={window.limit};w={max(1, window.window_ms // 1000)}'


def _available(decision: Decision, now_ms: int) -> str:
    reset_seconds = _ceil_seconds(max(0, decision.reset_at_ms - now_ms))
    return f'"{decision.tier.name}";r={decision.remaining};t={reset_seconds}'


def _ceil_seconds(duration_ms: int) -> int:
    return -(-duration_ms // 1000)
