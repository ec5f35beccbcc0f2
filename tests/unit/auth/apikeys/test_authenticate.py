"""Who is let in, who is not, what that costs in reads, and what the container remembers meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from edge.auth.apikeys.authenticate import FRESH_MS, KeyVerifier
from edge.auth.apikeys.cache import MAX_UNPROVED
from edge.auth.apikeys.problems import REFUSALS, KeyRefused
from edge.auth.apikeys.records import RETENTION_SECONDS
from edge.auth.apikeys.text import generate
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, Unexpected
from tests.unit.auth.apikeys.stores import START, START_MS, Dice, WatchedStore, make, manager

if TYPE_CHECKING:
    from edge.auth.apikeys.keys import ApiKeys
    from edge.auth.apikeys.records import StoredKey

DAY_MS = 86_400_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def keys(store: WatchedStore, clock: ManualClock) -> ApiKeys:
    return manager(store, clock)


@pytest.fixture
def verifier(store: WatchedStore, clock: ManualClock) -> KeyVerifier:
    return KeyVerifier(store, clock, env="test")


def refusal(verifier: KeyVerifier, text: str) -> str:
    with pytest.raises(KeyRefused) as caught:
        verifier.authenticate(text)
    assert caught.value.status == 401
    assert caught.value.detail == REFUSALS[caught.value.reason]  # type: ignore[index]
    return caught.value.reason


def impostor(key_id: str, seed: int = 99, env: str = "test") -> str:
    """Return a key that is well formed, of that id, with another secret."""
    return generate(env, Dice(seed), key_id=key_id).text


def stranger(seed: int) -> str:
    return generate("test", Dice(1_000_000 + seed)).text


def test_key_that_was_created_is_let_in(keys: ApiKeys, verifier: KeyVerifier) -> None:
    made = make(keys)

    assert verifier.authenticate(made.api_key) == made.record


def test_nothing_is_read_for_what_is_no_key_or_of_another_environment(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier
) -> None:
    made = make(keys)
    typo = made.api_key[:-10] + ("a" if made.api_key[-10] != "a" else "b") + made.api_key[-9:]
    store.is_down = True

    assert refusal(verifier, "") == "malformed_key"
    assert refusal(verifier, typo) == "malformed_key"
    assert refusal(verifier, impostor(made.record.id, env="live")) == "wrong_environment"
    assert store.reads == []


def test_wrong_secret_and_unknown_id_are_told_alike(keys: ApiKeys, verifier: KeyVerifier) -> None:
    with pytest.raises(KeyRefused) as wrong:
        verifier.authenticate(impostor(make(keys).record.id))
    with pytest.raises(KeyRefused) as unknown:
        verifier.authenticate(stranger(1))

    assert (wrong.value.reason, wrong.value.detail) == (unknown.value.reason, unknown.value.detail)
    assert wrong.value.reason == "unknown_key"
    assert (wrong.value.headers(), wrong.value.extensions(), wrong.value.log_fields()) == (
        unknown.value.headers(),
        {},
        {},
    )


def test_state_of_a_key_is_told_to_who_has_its_secret_alone(
    keys: ApiKeys, verifier: KeyVerifier, clock: ManualClock
) -> None:
    revoked, expired = make(keys), make(keys, expires_in_days=1)
    keys.revoke(revoked.record.id, "leaked")
    clock.advance(DAY_MS)

    assert refusal(verifier, revoked.api_key) == "key_revoked"
    assert refusal(verifier, expired.api_key) == "key_expired"
    assert refusal(verifier, impostor(revoked.record.id)) == "unknown_key"
    assert refusal(verifier, impostor(expired.record.id)) == "unknown_key"


def test_key_expires_at_its_millisecond_although_it_is_remembered(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier, clock: ManualClock
) -> None:
    made = make(keys, expires_in_days=1)
    clock.advance(DAY_MS - 1)
    assert verifier.authenticate(made.api_key) == made.record
    clock.advance(1)

    assert refusal(verifier, made.api_key) == "key_expired"
    assert len(store.reads) == 1


@pytest.mark.parametrize("overlap_seconds", [1, 60, 30 * 86_400])
def test_old_secret_is_good_until_the_end_of_the_overlap_and_not_after(
    keys: ApiKeys, verifier: KeyVerifier, clock: ManualClock, overlap_seconds: int
) -> None:
    made = make(keys)
    rotated = keys.rotate(made.record.id, overlap_seconds=overlap_seconds)
    assert rotated.record.previous_until == START + overlap_seconds

    clock.advance(overlap_seconds * 1000 - 1)
    assert verifier.authenticate(made.api_key) == verifier.authenticate(rotated.api_key) == rotated.record
    clock.advance(1)

    assert refusal(verifier, made.api_key) == "unknown_key"
    assert verifier.authenticate(rotated.api_key) == rotated.record


def test_old_secret_ends_at_once_without_overlap(keys: ApiKeys, verifier: KeyVerifier) -> None:
    made = make(keys)
    rotated = keys.rotate(made.record.id, overlap_seconds=0)

    assert refusal(verifier, made.api_key) == "unknown_key"
    assert verifier.authenticate(rotated.api_key).version == 2


def test_rotation_during_an_overlap_ends_the_oldest_secret(keys: ApiKeys, verifier: KeyVerifier) -> None:
    made = make(keys)
    second = keys.rotate(made.record.id, overlap_seconds=3_600)
    third = keys.rotate(made.record.id, overlap_seconds=3_600)

    assert refusal(verifier, made.api_key) == "unknown_key"
    assert verifier.authenticate(second.api_key).version == 3
    assert verifier.authenticate(third.api_key).version == 3


def test_new_secret_is_good_at_once_where_the_key_is_remembered(
    keys: ApiKeys, verifier: KeyVerifier, clock: ManualClock
) -> None:
    made = make(keys)
    verifier.authenticate(made.api_key)
    clock.advance(1)
    rotated = keys.rotate(made.record.id, overlap_seconds=60)

    assert verifier.authenticate(rotated.api_key) == rotated.record
    assert verifier.authenticate(made.api_key) == rotated.record


def test_warm_key_is_read_once_in_two_seconds(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier, clock: ManualClock
) -> None:
    made = make(keys)
    for _ in range(100):
        verifier.authenticate(made.api_key)
        clock.advance(100)

    assert len(store.reads) == 5


def test_revocation_is_seen_within_two_seconds_and_never_unseen(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier, clock: ManualClock
) -> None:
    made = make(keys)
    verifier.authenticate(made.api_key)
    keys.revoke(made.record.id, "leaked")
    clock.advance(FRESH_MS - 1)
    assert verifier.authenticate(made.api_key) == made.record
    clock.advance(1)
    assert refusal(verifier, made.api_key) == "key_revoked"

    reads = len(store.reads)
    del store._tombstones[made.record.id]
    for _ in range(10):
        clock.advance(10_000)
        assert refusal(verifier, made.api_key) == "key_revoked"
    assert len(store.reads) == reads, "a tombstone is for ever: it is not read again"


def test_age_counts_from_when_the_read_began(clock: ManualClock) -> None:
    class SlowStore(WatchedStore):
        def read(self, key_id: str) -> StoredKey | None:
            found = super().read(key_id)
            clock.advance(1_500)
            return found

    store = SlowStore()
    made = make(manager(store, clock))
    verifier = KeyVerifier(store, clock, env="test")
    verifier.authenticate(made.api_key)
    clock.advance(500)
    verifier.authenticate(made.api_key)

    assert len(store.reads) == 2


class TwoClocks(ManualClock):
    """Wall and monotonic time that part, as in a container that was frozen."""

    def freeze(self, duration_ms: int) -> None:
        self._now_ms += duration_ms


@pytest.mark.parametrize("step", ["frozen", "set_back"])
def test_neither_a_frozen_container_nor_a_clock_set_back_keeps_a_revoked_key(step: str) -> None:
    clock = TwoClocks(now_ms=START_MS)
    store = WatchedStore()
    keys = manager(store, clock)
    verifier = KeyVerifier(store, clock, env="test")
    made = make(keys)
    verifier.authenticate(made.api_key)
    keys.revoke(made.record.id, "leaked")
    if step == "frozen":
        clock.freeze(FRESH_MS)
    else:
        clock.set_back(60_000)
        clock.advance(FRESH_MS)

    assert refusal(verifier, made.api_key) == "key_revoked"


def test_answer_that_was_long_on_its_way_does_not_bring_back_a_revoked_key(clock: ManualClock) -> None:
    """One thread reads before the revocation and is held up; another reads after it; the first answer comes last."""
    arrived, released = threading.Event(), threading.Event()
    held = threading.Event()

    class HeldStore(WatchedStore):
        def read(self, key_id: str) -> StoredKey | None:
            found = super().read(key_id)
            if held.is_set() and threading.current_thread() is slow:
                arrived.set()
                assert released.wait(5)
            return found

    store = HeldStore()
    keys = manager(store, clock)
    verifier = KeyVerifier(store, clock, env="test")
    made = make(keys)
    ends: list[str] = []
    slow = threading.Thread(target=lambda: ends.append(refusal(verifier, made.api_key)))
    held.set()
    slow.start()
    assert arrived.wait(5)
    keys.revoke(made.record.id, "leaked")
    assert refusal(verifier, made.api_key) == "key_revoked"
    released.set()
    slow.join(5)

    assert ends == ["key_revoked"]
    assert refusal(verifier, made.api_key) == "key_revoked"


def test_wrong_secrets_neither_poison_a_key_nor_cost_more_than_two_reads_in_two_seconds(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier, clock: ManualClock
) -> None:
    made = make(keys)
    verifier.authenticate(made.api_key)
    for seed in range(200):
        assert refusal(verifier, impostor(made.record.id, seed)) == "unknown_key"
        assert verifier.authenticate(made.api_key) == made.record
        clock.advance(50)  # ten seconds in all

    assert len(store.reads) <= 10


def test_unknown_id_that_is_insisted_on_is_read_once_in_two_seconds(
    store: WatchedStore, verifier: KeyVerifier, clock: ManualClock
) -> None:
    text = stranger(1)
    for _ in range(100):
        assert refusal(verifier, text) == "unknown_key"
        clock.advance(100)

    assert len(store.reads) == 5


def test_flood_of_strangers_pushes_out_nobody_and_is_bounded_in_memory(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier
) -> None:
    made, other = make(keys), make(keys)
    verifier.authenticate(made.api_key)
    for seed in range(MAX_UNPROVED + 200):
        assert refusal(verifier, stranger(seed)) == "unknown_key"
    # Not even ids that exist: whoever found some in a log has proved nothing.
    assert refusal(verifier, impostor(other.record.id)) == "unknown_key"
    store.reads.clear()

    assert verifier.authenticate(made.api_key) == made.record
    assert store.reads == []
    assert len(verifier._cache) == MAX_UNPROVED + 1


def test_proved_keys_are_bounded_and_the_least_recently_used_goes_first(
    keys: ApiKeys, store: WatchedStore, clock: ManualClock
) -> None:
    verifier = KeyVerifier(store, clock, env="test", max_entries=3)
    made = [make(keys) for _ in range(4)]
    for key in (*made[:3], made[0], made[3]):
        verifier.authenticate(key.api_key)
    store.reads.clear()
    for key in (made[0], made[2], made[3], made[1]):
        verifier.authenticate(key.api_key)

    assert store.reads == [made[1].record.id]


def test_key_created_after_it_was_asked_for_is_known_two_seconds_later(
    store: WatchedStore, verifier: KeyVerifier, clock: ManualClock
) -> None:
    """As where replication brings a key later than its owner."""
    elsewhere = WatchedStore()
    made = make(manager(elsewhere, clock))
    assert refusal(verifier, made.api_key) == "unknown_key"
    make(manager(store, clock))
    clock.advance(FRESH_MS)

    assert verifier.authenticate(made.api_key) == made.record


def test_store_that_is_gone_is_told_once_knowledge_is_old(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier, clock: ManualClock
) -> None:
    made = make(keys)
    verifier.authenticate(made.api_key)
    store.is_down = True
    clock.advance(FRESH_MS - 1)
    assert verifier.authenticate(made.api_key) == made.record
    clock.advance(1)

    for text in (made.api_key, stranger(1)):
        with pytest.raises(DependencyUnavailable):
            verifier.authenticate(text)
    store.is_down = False
    assert verifier.authenticate(made.api_key) == made.record


def test_proved_key_goes_on_for_as_long_as_the_setting_says(
    keys: ApiKeys, store: WatchedStore, clock: ManualClock
) -> None:
    verifier = KeyVerifier(store, clock, env="test", stale_seconds=60)
    made, dead = make(keys), make(keys)
    keys.revoke(dead.record.id, "leaked")
    verifier.authenticate(made.api_key)
    assert refusal(verifier, dead.api_key) == "key_revoked"
    assert refusal(verifier, stranger(1)) == "unknown_key"
    store.is_down = True
    clock.advance(59_999)

    assert verifier.authenticate(made.api_key) == made.record
    assert refusal(verifier, dead.api_key) == "key_revoked"
    # Its secret may be a new one, the stranger may be a new key: nobody can tell.
    for text in (impostor(made.record.id), stranger(1), stranger(2)):
        with pytest.raises(DependencyUnavailable):
            verifier.authenticate(text)
    clock.advance(1)
    with pytest.raises(DependencyUnavailable):
        verifier.authenticate(made.api_key)


def test_stale_key_still_expires(keys: ApiKeys, store: WatchedStore, clock: ManualClock) -> None:
    verifier = KeyVerifier(store, clock, env="test", stale_seconds=3_600)
    made = make(keys, expires_in_days=1)
    clock.advance(DAY_MS - 5_000)
    verifier.authenticate(made.api_key)
    store.is_down = True
    clock.advance(5_000)

    assert refusal(verifier, made.api_key) == "key_expired"


def test_key_that_was_never_remembered_is_read_each_time(keys: ApiKeys, store: WatchedStore) -> None:
    verifier = KeyVerifier(store, ManualClock(now_ms=START_MS), env="test", fresh_ms=0)
    made = make(keys)
    for _ in range(3):
        verifier.authenticate(made.api_key)

    assert len(store.reads) == 3


def test_use_is_noted_once_a_minute(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier, clock: ManualClock
) -> None:
    record = make(keys, expires_in_days=1).record
    minute = START // 60 * 60
    for _ in range(150):
        verifier.note_used(record)
        clock.advance(1_000)

    kept_until = START + 86_400 + RETENTION_SECONDS
    assert store.notes == [(record.id, minute + late, kept_until) for late in (0, 60, 120)]
    assert keys.read(record.id).last_used_at == minute + 120


def test_note_of_a_key_that_never_expires_is_kept_as_long(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier
) -> None:
    record = make(keys).record
    verifier.note_used(record)

    assert store.notes == [(record.id, START // 60 * 60, None)]


def test_note_that_fails_is_lost_and_fails_nothing(
    keys: ApiKeys, store: WatchedStore, verifier: KeyVerifier, clock: ManualClock
) -> None:
    record = make(keys).record
    store.is_down = True
    for _ in range(5):
        verifier.note_used(record)
    assert len(store.notes) == 1
    store.is_down = False
    clock.advance(60_000)
    verifier.note_used(record)

    assert keys.read(record.id).last_used_at == START // 60 * 60 + 60


def test_note_that_our_role_may_not_write_fails_nothing(clock: ManualClock) -> None:
    class Forbidden(WatchedStore):
        def note_used(self, key_id: str, minute: int, *, kept_until: int | None) -> None:
            super().note_used(key_id, minute, kept_until=kept_until)
            raise Unexpected

    store = Forbidden()
    KeyVerifier(store, clock, env="test").note_used(make(manager(store, clock)).record)

    assert len(store.notes) == 1


def test_keys_whose_use_is_noted_are_bounded(keys: ApiKeys, store: WatchedStore, clock: ManualClock) -> None:
    verifier = KeyVerifier(store, clock, env="test", max_entries=10)
    for _ in range(25):
        verifier.note_used(make(keys).record)

    assert len(verifier._noted) == 10
    assert len(store.notes) == 25
