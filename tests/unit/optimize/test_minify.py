"""Minified JSON means what it meant, token for token; what is not JSON is left alone."""

from __future__ import annotations

import json
import re
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.optimize.minify import MOST_BYTES, minified

NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=10**30, max_value=10**60),
    st.floats(allow_nan=False, allow_infinity=False),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    alphabet='\\" ,:{}[]\n\t\u2028/u', max_size=12
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=25,
)
LAYOUTS = st.sampled_from(
    [
        {"indent": 2},
        {"indent": "\t"},
        {},
        {"separators": (" ,\r\n", "\n: ")},
        {"separators": (",", ":")},
        {"separators": (",", " :")},
    ]
)
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]')


def tokens(text: str) -> list[str]:
    """Every string and every other character that is no blank, in order: an independent scanner."""
    return TOKEN.findall(text)


def texts(document: bytes | str) -> Any:
    """Parse with every number as its text and every object as its pairs, so that nothing is lost."""
    return json.loads(document, parse_float=str, parse_int=str, object_pairs_hook=tuple)


@given(
    value=VALUES, layout=LAYOUTS, ascii_only=st.booleans(), around=st.sampled_from(["", " ", "\n", "\r\n\t "])
)
def test_meaning_and_every_token_stay(
    value: object, layout: dict[str, Any], *, ascii_only: bool, around: str
) -> None:
    text = around + json.dumps(value, ensure_ascii=ascii_only, **layout) + around
    body = text.encode()

    made = minified(body)

    assert texts(made) == texts(body)
    assert json.loads(made) == json.loads(body)
    assert tokens(made.decode()) == tokens(text)
    assert minified(made) == made
    assert len(made) == len(json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":")).encode())


@given(st.text(alphabet='{}[]",:\\ \n\t1-.eEtruefalsn\ud800\x00é', max_size=30))
def test_nothing_but_json_is_changed(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    made = minified(body)
    if made != body:
        assert texts(made) == texts(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"n": 12345678901234567890123}', b'{"n":12345678901234567890123}'),
        (b"[1.0, 1.50, 1E+2, -0, -0.0, 1e999]", b"[1.0,1.50,1E+2,-0,-0.0,1e999]"),
        (b'{"a": 1, "a": 2}', b'{"a":1,"a":2}'),
        (b'{"a\\" b": "\\\\", "c": " \\\\\\" "}', b'{"a\\" b":"\\\\","c":" \\\\\\" "}'),
        (b'["\\u00e9 ", "\xc3\xa9 \\/"]', b'["\\u00e9 ","\xc3\xa9 \\/"]'),
        (b' "a b" ', b'"a b"'),
        (b" 1\n", b"1"),
        (b'[": a", ", b"]', b'[": a",", b"]'),
    ],
)
def test_tokens_are_kept_as_they_were_written(body: bytes, expected: bytes) -> None:
    assert minified(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"1 2",
        b"tru e",
        b'"a" "b"',
        b"[1, 2",
        b"[1, ]",
        b"{'a': 1}",
        b"[ NaN ]",
        b"[ -Infinity ]",
        b"[ 01 ]",
        b"[ 1. ]",
        b"// comment\n{}",
        b"\xef\xbb\xbf{ }",
        b'[ "\xff" ]',
        b'[ "\xed\xa0\x80" ]',
        b'[ "\\ud800" ]',
        b'[ "\\x" ]',
        b'[ "a\nb" ]',
        b"[ 1\x00]",
        b"[\x0b1]",
        b"[\xc2\xa01]",
        b'{ "a": 1 }'.decode().encode("utf-16"),
        b'{"a": "unterminated',
        b"[ " + b"9" * 5_000 + b" ]",
        b"[ " * 5_000 + b"]" * 5_000,
    ],
)
def test_what_is_no_json_of_everybody_stays_as_it_is(body: bytes) -> None:
    assert minified(body) is body


@pytest.mark.parametrize("body", [b"[" * 5_000_000, b"[ " * 900_000, b'"' * 1_999_999, b'\\"\n' * 600_000])
def test_hostile_body_is_left_alone(body: bytes) -> None:
    assert minified(body) is body


def test_late_blanks_of_a_short_document_are_found() -> None:
    assert minified(b'{"a":"%s","b": 1}' % (b"x y, " * 20_000)) == b'{"a":"%s","b":1}' % (b"x y, " * 20_000)


def test_long_compact_document_costs_a_look_and_no_copy() -> None:
    body = json.dumps([f"one, two: {number}" for number in range(20_000)], separators=(",", ":")).encode()
    tracemalloc.start()
    try:
        assert minified(body) is body
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


def test_line_break_after_a_long_compact_start_is_found() -> None:
    start = b"[" + b'"x",' * 1_000
    assert minified(start + b'\n"y" ]') == start + b'"y"]'


def test_body_over_the_bound_is_left_alone() -> None:
    assert minified(b"[ " + b"1" * 10 + b" " * MOST_BYTES + b"]").endswith(b" ]")
