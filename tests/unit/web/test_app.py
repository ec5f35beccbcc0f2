"""What every answer has, whatever happened: ids, headers, problem documents, one log line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from edge.app import EdgeApp, Response, create_app, json_answer, make_handler
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, NotAuthenticated
from edge.settings import Settings
from edge.web.log import Log
from edge.web.security_headers import API_HEADERS
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from collections.abc import Callable

ENVIRON = {"AWS_REGION": "eu-west-3", "ALLOWED_ORIGINS": "https://app.example.com", "MAX_BODY_BYTES": "2000"}


class Inner(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    weight: Annotated[int, Field(ge=1)]


class Order(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: Annotated[str, Field(max_length=20)]
    inner: list[Inner] = []


class Service:
    """An application with a route for each thing that can happen, and the lines that it logged."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.lines: list[str] = []
        settings = Settings.from_env(environ)
        self.app = create_app(settings, log=Log(settings, self.lines.append), clock=ManualClock(now_ms=0))
        _declare(self.app)
        self._handler = make_handler(self.app)

    def __call__(self, method: str, path: str, body: object = None, **members: Any) -> Answer:
        return invoke(self._handler, http_event(method, path, body, **members))

    def raw(self, event: dict[str, Any]) -> Answer:
        return invoke(self._handler, event)

    def last_line(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.lines[-1])
        return line


def _declare(app: EdgeApp) -> None:
    @app.post("/orders")
    async def order(order: Order) -> Response:
        return json_answer({"name": order.name})

    @app.get("/orders/{order_id}")
    async def one(order_id: str) -> Response:
        return json_answer({"id": order_id})

    @app.delete("/orders/{order_id}")
    async def remove(order_id: str) -> Response:
        return json_answer({"id": order_id})

    @app.get("/private")
    async def private() -> Response:
        raise NotAuthenticated

    @app.get("/gone")
    async def gone() -> Response:
        raise DependencyUnavailable(7)

    @app.get("/defect")
    async def defect() -> Response:
        raise KeyError("token=secret-in-message")

    @app.get("/page")
    async def page() -> Response:
        return Response(
            "<p>", media_type="text/html", headers={"Content-Security-Policy": "default-src 'self'"}
        )

    @app.get("/binary")
    async def binary() -> Response:
        return Response(b"\x00\xff", media_type="application/octet-stream")

    @app.get("/cookies")
    async def cookies() -> Response:
        response = Response("x", headers={"Cache-Control": "max-age=60"})
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response


@pytest.fixture
def service() -> Service:
    return Service(ENVIRON)


def assert_complete(answer: Answer) -> None:
    """Every answer carries these, errors too."""
    assert answer.headers["x-request-id"] == "JKJaXmPLvHcESHA="
    assert answer.headers["x-edge-region"] == "cdg1"
    assert answer.headers["server-timing"].startswith("app;dur=")
    for name, value in API_HEADERS:
        assert answer.headers[name.decode()] == value.decode()


def assert_problem(answer: Answer, status: int, reason: str) -> dict[str, Any]:
    assert_complete(answer)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"/problems/{reason.replace('_', '-')}"
    assert document["status"] == status
    assert document["reason"] == reason
    assert document["instance"] == answer.headers["x-request-id"]
    assert set(document) >= {"title", "detail"}
    return document


