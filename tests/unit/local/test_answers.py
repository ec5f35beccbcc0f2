"""What functions return: the two forms of format 2.0, and every shape that is the function's error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.answers import to_response
from infra.local.messages import HttpResponse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {"statusCode": st.integers(200, 599) | JSON},
    optional={"headers": JSON, "cookies": JSON, "body": JSON, "isBase64Encoded": JSON},
)


def answer(payload: object) -> HttpResponse:
    return to_response(payload)


def field(response: HttpResponse, name: bytes) -> list[bytes]:
    return [value for key, value in response.headers if key == name]


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        ("Hello from Lambda!", b"Hello from Lambda!"),
        ({"message": "hi"}, b'{"message":"hi"}'),
        ([1, 2], b"[1,2]"),
        (7, b"7"),
        (True, b"true"),
        (None, b""),
        ({"status": 404}, b'{"status":404}'),
    ],
)
def test_without_status_code_the_payload_is_the_body(payload: object, body: bytes) -> None:
    response = answer(payload)
    assert (response.status, response.body) == (200, body)
    assert field(response, b"content-type") == [b"application/json"]


def test_with_status_code_members_are_taken_as_named() -> None:
    response = answer(
        {
            "statusCode": 201,
            "headers": {"X-A": "1", "Content-Type": "text/x"},
            "cookies": ["a=1", "b=2; Path=/"],
            "body": "é",
        }
    )
    assert response.status == 201
    assert response.body == "é".encode()
    assert field(response, b"x-a") == [b"1"]
    assert field(response, b"content-type") == [b"text/x"]
    assert field(response, b"set-cookie") == [b"a=1", b"b=2; Path=/"]


def test_status_without_type_is_plain_text() -> None:
    assert field(answer({"statusCode": "204"}), b"content-type") == [b"text/plain; charset=utf-8"]


def test_base64_body_is_decoded() -> None:
    assert answer({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}).body == b"\x00\xff"


def test_function_cannot_set_framing() -> None:
    response = answer(
        {
            "statusCode": 200,
            "headers": {"Content-Length": "99", "Transfer-Encoding": "chunked", "Connection": "x"},
        }
    )
    assert {name for name, _ in response.headers} == {b"content-type"}


def test_numbers_and_booleans_are_header_values() -> None:
    response = answer({"statusCode": 200, "headers": {"n": 3, "b": True, "none": None}})
    assert (field(response, b"n"), field(response, b"b"), field(response, b"none")) == ([b"3"], [b"true"], [])


@pytest.mark.parametrize(
    "payload",
    [
        {"statusCode": "many"},
        {"statusCode": True},
        {"statusCode": None},
        {"statusCode": 99},
        {"statusCode": 101},
        {"statusCode": 600},
        {"statusCode": 200.5},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
        {"statusCode": 200, "body": "AA==", "isBase64Encoded": "yes"},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": ["b"]}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"": "c"}},
        {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: c"}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": [1]},
        {"statusCode": 200, "cookies": ["a=1\nx"]},
    ],
)
def test_wrong_shape_is_internal_server_error(payload: object) -> None:
    response = answer(payload)
    assert (response.status, response.body) == (500, b'{"message":"Internal Server Error"}')


@given(JSON | MEMBERS)
def test_no_payload_can_break_the_framing(payload: object) -> None:
    response = answer(payload)
    head, _, _ = response.encode(head=False, keep_alive=True).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    names = [line.partition(b":")[0] for line in lines[1:]]
    assert sorted(names) == sorted(
        [*(name for name, _ in response.headers), b"date", b"connection", *_length(response)]
    )
    assert b"\n" not in b"".join(lines)


def _length(response: HttpResponse) -> list[bytes]:
    return [] if response.status in (204, 304) else [b"content-length"]


@pytest.mark.parametrize(
    ("status", "head", "sent"), [(200, False, b"body"), (200, True, b""), (304, False, b"")]
)
def test_body_is_sent_only_where_http_has_one(status: int, head: bool, sent: bytes) -> None:  # noqa: FBT001
    written = HttpResponse(status, (), b"body").encode(head=head, keep_alive=False)
    assert written.partition(b"\r\n\r\n")[2] == sent
    assert (b"content-length: 4" in written) is (status != 304)
