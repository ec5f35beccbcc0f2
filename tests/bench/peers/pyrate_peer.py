"""
`pyrate-limiter`: an exact log, in memory and on Redis. It has no keys of its own: one bucket for each.

A check that shall not wait is refused where another thread holds the limiter's lock. On Redis every thread therefore has
a limiter of its own, as processes would, and the script alone decides.
"""

from __future__ import annotations

import importlib
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.peers.port import Calls, Limit, Servers
    from tests.bench.traces import Shape


class PyratePeer:
    """A limiter for each key, and on Redis for each thread, made when it is first asked for."""

    def __init__(self, kind: str, limit: Limit, servers: Servers) -> None:
        self._library = importlib.import_module("pyrate_limiter")
        self._kind = kind
        self._limit = limit
        self._servers = servers
        self._limiters: dict[tuple[str, int], Any] = {}
        self._lock = Lock()

    def hit(self, key: str, cost: int) -> bool:
        owner = (key, get_ident() if self._kind == "redis" else 0)
        limiter = self._limiters.get(owner)
        if limiter is None:
            with self._lock:
                limiter = self._limiters.get(owner) or self._library.Limiter(self._bucket(key))
                self._limiters[owner] = limiter
        return bool(limiter.try_acquire(key, cost, blocking=False))

    def calls(self) -> Calls | None:
        return None

    def _bucket(self, key: str) -> object:
        rates = [self._library.Rate(self._limit.units, self._limit.window_ms)]
        if self._kind == "memory":
            memory: object = self._library.InMemoryBucket(rates)
            return memory
        client = importlib.import_module("redis").Redis(host="127.0.0.1", port=self._servers.redis_port)
        bucket: object = self._library.RedisBucket.init(rates, client, f"{self._servers.name}:{key}")
        return bucket


def open_peer(kind: str, limit: Limit, servers: Servers) -> PyratePeer:
    """Return it; *kind* is ``memory`` or ``redis``."""
    return PyratePeer(kind, limit, servers)


class _SetClock:
    def __init__(self) -> None:
        self.now_ms = 0

    def now(self) -> int:
        return self.now_ms


def open_injected(kind: str, shape: Shape) -> Callable[[int], bool]:
    """Return the memory limiter's decision at a given time; its bucket takes a clock."""
    if kind != "memory":
        raise ValueError(kind)
    library = importlib.import_module("pyrate_limiter")
    bucket = library.InMemoryBucket([library.Rate(shape.limit, shape.window_ms)])
    clock = bucket._clock = _SetClock()
    limiter = library.Limiter(library.SingleBucketFactory(bucket, schedule_leak=False))

    def decide(now_ms: int) -> bool:
        clock.now_ms = now_ms
        return bool(limiter.try_acquire("traced", blocking=False))

    return decide
