"""The client against a service that misbehaves, over real sockets."""

from __future__ import annotations

import gc
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.faults import Unavailable
from edge.aws.pool import IDLE_LIMIT_MS, MAX_IDLE
from edge.aws.retries import Budget
from edge.clock import SystemClock
from infra.local.emulator import free_port
from tests import faults
from tests.faults import FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.clock import Clock

BUDGET = Budget(connect_ms=200, attempt_ms=80, call_ms=400)
SLACK_SECONDS = 1.5
"""How late an answer may be on a busy machine before the test says that the budget did not hold."""

UPDATE = {"TableName": "T", "Key": {"pk": {"S": "a"}}}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


class SteppedClock(SystemClock):
    """The machine's clock, its wall time moved by what a test says."""

    __slots__ = ("offset_ms",)

    def __init__(self) -> None:
        self.offset_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.offset_ms


def client_of(url: str, *, budget: Budget = BUDGET, clock: Clock | None = None) -> DynamoDB:
    return DynamoDB(
        region="eu-west-3",
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=url,
        budget=budget,
        clock=clock or SystemClock(),
        max_answer_bytes=1_000_000,
        random=lambda: 0.1,
    )


def settles(server: FaultServer, at_most: int) -> None:
    """Wait until the server has seen the closes that are on their way."""
    deadline = time.monotonic() + 5
    while server.open_connections > at_most and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.open_connections <= at_most


@pytest.fixture
def client(server: FaultServer) -> Iterator[DynamoDB]:
    made = client_of(server.url)
    yield made
    made.forget()


