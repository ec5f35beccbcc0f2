"""The recorded events are the contract: the local gateway makes them, and the adapter in every function takes them."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from mangum import Mangum

from infra.local.events import Arrival, build_event, decode_path
from infra.local.messages import HttpRequest
from infra.local.routes import RouteTable
from infra.template import Route

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = Path(__file__).resolve().parents[2] / "events"
NAMES = sorted(path.stem for path in EVENTS.glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(path.read_text("utf-8")))


@pytest.fixture
def event_loop_of_mangum() -> Iterator[None]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def test_every_event_has_its_request() -> None:
    assert NAMES
    assert sorted(path.stem for path in (EVENTS / "requests").glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_gateway_makes_the_recorded_event(name: str) -> None:
    expected, sent = load(EVENTS / f"{name}.json"), load(EVENTS / "requests" / f"{name}.json")
    context = expected["requestContext"]
    request = HttpRequest(
        method=sent["method"],
        target=sent["target"].encode("ascii"),
        headers=tuple((key.lower().encode(), value.encode()) for key, value in sent["headers"]),
        body=base64.b64decode(sent["body_base64"]),
        client_host="203.0.113.7",
        server_port=443,
    )
    method, _, route_path = expected["routeKey"].rpartition(" ")
    path = decode_path(request.target)
    selected = RouteTable([Route(method or "ANY", route_path, "F")]).select(request.method, path)
    assert selected is not None
    arrival = Arrival(
        api_id=context["apiId"],
        account_id=context["accountId"],
        request_id=context["requestId"],
        trace_id=sent["new_trace_id"],
        now_ms=context["timeEpoch"],
        scheme="https",
    )
    assert build_event(request, selected, path, arrival) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("event_loop_of_mangum")
def test_mangum_reads_the_recorded_event(name: str) -> None:
    event, sent = load(EVENTS / f"{name}.json"), load(EVENTS / "requests" / f"{name}.json")
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope, received=(await receive())["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    answer = Mangum(app, lifespan="off")(event, cast("Any", None))
    headers = dict(seen["headers"])
    assert answer["statusCode"] == 204
    assert seen["method"] == sent["method"]
    assert seen["path"] == event["rawPath"]
    assert seen["query_string"].decode() == event["rawQueryString"]
    assert seen["received"] == base64.b64decode(sent["body_base64"])
    assert headers.get(b"cookie", b"").decode() == "; ".join(event.get("cookies", []))
    assert seen["client"] == ("203.0.113.7", 0)
