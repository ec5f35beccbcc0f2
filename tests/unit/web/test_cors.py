"""
Which pages may read our answers (Fetch standard, section 3.2), against what is tried on such lists.

The MDN HTTP Observatory grades A+ what reflects every origin (``tests/observatory``); so this is checked here.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.app import Response, create_app, json_answer, make_handler
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.settings import Settings
from edge.web.cors import ALLOW_HEADERS, CorsPolicy
from edge.web.log import Log
from tests.http_events import Answer, http_event, invoke

ORIGINS = ("https://app.example.com", "https://b.example:8443", "http://localhost:3000")
ENVIRON = {"AWS_REGION": "eu-west-3", "ALLOWED_ORIGINS": ",".join(ORIGINS)}
LISTED = ORIGINS[0]

HOSTILE = [
    "null",
    "*",
    "",
    " ",
    "https://evil.example",
    "https://app.example.com.evil.example",  # suffix
    "https://app.example.comevil.example",
    "https://evil.example/https://app.example.com",
    "https://evilapp.example.com",  # prefix
    "https://evil.app.example.com",  # below
    "https://example.com",  # above
    "https://app-example.com",  # a dot that matches anything
    "https://appXexample.com",
    "http://app.example.com",  # scheme
    "ws://app.example.com",
    "app.example.com",
    "//app.example.com",
    "https://APP.example.com",  # case
    "HTTPS://app.example.com",
    "https://app.example.com:443",  # port
    "https://app.example.com:8443",
    "https://b.example",
    "http://localhost",
    "http://localhost:30001",
    "https://localhost:3000",
    "http://127.0.0.1:3000",
    "https://app.example.com/",  # what comes after an origin
    "https://app.example.com/x",
    "https://app.example.com?",
    "https://app.example.com#",
    "https://app.example.com.",
    "https://app.example.com ",
    " https://app.example.com",
    "https://app.example.com\t",
    "https://app.example.com%00.evil.example",
    "https://app.example.com`.evil.example",
    "https://app.example.com@evil.example",  # user information
    "https://user@app.example.com",
    "https://app.example.com:x@evil.example",
    "https://app.example.com, https://evil.example",  # several
    "https://evil.example, https://app.example.com",
    "https://app.example.com https://b.example:8443",
    "https://app.example.com,https://app.example.com",
    "https://аpp.example.com",  # a Cyrillic letter
    "https://ａpp.example.com",  # a wide letter
    "https://app。example.com",  # an ideographic full stop
    "https://app.example.com\u200b",
    "https://xn--pp-7kc.example.com",
]


@pytest.fixture(scope="module")
def ask() -> Any:
    settings = Settings.from_env(ENVIRON)
    app = create_app(settings, log=Log(settings, lambda _: None), clock=ManualClock(now_ms=0))

    @app.get("/rows")
    async def rows() -> Response:
        return json_answer({})

    @app.get("/gone")
    async def gone() -> Response:
        raise DependencyUnavailable(7)

    @app.get("/broken")
    async def broken() -> Response:
        raise KeyError("x")

    handler = make_handler(app)

    def one(method: str, path: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return invoke(handler, http_event(method, path, headers=named))

    return one


def granted(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", HOSTILE)
@pytest.mark.parametrize("path", ["/rows", "/nowhere", "/gone", "/broken"])
def test_answer_to_another_origin_grants_nothing_and_varies(ask: Any, origin: str, path: str) -> None:
    answer = ask("GET", path, origin=origin)
    assert granted(answer) == {}
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", HOSTILE)
def test_preflight_of_another_origin_is_refused_grants_nothing_and_varies(ask: Any, origin: str) -> None:
    answer = ask("OPTIONS", "/rows", origin=origin, access_control_request_method="GET")
    assert answer.status == 403
    assert answer.json()["reason"] == "origin_not_allowed"
    assert granted(answer) == {}
    assert answer.headers["vary"] == "Origin"
    if len(origin) > 1:
        assert origin.encode() not in answer.body


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("path", ["/rows", "/nowhere", "/gone", "/broken"])
def test_listed_origin_is_named_exactly_with_credentials_on_errors_too(
    ask: Any, origin: str, path: str
) -> None:
    answer = ask("GET", path, origin=origin)
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"etag", "retry-after", "x-request-id", "ratelimit", "x-ratelimit-remaining"} <= set(exposed)
    assert "*" not in exposed, "a wildcard means nothing to credentials"


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "*"])
@pytest.mark.parametrize("path", ["/rows", "/nowhere"])
def test_preflight_of_a_listed_origin(ask: Any, origin: str, method: str, path: str) -> None:
    answer = ask("OPTIONS", path, origin=origin, access_control_request_method=method)
    assert (answer.status, answer.body) == (204, b"")
    assert granted(answer) == {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, POST, PUT, DELETE, PATCH, OPTIONS",
        "access-control-allow-headers": ALLOW_HEADERS.decode(),
        "access-control-expose-headers": answer.headers["access-control-expose-headers"],
        "access-control-max-age": "86400",
    }
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "content-type", "idempotency-key", "x-api-key", "x-correlation-id",
        "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "traceparent", "tracestate",
    ],
)  # fmt: skip
def test_page_may_send_what_the_api_reads(ask: Any, name: str) -> None:
    answer = ask(
        "OPTIONS",
        "/rows",
        origin=LISTED,
        access_control_request_method="GET",
        access_control_request_headers=name,
    )
    assert name in answer.headers["access-control-allow-headers"].split(", ")


@pytest.mark.parametrize("asked", ["x-evil", "*", "cookie, x-evil", "x-evil\tx"])
def test_headers_that_are_asked_for_are_not_reflected(ask: Any, asked: str) -> None:
    answer = ask(
        "OPTIONS",
        "/rows",
        origin=LISTED,
        access_control_request_method="GET",
        access_control_request_headers=asked,
    )
    assert answer.headers["access-control-allow-headers"] == ALLOW_HEADERS.decode()
    assert b"*" not in ALLOW_HEADERS


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
@pytest.mark.parametrize(
    "name", ["access_control_request_private_network", "access_control_request_local_network"]
)
def test_private_network_is_never_granted(ask: Any, method: str, name: str) -> None:
    answer = ask(method, "/rows", origin=LISTED, access_control_request_method="GET", **{name: "true"})
    assert not [header for header in answer.headers if header.endswith("-network")]


def test_answer_without_origin_varies_too_so_that_no_cache_hands_it_to_a_page(ask: Any) -> None:
    answer = ask("GET", "/rows")
    assert granted(answer) == {}
    assert answer.headers["vary"] == "Origin"


def test_preflight_without_method_or_origin_is_an_ordinary_request(ask: Any) -> None:
    assert ask("OPTIONS", "/rows", origin=LISTED).status == 405
    assert ask("OPTIONS", "/rows", access_control_request_method="GET").status == 405


@given(st.text(max_size=40) | st.sampled_from(ORIGINS).flatmap(
    lambda origin: st.tuples(st.text(max_size=3), st.text(max_size=3)).map(lambda ends: ends[0] + origin + ends[1])
))  # fmt: skip
def test_only_the_listed_bytes_are_ever_allowed(origin: str) -> None:
    policy = CorsPolicy(frozenset(ORIGINS))
    told = dict(policy.headers(origin.encode("utf-8", "surrogatepass")))
    assert told.get(b"access-control-allow-origin") == (origin.encode() if origin in ORIGINS else None)
    assert (b"access-control-allow-credentials" in told) == (origin in ORIGINS)