def test_answer_is_json_with_every_header(service: Service) -> None:
    answer = service("POST", "/orders", {"name": "owl"})

    assert_complete(answer)
    assert (answer.status, answer.json()) == (200, {"name": "owl"})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("call", "status", "reason"),
    [
        (lambda s: s("GET", "/nowhere"), 404, "unknown_route"),
        (lambda s: s("GET", "/orders/"), 404, "unknown_route"),
        (lambda s: s("GET", "/orders"), 405, "wrong_method"),
        (lambda s: s("TRACE", "/orders"), 405, "wrong_method"),
        (lambda s: s("POST", "/orders"), 400, "malformed_json"),
        (lambda s: s("POST", "/orders", raw_body=b"{"), 400, "malformed_json"),
        (lambda s: s("POST", "/orders", raw_body=b'{"name":"a","name":"b"}'), 400, "malformed_json"),
        (lambda s: s("POST", "/orders", raw_body=b"[" * 1_900), 400, "malformed_json"),
        (lambda s: s("POST", "/orders", raw_body=b"\xff\xfe"), 400, "malformed_json"),
        (lambda s: s("POST", "/orders", raw_body=b"x" * 2_001), 413, "body_too_large"),
        (lambda s: s("POST", "/orders", {}, headers={"content-length": "9" * 40}), 413, "body_too_large"),
        (lambda s: s("POST", "/orders", {}, headers={"content-type": "text/plain"}), 415, "wrong_media_type"),
        (
            lambda s: s("POST", "/orders", {}, headers={"content-type": "application/xml"}),
            415,
            "wrong_media_type",
        ),
        (lambda s: s("POST", "/orders", []), 422, "invalid_values"),
        (lambda s: s("POST", "/orders", {"name": 1}), 422, "invalid_values"),
        (lambda s: s("GET", "/private"), 401, "not_authenticated"),
        (lambda s: s("GET", "/gone"), 503, "dependency_unavailable"),
        (lambda s: s("GET", "/defect"), 500, "unexpected"),
    ],
)
def test_every_error_is_a_problem_document(
    service: Service, call: Callable[[Service], Answer], status: int, reason: str
) -> None:
    assert_problem(call(service), status, reason)

    assert service.last_line()["reason"] == reason
    assert service.last_line()["level"] == ("error" if status >= 500 else "info")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.owl+json", ""]
)
def test_json_media_types_are_read(service: Service, content_type: str) -> None:
    assert service("POST", "/orders", {"name": "owl"}, headers={"content-type": content_type}).status == 200


def test_wrong_values_are_named_and_not_quoted(service: Service) -> None:
    answer = service(
        "POST", "/orders", {"name": "x" * 21, "inner": [{"weight": 1}, {"weight": 0}], "se/cret": 1}
    )

    document = assert_problem(answer, 422, "invalid_values")
    assert document["errors"] == [
        {"pointer": "/name", "reason": "string_too_long"},
        {"pointer": "/inner/1/weight", "reason": "greater_than_equal"},
        {"pointer": "", "reason": "unknown_member"},
    ]
    assert b"cret" not in answer.body
    assert b"xxx" not in answer.body


def test_hostile_body_does_not_buy_a_large_answer(service: Service) -> None:
    answer = service("POST", "/orders", {"name": "owl", "inner": [{}] * 150})

    assert len(answer.json()["errors"]) == 20


def test_wrong_method_lists_what_every_route_of_the_path_takes(service: Service) -> None:
    assert service("POST", "/orders/7").headers["allow"] == "DELETE, GET, HEAD"
    assert service("PUT", "/orders").headers["allow"] == "POST"


def test_problem_headers_are_sent(service: Service) -> None:
    assert service("GET", "/private").headers["www-authenticate"] == "Bearer"
    gone = service("GET", "/gone")
    assert (gone.headers["retry-after"], gone.json()["retry_after_seconds"]) == ("7", 7)
    assert service("POST", "/orders", raw_body=b"x" * 3_000).json()["limit_bytes"] == 2_000


def test_head_is_get_without_content(service: Service) -> None:
    head, get = service("HEAD", "/orders/7"), service("GET", "/orders/7")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert json.loads(service.lines[0])["method"] == "HEAD"


def test_defect_is_told_by_id_and_logged_once_by_type_and_frames(service: Service) -> None:
    answer = service("GET", "/defect")

    assert b"secret" not in answer.body
    assert len(service.lines) == 1
    line = service.last_line()
    assert (line["level"], line["status"], line["request_id"]) == ("error", 500, answer.json()["instance"])
    assert line["exception"]["type"] == "builtins.KeyError"
    assert line["exception"]["frames"][-1].endswith(" defect")
    assert "secret" not in service.lines[0]


