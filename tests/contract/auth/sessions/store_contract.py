"""What every session store must do; a class for each store inherits it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from edge.auth.sessions.family_id import family_id
from edge.auth.sessions.store import (
    Family,
    Marks,
    Names,
    NotRotated,
    Rotated,
    Rotation,
    Tombstone,
    family_name,
    token_name,
)
from tests.unit.auth.sessions.stores import NOW, START_MS

if TYPE_CHECKING:
    from edge.auth.sessions.store import SessionStore

UNMARKED = Marks(token=False, family=False, client=False, not_before=0)


def new_family() -> Family:
    return Family(
        family=family_id(NOW, uuid.uuid4().bytes[:12]),
        home="cdg1",
        subject=f"sub-{uuid.uuid4()}",
        client_id=f"key-{uuid.uuid4()}",
        role="USER",
        scope="geo:route sign:request",
        plan="team",
        state="A",
        generation=0,
        key_version=3,
        rotated_at_ms=START_MS,
        issued_at=NOW,
        request_id="",
        idempotency="",
        expires_at=NOW + 1_000,
    )


def rotation(family: Family, parent: int, *, at: int = NOW + 1, limit: int = 5) -> Rotation:
    return Rotation(family.family, parent, limit, at * 1000 + 17, at, f"request-{parent}", "hash")


def names(family: Family, jti: str | None = None) -> Names:
    return Names(jti, family.family, family.subject, family.client_id)


class SessionStoreContract:
    """Inherit and provide the fixtures ``store`` and, for API keys that were revoked, ``revoke_client``."""

    @pytest.fixture
    def family(self, store: SessionStore) -> Family:
        family = new_family()
        assert store.begin(family) is None
        return family

    def test_second_family_of_a_name_does_not_replace_the_first(
        self, store: SessionStore, family: Family
    ) -> None:
        assert store.begin(family._replace(subject="mallory", generation=3)) == family
        assert store.rotate(rotation(family, 0)).family == family._replace(
            generation=1,
            rotated_at_ms=START_MS + 1_017,
            issued_at=NOW + 1,
            request_id="request-0",
            idempotency="hash",
        )

    def test_rotation_changes_what_it_says_and_nothing_else(
        self, store: SessionStore, family: Family
    ) -> None:
        assert store.rotate(rotation(family, 0)) == Rotated(
            family._replace(
                generation=1,
                rotated_at_ms=START_MS + 1_017,
                issued_at=NOW + 1,
                request_id="request-0",
                idempotency="hash",
            )
        )

    def test_second_rotation_of_a_parent_fails_and_tells_what_the_first_left(
        self, store: SessionStore, family: Family
    ) -> None:
        first = store.rotate(rotation(family, 0))

        assert store.rotate(rotation(family, 0, at=NOW + 5)) == NotRotated(first.family)

    def test_family_that_fell_back_is_healed_by_a_later_parent(
        self, store: SessionStore, family: Family
    ) -> None:
        outcome = store.rotate(rotation(family, 3))

        assert isinstance(outcome, Rotated)
        assert outcome.family.generation == 4
        assert isinstance(store.rotate(rotation(family, 2)), NotRotated)

    def test_unknown_family_is_not_created_by_a_rotation(self, store: SessionStore) -> None:
        unknown = new_family()

        assert store.rotate(rotation(unknown, 0)) == NotRotated(None)
        assert store.begin(unknown) is None

    def test_limit_holds(self, store: SessionStore, family: Family) -> None:
        assert isinstance(store.rotate(rotation(family, 1, limit=2)), Rotated)
        assert isinstance(store.rotate(rotation(family, 2, limit=2)), NotRotated)
        assert isinstance(store.rotate(rotation(family, 2, limit=3)), Rotated)

    def test_family_expires_at_its_second(self, store: SessionStore, family: Family) -> None:
        assert store.rotate(rotation(family, 0, at=family.expires_at)) == NotRotated(family)
        assert isinstance(store.rotate(rotation(family, 0, at=family.expires_at - 1)), Rotated)

    def test_ended_family_is_not_rotated_and_can_be_ended_again(
        self, store: SessionStore, family: Family
    ) -> None:
        store.end(family.family)
        store.end(family.family)

        assert store.rotate(rotation(family, 0)) == NotRotated(family._replace(state="R"))

    def test_ending_an_unknown_family_creates_nothing(self, store: SessionStore) -> None:
        unknown = new_family()
        try:
            store.end(unknown.family)
        finally:
            assert store.begin(unknown) is None

    def test_nothing_is_marked_at_first(self, store: SessionStore, family: Family) -> None:
        assert store.marks(names(family, "jti-1")) == UNMARKED

    def test_each_mark_is_told_by_itself(
        self, store: SessionStore, family: Family, revoke_client: RevokeClient
    ) -> None:
        jti = str(uuid.uuid4())
        store.bury(token_name(jti), Tombstone("logout", NOW, NOW + 9_000))
        assert store.marks(names(family, jti)) == UNMARKED._replace(token=True)
        assert store.marks(names(family)) == UNMARKED

        store.bury(family_name(family.family), Tombstone("reuse", NOW, NOW + 9_000))
        assert store.marks(names(family)) == UNMARKED._replace(family=True)
        assert store.marks(names(family)._replace(family=None)) == UNMARKED

        store.raise_not_before(family.subject, 77, forget_at=NOW + 9_000)
        assert store.marks(names(family)._replace(family=None)) == UNMARKED._replace(not_before=77)

        revoke_client(family.client_id)
        assert store.marks(names(family, jti)) == Marks(token=True, family=True, client=True, not_before=77)
        assert store.marks(names(new_family())) == UNMARKED

    def test_not_before_is_only_raised(self, store: SessionStore, family: Family) -> None:
        for not_before, expected in ((50, 50), (49, 50), (50, 50), (51, 51)):
            store.raise_not_before(family.subject, not_before, forget_at=NOW + 9_000)
            assert store.marks(names(family)).not_before == expected

    def test_burying_twice_is_harmless_and_leaves_the_family_alone(
        self, store: SessionStore, family: Family
    ) -> None:
        for why in ("logout", "reuse"):
            store.bury(family_name(family.family), Tombstone(why, NOW, NOW + 9_000))

        assert store.marks(names(family)).family
        assert isinstance(store.rotate(rotation(family, 0)), Rotated)

    @pytest.mark.parametrize("text", ['quote"back\\slash', "ü-日本-🦉", "a b", "RF#x", ":s"])
    def test_any_text_is_a_subject(self, store: SessionStore, text: str) -> None:
        family = new_family()._replace(subject=f"{uuid.uuid4()}{text}", scope="")
        store.begin(family)

        assert store.rotate(rotation(family, 0)).family == family._replace(
            generation=1,
            rotated_at_ms=START_MS + 1_017,
            issued_at=NOW + 1,
            request_id="request-0",
            idempotency="hash",
        )
        store.raise_not_before(family.subject, 5, forget_at=NOW + 9_000)
        assert store.marks(names(family)).not_before == 5


if TYPE_CHECKING:
    from collections.abc import Callable

    RevokeClient = Callable[[str], None]
