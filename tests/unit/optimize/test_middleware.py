"""The engine in front of applications: what is optimised, and what passes untouched and at once."""

from __future__ import annotations

import asyncio
import json
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from edge.clock import ManualClock
from edge.optimize.codecs import encoder
from edge.optimize.middleware import OptimizeMiddleware
from edge.optimize.problems import NothingAcceptable, PreconditionFailed

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge.optimize.codecs import Encode
    from edge.optimize.engine import EncoderOf
    from edge.optimize.negotiation import Coding
    from edge.optimize.policy import Strategy

NOW_MS = 1_795_179_600_000
BODY = json.dumps([{"id": number} for number in range(300)], indent=1).encode()
JSON_TYPE = (b"content-type", b"application/json")


def start(*headers: tuple[bytes, bytes], status: int = 200, **members: object) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers), **members}


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def run(
    messages: list[Message],
    *,
    headers: tuple[tuple[bytes, bytes], ...] = ((b"accept-encoding", b"gzip"),),
    method: str = "GET",
    strategy: Any = "moderate",
    most: int = 100_000,
    scope_type: str = "http",
    encoder_of: EncoderOf = encoder,
) -> tuple[list[Message], list[int]]:
    """Return what was sent, and how much of it after each of *messages*."""
    sent: list[Message] = []
    progress: list[int] = []

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
            progress.append(len(sent))

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    app: ASGIApp = OptimizeMiddleware(
        application,
        strategy=strategy,
        clock=ManualClock(now_ms=NOW_MS),
        most_buffered_bytes=most,
        encoder_of=encoder_of,
    )
    scope = {"type": scope_type, "method": method, "path": "/", "headers": list(headers)}
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return sent, progress


def test_whole_answer_is_optimised() -> None:
    sent, _ = run([start(JSON_TYPE, (b"X-A", b"\xe9")), part(BODY)])

    head, body = sent
    fields = dict(head["headers"])
    assert head["status"] == 200
    assert json.loads(zlib.decompress(body["body"], wbits=31)) == json.loads(BODY)
    assert fields[b"content-encoding"] == b"gzip"
    assert fields[b"content-length"] == b"%d" % len(body["body"])
    assert fields[b"x-a"] == b"\xe9"
    assert not body.get("more_body")


def test_known_answer_is_304() -> None:
    first, _ = run([start(JSON_TYPE), part(BODY)])
    tag = dict(first[0]["headers"])[b"etag"]
    again, _ = run(
        [start(JSON_TYPE), part(BODY)], headers=((b"accept-encoding", b"gzip"), (b"if-none-match", tag))
    )

    assert [again[0]["status"], again[1]["body"]] == [304, b""]


def test_nothing_acceptable_is_a_problem() -> None:
    with pytest.raises(NothingAcceptable):
        run([start(JSON_TYPE), part(BODY)], headers=((b"accept-encoding", b"identity;q=0"),))


def test_another_version_is_a_problem() -> None:
    for name, value in ((b"if-match", b'"x"'), (b"if-unmodified-since", b"Sun, 06 Nov 1994 08:49:37 GMT")):
        modified = (b"last-modified", b"Mon, 07 Nov 1994 08:49:37 GMT")
        with pytest.raises(PreconditionFailed):
            run([start(JSON_TYPE, modified), part(BODY)], headers=((name, value),))


def test_what_the_answer_says_to_caches_can_be_kept() -> None:
    sent, _ = run([start(JSON_TYPE, (b"cache-control", b"public, max-age=9")), part(BODY)], strategy=None)
    fields = dict(sent[0]["headers"])
    assert fields[b"cache-control"] == fields[b"cdn-cache-control"] == b"public, max-age=9"
    assert fields[b"content-encoding"] == b"gzip"


@pytest.mark.parametrize("name", [b"authorization", b"cookie", b"x-api-key"])
def test_answer_to_credentials_is_private(name: bytes) -> None:
    sent, _ = run([start(JSON_TYPE), part(BODY)], headers=((name, b"x"),), strategy="aggressive")
    assert dict(sent[0]["headers"])[b"cache-control"] == b"private, no-cache"


