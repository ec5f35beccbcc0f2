"""The probe against regions that answer anything, over real sockets, and what it leaves in the table."""

from __future__ import annotations

import contextlib
import io
import json
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.clock import SystemClock
from edge.composition.probing import HttpTarget
from edge.health.probing import MAX_REPLY_BYTES, PROBE_MS, Reply, serves
from edge.health.region_dynamo import DynamoRegionStore
from tests import faults
from tests.faults import answer, chunked, drips, sends
from tests.functional.auth_setup import House, later, open_house
from tests.functional.health_setup import Server
from tests.functions import load_function

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Iterator

    from tests.faults import Fault

WELL: Final = answer(b'{"status":"healthy","region":"cdg1","timestamp":1795179600}')
DRAINING: Final = answer(
    b'{"status":"draining","region":"cdg1","timestamp":1795179600}', status="503 Service Unavailable"
)
REDIRECT: Final = "Location: http://127.0.0.1:1/"


class Region:
    """
    A region that plays a fault for each request; a context manager.

    Attributes:
        requests: that it read.
    """

    def __init__(self, *script: Fault) -> None:
        self._script = list(script)
        self.requests: list[bytes] = []
        self.server = Server(self._play)

    def _play(self, connection: socket.socket, request: bytes, stopped: threading.Event) -> bool:
        self.requests.append(request)
        fault = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return fault.play(connection, stopped)


@pytest.fixture
def open_region() -> Iterator[Any]:
    """Makes regions, and the probe's connection to each."""
    with contextlib.ExitStack() as stack:

        def open_(*script: Fault) -> tuple[HttpTarget, Region]:
            region = Region(*script)
            stack.enter_context(region.server)
            target = HttpTarget(region.server.url, SystemClock(), observer="iad1")
            stack.callback(target.close)
            return target, region

        yield open_


def ask(target: HttpTarget, *, ms: int = PROBE_MS) -> Reply | None:
    """Ask, and hold the answer to its time."""
    started = time.monotonic()
    reply = target.ask(time.monotonic_ns() + ms * 1_000_000)
    assert time.monotonic() - started < ms / 1000 + 0.5
    return reply


def is_served(reply: Reply | None) -> bool:
    return reply is not None and serves(reply, region="cdg1")


@pytest.mark.parametrize(
    "fault",
    [
        sends("well", WELL, applies=False),
        sends("draining", DRAINING, applies=False),
        sends("chunked", chunked(b'{"region":', b'"cdg1"}'), applies=False),
        drips("slow_and_in_time", WELL, pause_seconds=0.0005, applies=False),
        sends("closes_after_it", answer(b'{"region":"cdg1"}', fields=("Connection: close",)), applies=False),
    ],
    ids=lambda fault: str(fault.name),
)
def test_region_that_serves(open_region: Any, fault: Fault) -> None:
    target, region = open_region(fault)

    assert is_served(ask(target))
    head = region.requests[0].decode()
    assert head.startswith("GET /api/monitoring/ready HTTP/1.1\r\n")
    assert f"host: 127.0.0.1:{region.server.port}\r\n" in head
    assert "authorization" not in head.lower()


FAULTS: Final = [
    fault for fault in faults.AMBIGUOUS if fault.name not in ("slow_drip", "hang", "wrong_crc", "gzip")
]


@pytest.mark.parametrize(
    "fault",
    [
        *FAULTS,
        sends("301", answer(WELL, status="301 Moved Permanently", fields=(REDIRECT,)), applies=False),
        sends("302", answer(b'{"region":"cdg1"}', status="302 Found", fields=(REDIRECT,)), applies=False),
        sends("404", answer(b'{"region":"cdg1"}', status="404 Not Found"), applies=False),
        sends("500", answer(b'{"region":"cdg1"}', status="500 Oops"), applies=False),
        sends("another_region", WELL.replace(b"cdg1", b"hnd1"), applies=False),
        sends("gzipped", answer(b"\x1f\x8b\x08", fields=("Content-Encoding: gzip",)), applies=False),
        sends("page", answer(b"<html>Welcome to nginx!</html>"), applies=False),
        sends("too_long", answer(b'{"region":"cdg1"}' + b" " * MAX_REPLY_BYTES), applies=False),
        sends("endless", chunked(*[b" " * 1_000] * 2_000), applies=False),
        sends("nothing", b"", applies=False, then_close=True),
        sends("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", applies=False, then_close=True),
    ],
    ids=lambda fault: str(fault.name),
)
def test_everything_else_is_a_failure_and_no_error(open_region: Any, fault: Fault) -> None:
    target, _ = open_region(fault)

    assert not is_served(ask(target))


