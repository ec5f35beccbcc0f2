"""The JSON of the route: strict in, and small enough out for what Lambda can answer."""

from __future__ import annotations

import base64
import json
import os
import zlib

import pytest
from pydantic import ValidationError

from edge.optimize.problems import ResultTooLarge, UnusableHeaders
from edge.optimize.validators import opaque_tag
from edge.optimize.wire import (
    LAMBDA_ANSWER_BYTES,
    MOST_ANSWERED_BYTES,
    OptimizeAnswer,
    OptimizeRequest,
    optimize_answer,
    optimize_outcome,
)
from edge.problems import BodyTooLarge, InvalidValues

NOW_MS = 1_795_179_600_000
MINIFIED = b'{"a":1.0}'
LONG = json.dumps([{"id": number} for number in range(300)], indent=1)


def answered(**members: object) -> OptimizeAnswer:
    request = OptimizeRequest.model_validate(members)
    return optimize_answer(request, request.optimise(now_ms=NOW_MS))


def event_bytes(answer: OptimizeAnswer) -> int:
    """What Lambda sends for it: the answer's JSON as a text in the gateway's JSON."""
    document = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    return len(json.dumps({"statusCode": 200, "headers": {}, "body": document}, ensure_ascii=False).encode())


def test_text_comes_back_as_text() -> None:
    assert answered(body='{ "a": 1.0 }') == {
        "status": 200,
        "headers": {
            "content-type": "application/json",
            "etag": f'"{opaque_tag(MINIFIED)}"',
            "cache-control": "public, max-age=60, s-maxage=300, stale-while-revalidate=60, stale-if-error=600",
            "cdn-cache-control": "public, max-age=300, stale-while-revalidate=60, stale-if-error=600",
            "vary": "Accept-Encoding",
            "content-length": "9",
        },
        "body": '{"a":1.0}',
        "body_base64": None,
        "encoding": "identity",
        "original_bytes": 12,
        "optimized_bytes": 9,
        "reason": "as_asked",
        "encoding_reason": "too_small",
    }


def test_coded_body_comes_back_in_base64() -> None:
    answer = answered(body=LONG, request_headers={"Accept-Encoding": ["deflate", "gzip"]})
    assert answer["encoding"] == "gzip" and answer["body"] is None
    coded = base64.b64decode(answer["body_base64"] or "", validate=True)
    assert json.loads(zlib.decompress(coded, wbits=31)) == json.loads(LONG)
    assert answer["optimized_bytes"] == len(coded)


def test_bytes_come_back_as_bytes() -> None:
    answer = answered(body_base64="/wA=", content_type="image/png")
    assert (answer["body"], answer["body_base64"]) == (None, "/wA=")


@pytest.mark.parametrize(
    ("headers", "status"), [({"if-none-match": "*"}, 304), ({"accept-encoding": "*;q=0"}, 406)]
)
def test_answer_without_content_has_no_body(headers: dict[str, str], status: int) -> None:
    answer = answered(body="{}", request_headers=headers)
    assert (answer["status"], answer["body"], answer["body_base64"]) == (status, None, None)


def test_cookies_are_a_list_and_other_lines_are_joined() -> None:
    answer = answered(body="{}", response_headers={"Set-Cookie": ["a=1", "b=2"], "Link": ["<a>", "<b>"]})
    assert answer["headers"]["set-cookie"] == ["a=1", "b=2"]
    assert answer["headers"]["link"] == "<a>, <b>"


def test_empty_body_is_a_body() -> None:
    assert answered(body="")["optimized_bytes"] == 0
    assert answered(body_base64="")["body_base64"] == ""


@pytest.mark.parametrize("members", [{}, {"body": "", "body_base64": ""}, {"body": None}])
def test_exactly_one_body(members: dict[str, object]) -> None:
    with pytest.raises(InvalidValues) as caught:
        answered(**members)
    assert caught.value.errors == [{"pointer": "/body", "reason": "exactly_one_of_body_and_body_base64"}]