def test_encoder_that_remembers_encodes_once() -> None:
    encoded: list[int] = []

    @cache
    def encode(body: bytes) -> bytes:
        encoded.append(len(body))
        return zlib.compress(body, wbits=31)

    def remembering(coding: Coding) -> Encode | None:
        return encode if coding == "gzip" else None

    answers = [run([start(JSON_TYPE), part(BODY)], encoder_of=remembering)[0][1]["body"] for _ in range(3)]
    assert len(encoded) == 1
    assert len(set(answers)) == 1
    assert json.loads(zlib.decompress(answers[0], wbits=31)) == json.loads(BODY)


def test_strategy_can_depend_on_the_request() -> None:
    def of(scope: Scope) -> Strategy:
        return "none" if scope["path"] == "/" else "aggressive"

    sent, _ = run([start(JSON_TYPE), part(b"{}")], strategy=of)
    assert dict(sent[0]["headers"])[b"cache-control"] == b"no-store"


def test_announced_answer_in_parts_is_held_until_it_is_whole() -> None:
    length = (b"Content-Length", b"%d" % len(BODY))
    sent, progress = run(
        [start(JSON_TYPE, length), part(BODY[:9], more=True), part(BODY[9:], more=True), part(b"")]
    )

    assert progress == [0, 0, 0, 2]
    assert json.loads(zlib.decompress(sent[1]["body"], wbits=31)) == json.loads(BODY)


@pytest.mark.parametrize(
    "messages",
    [
        [start(JSON_TYPE), part(BODY, more=True), part(b"x", more=True), part(b"")],
        [start(JSON_TYPE), part(b"", more=True), part(b"x")],
        [start(JSON_TYPE, (b"content-length", b"100001")), part(b"x", more=True), part(b"x")],
        [start(JSON_TYPE, (b"content-length", b"2x")), part(b"x", more=True), part(b"x")],
        [
            start(JSON_TYPE, (b"content-length", b"2"), (b"content-length", b"3")),
            part(b"x", more=True),
            part(b"x"),
        ],
        [start(JSON_TYPE, (b"content-length", b"9" * 5_000)), part(b"x", more=True), part(b"x")],
        [start(JSON_TYPE), {"type": "http.response.pathsend", "path": "/x"}],
    ],
)
def test_stream_passes_untouched_and_at_once(messages: list[Message]) -> None:
    sent, progress = run(messages)

    assert sent == messages
    assert progress == [0, *range(2, len(messages) + 1)]


@pytest.mark.parametrize(
    "messages",
    [
        [start(JSON_TYPE), part(b"x" * 100_001)],
        [start(JSON_TYPE, (b"content-length", b"5")), part(b"x" * 60_000, more=True), part(b"x" * 60_000)],
        [start(JSON_TYPE, status=404), part(BODY)],
        [start(JSON_TYPE, status=206), part(BODY)],
        [start(JSON_TYPE, status=304), part(b"")],
        [start(JSON_TYPE, trailers=True), part(BODY), {"type": "http.response.trailers", "headers": []}],
        [start(JSON_TYPE, (b"x", b"a\nb")), part(BODY)],
    ],
)
def test_what_is_not_ours_passes_untouched(messages: list[Message]) -> None:
    assert run(messages)[0] == messages


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "PUT"])
def test_other_methods_pass_untouched(method: str) -> None:
    messages = [start(JSON_TYPE), part(BODY)]
    assert run(messages, method=method)[0] == messages


def test_other_scopes_pass_untouched() -> None:
    messages: list[Message] = [{"type": "websocket.accept"}]
    assert run(messages, scope_type="websocket")[0] == messages


def test_messages_of_the_application_are_not_changed() -> None:
    messages = [start(JSON_TYPE), part(BODY)]
    run(messages)
    assert messages == [start(JSON_TYPE), part(BODY)]


def test_answer_that_never_ends_is_not_begun() -> None:
    length = (b"content-length", b"10")
    assert run([start(JSON_TYPE, length), part(b"x", more=True)])[0] == []


@pytest.mark.parametrize("most", [0, 5_000_001])
def test_impossible_bound_is_refused(most: int) -> None:
    with pytest.raises(ValueError, match="most_buffered_bytes"):
        run([], most=most)
