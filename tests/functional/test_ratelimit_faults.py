"""
The rate check against a DynamoDB that misbehaves, over real sockets: answered in time, labelled, and over when it is over.

The scripted server plays the faults. When it is told to behave it passes requests on to ministack, so that what is
decided after a fault is decided by an engine.
"""

from __future__ import annotations

import http.client
import socket
import time
import uuid
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.faults import TableMissing
from edge.aws.retries import Budget
from edge.breaker import FAILURES_TO_OPEN, OPEN_MS, Breaker
from edge.clock import SystemClock
from edge.ratelimit.dynamo import DynamoStore
from edge.ratelimit.guarded_store import GuardedStore
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.resilient import ResilientLimiter
from edge.ratelimit.tiers import TIERS
from infra.local.emulator import HOST
from tests import faults
from tests.faults import Fault, FaultServer, answer, error

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from edge.ratelimit.decisions import Decision
    from edge.ratelimit.tiers import Tier

BUDGET = Budget(attempt_ms=250, call_ms=600, attempts=2)

ANSWER_SECONDS = 0.8
NOISE_SECONDS = 0.7
"""How much longer an answer may take on a busy machine before the test says that the budget did not hold."""

DEFAULT, STRICT = TIERS["default"], TIERS["strict"]
EXPECTED_CONTAINERS = 4
SHARE = DEFAULT.window.limit // EXPECTED_CONTAINERS

MANY = 40
"""More requests than any test makes: a script that ends would answer ``{}``."""

FAULTS = (
    faults.THROTTLE,
    faults.sends("request_limit", error("RequestLimitExceeded"), applies=False),
    faults.EXPIRED,
    *faults.AMBIGUOUS,
)

_CODE = DEFAULT.code
NO_RECORDS = (
    "{}",
    '{"Attributes":{}}',
    f'{{"Attributes":{{"x":{{"N":"1"}},"l{_CODE}":{{"N":"100"}}}}}}',
    f'{{"Attributes":{{"t{_CODE}":{{"N":"many"}}}}}}',
    f'{{"Attributes":{{"t{_CODE}":{{"S":"1"}}}}}}',
    f'{{"Attributes":{{"t{_CODE}":5}}}}',
)


class LeapingClock(SystemClock):
    """The machine's clock, moved forward by what a test does not want to wait for."""

    __slots__ = ("_leapt_ms",)

    def __init__(self) -> None:
        self._leapt_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self._leapt_ms

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self._leapt_ms * 1_000_000

    def leap(self, duration_ms: int) -> None:
        self._leapt_ms += duration_ms


class Edge(NamedTuple):
    """A container as it runs, its store behind *server*."""

    limiter: ResilientLimiter
    clock: LeapingClock
    server: FaultServer
    behave: Fault

    def check(self, subject: str, tier: Tier = DEFAULT) -> Decision:
        """Check, and hold the answer to its time."""
        return timely(lambda: self.limiter.check(subject, tier))

    def end_fault(self) -> None:
        self.server.script(*[self.behave] * MANY)

    def requests(self) -> int:
        return len(self.server.requests)


def timely(ask: Callable[[], Decision]) -> Decision:
    started = time.monotonic()
    decision = ask()
    assert time.monotonic() - started < ANSWER_SECONDS + NOISE_SECONDS
    return decision


def passes_on(server: FaultServer, engine_url: str) -> Fault:
    """Return what is no fault: the request that *server* read last is answered by the engine."""

    def play(connection: socket.socket, stopped: threading.Event) -> bool:
        head, _, body = server.requests[-1].partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        place = urlsplit(engine_url)
        engine = http.client.HTTPConnection(place.hostname or HOST, place.port, timeout=10)
        try:
            engine.request("POST", "/", body, fields)
            response = engine.getresponse()
            connection.sendall(answer(response.read(), status=f"{response.status} {response.reason}"))
        finally:
            engine.close()
        return not stopped.is_set()

    return Fault("engine", applies=True, play=play)


def open_edge(server: FaultServer, environment: dict[str, str]) -> tuple[Edge, DynamoDB]:
    # The client keeps the machine's time: only what is above it leaps.
    client = DynamoDB(
        region="eu-west-3",
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=server.url,
        budget=BUDGET,
        max_answer_bytes=1_000_000,
    )
    clock = LeapingClock()
    breaker = Breaker(clock)
    store = GuardedStore(DynamoStore(client, environment["RATE_WINDOWS_TABLE"]), breaker)
    limiter = ResilientLimiter(
        Limiter(store, clock), clock, expected_containers=EXPECTED_CONTAINERS, breaker=breaker
    )
    return Edge(limiter, clock, server, passes_on(server, environment["AWS_ENDPOINT_URL"])), client


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def edge(server: FaultServer, ministack_environment: dict[str, str]) -> Iterator[Edge]:
    edge, client = open_edge(server, ministack_environment)
    edge.end_fault()
    yield edge
    client.forget()


