"""Entity tags and conditions (RFC 9110, sections 8.8.3 and 13.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.optimize.validators import entity_tag, modified_since, none_match, opaque_tag

OLD, NEW = "Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT"
TAG = '"abc-gzip"'


@pytest.mark.parametrize(
    "value",
    [
        "*",
        " * ",
        TAG,
        f"W/{TAG}",
        f'"x", {TAG}',
        f'W/"x",W/{TAG}',
        f', ,"x",,{TAG}, ',
        f'"a,b", {TAG}',
        f'"", {TAG}',
        f"{TAG}, {TAG}",
        f'"\xe9", {TAG}',
        f'"a\\", {TAG}',  # a backslash escapes nothing in a tag
    ],
)
def test_listed_tag_is_known(value: str) -> None:
    assert not none_match(value, TAG)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ",",
        '"abc"',
        '"ABC-gzip"',
        '"abc-br"',
        "abc-gzip",
        '"abc-gzip',
        f"w/{TAG}",
        f"W /{TAG}",
        f"*, {TAG}",
        f"{TAG}, *",
        f'{TAG} "x"',
        f"{TAG};",
        f"'x', {TAG}",
        f'"x, {TAG}',
        f'"\u20ac", {TAG}',
        f'"\x7f", {TAG}',
        '"x",' * 2_100 + TAG,
    ],
)
def test_unlisted_tag_and_malformed_list_get_the_whole_answer(value: str) -> None:
    assert none_match(value, TAG)


def test_list_up_to_the_limit_is_read_to_its_end() -> None:
    assert not none_match('"x",' * 2_000 + TAG, TAG)


@given(st.lists(st.text(alphabet='abc,W/*"', max_size=5).map(lambda text: text.replace('"', "")), max_size=6))
def test_tag_is_known_exactly_if_it_is_listed(tags: list[str]) -> None:
    value = ", ".join(f'"{tag}"' for tag in tags)
    for tag in [*tags, "absent"]:
        assert none_match(value, f'"{tag}"') == (tag not in tags)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_tag_changes_exactly_with_the_bytes(one: bytes, other: bytes) -> None:
    assert (opaque_tag(one) == opaque_tag(other)) == (one == other)


def test_tag_is_sha_256_in_base64url() -> None:
    assert opaque_tag(b"") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def test_codings_of_one_body_have_strong_tags_of_their_own() -> None:
    tags = {
        entity_tag("x", "identity"),
        entity_tag("x", "gzip"),
        entity_tag("x", "br"),
        entity_tag("x", "zstd"),
    }
    assert len(tags) == 4
    assert not any(tag.startswith("W/") for tag in tags)


@pytest.mark.parametrize(
    ("since", "last_modified", "expected"),
    [
        (NEW, OLD, False),
        (OLD, OLD, False),
        (OLD, NEW, True),
        (OLD, None, True),
        (OLD, "yesterday", True),
        ("yesterday", OLD, True),
        (f"{NEW}, {NEW}", OLD, True),
        ("Monday, 07-Nov-94 08:49:37 GMT", OLD, False),
        ("Mon Nov  7 08:49:37 1994", OLD, False),
        ("Sun Nov  6 08:49:36 1994", OLD, True),
    ],
)
def test_date_condition(since: str, last_modified: str | None, *, expected: bool) -> None:
    assert modified_since(since, last_modified, now_ms=1_795_179_600_000) is expected
