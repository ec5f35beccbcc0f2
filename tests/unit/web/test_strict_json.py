"""JSON that two readers could read differently is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.problems import MalformedJson
from edge.web.strict_json import parse_json

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_what_is_json_is_read_as_json(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse_json(body)
    except MalformedJson:
        return
    json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{} {}",
        b"{'a': 1}",
        b'{"a": 1,}',
        b"[1, 2",
        b"nul",
        b"01",
        b"+1",
        b".5",
        b"0x10",
        b"NaN",
        b"Infinity",
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": 1, "\\u0061": 2}',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b'[[["\\ud83d"]]]',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32"),
        b'"a\nb"',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 5_000,
        b"\x00",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_ambiguous_or_broken_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_json(body)


def test_surrogate_pair_is_one_character() -> None:
    assert parse_json(b'"\\ud83e\\udd89"') == "🦉"