@pytest.fixture
def subject() -> str:
    return f"user-{uuid.uuid4()}"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_answered_in_time_by_policy_and_leaves_no_trace(
    fault: Fault, edge: Edge, subject: str
) -> None:
    healthy = edge.check(subject)
    assert (healthy.allowed, healthy.degraded, healthy.remaining) == (True, False, 99)

    edge.server.script(*[fault] * MANY)
    during = [edge.check(subject) for _ in range(FAILURES_TO_OPEN - 1)]
    strict = edge.check(subject, STRICT)
    asked = edge.requests()
    spared = [edge.check(subject) for _ in range(50)]

    assert all(each.allowed and each.degraded and each.tier is DEFAULT for each in during)
    assert [each.remaining for each in during] == [SHARE - number for number in range(1, FAILURES_TO_OPEN)]
    assert (strict.allowed, strict.degraded) == (False, True)
    assert 0 < strict.retry_after_ms <= OPEN_MS
    assert edge.requests() == asked, "no request while the circuit is open"
    assert all(each.degraded for each in spared)
    assert sum(each.allowed for each in spared) == SHARE - len(during)

    edge.end_fault()
    edge.clock.leap(OPEN_MS)
    after = edge.check(subject)

    assert (after.allowed, after.degraded, after.remaining) == (True, False, 98)
    assert not edge.check(subject, STRICT).degraded


@pytest.mark.parametrize("attributes", NO_RECORDS)
def test_answer_that_holds_no_record_is_a_fault(attributes: str, edge: Edge, subject: str) -> None:
    """Well-formed JSON with the right checksum, and nonsense all the same."""
    nonsense = faults.sends("nonsense", answer(attributes.encode()), applies=True)
    edge.server.script(*[nonsense] * MANY)

    decision = edge.check(subject)

    assert (decision.allowed, decision.degraded) == (True, True)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_peek_is_answered_in_time(fault: Fault, edge: Edge, subject: str) -> None:
    edge.server.script(*[fault] * MANY)

    look = timely(lambda: edge.limiter.peek(subject, DEFAULT))

    assert (look.allowed, look.degraded, look.remaining) == (True, True, SHARE)


def test_fault_that_lasts_costs_one_probe_in_ten_seconds(edge: Edge, subject: str) -> None:
    edge.server.script(*[faults.RESET] * MANY)
    for _ in range(FAILURES_TO_OPEN):
        edge.check(subject)

    for _ in range(4):
        asked = edge.requests()
        edge.clock.leap(OPEN_MS)
        assert all(edge.check(subject).degraded for _ in range(10))
        assert edge.requests() == asked + 1


def test_single_fault_degrades_one_answer(edge: Edge, subject: str) -> None:
    edge.check(subject)
    edge.server.script(faults.HANG, *[edge.behave] * MANY)

    assert [edge.check(subject).degraded for _ in range(3)] == [True, False, False]


def test_throttling_that_the_retry_outlasts_is_no_fault(edge: Edge, subject: str) -> None:
    edge.server.script(faults.THROTTLE, *[edge.behave] * MANY)

    decision = edge.check(subject)

    assert (decision.degraded, decision.remaining) == (False, 99)


def test_missing_table_is_a_defect_and_surfaces(edge: Edge, subject: str) -> None:
    missing = faults.sends("missing", error("ResourceNotFoundException"), applies=False)
    edge.server.script(*[missing] * MANY)

    for _ in range(FAILURES_TO_OPEN * 2):
        with pytest.raises(TableMissing):
            edge.limiter.check(subject, DEFAULT)


def test_refused_connection(ministack_environment: dict[str, str], subject: str) -> None:
    """Nothing listens, then something does."""
    server = FaultServer()
    server._listener.close()
    edge, client = open_edge(server, ministack_environment)
    during = [edge.check(subject) for _ in range(FAILURES_TO_OPEN + 3)]
    strict = edge.check(subject, STRICT)
    server._listener = socket.create_server((HOST, server.port))
    edge.end_fault()

    with server:
        assert edge.check(subject).degraded
        assert (server.connections, edge.requests()) == (0, 0), "the circuit is open"
        edge.clock.leap(OPEN_MS)
        after = edge.check(subject)
        client.forget()

    assert all(each.allowed and each.degraded for each in during)
    assert (strict.allowed, strict.degraded) == (False, True)
    assert (after.allowed, after.degraded, after.remaining) == (True, False, 99)
