"""The limiter in front of applications: what is refused, what is told, who is exempt, who cannot slip by."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest
from fastapi import Depends, FastAPI
from starlette.responses import JSONResponse, Response

from edge.app import create_app, json_answer, make_handler
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, Problem
from edge.ratelimit.access import AccessList
from edge.ratelimit.aio import AsyncLimiter
from edge.ratelimit.asgi import RateLimitMiddleware
from edge.ratelimit.decisions import Charge
from edge.ratelimit.dependency import RateLimit, answer_problem
from edge.ratelimit.gate import UNKNOWN_CLIENT, client_address, client_network
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.problems import SubjectDenied, TooManyRequests, UnusableSubject, problem_answer
from edge.ratelimit.tiers import TIERS, make_tier
from edge.settings import Settings
from edge.web.log import Log
from edge.web.problem_document import render_problem
from tests.http_events import http_event, invoke

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge.ratelimit.decisions import Verdict
    from edge.ratelimit.gate import OnUnavailable

START_MS = 1_795_179_600_000
TWICE = make_tier("twice", limit=2, window_ms=60_000)
RATE_FIELDS = {
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit",
    "ratelimit-policy",
}


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def field(self, name: str) -> str | None:
        """The one value of *name*; a field that is there twice is a defect."""
        values = [value for present, value in self.headers if present == name]
        assert len(values) <= 1, name
        return values[0] if values else None

    def json(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.body))


def http_scope(path: str = "/", client: object = ("203.0.113.7", 50_000), **members: object) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": client,
        "server": ("api.example.com", 443),
        **members,
    }


async def ask_async(app: ASGIApp, scope: Scope) -> Answer:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *parts = sent
    headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in start["headers"]]
    return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in parts))


def ask(app: ASGIApp, scope: Scope | None = None) -> Answer:
    return asyncio.run(ask_async(app, scope or http_scope()))


async def inner(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"served"})


def memory_limiter() -> Limiter:
    clock = ManualClock(now_ms=START_MS)
    return Limiter(MemoryStore(clock), clock)


class GoneLimiter:
    """Every store call fails."""

    def check_all(self, *_: object, **__: object) -> Verdict:
        raise DependencyUnavailable(7)

    def refund(self, *_: object, **__: object) -> bool:
        raise DependencyUnavailable(7)

    def reset(self, *_: object, **__: object) -> None:
        raise DependencyUnavailable(7)

    peek_all = check_all


def wrapped(**options: Any) -> RateLimitMiddleware:
    arguments = {"tier": TWICE, "on_unavailable": "refuse", "jitter": lambda: 0.0, **options}
    return RateLimitMiddleware(
        arguments.pop("app", inner), arguments.pop("limiter", None) or memory_limiter(), **arguments
    )


class TestMiddleware:
    """Any ASGI application."""

    def test_served_until_the_limit_and_told_what_is_left(self) -> None:
        app = wrapped()
        answers = [ask(app) for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert [answer.field("x-ratelimit-remaining") for answer in answers] == ["1", "0", "0"]
        assert [answer.field("retry-after") for answer in answers] == [None, None, "61"]
        assert answers[0].body == b"served"
        assert answers[0].field("content-type") == "text/plain"
        for answer in answers:
            assert {name for name, _ in answer.headers} >= RATE_FIELDS
            assert answer.field("ratelimit-policy") == '"twice";q=2;w=60'

    def test_refusal_is_a_problem_document(self) -> None:
        app = wrapped(cost=2)
        ask(app)
        answer = ask(app)

        assert answer.field("content-type") == "application/problem+json"
        assert answer.field("content-length") == str(len(answer.body))
        assert answer.field("cache-control") == "no-store"
        assert answer.json() == {
            "type": "/problems/too-many-requests",
            "title": "Too many requests",
            "status": 429,
            "detail": TooManyRequests.detail,
            "reason": "too_many_requests",
            "retry_after_seconds": 61,
            "violated_policies": ["twice"],
        }

    def test_application_is_not_entered_by_a_refused_request(self) -> None:
        entered = 0

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal entered
            entered += 1
            await inner(scope, receive, send)

        app = wrapped(app=counting)
        for _ in range(5):
            ask(app)

        assert entered == 2

    def test_each_client_has_a_limit_of_its_own(self) -> None:
        app = wrapped()
        statuses = [ask(app, http_scope(client=(f"203.0.113.{index % 2}", 1))).status for index in range(6)]

        assert statuses == [200, 200, 200, 200, 429, 429]

    def test_forwarded_headers_of_a_client_give_it_no_new_limit(self) -> None:
        app = wrapped()
        statuses = []
        for index in range(4):
            forged = [
                (b"x-forwarded-for", b"198.51.100.%d" % index),
                (b"forwarded", b"for=198.51.100.%d" % index),
                (b"x-real-ip", b"198.51.100.%d" % index),
            ]
            statuses.append(ask(app, http_scope(headers=forged)).status)

        assert statuses == [200, 200, 429, 429]

    @pytest.mark.parametrize("client", [None, (), []])
    def test_requests_without_a_client_are_limited_together(self, client: object) -> None:
        app = wrapped()

        assert [ask(app, http_scope(client=client)).status for _ in range(3)] == [200, 200, 429]

    def test_works_with_an_awaited_limiter(self) -> None:
        async def main() -> list[int]:
            async with AsyncLimiter(memory_limiter()) as limiter:
                app = wrapped(limiter=limiter)
                answers = await asyncio.gather(*(ask_async(app, http_scope()) for _ in range(20)))
                return sorted(answer.status for answer in answers)

        assert asyncio.run(main()) == [200] * 2 + [429] * 18

    def test_subject_none_is_served_uncounted(self) -> None:
        app = wrapped(subject=lambda _scope: None)
        answers = [ask(app) for _ in range(5)]

        assert [answer.status for answer in answers] == [200] * 5
        assert not RATE_FIELDS & {name for name, _ in answers[0].headers}

    def test_exempt_path_is_served_uncounted_and_only_it(self) -> None:
        app = wrapped(exempt_paths=["/health"])

        assert [ask(app, http_scope("/health")).status for _ in range(5)] == [200] * 5
        near = ["/health/", "/health/../orders", "/HEALTH"]
        assert [ask(app, http_scope(path)).status for path in near] == [200, 200, 429]

    @pytest.mark.parametrize("kind", ["websocket", "lifespan"])
    def test_other_scopes_pass(self, kind: str) -> None:
        seen: list[str] = []

        async def noting(scope: Scope, _receive: Receive, _send: Send) -> None:
            seen.append(scope["type"])

        async def never() -> Message:
            raise AssertionError

        async def nowhere(_message: Message) -> None:
            raise AssertionError

        app = wrapped(app=noting, cost=2)
        for _ in range(5):
            asyncio.run(cast("Any", app({"type": kind}, never, nowhere)))

        assert seen == [kind] * 5

    def test_cost_of_a_request_is_charged(self) -> None:
        app = wrapped(tier=TIERS["strict"], cost=lambda scope: 9 if scope["path"] == "/export" else 1)
        paths = ["/export", "/", "/"]

        assert [ask(app, http_scope(path)).status for path in paths] == [200, 200, 429]

    def test_fields_of_the_application_are_not_overwritten_and_its_message_not_changed(self) -> None:
        start: Message = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"RateLimit", b'"own";r=1')],
        }

        async def own(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send(start)
            await send({"type": "http.response.body"})

        app = wrapped(app=own)
        answer = ask(app)

        assert [value for name, value in answer.headers if name.lower() == "ratelimit"] == ['"own";r=1']
        assert answer.field("x-ratelimit-remaining") == "1"
        assert start["headers"] == [(b"RateLimit", b'"own";r=1')]

    def test_tighter_limit_inside_is_the_one_that_is_told(self) -> None:
        limiter = memory_limiter()
        app = wrapped(app=wrapped(limiter=limiter), limiter=limiter, tier=TIERS["default"])
        answers = [ask(app) for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert [answer.field("x-ratelimit-limit") for answer in answers] == ["2"] * 3
        assert answers[2].field("retry-after") == "61"

    def test_application_that_fails_fails_as_without_us(self) -> None:
        async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise DependencyUnavailable(3)

        with pytest.raises(DependencyUnavailable):
            ask(wrapped(app=failing))


class TestSeveralLimits:
    """A burst and a minute, charged together."""

    def test_both_are_told_and_the_one_in_the_way_is_named(self) -> None:
        five = make_tier("five", limit=5, window_ms=3_600_000)
        app = wrapped(tier=(TWICE, five))

        answers = [ask(app) for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[0].field("ratelimit-policy") == '"twice";q=2;w=60, "five";q=5;w=3600'
        assert answers[1].field("x-ratelimit-remaining") == "0"
        assert answers[2].json()["violated_policies"] == ["twice"]
        assert '"five";r=3' in (answers[2].field("ratelimit") or ""), (
            "nothing is charged where one is in the way"
        )


def test_those_denied_together_are_sent_back_apart_and_never_too_early() -> None:
    limiter = memory_limiter()
    limiter.check("s", TWICE, cost=2)
    waits = []
    for fraction in (0.0, 0.5, 0.999):
        app = wrapped(limiter=limiter, subject=lambda _scope: "s", jitter=lambda fraction=fraction: fraction)
        waits.append(int(ask(app).field("retry-after") or ""))

    assert waits == [61, 62, 62], "by at most one bucket, here a second"


class TestStoreGone:
    """The application says what is worse: to serve uncounted or not to serve."""

    def test_admit_serves_without_claiming_anything(self) -> None:
        answer = ask(wrapped(limiter=GoneLimiter(), on_unavailable="admit"))

        assert (answer.status, answer.body) == (200, b"served")
        assert not RATE_FIELDS & {name for name, _ in answer.headers}

    def test_refuse_answers_503_and_when_to_come_back(self) -> None:
        answer = ask(wrapped(limiter=GoneLimiter(), on_unavailable="refuse"))

        assert (answer.status, answer.json()["reason"]) == (503, "dependency_unavailable")
        assert answer.field("retry-after") == "7"

    def test_awaited_store_that_is_gone_is_the_same(self) -> None:
        async def status(on_unavailable: OnUnavailable) -> int:
            async with AsyncLimiter(GoneLimiter()) as limiter:
                app = wrapped(limiter=limiter, on_unavailable=on_unavailable)
                return (await ask_async(app, http_scope())).status

        assert asyncio.run(status("admit")) == 200
        assert asyncio.run(status("refuse")) == 503

    def test_choice_has_no_default_and_no_third_way(self) -> None:
        untyped: Callable[..., object] = RateLimitMiddleware
        with pytest.raises(TypeError, match="on_unavailable"):
            untyped(inner, memory_limiter(), tier=TWICE)
        with pytest.raises(ValueError, match="on_unavailable"):
            untyped(inner, memory_limiter(), tier=TWICE, on_unavailable="Refuse")

    @pytest.mark.parametrize("on_unavailable", ["admit", "refuse"])
    def test_lists_still_hold(self, on_unavailable: str) -> None:
        access = AccessList.parse({"deny_subjects": ["203.0.113.7"], "allow_networks": ["198.51.100.0/24"]})
        app = wrapped(limiter=GoneLimiter(), access=access, on_unavailable=on_unavailable)

        assert ask(app).status == 403
        assert ask(app, http_scope(client=("198.51.100.9", 1))).status == 200


class TestLists:
    """Asked before the limiter; neither verdict writes anything."""

    def test_denied_subject_is_told_so_and_not_charged(self) -> None:
        limiter = memory_limiter()
        access = AccessList.parse({"deny_networks": ["203.0.113.0/24"]})
        answer = ask(wrapped(limiter=limiter, access=access))

        assert (answer.status, answer.json()["reason"]) == (403, "subject_denied")
        assert answer.field("retry-after") is None
        assert b"203.0.113" not in answer.body
        assert limiter.peek("203.0.113.7", TWICE).remaining == 2

    def test_allowed_subject_is_not_counted(self) -> None:
        limiter = memory_limiter()
        app = wrapped(limiter=limiter, access=AccessList.parse({"allow_subjects": ["203.0.113.7"]}))

        assert [ask(app).status for _ in range(5)] == [200] * 5
        assert limiter.peek("203.0.113.7", TWICE).remaining == 2

    def test_mapped_address_does_not_slip_by_an_ipv4_list(self) -> None:
        app = wrapped(access=AccessList.parse({"deny_networks": ["203.0.113.0/24"]}))

        assert ask(app, http_scope(client=("::ffff:203.0.113.7", 1))).status == 403


class TestHostileSubjects:
    """A subject may come from a header: whatever is in it, it names somebody or is refused."""

    @pytest.mark.parametrize(
        "subject", ["", "a\nb", "\x00", "\x85", "\ud800", "x" * 257, "ü" * 129, "x" * 1_000_000]
    )
    def test_what_cannot_be_a_subject_is_refused(self, subject: str) -> None:
        answer = ask(wrapped(subject=lambda _scope: subject))

        assert (answer.status, answer.json()["reason"]) == (400, "unusable_subject")
        assert set(answer.json()) == {"type", "title", "status", "detail", "reason"}

    @pytest.mark.parametrize("subject", ['"', "a,b;c=d", "x\u2028", "../../etc", "{}", "*", "x" * 256])
    def test_odd_subject_is_counted_and_never_told(self, subject: str) -> None:
        app = wrapped(subject=lambda _scope: subject, cost=2)
        answers = [ask(app), ask(app)]

        assert [answer.status for answer in answers] == [200, 429]
        told = repr([answer.headers for answer in answers]) + answers[1].body.decode()
        assert len(subject) < 5 or subject not in told


class TestClients:
    """The address that the server saw."""

    @pytest.mark.parametrize(
        ("client", "address", "network"),
        [
            (("203.0.113.7", 1), "203.0.113.7", "203.0.113.7"),
            (("::ffff:203.0.113.7", 1), "203.0.113.7", "203.0.113.7"),
            (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            (
                ("2001:db8:1:2:ffff:ffff:ffff:ffff", 1),
                "2001:db8:1:2:ffff:ffff:ffff:ffff",
                "2001:db8:1:2::/64",
            ),
            (("fe80::1%eth0", 1), "fe80::1%eth0", "fe80::/64"),
            (("testclient", 1), "testclient", "testclient"),
            (("a:b", 1), "a:b", "a:b"),
            (None, UNKNOWN_CLIENT, UNKNOWN_CLIENT),
        ],
    )
    def test_of_a_scope(self, client: object, address: str, network: str) -> None:
        scope = http_scope(client=client)

        assert (client_address(scope), client_network(scope)) == (address, network)
        assert client_address({"type": "http"}) == UNKNOWN_CLIENT

    def test_one_ipv6_customer_has_one_limit_by_network(self) -> None:
        app = wrapped(
            subject=client_network, access=AccessList.parse({"deny_networks": ["2001:db8:bad::/48"]})
        )
        statuses = [ask(app, http_scope(client=(f"2001:db8::{index:x}", 1))).status for index in range(4)]

        assert statuses == [200, 200, 429, 429]
        assert ask(app, http_scope(client=("2001:db8:bad:7::1", 1))).status == 403


def limited_route(app: FastAPI, limit: RateLimit) -> None:
    told_by_limit = Depends(limit)

    @app.get("/model", dependencies=[Depends(limit)])
    async def model() -> dict[str, str]:
        return {"answer": "model"}

    @app.get("/response")
    async def response(told: dict[str, str] = told_by_limit) -> Response:
        return JSONResponse({"answer": "response"}, headers=told)

    @app.get("/free")
    async def free() -> dict[str, str]:
        return {"answer": "free"}


class TestDependencyInPlainFastAPI:
    """Any FastAPI application, with one exception handler."""

    @staticmethod
    def make(limiter: Any = None, **options: Any) -> FastAPI:
        app = FastAPI()
        app.add_exception_handler(Problem, answer_problem)
        limited_route(
            app,
            RateLimit(
                limiter or memory_limiter(),
                tier=TWICE,
                **{"on_unavailable": "refuse", "jitter": lambda: 0.0, **options},
            ),
        )
        return app

    def test_limits_the_routes_that_have_it(self) -> None:
        app = self.make()
        paths = ["/model", "/response", "/model", "/free"]
        answers = [ask(app, http_scope(path)) for path in paths]

        assert [answer.status for answer in answers] == [200, 200, 429, 200]
        assert [answer.field("x-ratelimit-remaining") for answer in answers] == ["1", "0", "0", None]
        assert answers[2].field("retry-after") == "61"
        assert answers[2].field("content-type") == "application/problem+json"
        assert answers[2].field("content-length") == str(len(answers[2].body))
        assert answers[2].json()["violated_policies"] == ["twice"]

    def test_request_and_response_are_no_parameters_of_the_api(self) -> None:
        operations = self.make().openapi()["paths"]

        assert "parameters" not in operations["/model"]["get"]

    def test_works_awaited_and_with_lists(self) -> None:
        async def main() -> list[int]:
            async with AsyncLimiter(memory_limiter()) as limiter:
                app = self.make(limiter, access=AccessList.parse({"deny_subjects": ["198.51.100.1"]}))
                denied = await ask_async(app, http_scope("/model", client=("198.51.100.1", 1)))
                answers = [await ask_async(app, http_scope("/model")) for _ in range(3)]
                return [answer.status for answer in [denied, *answers]]

        assert asyncio.run(main()) == [403, 200, 200, 429]

    def test_store_that_is_gone(self) -> None:
        assert ask(self.make(GoneLimiter()), http_scope("/model")).status == 503
        assert ask(self.make(GoneLimiter(), on_unavailable="admit"), http_scope("/model")).status == 200

    def test_handler_leaves_other_errors_alone(self) -> None:
        with pytest.raises(KeyError):
            asyncio.run(answer_problem(cast("Any", None), KeyError("a defect")))


def test_dependency_in_an_edge_app_is_rendered_and_logged_by_the_boundary() -> None:
    lines: list[str] = []
    settings = Settings.from_env({"AWS_REGION": "eu-west-3"})
    app = create_app(settings, log=Log(settings, lines.append), clock=ManualClock(now_ms=START_MS))
    told_by_limit = Depends(
        RateLimit(memory_limiter(), tier=TWICE, on_unavailable="refuse", jitter=lambda: 0.0)
    )

    @app.get("/orders")
    async def orders(told: dict[str, str] = told_by_limit) -> Response:
        return json_answer({"orders": []}, headers=told)

    handler = make_handler(app)
    answers = [invoke(handler, http_event("GET", "/orders")) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    document = answers[2].json()
    assert document["instance"] == answers[2].headers["x-request-id"]
    assert (document["retry_after_seconds"], document["violated_policies"]) == (61, ["twice"])
    assert answers[2].headers["retry-after"] == "61"
    line = json.loads(lines[-1])
    assert (line["status"], line["reason"], line["violated_policies"]) == (
        429,
        "too_many_requests",
        ["twice"],
    )


def denial() -> TooManyRequests:
    limiter = memory_limiter()
    limiter.check("s", TWICE, cost=2)
    return TooManyRequests(limiter.check_all("s", [Charge(TWICE, 1)]))


@pytest.mark.parametrize(
    "problem", [denial(), SubjectDenied(), UnusableSubject(), DependencyUnavailable(1)], ids=repr
)
def test_problem_reads_the_same_in_our_applications_and_in_others(problem: Problem) -> None:
    boundary_headers, boundary_body = render_problem(problem, instance="id")
    headers, body = problem_answer(problem)
    told = json.loads(boundary_body)
    del told["instance"]

    assert json.loads(body) == told
    without_length = {name for name, _ in boundary_headers} | {b"cache-control"}
    assert {name for name, _ in headers} == without_length
    assert type(problem).slug == type(problem).reason.replace("_", "-")
