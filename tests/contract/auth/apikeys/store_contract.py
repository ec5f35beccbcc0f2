"""What every store of keys must do; a class for each store inherits it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from edge.auth.apikeys.records import KeyMetadata, KeySummary, Position, SecretVersion, StoredKey, Tombstone
from edge.auth.apikeys.text import random_text
from edge.auth.roles import SCOPES
from tests.contract.auth.apikeys.conftest import START

if TYPE_CHECKING:
    from edge.auth.apikeys.store import KeyStore


def metadata(*, name: str = "clé 🔑", created_at: int = START, expires_at: int | None = None) -> KeyMetadata:
    """Return what a new key is made with."""
    return KeyMetadata(
        id=random_text(12, os.urandom),
        name=name,
        role="GUEST",
        plan="team",
        scopes=frozenset({"geo:route", "auth:token"}),
        created_at=created_at,
        expires_at=expires_at,
    )


def version(number: int, *, previous_until: int | None = None) -> SecretVersion:
    """Return a secret that nobody has."""
    return SecretVersion(number, os.urandom(32), START + number, previous_until)


class StoreContract:
    """Inherit and provide the fixture ``store``, empty."""

    def test_unknown_key_reads_as_none(self, store: KeyStore) -> None:
        assert store.read("0" * 12) is None

    @pytest.mark.parametrize("expires_at", [None, START + 86_400])
    def test_key_is_read_as_it_was_created(self, store: KeyStore, expires_at: int | None) -> None:
        about, first = metadata(expires_at=expires_at), version(1)

        assert store.create(about, first)
        assert store.read(about.id) == StoredKey(about, (first,), (), None, None)
        assert store.list_keys(9, None) == [KeySummary(about, None)]

    @pytest.mark.parametrize("role", ["ADMIN", "USER", "GUEST"])
    def test_every_scope_of_every_role_is_kept(self, store: KeyStore, role: str) -> None:
        about = metadata()._replace(role=role, scopes=SCOPES[role])  # type: ignore[index, arg-type]
        store.create(about, version(1))
        found = store.read(about.id)

        assert found is not None
        assert (found.metadata.role, found.metadata.scopes) == (role, SCOPES[role])  # type: ignore[index]

    def test_creation_can_be_repeated(self, store: KeyStore) -> None:
        about, first = metadata(), version(1)

        assert [store.create(about, first) for _ in range(3)] == [True] * 3
        assert store.list_keys(9, None) == [KeySummary(about, None)]

    def test_id_that_is_taken_is_not_taken_over(self, store: KeyStore) -> None:
        about, first = metadata(), version(1)
        store.create(about, first)
        thief = about._replace(name="thief", role="ADMIN", created_at=START + 1)

        assert not store.create(thief, version(1))
        assert not store.create(thief, first)
        assert store.read(about.id) == StoredKey(about, (first,), (), None, None)
        assert store.list_keys(9, None) == [KeySummary(about, None)]

    def test_new_secret_comes_before_the_old_one(self, store: KeyStore) -> None:
        about, first, second = metadata(), version(1), version(2, previous_until=START + 60)
        store.create(about, first)

        assert store.add_secret(about, second)
        assert store.read(about.id) == StoredKey(about, (second, first), (), None, None)

    def test_number_of_a_secret_is_given_once(self, store: KeyStore) -> None:
        about, winner = metadata(), version(2, previous_until=START)
        store.create(about, version(1))

        assert store.add_secret(about, winner)
        assert not store.add_secret(about, version(2, previous_until=START + 99))
        assert store.add_secret(about, winner), "the same call again is the same call"
        found = store.read(about.id)
        assert found is not None
        assert found.secrets[0] == winner

    def test_order_of_versions_is_of_numbers_and_not_of_text(self, store: KeyStore) -> None:
        about = metadata()
        store.create(about, version(1))
        for number in (9, 10, 99_999, 100_000):
            assert store.add_secret(about, version(number, previous_until=START))
        found = store.read(about.id)

        assert found is not None
        assert [secret.number for secret in found.secrets] == [100_000, 99_999]
        assert found.superseded == (10, 9, 1)

    def test_superseded_secret_can_be_forgotten(self, store: KeyStore) -> None:
        about = metadata()
        store.create(about, version(1))
        for number in (2, 3):
            store.add_secret(about, version(number, previous_until=START))
        for _ in range(2):
            store.forget_secret(about.id, 1)
        found = store.read(about.id)

        assert found is not None
        assert ([secret.number for secret in found.secrets], found.superseded) == ([3, 2], ())

    def test_first_tombstone_stays(self, store: KeyStore) -> None:
        about = metadata()
        store.create(about, version(1))
        store.revoke(about, Tombstone("leaked", START + 5))
        store.revoke(about, Tombstone("retired", START + 9))
        found = store.read(about.id)

        assert found is not None
        assert found.tombstone == Tombstone("leaked", START + 5)
        assert store.list_keys(9, None) == [KeySummary(about, START + 5)]

    @pytest.mark.parametrize("kept_until", [None, START + 99 * 86_400])
    def test_latest_use_stays(self, store: KeyStore, kept_until: int | None) -> None:
        about = metadata()
        store.create(about, version(1))
        for minute in (START, START + 120, START + 60):
            store.note_used(about.id, minute, kept_until=kept_until)
        found = store.read(about.id)

        assert found is not None
        assert found.last_used_at == START + 120

    def test_note_of_a_key_that_is_not_there_makes_none(self, store: KeyStore) -> None:
        key_id = random_text(12, os.urandom)
        store.note_used(key_id, START, kept_until=None)

        assert store.read(key_id) is None
        assert store.list_keys(9, None) == []

    def test_list_is_newest_first_and_goes_on_behind_a_position(self, store: KeyStore) -> None:
        made = [metadata(name=f"key {number}", created_at=START + number // 2) for number in range(9)]
        for about in made:
            store.create(about, version(1))
        store.revoke(made[4], Tombstone("retired", START + 50))
        expected = [
            KeySummary(about, START + 50 if about == made[4] else None)
            for about in sorted(made, key=lambda about: (about.created_at, about.id), reverse=True)
        ]

        assert store.list_keys(100, None) == expected
        assert store.list_keys(4, None) == expected[:4]
        for index, summary in enumerate(expected):
            position = Position(summary.metadata.created_at, summary.metadata.id)
            assert store.list_keys(3, position) == expected[index + 1 : index + 4]
        assert store.list_keys(3, Position(START - 1, "z" * 12)) == []
        assert store.list_keys(1, Position(9_999_999_999, "0" * 12)) == expected[:1]