def test_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidValues) as caught:
        answered(body="a\ud800")
    assert caught.value.errors == [{"pointer": "/body", "reason": "lone_surrogate"}]


@pytest.mark.parametrize("text", ["a", "YQ", "YQ==\n", "Y Q==", "YQ==YQ==", "=", "_w==", "é===", "YQ==="])
def test_base64_is_strict(text: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        answered(body_base64=text)
    assert caught.value.errors == [{"pointer": "/body_base64", "reason": "not_base64"}]


@pytest.mark.parametrize(
    "members",
    [
        {"body": b"x"},
        {"body": 1},
        {"body": {"a": 1}},
        {"body": "x", "strategy": "Aggressive"},
        {"body": "x", "strategy": None},
        {"body": "x", "content_type": None},
        {"body": "x", "content_type": ""},
        {"body": "x", "content_type": "a" * 1_025},
        {"body": "x", "unknown": 1},
    ],
)
def test_other_shapes_are_refused(members: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OptimizeRequest.model_validate(members)


@pytest.mark.parametrize(
    "headers",
    [
        {"secret": 1},
        {"secret": ["a", 1]},
        {"secret": {}},
        {"secret": []},
        {"secret": None},
        [],
        "secret",
        None,
        {"secret": ["b"] * 101},
        {f"secret{number}": "b" for number in range(101)},
    ],
)
@pytest.mark.parametrize("where", ["request_headers", "response_headers"])
def test_names_of_headers_are_not_repeated_in_errors(headers: object, where: str) -> None:
    with pytest.raises(ValidationError) as caught:
        OptimizeRequest.model_validate({"body": "x", where: headers})
    assert [(error["type"], error["loc"]) for error in caught.value.errors()] == [("not_headers", (where,))]


@pytest.mark.parametrize("where", ["request_headers", "response_headers"])
def test_header_injection_is_refused(where: str) -> None:
    with pytest.raises(UnusableHeaders) as caught:
        answered(body="x", **{where: {"a": ["ok", "b\r\nc: d"]}})
    assert caught.value.part == where


@pytest.mark.parametrize("members", [{"body": "é" * 2_500_001}, {"body_base64": "A" * 6_666_668}])
def test_body_over_five_megabytes_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(BodyTooLarge):
        answered(content_type="image/png", **members)


@pytest.mark.parametrize("unit", ['"', "\x01", "\\", "é", "\U0001f600", "a"])
def test_every_answer_fits_into_what_lambda_sends(unit: str) -> None:
    most = MOST_ANSWERED_BYTES // len(unit.encode())
    headers = {f"x-{number:03}": '"' * 300 for number in range(90)}
    answer = answered(body=unit * most, content_type="image/x", response_headers=headers)

    assert event_bytes(answer) <= LAMBDA_ANSWER_BYTES
    assert answer["encoding"] == "identity"
    if unit == "a":
        assert answer["body"] == unit * most
    elif unit in '"\x01\\':
        assert answer["body"] is None, "escaped twice it would not fit"


def test_short_text_of_the_worst_letters_stays_text() -> None:
    assert answered(body="\x01" * 10_000, content_type="text/plain")["body"] == "\x01" * 10_000


def test_body_between_the_limits_is_coded_or_refused() -> None:
    text = "ab" * 2_400_000
    assert answered(body=text, content_type="image/x")["encoding_reason"] == "too_large_for_identity"
    with pytest.raises(ResultTooLarge):
        answered(body=text, content_type="text/plain", request_headers={"accept-encoding": "identity"})
    noise = base64.b64encode(os.urandom(4_900_000)).decode()
    with pytest.raises(ResultTooLarge):
        answered(body_base64=noise, content_type="image/x", request_headers={"accept-encoding": "gzip"})


def test_log_is_told_closed_sets_only() -> None:
    request = OptimizeRequest(body="{}", request_headers={"authorization": "secret"})
    assert optimize_outcome(request.optimise(now_ms=NOW_MS)) == {
        "decision": "200",
        "because": "request_has_credentials",
        "encoding_because": "too_small",
    }
