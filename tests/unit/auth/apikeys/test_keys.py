"""What managing keys refuses, and what it does when the store fails in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from edge.auth.apikeys.choices import MAX_EXPIRES_IN_DAYS
from edge.auth.apikeys.cursors import read_cursor, write_cursor
from edge.auth.apikeys.keys import MAX_OVERLAP_SECONDS, MAX_SWEPT, ApiKeys
from edge.auth.apikeys.memory import MemoryKeyStore
from edge.auth.apikeys.problems import CONFLICTS, KeyConflict, UnknownKey
from edge.auth.apikeys.records import (
    KeyMetadata,
    Position,
    SecretVersion,
    Why,
    stored_key,
    tombstone_kept_until,
)
from edge.auth.roles import SCOPES
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, InvalidValues, Unexpected
from tests.unit.auth.apikeys.stores import START, START_MS, WatchedStore, make, manager

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.plans import Plan
    from edge.auth.roles import Role

DAY = 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def keys(store: WatchedStore, clock: ManualClock) -> ApiKeys:
    return manager(store, clock)


def refused(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(InvalidValues) as caught:
        act()
    (error,) = caught.value.errors
    return error["pointer"], error["reason"]


@pytest.mark.parametrize(
    ("role", "scopes", "expected"),
    [
        ("ANONYMOUS", None, ("/role", "unknown")),
        ("admin", None, ("/role", "unknown")),
        ("", None, ("/role", "unknown")),
        ("USER", [], ("/scopes", "empty")),
        ("USER", ["keys:admin"], ("/scopes", "not_of_the_role")),
        ("GUEST", ["geo:route", "sign:request"], ("/scopes", "not_of_the_role")),
        ("ADMIN", ["everything"], ("/scopes", "not_of_the_role")),
    ],
)
def test_key_gets_no_role_or_scope_that_it_may_not_have(
    keys: ApiKeys, store: WatchedStore, role: str, scopes: list[str] | None, expected: tuple[str, str]
) -> None:
    def act() -> object:
        return keys.create(name="n", role=cast("Role", role), plan="free", scopes=scopes)

    assert refused(act) == expected
    assert store.list_keys(1, None) == []


@pytest.mark.parametrize(
    "name", ["", " ", "\u2003", "x" * 101, "a\nb", "a\x00", "a\x7f", "a\u2028b", "\ud800"]
)
def test_unusable_name_is_refused(keys: ApiKeys, name: str) -> None:
    assert refused(lambda: make(keys, name=name)) == ("/name", "not_usable")


@pytest.mark.parametrize("name", ["x", "x" * 100, "clé de Zoë 🔑", "a'; DROP TABLE keys --"])
def test_name_is_kept_as_it_is(keys: ApiKeys, name: str) -> None:
    assert keys.read(make(keys, name=name).record.id).name == name


@pytest.mark.parametrize("days", [0, -1, MAX_EXPIRES_IN_DAYS + 1])
def test_lifetime_out_of_range_is_refused(keys: ApiKeys, days: int) -> None:
    assert refused(lambda: make(keys, expires_in_days=days)) == ("/expires_in_days", "out_of_range")


@pytest.mark.parametrize("plan", ["Free", "", "unlimited"])
def test_unknown_plan_is_refused(keys: ApiKeys, plan: str) -> None:
    def act() -> object:
        return keys.create(name="n", role="USER", plan=cast("Plan", plan))

    assert refused(act) == ("/plan", "unknown")


def test_unknown_reason_for_a_revocation_is_refused(keys: ApiKeys) -> None:
    key_id = make(keys).record.id

    assert refused(lambda: keys.revoke(key_id, cast("Why", "because"))) == ("/why", "unknown")
    assert keys.read(key_id).revoked_at is None


@pytest.mark.parametrize("overlap", [-1, MAX_OVERLAP_SECONDS + 1])
def test_overlap_out_of_range_is_refused(keys: ApiKeys, overlap: int) -> None:
    key_id = make(keys).record.id

    assert refused(lambda: keys.rotate(key_id, overlap_seconds=overlap)) == (
        "/overlap_seconds",
        "out_of_range",
    )
    assert keys.read(key_id).version == 1


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_page_size_out_of_range_is_refused(keys: ApiKeys, limit: int) -> None:
    assert refused(lambda: keys.list(limit)) == ("/limit", "out_of_range")


CURSOR = write_cursor(Position(START, "0123456789ab"))


@pytest.mark.parametrize(
    "cursor",
    [
        *(
            "",
            "x",
            CURSOR[:-1],
            CURSOR + "=",
            CURSOR + "A",
            " " + CURSOR[1:],
            "\n" + CURSOR[1:],
            CURSOR[:-1] + "J",
        ),
        *("é" * 31, "٣" * 31, "\ud800" * 31, "#" * 31, "-" * 31, "A" * 31, "A" * 1_000_000),
    ],
    ids=range(15),
)
def test_cursor_that_is_none_of_ours_is_refused(keys: ApiKeys, store: WatchedStore, cursor: str) -> None:
    store.is_down = True

    assert refused(lambda: keys.list(10, cursor)) == ("/cursor", "malformed")


def test_cursor_says_where_the_page_ended() -> None:
    assert read_cursor(CURSOR) == Position(START, "0123456789ab")


@pytest.mark.parametrize("key_id", ["", "0" * 11, "0" * 12 + "\n", "٣" * 12, "X#000000000a", "A" * 1_000_000])
def test_malformed_id_is_unknown_without_a_read(keys: ApiKeys, store: WatchedStore, key_id: str) -> None:
    for act in (
        lambda: keys.read(key_id),
        lambda: keys.revoke(key_id, "leaked"),
        lambda: keys.rotate(key_id, overlap_seconds=0),
    ):
        with pytest.raises(UnknownKey):
            act()
    assert store.reads == []


def test_key_without_scopes_stated_has_all_of_its_role(keys: ApiKeys) -> None:
    assert make(keys).record.scopes == SCOPES["USER"]


def test_id_that_is_taken_is_drawn_again(clock: ManualClock) -> None:
    store = MemoryKeyStore()
    first = make(manager(store, clock, seed=7))
    second = make(manager(store, clock, seed=7), name="another")

    assert second.record.id != first.record.id
    assert {found.metadata.id for found in store.list_keys(9, None)} == {first.record.id, second.record.id}


def test_randomness_that_repeats_itself_is_a_defect_and_hands_out_no_key_twice(clock: ManualClock) -> None:
    store = MemoryKeyStore()
    stuck = ApiKeys(store, clock, env="test", random=bytes)
    make(stuck, name="first")

    with pytest.raises(Unexpected):
        make(stuck, name="second")
    assert [found.metadata.name for found in store.list_keys(9, None)] == ["first"]


def test_store_that_fails_leaves_no_key(keys: ApiKeys, store: WatchedStore) -> None:
    store.is_down = True
    with pytest.raises(DependencyUnavailable):
        make(keys)
    store.is_down = False

    assert keys.list(10).keys == ()


def test_rotation_of_a_revoked_or_expired_key_is_a_conflict(keys: ApiKeys, clock: ManualClock) -> None:
    revoked, expiring = make(keys).record.id, make(keys, expires_in_days=1).record.id
    keys.revoke(revoked, "leaked")
    with pytest.raises(KeyConflict) as caught:
        keys.rotate(revoked, overlap_seconds=0)
    assert (caught.value.reason, caught.value.status) == ("revoked_already", 409)

    clock.advance(DAY * 1000 - 1)
    assert keys.rotate(expiring, overlap_seconds=0).record.version == 2
    clock.advance(1)
    with pytest.raises(KeyConflict) as caught:
        keys.rotate(expiring, overlap_seconds=0)
    assert caught.value.reason == "expired_already"
    assert set(CONFLICTS) == {"rotated_meanwhile", "revoked_already", "expired_already"}


def test_key_whose_secrets_are_still_on_their_way_is_not_counted_from_one_again(
    keys: ApiKeys, store: WatchedStore
) -> None:
    key_id = make(keys).record.id
    store.forget_secret(key_id, 1)

    with pytest.raises(KeyConflict):
        keys.rotate(key_id, overlap_seconds=0)
    assert keys.read(key_id).version == 0


class Unsweepable(WatchedStore):
    """Fails to delete while *is_stuck*."""

    is_stuck = True

    def forget_secret(self, key_id: str, version: int) -> None:
        if self.is_stuck:
            raise DependencyUnavailable(retry_after_seconds=1)
        super().forget_secret(key_id, version)


def test_superseded_secrets_are_deleted_and_a_failure_to_is_made_up_for(clock: ManualClock) -> None:
    store = Unsweepable()
    keys = manager(store, clock)
    key_id = make(keys).record.id
    for _ in range(MAX_SWEPT + 4):
        keys.rotate(key_id, overlap_seconds=0)
    assert len(store._secrets[key_id]) == MAX_SWEPT + 5

    store.is_stuck = False
    keys.rotate(key_id, overlap_seconds=0)
    keys.rotate(key_id, overlap_seconds=0)

    assert sorted(store._secrets[key_id]) == [MAX_SWEPT + 6, MAX_SWEPT + 7]


def test_first_reason_and_time_of_a_revocation_stay(
    keys: ApiKeys, store: WatchedStore, clock: ManualClock
) -> None:
    key_id = make(keys).record.id
    first = keys.revoke(key_id, "leaked")
    clock.advance(5_000)

    assert keys.revoke(key_id, "retired") == first
    assert store._tombstones[key_id] == ("leaked", START)


def metadata(expires_at: int | None) -> KeyMetadata:
    return KeyMetadata("0" * 12, "n", "USER", "free", frozenset(), START, expires_at)


def test_tombstone_stays_as_long_as_the_key_and_as_what_came_of_it() -> None:
    assert tombstone_kept_until(metadata(None), START) is None
    soon = metadata(START + DAY)
    assert soon.kept_until == START + 91 * DAY
    assert tombstone_kept_until(soon, START) == soon.kept_until
    # Revoked at the very end of its retention: its last refresh family may go on for 6 days and a token for another.
    assert tombstone_kept_until(soon, START + 91 * DAY) == START + 99 * DAY


def version(number: int) -> SecretVersion:
    return SecretVersion(number, bytes([number]) * 32, START, None if number == 1 else START + 60)


@pytest.mark.parametrize(
    ("numbers", "kept", "superseded"),
    [
        ([], [], []),
        ([1], [1], []),
        ([1, 2], [2, 1], []),
        ([3, 1, 2], [3, 2], [1]),
        ([1, 3], [3], [1]),  # version 2 is still on its way from another region
        ([10, 9, 2, 1], [10, 9], [2, 1]),
    ],
)
def test_only_the_version_just_before_is_the_previous_one(
    numbers: list[int], kept: list[int], superseded: list[int]
) -> None:
    stored = stored_key(metadata(None), [version(number) for number in numbers], None, [])

    assert [secret.number for secret in stored.secrets] == kept
    assert list(stored.superseded) == superseded