def test_log_line_says_what_happened_and_where(service: Service) -> None:
    service(
        "POST",
        "/orders",
        {"name": "owl"},
        headers={
            "x-correlation-id": "order-7",
            "x-amzn-trace-id": "Root=1-63f1f0aa-0123456789abcdef01234567;Sampled=1",
        },
    )

    line = service.last_line()
    timestamp = line.pop("timestamp")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp)
    assert line == {
        "level": "info",
        "message": "request",
        "request_id": "JKJaXmPLvHcESHA=",
        "correlation_id": "order-7",
        "method": "POST",
        "route": "/orders",
        "status": 200,
        "duration_ms": 0.0,
        "body_bytes": 15,
        "trace_id": "1-63f1f0aa-0123456789abcdef01234567",
        "cold_start": True,
        "region": "cdg1",
        "function": "local",
        "stage": "production",
        "version": "0.0.0",
    }


def test_w3c_trace_is_logged_where_there_is_no_other(service: Service) -> None:
    service("GET", "/orders/7", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})

    assert service.last_line()["trace_id"] == "ab" * 16


def test_path_of_a_request_is_logged_as_its_route(service: Service) -> None:
    service("GET", "/orders/secret-7")
    service("GET", "/no/such/secret-7")

    assert [json.loads(line)["route"] for line in service.lines] == ["/orders/{order_id}", "unmatched"]
    assert "secret" not in "".join(service.lines)


def test_valid_correlation_id_is_echoed(service: Service) -> None:
    answer = service("GET", "/orders/7", headers={"x-correlation-id": "a.b:c_d-e/f+g="})

    assert answer.headers["x-correlation-id"] == "a.b:c_d-e/f+g="


@pytest.mark.parametrize("value", ["", "a b", "x" * 129, "ä", 'a"b', "a\r\nset-cookie: x=1", "<script>"])
def test_invalid_correlation_id_is_neither_echoed_nor_logged(service: Service, value: str) -> None:
    answer = service("GET", "/orders/7", headers={"x-correlation-id": value})

    assert "x-correlation-id" not in answer.headers
    assert service.last_line()["correlation_id"] == service.last_line()["request_id"]


def test_request_id_that_is_no_id_is_replaced(service: Service) -> None:
    event = http_event("GET", "/orders/7")
    event["requestContext"]["requestId"] = "a\nb"

    assert re.fullmatch(r"[0-9a-f]{32}", service.raw(event).headers["x-request-id"])


def test_level_holds_back_what_is_below_it() -> None:
    service = Service({**ENVIRON, "LOG_LEVEL": "error"})
    service("GET", "/orders/7")
    service("GET", "/private")
    service("GET", "/gone")

    assert [json.loads(line)["status"] for line in service.lines] == [503]


def test_page_keeps_its_own_policy(service: Service) -> None:
    answer = service("GET", "/page")

    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["content-type"].startswith("text/html")


def test_binary_body_leaves_in_base64_and_cookies_apart(service: Service) -> None:
    assert service("GET", "/binary").body == b"\x00\xff"
    event = http_event("GET", "/cookies")
    answer = make_handler(service.app)(event, None)

    assert [cookie.split(";")[0] for cookie in answer["cookies"]] == ["a=1", "b=2"]
    assert "set-cookie" not in answer["headers"]
    assert answer["headers"]["cache-control"] == "max-age=60"


class TestCors:
    """Exact origins, with credentials, on errors too; never a wildcard, never a reflection."""

    ORIGIN = "https://app.example.com"

    @pytest.mark.parametrize("path", ["/orders/7", "/nowhere", "/defect"])
    def test_listed_origin_may_read_answers_and_errors(self, service: Service, path: str) -> None:
        headers = service("GET", path, headers={"origin": self.ORIGIN}).headers

        assert headers["access-control-allow-origin"] == self.ORIGIN
        assert headers["access-control-allow-credentials"] == "true"
        assert "x-request-id" in headers["access-control-expose-headers"]
        assert headers["vary"] == "Origin"

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "null",
            "https://app.example.com.evil.example",
            "http://app.example.com",
            "https://APP.example.com",
            "https://app.example.com:443",
            "*",
            "",
        ],
    )
    def test_other_origins_may_not(self, service: Service, origin: str) -> None:
        headers = service("GET", "/orders/7", headers={"origin": origin}).headers

        assert "access-control-allow-origin" not in headers
        assert headers["vary"] == "Origin"

    def test_preflight_of_a_listed_origin_is_answered(self, service: Service) -> None:
        answer = service(
            "OPTIONS", "/orders", headers={"origin": self.ORIGIN, "access-control-request-method": "POST"}
        )

        assert_complete(answer)
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == self.ORIGIN
        assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE, PATCH, OPTIONS"
        assert answer.headers["access-control-max-age"] == "86400"

    def test_preflight_of_another_origin_is_refused(self, service: Service) -> None:
        answer = service(
            "OPTIONS",
            "/orders",
            headers={"origin": "https://evil.example", "access-control-request-method": "POST"},
        )

        assert_problem(answer, 403, "origin_not_allowed")
        assert "access-control-allow-origin" not in answer.headers

    def test_options_that_is_no_preflight_is_a_wrong_method(self, service: Service) -> None:
        assert_problem(service("OPTIONS", "/orders"), 405, "wrong_method")

    def test_without_origins_there_are_no_cors_headers(self) -> None:
        headers = Service({"AWS_REGION": "eu-west-3"})(
            "GET", "/orders/7", headers={"origin": self.ORIGIN}
        ).headers

        assert not [name for name in headers if name.startswith("access-control")]
        assert "vary" not in headers