@pytest.mark.parametrize(
    "fault",
    [faults.HANG, drips("slow_drip", WELL + b" " * 5_000, pause_seconds=0.05, applies=False)],
    ids=["hang", "drip"],
)
def test_slow_region_is_given_up_in_time(open_region: Any, fault: Fault) -> None:
    target, _ = open_region(fault)

    assert ask(target, ms=300) is None


def test_region_that_nobody_listens_for() -> None:
    from infra.local.emulator import free_port

    target = HttpTarget(f"http://127.0.0.1:{free_port()}", SystemClock(), observer="iad1")

    assert ask(target) is None


def test_redirect_is_not_followed(open_region: Any) -> None:
    elsewhere, other = open_region(sends("well", WELL, applies=False))
    assert is_served(ask(elsewhere))
    location = f"Location: {other.server.url}/api/monitoring/ready"
    target, region = open_region(
        sends("away", answer(b"", status="307 Temporary Redirect", fields=(location,)), applies=False)
    )
    assert not is_served(ask(target))

    assert (len(region.requests), len(other.requests)) == (1, 1)


def test_connection_is_kept_from_round_to_round(open_region: Any) -> None:
    target, region = open_region(sends("well", WELL, applies=False))

    assert [is_served(ask(target)) for _ in range(3)] == [True] * 3
    assert region.server.connections == 1


def test_kept_connection_that_breaks_is_no_failure_and_a_new_one_is(open_region: Any) -> None:
    well = sends("well", WELL, applies=False)
    target, region = open_region(well, faults.RESET, well)
    assert [is_served(ask(target)) for _ in range(2)] == [True] * 2
    assert (len(region.requests), region.server.connections) == (3, 2)
    broken, region = open_region(faults.RESET)
    assert not is_served(ask(broken))
    assert len(region.requests) == 2


# The function


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


class Context:
    """Lambda's, with so much time left."""

    def __init__(self, left_ms: int) -> None:
        self._ends = time.monotonic() + left_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends - time.monotonic()) * 1000)


def run(house: House, left_ms: int, **environ: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    function = load_function("health_probe", {**house.environ, **environ})
    out = io.StringIO()
    until_round = (9.5 - time.time() % 10) % 10  # half a second before one is due
    try:
        with contextlib.redirect_stdout(out), later(until_round):
            summary = dict(function.handler({"source": "aws.events"}, Context(left_ms)))
    finally:
        prober = function.runs._prober
        for target in prober._targets.values() if prober is not None else ():
            target.close()  # a container keeps its connections; this one ends here
    return summary, [json.loads(line) for line in out.getvalue().splitlines()]


def test_run_leaves_a_report_of_what_it_saw(house: House, open_region: Any) -> None:
    _, well = open_region(sends("well", WELL.replace(b"cdg1", b"iad1"), applies=False))
    _, sick = open_region(sends("sick", answer(b"{}", status="503 Service Unavailable"), applies=False))
    endpoints = f"cdg1=http://127.0.0.1:1,iad1={well.server.url},hnd1={sick.server.url}"
    summary, lines = run(house, 9_000, ENDPOINTS=endpoints)

    assert summary == {
        "rounds": 1,
        "failed": 0,
        "unstored": 0,
        "blind": 0,
        "seen": {"iad1": "o", "hnd1": "x"},
    }
    assert [line["message"] for line in lines] == [
        "regions without an endpoint are not probed",
        "regions probed",
    ]
    assert lines[0]["targets"] == ["sfo1"]
    store = DynamoRegionStore(house.client, house.environ["REGION_HEALTH_TABLE"], read_budget_ms=10_000)
    (report,) = [one for one in store.read(latest=True).reports if one.observer == "cdg1"]
    assert abs(report.at - time.time()) < 25
    assert report.at % 10 == 0
    assert {code: sight.results[0].ok for code, sight in report.sights.items()} == {
        "iad1": True,
        "hnd1": False,
    }


def test_invocation_with_little_time_left_ends_at_once(house: House) -> None:
    started = time.monotonic()
    summary, _ = run(house, 2_000, ENDPOINTS="iad1=http://127.0.0.1:1")

    assert summary["rounds"] == 0
    assert time.monotonic() - started < 2


def test_invocation_with_nobody_to_ask_ends_at_once(house: House) -> None:
    started = time.monotonic()
    summary, lines = run(house, 900_000, ENDPOINTS="cdg1=http://127.0.0.1:1")

    assert summary["rounds"] == 0
    assert time.monotonic() - started < 2
    assert lines[0]["targets"] == ["iad1", "sfo1", "hnd1"]
