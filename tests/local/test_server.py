"""The HTTP server alone, spoken to with raw bytes: framing, limits, order, and requests that try to hide another."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

from infra.local.front import Front
from infra.local.messages import MAX_BODY_BYTES, HttpRequest, HttpResponse
from infra.local.ranking import Place, Rankings
from infra.local.region import fastest_event_loop
from infra.local.server import Server
from infra.local.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOST = "127.0.0.1"
GET = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n"


class Recorder:
    """Answers with the method, target and body length, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.gate: asyncio.Event | None = None

    async def handle(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        if self.gate is not None:
            await self.gate.wait()
        if request.target == b"/defect":
            raise RuntimeError("on purpose")
        text = b"%s %s %d" % (request.method.encode(), request.target, len(request.body))
        return HttpResponse(200, ((b"content-type", b"text/plain"),), text)


def run(scenario: Callable[[Recorder, Server, int], Awaitable[None]]) -> None:
    async def main() -> None:
        recorder = Recorder()
        server = Server(recorder.handle)
        port = await server.start(HOST, 0)
        try:
            await asyncio.wait_for(scenario(recorder, server, port), 10)
        finally:
            await server.stop(grace_seconds=1.0)

    for new_event_loop in {asyncio.new_event_loop, fastest_event_loop()}:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(main())
    gc.collect()  # what was left open warns now, in the test that left it


async def exchange(port: int, *parts: bytes) -> bytes:
    """Send the parts, close our side, and return all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for happens in the server, which has no event for it
        await asyncio.sleep(0.001)


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


CLOSE = b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def test_pipelined_requests_are_answered_in_order() -> None:
    async def scenario(recorder: Recorder, _server: Server, port: int) -> None:
        answer = await exchange(port, b"".join(GET % b"/%d" % n for n in range(40)) + CLOSE)
        assert statuses(answer) == [200] * 41
        assert [request.target for request in recorder.requests] == [
            *(b"/%d" % n for n in range(40)),
            b"/last",
        ]
        assert answer.index(b"GET /3 0") < answer.index(b"GET /30 0") < answer.index(b"GET /last 0")

    run(scenario)


def test_request_split_into_single_bytes_is_whole() -> None:
    async def scenario(recorder: Recorder, _server: Server, port: int) -> None:
        whole = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
        answer = await exchange(port, *(whole[n : n + 1] for n in range(len(whole))))
        assert b"POST /x 3" in answer
        assert recorder.requests[0].body == b"abc"

    run(scenario)


def test_chunked_body_is_joined_and_its_trailers_are_dropped() -> None:
    async def scenario(recorder: Recorder, _server: Server, port: int) -> None:
        head = b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        await exchange(port, head, b"3;e=1\r\nabc\r\n", b"2\r\nde\r\n0\r\nX-Admin: yes\r\n\r\n")
        (request,) = recorder.requests
        assert request.body == b"abcde"
        assert all(name != b"x-admin" for name, _ in request.headers)

    run(scenario)


SMUGGLED = {
    "both lengths": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two equal lengths": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "list of lengths": b"Content-Length: 3, 3\r\n\r\nabc",
    "signed length": b"Content-Length: +3\r\n\r\nabc",
    "length with space": b"Content-Length: 3 3\r\n\r\nabc",
    "unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "coding before chunked": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "tab before coding": b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "folded": b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare line feed": b"X: a\nContent-Length: 3\r\n\r\nabc",
    "null in value": b"X: a\x00b\r\n\r\n",
    "bad chunk size": b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "chunk without end": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("attack", SMUGGLED)
def test_smuggling_attempt_is_refused_and_nothing_after_it_is_read(attack: str) -> None:
    async def scenario(recorder: Recorder, _server: Server, port: int) -> None:
        sent = b"POST /x HTTP/1.1\r\nHost: h\r\n" + SMUGGLED[attack] + (GET % b"/hidden")
        answer = await exchange(port, sent)
        assert statuses(answer) == [400]
        assert b"connection: close" in answer
        assert recorder.requests == []

    run(scenario)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n", 400),
        (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 10_240), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n%s\r\n" % (b"X: y\r\n" * 6_000), 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413),
    ],
)
def test_bad_or_large_request_is_refused_before_it_is_read(sent: bytes, status: int) -> None:
    async def scenario(recorder: Recorder, _server: Server, port: int) -> None:
        assert statuses(await exchange(port, sent)) == [status]
        assert recorder.requests == []

    run(scenario)


def test_head_that_never_ends_is_refused() -> None:
    async def scenario(recorder: Recorder, _server: Server, port: int) -> None:
        answer = await exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nX: ", *[b"y" * 1_000] * 15)
        assert statuses(answer) == [431]
        assert recorder.requests == []

    run(scenario)


def test_chunked_body_over_the_limit_is_refused() -> None:
    async def scenario(recorder: Recorder, _server: Server, port: int) -> None:
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(head + chunk * 10 + b"1\r\nx\r\n")
        assert statuses(await reader.readline()) == [413]
        writer.close()
        assert recorder.requests == []

    run(scenario)


def test_continue_is_sent_before_the_body() -> None:
    async def scenario(_recorder: Recorder, _server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()

    run(scenario)


def test_upgrade_is_ignored_and_the_request_answered() -> None:
    async def scenario(_recorder: Recorder, _server: Server, port: int) -> None:
        sent = (
            b"GET /u HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\n"
        )
        answer = await exchange(port, sent)
        assert statuses(answer) == [200]
        assert b"GET /u 0" in answer

    run(scenario)


def test_http_1_0_closes_after_the_answer() -> None:
    async def scenario(_recorder: Recorder, _server: Server, port: int) -> None:
        answer = await exchange(port, b"GET /old HTTP/1.0\r\n\r\n")
        assert statuses(answer) == [200]
        assert b"connection: close" in answer

    run(scenario)


def test_defect_of_the_handler_costs_one_request() -> None:
    async def scenario(_recorder: Recorder, _server: Server, port: int) -> None:
        seen: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: seen.append(context["exception"])
        )
        assert statuses(await exchange(port, GET % b"/defect" + CLOSE)) == [500, 200]
        assert [type(error) for error in seen] == [RuntimeError]

    run(scenario)


def test_client_that_leaves_in_the_middle_is_forgotten() -> None:
    async def scenario(recorder: Recorder, server: Server, port: int) -> None:
        recorder.gate = asyncio.Event()
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(GET % b"/gone" + GET % b"/never")
        await until(lambda: recorder.requests)
        writer.transport.abort()
        await until(lambda: not server.connections)
        recorder.gate.set()
        assert statuses(await exchange(port, CLOSE)) == [200]
        assert [request.target for request in recorder.requests] == [b"/gone", b"/last"]

    run(scenario)


def test_stop_finishes_what_is_in_flight_and_closes_what_is_idle() -> None:
    async def scenario(recorder: Recorder, server: Server, port: int) -> None:
        idle_reader, idle_writer = await asyncio.open_connection(HOST, port)
        idle_writer.write(GET % b"/idle")
        await idle_reader.readuntil(b"GET /idle 0")
        recorder.gate = asyncio.Event()
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(GET % b"/slow")
        await until(lambda: not (len(recorder.requests) < 2))
        stopping = asyncio.create_task(server.stop(grace_seconds=5))
        assert await idle_reader.read() == b""
        recorder.gate.set()
        answer = await reader.read()
        assert statuses(answer) == [200]
        assert b"connection: close" in answer
        await stopping
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)
        idle_writer.close()
        writer.close()

    run(scenario)


def test_deadline_of_a_dribbling_client_is_not_moved_by_its_bytes() -> None:
    async def scenario(_recorder: Recorder, server: Server, port: int) -> None:
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET / HT")
        await until(lambda: server.connections)
        (connection,) = server.connections
        await asyncio.sleep(0.02)
        first = connection.deadline
        writer.write(b"TP/1.1\r\nHost: ")
        await asyncio.sleep(0.02)
        assert connection.deadline == first
        connection.deadline = 0.0
        await until(lambda: not server.connections)
        writer.close()

    run(scenario)


HOME = Place(38.9, -77.5)


def request(method: str = "GET", target: bytes = b"/x", body: bytes = b"") -> HttpRequest:
    return HttpRequest(method, target, ((b"host", b"h"),), body, HOST, 1)


def front_of(regions: dict[str, Upstream]) -> Front:
    """Return the endpoint before *regions*, in their order, which nobody is asked for."""
    rankings = Rankings({}, key_path=None)
    rankings._known[HOME] = (float("inf"), tuple(regions))
    return Front(regions, rankings, default_place=HOME)


def test_front_reuses_a_connection_and_asks_the_next_region_when_refused() -> None:
    async def scenario(_recorder: Recorder, server: Server, port: int) -> None:
        dead = await asyncio.start_server(lambda _r, _w: None, HOST, 0)
        dead_port = dead.sockets[0].getsockname()[1]
        dead.close()
        await dead.wait_closed()
        front = front_of({"iad1": Upstream(HOST, dead_port), "sfo1": Upstream(HOST, port)})
        for _ in range(3):
            answer = await front.handle(request("POST", b"/a?b", b"body"))
            assert (answer.status, answer.body) == (200, b"POST /a?b 4")
        assert len(server.connections) == 1

    run(scenario)


def test_front_does_not_ask_again_once_bytes_were_sent() -> None:
    async def scenario(recorder: Recorder, _server: Server, port: int) -> None:
        async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.close()

        breaking = await asyncio.start_server(drop, HOST, 0)
        port_of_breaking = breaking.sockets[0].getsockname()[1]
        front = front_of({"iad1": Upstream(HOST, port_of_breaking), "sfo1": Upstream(HOST, port)})
        assert (await front.handle(request("POST"))).status == 502
        assert recorder.requests == []
        breaking.close()

    run(scenario)


def test_front_without_a_living_region_is_unavailable() -> None:
    assert asyncio.run(front_of({}).handle(request())).status == 503
