"""
How a decision is told in headers; the one place that knows the fields, because the draft may still rename them.

``X-RateLimit-*`` for the clients of today, and ``RateLimit-Policy`` / ``RateLimit`` as in
draft-ietf-httpapi-ratelimit-headers-11 (not an RFC), whose parameters mean: q quota, w window in seconds, r units
available, t seconds until more are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.ratelimit.limiter import Decision


def rate_limit_headers(decision: Decision, now_ms: int) -> dict[str, str]:
    """
    Return the header fields that tell *decision*.

    Args:
        decision: of one check.
        now_ms: epoch milliseconds at which it was made.

    Returns:
        Field names and values; times are whole seconds, rounded up so that nobody is sent back too early.
    """
    window = decision.tier.window
    # The draft has whole seconds only; a shorter window is told as one second.
    window_seconds = max(1, window.window_ms // 1000)
    reset_seconds = _ceil_seconds(max(0, decision.reset_at_ms - now_ms))
    headers = {
        "X-RateLimit-Limit": str(window.limit),
        "X-RateLimit-Remaining": str(decision.remaining),
        "X-RateLimit-Reset": str(_ceil_seconds(decision.reset_at_ms)),
        "RateLimit-Policy": f'"{decision.tier.name}";q={window.limit};w={window_seconds}',
        "RateLimit": f'"{decision.tier.name}";r={decision.remaining};t={reset_seconds}',
    }
    if not decision.allowed:
        headers["Retry-After"] = str(max(1, _ceil_seconds(decision.retry_after_ms)))
    return headers


def _ceil_seconds(duration_ms: int) -> int:
    return -(-duration_ms // 1000)
