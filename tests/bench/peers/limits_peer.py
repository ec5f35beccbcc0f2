"""`limits`: fixed window, moving log and sliding counter, in memory and on Redis."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING

from tests.bench.peers.port import Limit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from tests.bench.peers.port import Calls, Servers
    from tests.bench.traces import Shape

STRATEGIES = {
    "fixed": "FixedWindowRateLimiter",
    "moving": "MovingWindowRateLimiter",
    "sliding": "SlidingWindowCounterRateLimiter",
}


class LimitsPeer:
    """One strategy over one storage."""

    def __init__(self, library: ModuleType, strategy: str, uri: str, limit: Limit, name: str) -> None:
        strategies = importlib.import_module("limits.strategies")
        storage = importlib.import_module("limits.storage").storage_from_string(uri)
        self._limiter = getattr(strategies, STRATEGIES[strategy])(storage)
        self._item = library.RateLimitItemPerSecond(limit.units, limit.window_ms // 1000, namespace=name)

    def hit(self, key: str, cost: int) -> bool:
        return bool(self._limiter.hit(self._item, key, cost=cost))

    def calls(self) -> Calls | None:
        return None


def open_peer(kind: str, limit: Limit, servers: Servers) -> LimitsPeer:
    """Return it; *kind* is a strategy and a storage."""
    strategy, storage = kind.split()
    uri = "memory://" if storage == "memory" else f"redis://127.0.0.1:{servers.redis_port}"
    return LimitsPeer(importlib.import_module("limits"), strategy, uri, limit, servers.name)


def open_injected(kind: str, shape: Shape) -> Callable[[int], bool]:
    """Return its decision at a given time. The library calls ``time.time`` through the module, so that is replaced."""
    limit = Limit(shape.limit, shape.window_ms)
    peer = LimitsPeer(
        importlib.import_module("limits"), kind.split(maxsplit=1)[0], "memory://", limit, "injected"
    )

    def decide(now_ms: int) -> bool:
        time.time = lambda: now_ms / 1000
        return peer.hit("traced", 1)

    return decide
