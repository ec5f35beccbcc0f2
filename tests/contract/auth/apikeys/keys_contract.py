"""What managing keys and authenticating with them promises, on whatever store; a class for each store inherits it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from edge.auth.apikeys.authenticate import KeyVerifier
from edge.auth.apikeys.keys import ApiKeys
from edge.auth.apikeys.problems import KeyRefused, UnknownKey
from tests.contract.auth.apikeys.conftest import START

if TYPE_CHECKING:
    from edge.auth.apikeys.keys import Created
    from edge.auth.apikeys.store import KeyStore
    from edge.clock import ManualClock


def make(keys: ApiKeys, name: str = "ci") -> Created:
    """Make a key as most are."""
    return keys.create(name=name, role="USER", plan="pro", scopes=["geo:route"], expires_in_days=30)


def refusal(verifier: KeyVerifier, text: str) -> str:
    """Return why *text* is refused."""
    with pytest.raises(KeyRefused) as caught:
        verifier.authenticate(text)
    return caught.value.reason


class KeysContract:
    """Inherit and provide the fixture ``store``, empty."""

    @pytest.fixture
    def keys(self, store: KeyStore, clock: ManualClock) -> ApiKeys:
        return ApiKeys(store, clock, env="test", random=os.urandom)

    @pytest.fixture
    def verifier(self, store: KeyStore, clock: ManualClock) -> KeyVerifier:
        return KeyVerifier(store, clock, env="test")

    def test_life_of_a_key(self, keys: ApiKeys, verifier: KeyVerifier, clock: ManualClock) -> None:
        made = make(keys)
        assert verifier.authenticate(made.api_key) == made.record == keys.read(made.record.id)
        assert (made.record.created_at, made.record.expires_at) == (START, START + 30 * 86_400)

        rotated = keys.rotate(made.record.id, overlap_seconds=60)
        assert rotated.record == keys.read(made.record.id) == verifier.authenticate(rotated.api_key)
        clock.advance(59_999)
        assert verifier.authenticate(made.api_key).version == 2
        clock.advance(1)
        assert refusal(verifier, made.api_key) == "unknown_key"

        verifier.note_used(rotated.record)
        assert keys.read(made.record.id).last_used_at == (START + 60) // 60 * 60
        revoked = keys.revoke(made.record.id, "leaked")
        assert revoked.revoked_at == START + 60
        assert keys.revoke(made.record.id, "requested") == revoked
        clock.advance(2_000)
        assert refusal(verifier, rotated.api_key) == "key_revoked"

    def test_unknown_key_cannot_be_managed(self, keys: ApiKeys) -> None:
        for act in (
            lambda: keys.read("0" * 12),
            lambda: keys.revoke("0" * 12, "leaked"),
            lambda: keys.rotate("0" * 12, overlap_seconds=0),
        ):
            with pytest.raises(UnknownKey):
                act()

    def test_many_rotations_leave_a_key_as_small_as_two(
        self, keys: ApiKeys, store: KeyStore, verifier: KeyVerifier
    ) -> None:
        made = make(keys)
        texts = [keys.rotate(made.record.id, overlap_seconds=60).api_key for _ in range(20)]
        stored = store.read(made.record.id)

        assert stored is not None
        assert ([secret.number for secret in stored.secrets], stored.superseded) == ([21, 20], ())
        assert [refusal(verifier, text) for text in texts[:-2]] == ["unknown_key"] * 18
        assert [verifier.authenticate(text).version for text in texts[-2:]] == [21, 21]

    def test_pages_are_whole_and_stable_while_keys_are_created(
        self, keys: ApiKeys, clock: ManualClock
    ) -> None:
        before = []
        for number in range(11):
            before.append(make(keys, f"key {number}").record.id)
            clock.advance(700)
        seen: list[str] = []
        cursor = None
        pages = 0
        while True:
            page = keys.list(3, cursor)
            seen += [summary.metadata.id for summary in page.keys]
            pages += 1
            if page.cursor is None:
                break
            cursor = page.cursor
            clock.advance(700)
            make(keys, "late")

        assert sorted(seen) == sorted(before)
        assert pages == 4
        assert len(keys.list(100).keys) == 14

    def test_page_that_is_just_full_is_the_last(self, keys: ApiKeys) -> None:
        for _ in range(3):
            make(keys)

        assert keys.list(3).cursor is None
        assert keys.list(2).cursor is not None
        assert len(keys.list(3).keys) == 3

    def test_list_of_none_is_empty(self, keys: ApiKeys) -> None:
        assert keys.list(100) == ((), None)
