"""The short way of a route gives the answers of the long one, whatever comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from edge.app import Depends, EdgeApp, Query, Request, Response, create_app, json_answer, make_handler
from edge.clock import ManualClock
from edge.problems import NotAllowed, NotAuthenticated
from edge.settings import Settings
from edge.web.log import Log
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope


class Order(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: Annotated[str, Field(max_length=20)]
    weights: list[int] = []
    note: str | None = None


def guard() -> Callable[[Request], Any]:
    """A guard as :mod:`edge.callers` makes them: it asks the header ``x-who``."""

    def admit(scope: Scope) -> str:
        who: str = dict(scope["headers"]).get(b"x-who", b"").decode("ascii")
        if not who:
            raise NotAuthenticated
        if who == "mallory":
            raise NotAllowed
        return who

    async def wait(request: Request) -> str:
        who: str = admit(request.scope)
        return who

    wait.admit = admit  # type: ignore[attr-defined]
    return wait


guarded = guard()


def application(declare: Callable[[EdgeApp], None]) -> Callable[[dict[str, Any]], Answer]:
    environ = Settings.from_env({"AWS_REGION": "eu-west-3", "MAX_BODY_BYTES": "4000"})
    app = create_app(environ, log=Log(environ, lambda _: None), clock=ManualClock(now_ms=0))
    declare(app)
    handler = make_handler(app)
    return lambda event: invoke(handler, event)


def _lean(app: EdgeApp) -> None:
    @app.post("/orders")
    async def order(order: Order, request: Request, who: Annotated[str, Depends(guarded)]) -> Response:
        return json_answer({"order": order.model_dump(), "who": who, "path": request.url.path})


def _long(app: EdgeApp) -> None:
    @app.post("/orders")
    async def order(
        order: Order,
        request: Request,
        who: Annotated[str, Depends(guarded)],
        unused: Annotated[str | None, Query()] = None,  # noqa: ARG001 - a route with a query goes the long way
    ) -> Response:
        return json_answer({"order": order.model_dump(), "who": who, "path": request.url.path})


lean, long = application(_lean), application(_long)


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name != "server-timing"}
    return answer.status, headers, answer.body


def test_only_what_needs_more_goes_the_long_way() -> None:
    def taken(declare: Callable[[EdgeApp], None]) -> list[bool]:
        app = create_app(Settings.from_env({"AWS_REGION": "eu-west-3"}))
        declare(app)
        return [route._run_lean is not None for route in app.routes]  # type: ignore[attr-defined]

    assert taken(_lean) == [True]
    assert taken(_long) == [False]


BODIES = [
    b'{"name":"owl"}',
    b'{"name":"owl","weights":[1,2],"note":null}',
    b'{"name":"owl","weights":["1"]}',
    b'{"name":7}',
    b'{"name":"owl","owl":1}',
    b'{"name":"' + b"x" * 21 + b'"}',
    b'{"name":"owl","name":"owl"}',
    b'{"weights":[1.5,true,null]}',
    b"{}",
    b"[]",
    b'"owl"',
    b"7",
    b"true",
    b"null",
    b"",
    b"{",
    b'{"name":NaN}',
    b"\xff\xfe",
    b'{"name":"\\ud800"}',
    b"[" * 2_000,
    b"x" * 5_000,
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:30]))
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/ld+json", ""])
@pytest.mark.parametrize("who", ["", "alice", "mallory"])
def test_both_ways_answer_alike(body: bytes, content_type: str, who: str) -> None:
    headers = {"content-type": content_type, **({"x-who": who} if who else {})}
    event = http_event("POST", "/orders", raw_body=body, headers=headers)

    assert told(lean(event)) == told(long(event))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "POST"])
def test_both_ways_take_the_same_methods(method: str) -> None:
    event = http_event(method, "/orders", {"name": "owl"}, headers={"x-who": "alice"})

    assert told(lean(event)) == told(long(event))


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "weights", "note", "owl"]) | st.text(max_size=5), inner, max_size=4
            )
        ),
        max_leaves=8,
    )
)
def test_any_json_gets_the_same_answer(document: object) -> None:
    event = http_event("POST", "/orders", document, headers={"x-who": "alice"})

    assert told(lean(event)) == told(long(event))


class Stock(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    amounts: dict[str, int] = {}
    orders: list[Order] = []


def _mapped(app: EdgeApp) -> None:
    @app.post("/orders")
    async def stock(stock: Stock) -> Response:
        return json_answer({"amounts": stock.amounts})


def test_names_that_came_from_outside_are_in_no_pointer() -> None:
    answer = application(_mapped)
    hostile = "<script>alert(1)</script>"

    told = answer(
        http_event("POST", "/orders", {"amounts": {hostile: "7"}, "orders": [{"name": 7}], hostile: 1})
    )

    assert told.status == 422
    assert b"script" not in told.body
    assert {error["pointer"] for error in told.json()["errors"]} == {"/amounts/*", "/orders/0/name", ""}