@pytest.mark.parametrize("earlier_calls", [0, 1], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("fault", faults.AMBIGUOUS, ids=lambda fault: fault.name)
def test_ambiguous_fault_never_charges_twice_and_the_next_call_works(
    fault: faults.Fault, earlier_calls: int, server: FaultServer, client: DynamoDB
) -> None:
    for _ in range(earlier_calls):
        client.get_item(UPDATE)
    before = server.applied
    server.script(fault)
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        client.update_item(UPDATE, repeatable=False)
    assert time.monotonic() - started < BUDGET.call_ms / 1000 + SLACK_SECONDS
    assert caught.value.outcome_unknown
    assert server.applied - before == 1
    assert client.update_item(UPDATE, repeatable=False) == {}
    assert server.applied - before == 2


@pytest.mark.parametrize("fault", faults.AMBIGUOUS, ids=lambda fault: fault.name)
def test_read_gets_through(fault: faults.Fault, server: FaultServer, client: DynamoDB) -> None:
    server.script(fault)
    assert client.get_item(UPDATE) is None


@pytest.mark.parametrize("fault", faults.GOOD, ids=lambda fault: fault.name)
def test_unusual_answer_is_understood(fault: faults.Fault, server: FaultServer) -> None:
    client = client_of(server.url, budget=Budget(attempt_ms=2_000, call_ms=4_000))
    server.script(fault, fault)
    for count in (1, 2):
        assert client.update_item(UPDATE, repeatable=False) == {}
        assert server.applied == count
    client.forget()


def test_throttled_write_is_repeated_and_applied_once(server: FaultServer, client: DynamoDB) -> None:
    server.script(faults.THROTTLE, faults.THROTTLE)
    assert client.update_item(UPDATE, repeatable=False) == {}
    assert (server.applied, len(server.requests)) == (1, 3)


def test_expired_credentials_are_renewed_and_the_write_applied_once(
    server: FaultServer, client: DynamoDB
) -> None:
    server.script(faults.EXPIRED)
    assert client.update_item(UPDATE, repeatable=False) == {}
    assert (server.applied, len(server.requests)) == (1, 2)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.HANG, "timed_out"),
        (faults.RESET, "connection"),
        (faults.AMBIGUOUS[0], "server_fault"),
        (faults.AMBIGUOUS[6], "garbled"),
        (faults.THROTTLE, "throttled"),
        (faults.EXPIRED, "credentials"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_each_fault_has_its_name(
    fault: faults.Fault, expected: str, server: FaultServer, client: DynamoDB
) -> None:
    server.script(*[fault] * 3)
    with pytest.raises(Unavailable) as caught:
        client.get_item(UPDATE)
    assert caught.value.fault == expected
    assert "SECRET" not in repr(caught.value)


def test_connection_that_the_service_closed_is_noticed_before_sending(
    server: FaultServer, client: DynamoDB
) -> None:
    server.script(faults.OK_THEN_CLOSE, faults.OK_THEN_CLOSE)
    for count in (1, 2, 3):
        assert client.update_item(UPDATE, repeatable=False) == {}
        assert server.applied == count
        time.sleep(0.02)  # the close must arrive; it is a real socket
    assert server.connections == 3


@pytest.mark.parametrize("step_ms", [IDLE_LIMIT_MS + 1, -1_000], ids=["frozen", "set back"])
def test_connection_that_slept_too_long_is_not_used_again(step_ms: int, server: FaultServer) -> None:
    clock = SteppedClock()
    client = client_of(server.url, clock=clock)
    client.get_item(UPDATE)
    clock.offset_ms += step_ms
    client.get_item(UPDATE)
    assert server.connections == 2
    client.forget()


def test_connection_that_the_service_wants_closed_is_closed(server: FaultServer, client: DynamoDB) -> None:
    server.script(faults.sends("says_close", faults.answer(fields=("Connection: close",)), applies=True))
    client.get_item(UPDATE)
    settles(server, 0)
    client.get_item(UPDATE)
    assert server.connections == 2


def test_connection_is_kept(server: FaultServer, client: DynamoDB) -> None:
    for _ in range(20):
        client.update_item(UPDATE, repeatable=False)
    assert server.connections == 1


def test_connect_opens_the_connection_that_the_first_call_uses(server: FaultServer, client: DynamoDB) -> None:
    assert client.connect()
    client.update_item(UPDATE, repeatable=False)
    assert server.connections == 1


def test_nobody_listens() -> None:
    client = client_of(f"http://127.0.0.1:{free_port()}")
    assert not client.connect()
    with pytest.raises(Unavailable) as caught:
        client.update_item(UPDATE, repeatable=False)
    assert (caught.value.fault, caught.value.outcome_unknown) == ("connection", False)


def test_silent_host_costs_no_more_than_connecting_may() -> None:
    with socket.socket() as full:  # a queue of one, filled: further SYNs are dropped
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        client = client_of(f"http://127.0.0.1:{full.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            client.update_item(UPDATE, repeatable=False)
        assert time.monotonic() - started < BUDGET.call_ms / 1000 + SLACK_SECONDS
        assert (caught.value.fault, caught.value.outcome_unknown) == ("timed_out", False)
        for filler in fillers:
            filler.close()


def test_large_request_to_a_service_that_reads_nothing_keeps_to_its_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        client = client_of(f"http://127.0.0.1:{deaf.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            client.update_item({**UPDATE, "x": "y" * 30_000_000}, repeatable=False, budget_ms=300)
        assert time.monotonic() - started < 0.3 + SLACK_SECONDS
        # It never had the whole request, so it cannot have checked the signature over it.
        assert (caught.value.fault, caught.value.outcome_unknown) == ("timed_out", False)


def test_threads_share_a_bounded_pool(server: FaultServer) -> None:
    client = client_of(server.url, budget=Budget(attempt_ms=3_000, call_ms=5_000))
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(25):
                assert client.update_item(UPDATE, repeatable=False) == {}
        except BaseException as error:  # handed to the test's thread
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []
    assert server.applied == 200
    settles(server, MAX_IDLE)
    client.forget()
    settles(server, 0)


def test_no_socket_is_left_behind(server: FaultServer) -> None:
    client = client_of(server.url)
    for fault in (faults.HANG, faults.RESET, faults.CLOSE, *faults.AMBIGUOUS[9:14]):
        server.script(fault)
        with pytest.raises(Unavailable):
            client.update_item(UPDATE, repeatable=False)
    client.get_item(UPDATE)
    client.forget()
    del client
    gc.collect()  # a socket that was not closed warns here, and warnings are errors
    settles(server, 0)
