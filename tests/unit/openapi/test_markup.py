from __future__ import annotations

import json
import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.openapi.markup import as_json, inline, listing, paragraphs, tokens
from infra.openapi.models import limits_of, member_rows, type_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def without_elements(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


@given(value=JSON)
def test_json_for_people_is_the_same_json(value: object) -> None:
    assert json.loads(as_json(value)) == value  # type: ignore[arg-type]


@given(value=JSON)
def test_marking_tokens_changes_no_character(value: object) -> None:
    source = as_json(value)  # type: ignore[arg-type]
    assert without_elements(tokens(source)) == source


@given(text=st.text())
def test_no_text_becomes_an_element(text: str) -> None:
    for html in (inline(text), paragraphs(text), tokens(text), listing(text, text, is_json=False)):
        assert set(re.findall(r"<(/?\w*)", html)) <= {
            *("p", "/p", "b", "/b", "i", "/i", "code", "/code", "pre", "/pre"),
            *("figure", "/figure", "figcaption", "/figcaption"),
        }


def test_asterisks_in_code_are_characters() -> None:
    assert inline("`*_at` and *name*") == "<code>*_at</code> and <code>name</code>"


@pytest.mark.parametrize(
    ("schema", "html"),
    [
        ({}, "anything"),
        ({"const": True}, "<code>true</code>"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map of integer"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "number or null"),
    ],
)
def test_types_are_told_in_words(schema: dict[str, object], html: str) -> None:
    assert type_of(schema) == html  # type: ignore[arg-type]


def test_limits_are_told_in_words() -> None:
    told = without_elements(limits_of({"minimum": 1, "maximum": 3650, "default": 1}))
    assert told == "1 to 3,650; 1 if absent"
    assert (
        without_elements(limits_of({"anyOf": [{"maxLength": 5}, {"type": "null"}]})) == "at most 5 characters"
    )


def test_only_members_that_may_be_missing_are_optional() -> None:
    rows = member_rows({"required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}})
    assert rows.count("optional") == 2  # the class and the word, of b alone
    assert rows.index("optional") > rows.index("<code>b</code>")
