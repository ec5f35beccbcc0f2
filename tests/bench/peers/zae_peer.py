"""
`zae-limiter` on DynamoDB: a token bucket of the limit's size that refills over the window.

Its stack is the table alone, without its optional aggregator function. Containers share one boto3 client, as threads
of one process would, because two hundred of them cost seconds; each has its own caches, and those are what is measured.
"""

from __future__ import annotations

import importlib
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.bench.peers.port import Calls, Fleet, Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.peers.port import Limit, Servers

REGION = "eu-west-3"
WRITES = frozenset({"UpdateItem", "PutItem", "DeleteItem"})


class CallCounter:
    """Counts what a boto3 client sends."""

    def __init__(self, client: Any) -> None:
        self._total = self._write_units = self._reads = 0
        self._lock = Lock()
        client.meta.events.register("provide-client-params.dynamodb", self._count)

    def _count(self, *, model: Any, params: dict[str, Any], **_: object) -> None:
        with self._lock:
            self._total += 1
            if model.name == "TransactWriteItems":
                self._write_units += 2 * len(params["TransactItems"])
            elif model.name in WRITES:
                self._write_units += 1
            else:
                self._reads += 1

    def calls(self) -> Calls:
        """Return the counts so far."""
        return Calls(self._total, self._write_units, self._reads)


class ZaePeer:
    """One container."""

    def __init__(self, repository: Any, counter: CallCounter) -> None:
        library = importlib.import_module("zae_limiter")
        self._limiter = library.SyncRateLimiter(repository=repository)
        self._denied: type[Exception] = library.RateLimitExceeded
        self._unavailable: type[Exception] = library.RateLimiterUnavailable
        self._counter = counter

    def hit(self, key: str, cost: int) -> bool:
        try:
            with self._limiter.acquire(key, "api", {"units": cost}):
                return True
        except self._denied:
            return False
        except self._unavailable:
            raise Unanswered from None

    def calls(self) -> Calls | None:
        return self._counter.calls()


class Stack:
    """
    The table, created once; opens containers on it.

    The limit is stored there as the system's default: a limit given with the call would switch its cache of rejections off.
    """

    def __init__(self, servers: Servers, limit: Limit) -> None:
        self._library = importlib.import_module("zae_limiter")
        self._servers = servers
        self.table = servers.name
        self._repository(None).create_table()
        builder = self._library.SyncRepository.builder().stack(self.table).region(REGION)
        self._first = builder.endpoint_url(servers.dynamodb_url).build()
        stored = self._library.Limit.custom(
            "units",
            capacity=limit.units,
            refill_amount=limit.units,
            refill_period_seconds=limit.window_ms // 1000,
        )
        self._first.set_system_defaults([stored], on_unavailable="block")
        self.client = self._first._get_client()
        self.counter = CallCounter(self.client)

    def container(self, now_ms: Callable[[], int] | None = None) -> ZaePeer:
        """Return a container that knows nothing; *now_ms* replaces its clock."""
        repository = self._repository(self.client)
        repository._namespace_id = self._first._namespace_id
        repository._reinitialize_config_cache(repository._namespace_id)
        repository._builder_initialized = True
        if now_ms is not None:
            # The library names the first as the place to patch; the two caches have clocks of their own.
            repository._now_ms = now_ms
            repository._rejection_cache._clock = lambda: now_ms() / 1000
            config_cache: Any = importlib.import_module("zae_limiter.sync_config_cache")
            config_cache.time = SimpleNamespace(time=lambda: now_ms() / 1000)
        return ZaePeer(repository, self.counter)

    def _repository(self, client: Any) -> Any:
        repository = self._library.SyncRepository(
            self.table,
            region=REGION,
            endpoint_url=self._servers.dynamodb_url,
            _skip_deprecation_warning=True,
        )
        repository._client = client
        return repository


def open_peer(kind: str, limit: Limit, servers: Servers) -> ZaePeer:
    """Return it; there is one *kind*, ``bucket``."""
    if kind != "bucket":
        raise ValueError(kind)
    return Stack(servers, limit).container()


def open_fleet(servers: Servers, limit: Limit, now_ms: Callable[[], int]) -> Fleet:
    """Return the means to open containers on a table of their own, on a virtual clock."""
    stack = Stack(servers, limit)
    return Fleet(lambda: stack.container(now_ms), stack.counter.calls, stack.client, stack.table)
