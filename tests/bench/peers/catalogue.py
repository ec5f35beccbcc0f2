"""The limiters that are compared: what each row is called, which adapter opens it, and what it needs."""

from __future__ import annotations

from typing import Final, NamedTuple


class Row(NamedTuple):
    """
    A limiter in the tables.

    Attributes:
        label: as printed.
        adapter: module of this package.
        kind: what the adapter is told.
        needs_redis: whether it must be left out without a Redis server.
    """

    label: str
    adapter: str
    kind: str
    needs_redis: bool

    @property
    def is_ours(self) -> bool:
        """Whether it runs in the product's own environment."""
        return self.adapter == "edge_peer"


ROWS: Final = (
    Row("ours, DynamoDB", "edge_peer", "dynamodb", needs_redis=False),
    Row("ours, memory", "edge_peer", "memory", needs_redis=False),
    Row("zae-limiter, DynamoDB", "zae_peer", "bucket", needs_redis=False),
    Row("limits fixed, memory", "limits_peer", "fixed memory", needs_redis=False),
    Row("limits fixed, Redis", "limits_peer", "fixed redis", needs_redis=True),
    Row("limits moving, memory", "limits_peer", "moving memory", needs_redis=False),
    Row("limits moving, Redis", "limits_peer", "moving redis", needs_redis=True),
    Row("limits sliding counter, memory", "limits_peer", "sliding memory", needs_redis=False),
    Row("limits sliding counter, Redis", "limits_peer", "sliding redis", needs_redis=True),
    Row("pyrate-limiter, memory", "pyrate_peer", "memory", needs_redis=False),
    Row("pyrate-limiter, Redis", "pyrate_peer", "redis", needs_redis=True),
    Row("upstash fixed, Redis", "upstash_peer", "fixed", needs_redis=True),
    Row("upstash sliding, Redis", "upstash_peer", "sliding", needs_redis=True),
    Row("upstash token bucket, Redis", "upstash_peer", "bucket", needs_redis=True),
)
"""In the order of the tables."""
