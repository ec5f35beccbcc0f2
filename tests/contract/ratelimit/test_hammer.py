"""Thirty-two threads in eight containers on one key, on real engines: never over the limit in any true window."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, NamedTuple

import pytest

from edge.clock import SystemClock
from edge.ratelimit.dynamo import DynamoStore
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.tiers import TIERS, Tier, make_tier
from tests.contract.ratelimit.conftest import open_client, rate_windows
from tests.contract.ratelimit.limiter_contract import CountingStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.aws.dynamo import DynamoDB

THREADS = 32
CONTAINERS = 8


class StampClock:
    """The machine's clock; it keeps what each thread read last, which is the stamp of that thread's check."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._last = threading.local()

    def now_ms(self) -> int:
        self._last.ms = self._clock.now_ms()
        stamp_ms: int = self._last.ms
        return stamp_ms

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns()

    def last_ms(self) -> int:
        """Return what this thread read last."""
        stamp_ms: int = self._last.ms
        return stamp_ms


class Outcome(NamedTuple):
    """What a hammering saw."""

    stamps_ms: list[int]
    denied: int
    calls: int


@pytest.fixture
def clients(limiter_engine_url: str) -> Iterator[list[DynamoDB]]:
    """One client for each container."""
    opened = [open_client(limiter_engine_url) for _ in range(CONTAINERS)]
    yield opened
    for client in opened:
        client.forget()


def hammer(clients: list[DynamoDB], tier: Tier, *, duration_seconds: float) -> Outcome:
    clock = StampClock()
    stores = [CountingStore(DynamoStore(client, rate_windows().name)) for client in clients]
    # Thirty-two threads wait for two cores here; that shall not look like a slow store.
    limiters = [Limiter(store, clock, patience_ms=10_000) for store in stores]
    subject = str(uuid.uuid4())
    stamps_ms: list[int] = []
    denied = [0] * THREADS
    failures: list[BaseException] = []
    end = time.monotonic() + duration_seconds

    def run(number: int) -> None:
        try:
            while time.monotonic() < end:
                if limiters[number % CONTAINERS].check(subject, tier).allowed:
                    stamps_ms.append(clock.last_ms())
                else:
                    denied[number] += 1
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    return Outcome(sorted(stamps_ms), sum(denied), sum(store.writes for store in stores))


def most_in_any_window(stamps_ms: list[int], window_ms: int) -> int:
    most = start = 0
    for end, stamp_ms in enumerate(stamps_ms):
        while stamp_ms - stamps_ms[start] >= window_ms:
            start += 1
        most = max(most, end - start + 1)
    return most


def test_hundred_an_hour_admits_exactly_a_hundred(clients: list[DynamoDB]) -> None:
    tier = make_tier("hourly", limit=100, window_ms=3_600_000)

    outcome = hammer(clients, tier, duration_seconds=1.5)

    assert len(outcome.stamps_ms) == 100
    assert outcome.denied > 1_000


def test_fifty_a_second_is_never_exceeded_in_any_second(clients: list[DynamoDB]) -> None:
    tier = TIERS["burst"]

    outcome = hammer(clients, tier, duration_seconds=4.0)

    assert most_in_any_window(outcome.stamps_ms, tier.window.window_ms) == 50
    # An exact log would have admitted 50 in each of four seconds; the last bucket of a window returns a little late.
    assert len(outcome.stamps_ms) >= 150
    # A flood costs at most a call for each container and release, and not one for each denial.
    assert outcome.calls < outcome.denied / 10
