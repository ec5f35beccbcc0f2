"""Header lines that could split an answer, or are too many, are refused without being repeated."""

from __future__ import annotations

import pytest

from edge.optimize.fields import MOST_CHARS, MOST_LINES, checked_lines, field
from edge.optimize.problems import UnusableHeaders
from edge.web.problem_document import render_problem


def test_names_are_lowered_and_values_stripped() -> None:
    lines = checked_lines([("X-A", " \tb c\t"), ("x-a", ""), ("X-Latin", "\xe9")], "response_headers")
    assert lines == [("x-a", "b c"), ("x-a", ""), ("x-latin", "\xe9")]
    assert field(lines, "x-a") == "b c, "
    assert field(lines, "x-b") is None


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a:", "a\r\nb", "é", "a\x00", "Authorization ", "\ud800", "(a)"]
)
def test_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(UnusableHeaders) as caught:
        checked_lines([(name, "secret-value")], "request_headers")
    assert caught.value.reason == "bad_header_name"


@pytest.mark.parametrize(
    "value",
    [
        "a\r\nSet-Cookie: admin=1",
        "a\nb",
        "a\rb",
        "a\r\n b",
        "a\x00",
        "\x7f",
        "\x1b[0m",
        "\u0100",
        "\u010a\u010d",  # their low bytes are line breaks
        "\u2028",
        "\ud800",
        "ok\n",
    ],
)
def test_value_that_could_split_the_answer_is_refused(value: str) -> None:
    with pytest.raises(UnusableHeaders) as caught:
        checked_lines([("x-a", value)], "response_headers")
    assert caught.value.reason == "bad_header_value"
    _, document = render_problem(caught.value, instance="id")
    assert b'"part":"response_headers"' in document.replace(b" ", b"")
    assert b"admin" not in document and b"x-a" not in document


def test_lines_are_bounded() -> None:
    assert len(checked_lines([("a", "b")] * MOST_LINES, "request_headers")) == MOST_LINES
    with pytest.raises(UnusableHeaders) as many:
        checked_lines([("a", "b")] * (MOST_LINES + 1), "request_headers")
    assert many.value.reason == "too_many_headers"


def test_chars_are_bounded() -> None:
    assert checked_lines([("a", "b" * (MOST_CHARS - 1))], "request_headers")
    with pytest.raises(UnusableHeaders) as long:
        checked_lines([("a", "b" * MOST_CHARS)], "request_headers")
    assert long.value.reason == "headers_too_large"
