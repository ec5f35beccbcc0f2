"""One secret, one fetch: token keys and refresh keys stay together, fresh, and good while the secret is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.auth.house_keys import HouseKeys
from edge.auth.tokens.key_source import FRESH_SECONDS, MAX_AGE_SECONDS, RETRY_PAUSE_SECONDS
from edge.auth.tokens.problems import KeysUnavailable
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, Unexpected
from edge.versioned_secrets import new_versioned
from tests.unit.auth.tokens.forge import forge_of


def document(*versions: int, **members: Any) -> str:
    entries = [new_versioned(version, random_bytes=bytes([version]).__mul__) for version in versions]
    return json.dumps({**json.loads(forge_of("HS256").document), "refresh_keys": entries, **members})


class Source:
    """A secret that can be changed and taken away."""

    def __init__(self, text: str) -> None:
        self.text: str | None = text
        self.reads = 0

    def read(self) -> str:
        self.reads += 1
        if self.text is None:
            raise DependencyUnavailable(1)
        return self.text


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=1_800_000_000_000)


@pytest.fixture
def source() -> Source:
    return Source(document(1))


@pytest.fixture
def keys(source: Source, clock: ManualClock) -> HouseKeys:
    return HouseKeys(source, clock)


def test_nothing_is_fetched_before_a_key_is_needed(source: Source, clock: ManualClock) -> None:
    keys = HouseKeys(source, clock)
    assert source.reads == 0

    keys.ring.current()
    assert source.reads == 1


def test_both_kinds_come_of_one_fetch(keys: HouseKeys, source: Source) -> None:
    assert keys.refresh_keys().signing_version == 1
    assert keys.ring.current().signing_key.kid == "HS256-1"
    assert keys.refresh_keys() is keys.refresh_keys(), "parsed once"
    assert source.reads == 1


def test_refresh_keys_are_as_fresh_as_token_keys(keys: HouseKeys, source: Source, clock: ManualClock) -> None:
    assert keys.refresh_keys().signing_version == 1
    source.text = document(2, 1)

    clock.advance(FRESH_SECONDS * 1_000 - 1)
    assert keys.refresh_keys().signing_version == 1
    clock.advance(1)
    assert keys.refresh_keys().signing_version == 2


def test_key_that_was_taken_out_is_out(keys: HouseKeys, source: Source, clock: ManualClock) -> None:
    source.text = document(2, 1)
    assert 1 in keys.refresh_keys()._secrets
    source.text = document(2)
    clock.advance(FRESH_SECONDS * 1_000)

    assert list(keys.refresh_keys()._secrets) == [2]


def test_secret_that_is_gone_leaves_both_as_they_were_until_their_age_limit(
    keys: HouseKeys, source: Source, clock: ManualClock
) -> None:
    known = keys.refresh_keys()
    source.text = None

    clock.advance(MAX_AGE_SECONDS * 1_000 - 1)
    assert keys.refresh_keys() is known
    clock.advance(RETRY_PAUSE_SECONDS * 1_000 + 1)
    with pytest.raises(KeysUnavailable):
        keys.refresh_keys()
    with pytest.raises(KeysUnavailable):
        keys.ring.current()


def test_nothing_known_and_nothing_to_be_had(keys: HouseKeys, source: Source) -> None:
    source.text = None

    with pytest.raises(KeysUnavailable):
        keys.refresh_keys()


BAD: list[dict[str, Any]] = [
    {"refresh_keys": []},
    {"refresh_keys": None},
    {"refresh_keys": {}},
    {"refresh_keys": [1]},
    {"refresh_keys": [{"version": 1, "secret": "SECRET-TEXT"}]},
    {"refresh_keys": [{"version": 1}]},
    {"refresh_keys": "SECRET-TEXT"},
]


@pytest.mark.parametrize("members", BAD, ids=str)
def test_bad_refresh_keys_leave_those_that_were_and_the_token_keys_work(
    keys: HouseKeys, source: Source, clock: ManualClock, members: dict[str, Any]
) -> None:
    known = keys.refresh_keys()
    source.text = document(1, **members)
    clock.advance(FRESH_SECONDS * 1_000)

    assert keys.refresh_keys() is known
    assert keys.ring.current().signing_key.kid == "HS256-1"
    source.text = document(3)
    clock.advance(FRESH_SECONDS * 1_000)
    assert keys.refresh_keys().signing_version == 3, "and a good one is taken again"


@pytest.mark.parametrize("members", BAD, ids=str)
def test_bad_refresh_keys_from_the_start_are_a_defect_that_tells_nothing(
    source: Source, clock: ManualClock, members: dict[str, Any]
) -> None:
    source.text = document(1, **members)

    with pytest.raises(Unexpected) as raised:
        HouseKeys(source, clock).refresh_keys()
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert "SECRET-TEXT" not in repr(raised.value)


def test_missing_member_is_such_a_defect_and_token_keys_do_not_need_it(
    source: Source, clock: ManualClock
) -> None:
    source.text = forge_of("HS256").document
    keys = HouseKeys(source, clock)

    assert keys.ring.current().signing_key.kid == "HS256-1"
    with pytest.raises(Unexpected):
        keys.refresh_keys()


def test_document_that_is_no_good_as_a_whole_leaves_both(
    keys: HouseKeys, source: Source, clock: ManualClock
) -> None:
    known = keys.refresh_keys()
    for text in ("", "{", "[]", "{}", '{"token_keys":[]}'):
        source.text = text
        clock.advance(FRESH_SECONDS * 1_000)
        assert keys.refresh_keys() is known
        assert keys.ring.current().signing_key.kid == "HS256-1"


def test_members_of_others_are_left_alone(source: Source, clock: ManualClock) -> None:
    source.text = document(1, signing_keys=[{"anything": 1}], note="x")

    assert HouseKeys(source, clock).refresh_keys().signing_version == 1


def number(value: object) -> int:
    if type(value) is not int:
        raise ValueError("no number")
    return value


def test_member_of_others_is_parsed_by_them_and_comes_of_the_same_fetch(
    source: Source, clock: ManualClock
) -> None:
    source.text = document(1, others=7)
    keys = HouseKeys(source, clock)
    member = keys.member("others", number)
    assert source.reads == 0

    assert member.current() == 7
    assert keys.refresh_keys().signing_version == 1
    assert source.reads == 1


@pytest.mark.parametrize("members", [{}, {"others": "SECRET-TEXT"}, {"others": None}], ids=str)
def test_member_that_goes_or_goes_bad_stays_as_it_was(
    source: Source, clock: ManualClock, members: dict[str, Any]
) -> None:
    source.text = document(1, others=7)
    member = HouseKeys(source, clock).member("others", number)
    assert member.current() == 7

    source.text = document(2, **members)
    clock.advance(FRESH_SECONDS * 1_000)
    assert member.current() == 7
    source.text = document(2, others=8)
    clock.advance(FRESH_SECONDS * 1_000)
    assert member.current() == 8


@pytest.mark.parametrize("members", [{}, {"others": "SECRET-TEXT"}, {"others": None}], ids=str)
def test_member_that_never_was_is_a_defect_that_tells_nothing(
    source: Source, clock: ManualClock, members: dict[str, Any]
) -> None:
    source.text = document(1, **members)

    with pytest.raises(Unexpected) as raised:
        HouseKeys(source, clock).member("others", number).current()
    assert raised.value.__suppress_context__
    assert "SECRET-TEXT" not in repr(raised.value)
