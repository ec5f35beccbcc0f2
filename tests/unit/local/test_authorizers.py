"""Lambda authorizers of HTTP APIs: what they are asked, what their answers come to, and how long those are kept."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from infra.authorizers import Authorizer
from infra.local import authorizers as authorizers_module
from infra.local.authorizers import Authorizers
from infra.local.functions import Throttled
from infra.local.gateway import Gateway
from infra.local.messages import HttpRequest
from infra.local.sandbox import FunctionFailed, FunctionTimedOut
from infra.template import Route, Stack

if TYPE_CHECKING:
    from infra.local.functions import LocalFunctions
    from infra.local.messages import HttpResponse

BY_TOKEN = Authorizer("Api", "Tokens", "Decide", ("header.authorization",), 60)
NOT_KEPT = Authorizer("Api", "Tokens", "Decide", ("header.authorization",), 0)
BY_BOTH = Authorizer("Api", "Both", "Decide", ("header.authorization", "querystring.Tenant"), 60)
YES = {"isAuthorized": True, "context": {"role": "USER", "n": 1, "deep": {"list": [True]}}}
NO = {"isAuthorized": False, "context": {"reason": "expired"}}
UNAUTHORIZED = (401, b'{"message":"Unauthorized"}')
FORBIDDEN = (403, b'{"message":"Forbidden"}')
INTERNAL = (500, b'{"message":"Internal Server Error"}')
GOOD = ((b"host", b"h"), (b"authorization", b"Bearer a"))


class Scripted:
    """A function that answers what it is told, and remembers what it was asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def invoke(self, event: dict[str, Any]) -> object:
        self.asked.append(json.loads(json.dumps(event)))
        event["headers"]["authorization"] = "changed by the function"
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, asyncio.Event):
            await self.answer.wait()
        return copy.deepcopy(self.answer)  # a function makes its answer anew


