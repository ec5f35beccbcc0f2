"""What subjects are limited to: named windows."""

from __future__ import annotations

from typing import Final, NamedTuple

from edge.ratelimit.window import Window

SHORT_WINDOW_MS: Final = 10_000
SHORT_WINDOW_BUCKETS: Final = 20
WINDOW_BUCKETS: Final = 60


class Tier(NamedTuple):
    """
    A named limit.

    Attributes:
        name: of ``a-z 0-9 - : .``; it is part of a record's key and of the headers.
        window: the limit.
        key_prefix: begins the key of each subject's record; it changes with the window's shape, because boundaries
            of another shape mean nothing in this one. The limit itself may change without losing the record.
    """

    name: str
    window: Window
    key_prefix: str


def make_tier(name: str, *, limit: int, window_ms: int) -> Tier:
    """
    Return a tier of *limit* units in any *window_ms* milliseconds.

    Windows under ten seconds have 20 buckets and others 60: capacity returns at most that part of a window late.
    """
    buckets = SHORT_WINDOW_BUCKETS if window_ms < SHORT_WINDOW_MS else WINDOW_BUCKETS
    return Tier(name, Window(limit, window_ms, buckets), f"{name}/{window_ms}/{buckets}")


TIERS: Final[dict[str, Tier]] = {
    tier.name: tier
    for tier in (
        make_tier("default", limit=100, window_ms=60_000),
        make_tier("strict", limit=10, window_ms=60_000),
        make_tier("relaxed", limit=1_000, window_ms=60_000),
        make_tier("burst", limit=50, window_ms=1_000),
    )
}
"""The tiers that the product's owner named."""
