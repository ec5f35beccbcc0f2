"""A function with the optimising middleware: as fast as one without, and its problems are rendered as ever."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.app import Response, create_app, json_answer, make_handler
from edge.clock import ManualClock
from edge.optimize.middleware import OptimizeMiddleware
from edge.problems import DependencyUnavailable, UnknownRoute
from edge.settings import Settings
from edge.web.log import Log
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from edge.app import EdgeApp

SHARED = Path(__file__).parents[3] / "shared"
ENVIRON = {"AWS_REGION": "eu-west-3", "ALLOWED_ORIGINS": "https://app.example.com"}
ROWS = [{"id": number, "name": f"row {number}"} for number in range(200)]
GZIP = {"accept-encoding": "gzip, deflate"}


class Service:
    def __init__(self, **options: Any) -> None:
        self.lines: list[str] = []
        settings = Settings.from_env(ENVIRON)
        clock = ManualClock(now_ms=1_795_179_600_000)
        self.app = create_app(settings, log=Log(settings, self.lines.append), clock=clock)
        self.app.add_middleware(OptimizeMiddleware, clock=clock, **{"strategy": "moderate", **options})
        _declare(self.app)
        self.handler = make_handler(self.app)

    def __call__(self, method: str, path: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return invoke(self.handler, http_event(method, path, headers=named))


def _declare(app: EdgeApp) -> None:
    @app.get("/rows")
    async def rows() -> Response:
        return json_answer({"rows": ROWS})

    @app.get("/own")
    async def own() -> Response:
        return json_answer({"rows": ROWS}, headers={"cache-control": "private, max-age=4"})

    @app.get("/page")
    async def page() -> Response:
        policy = {"content-security-policy": "default-src 'none'; script-src 'self'"}
        return Response("<!doctype html>" + "<p>row" * 400, media_type="text/html", headers=policy)

    @app.get("/gone")
    async def gone() -> Response:
        raise DependencyUnavailable(7)

    @app.get("/defect")
    async def defect() -> Response:
        raise KeyError("secret-in-message")

    @app.get("/nothing/{name}")
    async def nothing(name: str) -> Response:
        assert name == "1"
        raise UnknownRoute

    @app.post("/rows")
    async def add() -> Response:
        return json_answer({"rows": ROWS})


@pytest.fixture
def service() -> Service:
    return Service()


def test_function_with_the_middleware_runs_without_a_loop(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: pytest.fail("an event loop"))
    monkeypatch.setitem(sys.modules, "edge.web.looped", None)

    assert service.app.never_waits()
    assert service("GET", "/rows", **GZIP).status == 200
    assert service("GET", "/defect").status == 500


def test_it_brings_no_loop_into_the_process_either() -> None:
    code = (
        "import sys; from edge.app import create_app, json_answer, make_handler; from edge.clock import SystemClock; "
        "from edge.settings import Settings; from edge.optimize.middleware import OptimizeMiddleware; "
        "app = create_app(Settings.from_env({'AWS_REGION': 'eu-west-3'})); "
        "app.add_middleware(OptimizeMiddleware, strategy='moderate', clock=SystemClock()); "
        "make_handler(app); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SHARED)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "edge.optimize.middleware" in loaded
    assert loaded.isdisjoint({"mangum", "edge.web.looped", "asyncio.base_events", "edge.optimize.http_dates"})


def test_middleware_that_does_not_say_so_is_taken_to_wait() -> None:
    class Unknown:
        def __init__(self, app: ASGIApp) -> None:
            self._app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0)
            await self._app(scope, receive, send)

    service = Service()
    service.app.add_middleware(Unknown)
    assert not service.app.never_waits()
    answer = invoke(make_handler(service.app), http_event("GET", "/rows", headers=GZIP))
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")


def test_answer_leaves_coded_tagged_and_complete(service: Service) -> None:
    answer = service("GET", "/rows", **GZIP, origin="https://app.example.com")

    assert json.loads(zlib.decompress(answer.body, wbits=31)) == {"rows": ROWS}
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["cache-control"].startswith("public, max-age=60")
    assert answer.headers["etag"].endswith('-gzip"')
    assert {part.strip() for part in answer.headers["vary"].split(",")} == {"Accept-Encoding", "Origin"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"


def test_coded_answer_leaves_lambda_in_base64(service: Service) -> None:
    raw = service.handler(http_event("GET", "/rows", headers=GZIP), None)
    assert raw["isBase64Encoded"] is True
    plain = service.handler(http_event("GET", "/rows"), None)
    assert plain["isBase64Encoded"] is False


def test_page_keeps_its_own_policy(service: Service) -> None:
    answer = service("GET", "/page", **GZIP)
    assert answer.headers["content-security-policy"] == "default-src 'none'; script-src 'self'"
    assert answer.headers["content-encoding"] == "gzip"


def test_known_answer_is_304_with_the_headers_of_every_answer(service: Service) -> None:
    first = service("GET", "/rows", **GZIP)
    again = service("GET", "/rows", **GZIP, if_none_match=first.headers["etag"])

    assert (again.status, again.body) == (304, b"")
    for name in ("etag", "cache-control", "cdn-cache-control", "vary", "content-security-policy"):
        assert again.headers[name] == first.headers[name]
    assert {"content-encoding", "content-length", "content-type"}.isdisjoint(again.headers)
    assert json.loads(service.lines[-1])["status"] == 304


def test_head_is_told_what_get_would_be_sent(service: Service) -> None:
    get, head = service("GET", "/rows", **GZIP), service("HEAD", "/rows", **GZIP)
    assert (head.status, head.body) == (200, b"")
    own = {"server-timing"}
    assert {name: head.headers[name] for name in head.headers if name not in own} == {
        name: get.headers[name] for name in get.headers if name not in own
    }
    assert service("HEAD", "/rows", **GZIP, if_none_match=get.headers["etag"]).status == 304


def test_answer_to_credentials_is_private_and_still_coded(service: Service) -> None:
    answer = service("GET", "/rows", **GZIP, authorization="Bearer x")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["content-encoding"] == "gzip"


def test_what_an_answer_says_to_caches_can_be_kept() -> None:
    service = Service(strategy=None)
    answer = service("GET", "/own", **GZIP, x_api_key="x")
    assert answer.headers["cache-control"] == "private, max-age=4"
    assert answer.headers["content-encoding"] == "gzip"
    assert service("GET", "/own", **GZIP, if_none_match=answer.headers["etag"]).status == 304
    assert service("GET", "/rows", **GZIP).headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/gone", 503, "dependency_unavailable"),
        ("/defect", 500, "unexpected"),
        ("/nothing/1", 404, "unknown_route"),
        ("/nowhere", 404, "unknown_route"),
    ],
)
@pytest.mark.parametrize("extra", [{}, {"if_none_match": "*"}, {"accept_encoding": "identity;q=0"}])
def test_problem_inside_is_rendered_as_it_is(
    service: Service, path: str, status: int, reason: str, extra: dict[str, str]
) -> None:
    answer = service("GET", path, **extra)
    assert (answer.status, answer.json()["reason"]) == (status, reason)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert b"secret" not in answer.body


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({"accept_encoding": "deflate, identity;q=0"}, 406, "nothing_acceptable"),
        ({"if_match": '"x"'}, 412, "precondition_failed"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_cannot_be_had_is_a_problem(
    service: Service, headers: dict[str, str], status: int, reason: str, method: str
) -> None:
    answer = service(method, "/rows", **headers)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Accept-Encoding" in answer.headers["vary"]
    assert answer.headers["cache-control"] == "no-store"
    assert json.loads(service.lines[-1])["reason"] == reason
    assert answer.body == b"" if method == "HEAD" else answer.json()["reason"] == reason


def test_other_methods_are_left_alone(service: Service) -> None:
    answer = service("POST", "/rows", **GZIP)
    assert answer.status == 200
    assert {"content-encoding", "etag"}.isdisjoint(answer.headers)
    assert answer.headers["cache-control"] == "no-store"


def test_header_that_http_cannot_carry_is_left_to_the_boundary(service: Service) -> None:
    answer = service("GET", "/rows", accept_encoding="gzip\x01")
    assert answer.status == 200
    assert "content-encoding" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


@pytest.fixture
def strategies() -> Callable[[Scope], str]:
    return lambda scope: "aggressive" if scope["path"] == "/page" else "none"


def test_strategy_can_follow_the_path(strategies: Callable[[Scope], str]) -> None:
    service = Service(strategy=strategies)
    assert "s-maxage=3600" in service("GET", "/page").headers["cache-control"]
    assert service("GET", "/rows").headers["cache-control"] == "no-store"
