"""Calls, units and admissions of a traffic are counted per check, whatever the limiter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.bench.peers import traffic
from tests.bench.peers.port import Calls, Fleet, Limit, Servers
from tests.bench.peers.running import NOWHERE
from tests.bench.peers.zae_peer import CallCounter
from tests.bench.traces import START_MS, ExactLog

if TYPE_CHECKING:
    from collections.abc import Callable


class Shared:
    """A table with one exact log a subject; every check is a write, and a container's first also a read."""

    def __init__(self, now_ms: Callable[[], int], item_bytes: int) -> None:
        self.now_ms = now_ms
        self.item_bytes = item_bytes
        self.logs: dict[str, ExactLog] = {}
        self.writes = self.reads = self.opened = 0

    def container(self) -> Container:
        self.opened += 1
        return Container(self)

    def calls(self) -> Calls:
        return Calls(self.writes + self.reads, self.writes, self.reads)

    def scan(self, **_: object) -> dict[str, Any]:
        items = [{"pk": {"S": key}, "f": {"S": "x" * self.item_bytes}} for key in self.logs]
        return {"Items": items}


class Container:
    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._is_new = True

    def hit(self, key: str, cost: int) -> bool:
        assert cost == 1
        self._shared.reads += self._is_new
        self._is_new = False
        self._shared.writes += 1
        log = self._shared.logs.setdefault(key, ExactLog(limit=100, window_ms=60_000))
        return log.decide(self._shared.now_ms())

    def calls(self) -> Calls | None:
        return self._shared.calls()


def costs(item_bytes: int) -> tuple[dict[str, list[Any]], Shared]:
    opened: list[Shared] = []

    def open_fleet(servers: Servers, limit: Limit, now_ms: Callable[[], int]) -> Fleet:
        assert servers == NOWHERE
        assert limit == traffic.LIMIT
        assert now_ms() == START_MS
        shared = Shared(now_ms, item_bytes)
        opened.append(shared)
        return Fleet(shared.container, shared.calls, shared, "table")

    return {name: list(found) for name, found in traffic.costs(open_fleet, NOWHERE).items()}, opened[0]


def test_exact_log_admits_what_an_exact_log_admits() -> None:
    found, shared = costs(item_bytes=100)

    for name, runs in found.items():
        assert len(runs) == (1 if "new" in name else 3)
        for cost in runs:
            assert cost["admitted_ratio"] == 1.0
            assert cost["write_units"] == 1.0
            assert cost["calls"] == pytest.approx(1.0 + cost["reads"])
    assert found["3x flood"][0]["most_ratio"] == 1.0
    assert found["1 per 12 s, every container new"][0]["reads"] == 1.0
    assert len(shared.logs) == sum(len(runs) for runs in found.values())


def test_item_over_one_kilobyte_costs_two_units() -> None:
    found, _ = costs(item_bytes=1_024)

    assert {cost["write_units"] for runs in found.values() for cost in runs} == {2.0}


def test_subject_without_an_item_is_an_error_and_not_free() -> None:
    with pytest.raises(RuntimeError, match="no item"):
        traffic.largest_item_bytes(Shared(lambda: 0, 1), "table", "somebody")


class Operation(NamedTuple):
    name: str


class Events:
    def __init__(self) -> None:
        self.handlers: list[Callable[..., None]] = []

    def register(self, event: str, handler: Callable[..., None]) -> None:
        assert event == "provide-client-params.dynamodb"
        self.handlers.append(handler)


class Client:
    def __init__(self) -> None:
        self.events = Events()
        self.meta = self

    def send(self, operation: str, params: dict[str, Any]) -> None:
        for handler in self.events.handlers:
            handler(model=Operation(operation), params=params, context={})


def test_transaction_is_one_call_and_two_units_an_item() -> None:
    client = Client()
    counter = CallCounter(client)
    client.send("BatchGetItem", {})
    client.send("UpdateItem", {})
    client.send("TransactWriteItems", {"TransactItems": [{}, {}]})

    assert counter.calls() == Calls(total=3, write_units=5, reads=1)
