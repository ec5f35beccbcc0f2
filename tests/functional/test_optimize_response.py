"""``POST /api/optimize/response``, from the gateway's event."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functions import load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from types import ModuleType

PATH = "/api/optimize/response"
ROWS = json.dumps([{"id": number, "name": f"row {number}"} for number in range(500)], indent=2)


@pytest.fixture(scope="module")
def function(ministack_environment: dict[str, str]) -> ModuleType:
    variables = {"MAX_BODY_BYTES": "6291456", "ANONYMOUS_TIER": "relaxed"}
    return load_function("optimize_response", {**ministack_environment, **variables})


def ask(function: ModuleType, body: object = None, **members: Any) -> Answer:
    return invoke(function.handler, http_event("POST", PATH, body, **members))


def test_json_leaves_smaller_tagged_and_compressed(function: ModuleType) -> None:
    answer = ask(function, {"body": ROWS, "request_headers": {"accept-encoding": "gzip"}})

    document = answer.json()
    assert (answer.status, document["status"], document["encoding"]) == (200, 200, "gzip")
    assert document["optimized_bytes"] < document["original_bytes"] / 5
    assert json.loads(gzip.decompress(base64.b64decode(document["body_base64"]))) == json.loads(ROWS)
    headers = {name.lower(): value for name, value in document["headers"].items()}
    assert headers["content-encoding"] == "gzip"
    assert "accept-encoding" in headers["vary"].lower()
    assert headers["etag"].startswith('"')


def test_tag_that_the_client_has_makes_it_304(function: ModuleType) -> None:
    first = ask(function, {"body": ROWS, "request_headers": {"accept-encoding": "gzip"}}).json()
    tag = next(value for name, value in first["headers"].items() if name.lower() == "etag")

    again = ask(
        function, {"body": ROWS, "request_headers": {"accept-encoding": "gzip", "if-none-match": tag}}
    ).json()

    assert (again["status"], again["body"], again["body_base64"]) == (304, None, None)


def test_what_carries_credentials_is_never_public(function: ModuleType) -> None:
    answer = ask(
        function,
        {"body": ROWS, "strategy": "aggressive", "request_headers": {"authorization": "Bearer secret-token"}},
    )

    headers = {name.lower(): value for name, value in answer.json()["headers"].items()}
    assert "public" not in headers["cache-control"]
    assert b"secret-token" not in answer.body


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"body": "x", "body_base64": "eA=="},
        {"body_base64": "not base64"},
        {"body": "x", "strategy": "wild"},
        {"body": "x", "content_type": "text/plain\r\nX: 1"},
        {"body": "x", "response_headers": {"x": "1\r\nset-cookie: a=b"}},
        {"body": "x", "request_headers": {"<script>": 7}},
    ],
    ids=str,
)
def test_what_http_cannot_carry_is_refused_and_not_echoed(function: ModuleType, body: dict[str, Any]) -> None:
    answer = ask(function, body)

    assert answer.status == 422
    assert b"script" not in answer.body
    assert b"set-cookie" not in answer.body


def test_body_over_five_megabytes_is_413(function: ModuleType) -> None:
    assert ask(function, {"body": "x" * 5_000_001}).status == 413
