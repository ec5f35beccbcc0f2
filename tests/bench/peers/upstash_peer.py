"""
`upstash-ratelimit`: fixed window, sliding counter and token bucket as scripts in Redis.

The library speaks Upstash's REST over HTTPS. Here its scripts go to a local Redis directly, which leaves the HTTP out
and so flatters its latency; what it admits is decided by the scripts and is the same.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.peers.port import Calls, Limit, Servers


class LocalRedis:
    """The one command of ``upstash_redis.Redis`` that the limiters send."""

    def __init__(self, port: int) -> None:
        self._client = importlib.import_module("redis").Redis(host="127.0.0.1", port=port)

    def eval(self, script: str, keys: list[str], args: list[object]) -> object:
        # Redis 7 refuses the flag in the first line, which only Upstash's own server knows.
        first, _, rest = script.partition("\n")
        answer: object = self._client.eval(
            rest if first.startswith("#!") else script, len(keys), *keys, *args
        )
        return answer


class UpstashPeer:
    """One algorithm."""

    def __init__(self, kind: str, limit: Limit, servers: Servers) -> None:
        library = importlib.import_module("upstash_ratelimit")
        if kind == "bucket":
            algorithm = library.TokenBucket(limit.units, limit.units, limit.window_ms, "ms")
        elif kind == "sliding":
            algorithm = library.SlidingWindow(limit.units, limit.window_ms, "ms")
        else:
            algorithm = library.FixedWindow(limit.units, limit.window_ms, "ms")
        self._limiter = library.Ratelimit(LocalRedis(servers.redis_port), algorithm, prefix=servers.name)

    def hit(self, key: str, cost: int) -> bool:
        return bool(self._limiter.limit(key, cost).allowed)

    def calls(self) -> Calls | None:
        return None


def open_peer(kind: str, limit: Limit, servers: Servers) -> UpstashPeer:
    """Return it; *kind* is ``fixed``, ``sliding`` or ``bucket``."""
    return UpstashPeer(kind, limit, servers)
