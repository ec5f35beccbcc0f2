"""Ours, on DynamoDB and in memory, through the interface that the peers have."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.clock import SystemClock
from edge.problems import DependencyUnavailable
from edge.ratelimit.dynamo import DynamoStore
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.tiers import make_tier
from tests.bench.peers.port import Calls, Fleet, Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.clock import Clock
    from edge.ratelimit.store import Applied, NotApplied, WindowStore, Write
    from tests.bench.peers.port import Limit, Servers

REGION = "eu-west-3"
KINDS = ("dynamodb", "memory")


class CountingStore(DynamoStore):
    """Counts the writes; a check never reads."""

    def __init__(self, client: DynamoDB, table: str) -> None:
        super().__init__(client, table)
        self._lock = Lock()
        self._writes = 0

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        """Count and apply."""
        with self._lock:
            self._writes += 1
        return super().apply(key, write)

    def calls(self) -> Calls:
        """Return the counts so far."""
        return Calls(self._writes, self._writes, 0)


class EdgePeer:
    """One container."""

    def __init__(self, store: WindowStore, clock: Clock, limit: Limit, name: str) -> None:
        self._store = store
        # Sixteen threads that wait for the interpreter shall not look like a slow store.
        self._limiter = Limiter(store, clock, patience_ms=10_000)
        self._tier = make_tier(name, limit=limit.units, window_ms=limit.window_ms)

    def hit(self, key: str, cost: int) -> bool:
        try:
            return self._limiter.check(key, self._tier, cost=cost).allowed
        except DependencyUnavailable:
            raise Unanswered from None

    def calls(self) -> Calls | None:
        return self._store.calls() if isinstance(self._store, CountingStore) else None


class VirtualClock:
    """The clock of a simulation, as ours takes it."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the simulation's time."""
        return self._now_ms()

    def monotonic_ns(self) -> int:
        """Return the same time in nanoseconds; it never steps back."""
        return self._now_ms() * 1_000_000


def open_peer(kind: str, limit: Limit, servers: Servers) -> EdgePeer:
    """Return it; *kind* is ``dynamodb`` or ``memory``."""
    clock = SystemClock()
    if kind not in KINDS:
        raise ValueError(kind)
    store = MemoryStore(clock) if kind == "memory" else _dynamo_store(servers)
    return EdgePeer(store, clock, limit, servers.name)


def open_fleet(servers: Servers, limit: Limit, now_ms: Callable[[], int]) -> Fleet:
    """Return the means to open containers on the template's table, on a virtual clock."""
    import boto3  # the tooling's, to scan; no peer of this process needs it

    store = _dynamo_store(servers)
    scanner = boto3.client("dynamodb", region_name=REGION, endpoint_url=servers.dynamodb_url)
    clock = VirtualClock(now_ms)
    return Fleet(
        lambda: EdgePeer(store, clock, limit, servers.name), store.calls, scanner, servers.rate_windows_table
    )


def _dynamo_store(servers: Servers) -> CountingStore:
    client = DynamoDB(
        region=REGION,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=servers.dynamodb_url,
        # The machine is busy, the engine is not at fault.
        budget=Budget(connect_ms=5_000, attempt_ms=10_000, call_ms=10_000),
    )
    return CountingStore(client, servers.rate_windows_table)