class Echo:
    """The guarded function: returns the event that it got, and spoils the context for whoever shares it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def invoke(self, event: dict[str, Any]) -> object:
        self.asked.append(json.loads(json.dumps(event)))
        said = event["requestContext"].get("authorizer")
        if said and said["lambda"]:
            said["lambda"].clear()
        return {"statusCode": 200, "body": "in"}


class Api:
    """A gateway with two guarded routes and an open one, on a clock that the test moves."""

    def __init__(self, answer: object, authorizer: Authorizer = BY_TOKEN) -> None:
        self.decide, self.echo, self.now = Scripted(answer), Echo(), 1000.0
        functions = cast("LocalFunctions", {"Decide": self.decide, "Echo": self.echo})
        routes = (
            Route("GET", "/a", "Echo", authorizer),
            Route("POST", "/b/{id}", "Echo", authorizer),
            Route("GET", "/open", "Echo"),
        )
        self.gateway = Gateway(Stack((), routes, ()), functions, api_id="local1", aws_region="eu-west-3")
        self.gateway._authorizers = Authorizers(functions, aws_region="eu-west-3", monotonic=lambda: self.now)

    def send(
        self,
        target: bytes = b"/a",
        headers: tuple[tuple[bytes, bytes], ...] = GOOD,
        *,
        method: str = "GET",
        body: bytes = b"",
    ) -> tuple[int, bytes]:
        request = HttpRequest(method, target, headers, body, "192.0.2.1", 8001)
        answer: HttpResponse = asyncio.run(self.gateway.handle(request))
        return answer.status, answer.body


@pytest.mark.parametrize("headers", [(), ((b"authorization", b""),), ((b"x-api-key", b"Bearer a"),)])
def test_missing_or_empty_identity_source_is_401_and_nobody_is_asked(
    headers: tuple[tuple[bytes, bytes], ...],
) -> None:
    api = Api(YES)
    assert api.send(headers=headers) == UNAUTHORIZED
    assert not api.decide.asked
    assert not api.echo.asked


@pytest.mark.parametrize(
    ("target", "answer"),
    [(b"/a?Tenant=7", (200, b"in")), (b"/a?tenant=7", UNAUTHORIZED), (b"/a?Tenant=", UNAUTHORIZED)],
)
def test_every_identity_source_must_be_there(target: bytes, answer: tuple[int, bytes]) -> None:
    assert Api(YES, BY_BOTH).send(target) == answer


def test_yes_passes_the_context_to_the_function() -> None:
    api = Api(YES)
    assert api.send() == (200, b"in")
    (event,) = api.echo.asked
    assert event["requestContext"]["authorizer"] == {"lambda": YES["context"]}
    assert event["headers"]["authorization"] == "Bearer a"


@pytest.mark.parametrize("answer", [{"isAuthorized": True}, {"isAuthorized": True, "context": None}])
def test_yes_without_context_passes_null(answer: object) -> None:
    api = Api(answer)
    assert api.send() == (200, b"in")
    assert api.echo.asked[0]["requestContext"]["authorizer"] == {"lambda": None}


def test_no_is_403_and_the_function_does_not_hear_of_it() -> None:
    api = Api(NO)
    assert api.send() == FORBIDDEN
    assert not api.echo.asked


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        {},
        {"isAuthorized": "true"},
        {"isAuthorized": 1},
        {"isAuthorized": True, "context": "USER"},
        {"principalId": "x", "policyDocument": {}},
        FunctionFailed("ValueError"),
        FunctionTimedOut("authorizer"),
        Throttled(),
    ],
    ids=repr,
)
def test_failure_or_another_shape_is_500_and_is_not_kept(answer: object) -> None:
    api = Api(answer)
    assert api.send() == INTERNAL
    assert not api.echo.asked
    api.decide.answer = YES
    assert api.send() == (200, b"in")


def test_authorizer_that_takes_too_long_is_500(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorizers_module, "AUTHORIZER_TIMEOUT_SECONDS", 0.01)
    assert Api(asyncio.Event()).send() == INTERNAL


@pytest.mark.parametrize(("answer", "said"), [(YES, (200, b"in")), (NO, FORBIDDEN)])
def test_answer_is_kept_for_its_time_on_every_route(answer: object, said: tuple[int, bytes]) -> None:
    api = Api(answer)
    assert api.send() == api.send() == api.send(b"/b/7", method="POST") == said
    api.now += 59.9
    assert api.send() == said
    assert len(api.decide.asked) == 1
    api.now += 0.1
    assert api.send() == said
    assert len(api.decide.asked) == 2


def test_revocation_is_seen_when_the_answer_that_is_kept_is_over() -> None:
    api = Api(YES)
    api.send()
    api.decide.answer = NO
    api.now += 59.9
    assert api.send() == (200, b"in")
    api.now += 0.1
    assert api.send() == FORBIDDEN


def test_context_that_is_kept_is_not_the_one_that_a_function_changed() -> None:
    api = Api(YES)
    for _ in range(3):
        api.send()
    assert [event["requestContext"]["authorizer"]["lambda"] for event in api.echo.asked] == [
        YES["context"]
    ] * 3


def test_answer_is_kept_for_one_credential_alone() -> None:
    api = Api(YES)
    api.send()
    api.decide.answer = NO
    assert api.send(headers=((b"authorization", b"Bearer b"),)) == FORBIDDEN
    assert api.send() == (200, b"in")


def test_time_to_live_of_zero_keeps_nothing() -> None:
    api = Api(YES, NOT_KEPT)
    api.send()
    assert not api.gateway._authorizers._kept
    api.decide.answer = NO
    assert api.send() == FORBIDDEN


def test_answers_that_are_kept_are_bounded_and_the_oldest_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(authorizers_module, "MAX_KEPT", 2)
    api = Api(YES)
    for name in (b"a", b"b", b"c"):
        api.send(headers=((b"authorization", name),))
    assert len(api.gateway._authorizers._kept) == 2
    for name, asked in ((b"c", 3), (b"b", 3), (b"a", 4)):
        api.send(headers=((b"authorization", name),))
        assert len(api.decide.asked) == asked


def test_answer_that_was_asked_for_again_is_not_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorizers_module, "MAX_KEPT", 3)
    api = Api(YES)
    for name in (b"a", b"b"):
        api.send(headers=((b"authorization", name),))
    api.now += 60
    for name in (b"a", b"c", b"d"):  # d makes b go, not a
        api.send(headers=((b"authorization", name),))
    api.send(headers=((b"authorization", b"a"),))
    assert [asked["identitySource"] for asked in api.decide.asked] == [["a"], ["b"], ["a"], ["c"], ["d"]]


def test_open_route_asks_nobody() -> None:
    api = Api(NO)
    assert api.send(b"/open", headers=()) == (200, b"in")
    assert not api.decide.asked
    assert "authorizer" not in api.echo.asked[0]["requestContext"]


def test_unknown_route_is_404_before_anybody_is_asked() -> None:
    api = Api(NO)
    assert api.send(b"/nowhere", headers=())[0] == 404
    assert not api.decide.asked


def test_authorizer_is_asked_with_the_request_without_its_body() -> None:
    api = Api(YES)
    headers = (*GOOD, (b"cookie", b"c=1"), (b"content-type", b"application/json"))
    api.send(b"/b/7?q=1", headers, method="POST", body=b'{"secret":1}')
    (asked,), (event,) = api.decide.asked, api.echo.asked
    assert event["body"] == '{"secret":1}'
    del event["body"], event["isBase64Encoded"], event["requestContext"]["authorizer"]
    assert asked == {
        **event,
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:eu-west-3:000000000000:local1/$default/POST/b/7",
        "identitySource": ["Bearer a"],
    }
    assert (asked["version"], asked["cookies"], asked["pathParameters"]) == ("2.0", ["c=1"], {"id": "7"})