class TestEvents:
    """What the gateway passes is read as it is; what cannot be read is refused."""

    def test_path_is_not_decoded_again(self, service: Service) -> None:
        assert service("GET", "/orders/a%2541").json() == {"id": "a%2541"}

    def test_body_in_base64_is_decoded(self, service: Service) -> None:
        assert service("POST", "/orders", raw_body='{"name": "ü🦉"}'.encode()).json() == {"name": "ü🦉"}

    def test_cookies_reach_the_application_as_one_header(self, service: Service) -> None:
        event = http_event("GET", "/orders/7") | {"cookies": ["a=1", "b=2"]}

        assert service.raw(event).status == 200

    @pytest.mark.parametrize(
        "change",
        [
            {"body": "\ud800", "isBase64Encoded": False},
            {"body": "%%%", "isBase64Encoded": True},
            {"headers": {"x-a": "\ud800"}},
            {"headers": {"ü\u0100": "a"}},
            {"rawQueryString": "\ud800"},
        ],
        ids=["surrogate-body", "bad-base64", "surrogate-header", "wide-header-name", "surrogate-query"],
    )
    def test_event_that_cannot_be_read_is_a_malformed_request(
        self, service: Service, change: dict[str, Any]
    ) -> None:
        assert_problem(
            service.raw(http_event("POST", "/orders", {"name": "owl"}) | change), 400, "malformed_request"
        )

    @pytest.mark.parametrize("host", ["", "a:b:c", "[::1]:8000", "a:99999999999", "ü"])
    def test_odd_host_header_is_no_reason_to_fail(self, service: Service, host: str) -> None:
        assert service("GET", "/orders/7", headers={"host": host}).status == 200

    def test_event_that_is_no_request_is_an_error_and_the_next_request_works(self, service: Service) -> None:
        events: list[dict[str, Any]] = [
            {},
            {"Records": []},
            {"version": "2.0"},
            {"version": "2.0", "requestContext": {}},
        ]
        for event in events:
            with pytest.raises((RuntimeError, KeyError)):
                service.raw(event)

        assert service("GET", "/orders/7").status == 200

    def test_event_of_a_rest_api_is_served_too(self, service: Service) -> None:
        event: dict[str, Any] = {
            "resource": "/orders/{id}",
            "path": "/orders/7",
            "httpMethod": "GET",
            "headers": {"host": "a.example"},
            "multiValueHeaders": {},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "requestContext": {"requestId": "rest-1", "identity": {"sourceIp": "203.0.113.7"}},
            "body": None,
            "isBase64Encoded": False,
        }
        answer = make_handler(service.app)(event, None)

        assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"id": "7"})
        assert answer["multiValueHeaders"] | answer["headers"]

    def test_handler_works_in_any_thread(self, service: Service) -> None:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(4) as pool:
            answers = list(
                pool.map(lambda number: service("GET", f"/orders/{number}").json()["id"], range(40))
            )

        assert answers == [str(number) for number in range(40)]


def test_problem_documents_leave_as_text(service: Service) -> None:
    answer = make_handler(service.app)(http_event("GET", "/nowhere"), None)

    assert answer["isBase64Encoded"] is False
