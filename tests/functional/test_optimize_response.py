"""``POST /api/optimize/response``, from the gateway's event."""

from __future__ import annotations

import base64
import gzip
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.optimize.wire import LAMBDA_ANSWER_BYTES, MOST_ANSWERED_BYTES
from infra.template import load_stack
from tests.functions import load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from types import ModuleType

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
PATH = "/api/optimize/response"
ROWS = json.dumps([{"id": number, "name": f"row {number}"} for number in range(500)], indent=2)


@pytest.fixture(scope="module")
def function(ministack_environment: dict[str, str]) -> ModuleType:
    stack = load_stack(TEMPLATE, aws_region="eu-west-3")
    # Only this function's part of the template says it: other routes take 64 KB.
    most = next(one.environment for one in stack.functions if one.name == "optimize_response")[
        "MAX_BODY_BYTES"
    ]
    variables = {"MAX_BODY_BYTES": most, "ANONYMOUS_TIER": "relaxed"}
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


def sent_bytes(function: ModuleType, body: object) -> tuple[int, int]:
    """Return the status, and how many bytes Lambda would send to the gateway for it."""
    answer = function.handler(http_event("POST", PATH, body), None)
    return answer["statusCode"], len(json.dumps(answer, ensure_ascii=False).encode())


def test_condition_that_fails_is_an_answer_of_412(function: ModuleType) -> None:
    document = ask(function, {"body": ROWS, "request_headers": {"if-match": '"another"'}}).json()

    assert (document["status"], document["body"], document["body_base64"]) == (412, None, None)
    assert document["headers"]["cache-control"] == "no-store"


def test_nothing_acceptable_is_an_answer_of_406(function: ModuleType) -> None:
    document = ask(function, {"body": ROWS, "request_headers": {"accept-encoding": "compress, *;q=0"}}).json()
    assert (document["status"], document["encoding_reason"]) == (406, "not_acceptable")


def test_body_over_five_megabytes_is_413(function: ModuleType) -> None:
    answer = ask(function, {"body": "x" * 5_000_001})
    assert (answer.status, answer.json()["reason"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("members", "encoding"),
    [
        ({"body": "é" * 1_000_000, "content_type": "text/plain"}, "gzip"),
        (
            {"body": '"' * 2_900_000, "content_type": "image/x"},
            "identity",
        ),  # each quote is four bytes in Lambda's JSON
        ({"body": "\x01" * 800_000, "content_type": "image/x"}, "identity"),
        ({"body": "a" * 5_000_000, "content_type": "image/x"}, "gzip"),  # too large in the identity
    ],
)
def test_largest_answers_fit_into_what_lambda_sends(
    function: ModuleType, members: dict[str, Any], encoding: str
) -> None:
    body = {**members, "request_headers": {"accept-encoding": "gzip"}}
    status, size = sent_bytes(function, body)
    assert (status, size <= LAMBDA_ANSWER_BYTES) == (200, True)
    assert ask(function, body).json()["encoding"] == encoding


def test_what_no_coding_makes_small_enough_is_413(function: ModuleType) -> None:
    noise = base64.b64encode(random.Random(7).randbytes(4_700_000)).decode()
    answer = ask(
        function,
        {"body_base64": noise[: len(noise) // 4 * 4], "request_headers": {"accept-encoding": "gzip"}},
    )
    assert (answer.status, answer.json()["reason"]) == (413, "result_too_large")
    assert answer.json()["limit_bytes"] == MOST_ANSWERED_BYTES


def test_bomb_is_carried_and_never_opened(function: ModuleType) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    document = ask(
        function,
        {
            "body_base64": base64.b64encode(bomb).decode(),
            "response_headers": {"content-encoding": "gzip"},
            "request_headers": {"accept-encoding": "gzip"},
        },
    ).json()
    assert (document["encoding"], document["encoding_reason"]) == ("gzip", "already_encoded")
    assert base64.b64decode(document["body_base64"]) == bomb


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"body": "\xff"}', 400),
        (b"[" * 100_000, 400),
        (b'{"body": "a", "body": "b"}', 400),
        (b'{"body": 1e400}', 422),
        (b'{"body": "\\ud800"}', 400),
        (b"null", 422),
        (b'["body"]', 422),
        (b'{"body": "x", "strategy": "none\\u0000"}', 422),
        (b'{"body": "x", "request_headers": {"accept-encoding": "gzip\\u0000"}}', 422),
    ],
)
def test_hostile_request_is_a_problem_and_not_echoed(function: ModuleType, raw: bytes, status: int) -> None:
    answer = invoke(function.handler, http_event("POST", PATH, raw_body=raw))
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"ud800" not in answer.body


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_other_methods_are_405(function: ModuleType, method: str) -> None:
    answer = invoke(function.handler, http_event(method, PATH))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
