"""What is known of a token, how old that may be, and what is said without a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.auth.sessions.family_id import family_id
from edge.auth.sessions.memory import MemorySessionStore
from edge.auth.sessions.revocations import NEVER_READ, Revocations, RevocationStatus
from edge.auth.sessions.store import Tombstone, family_name, token_name
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from tests.unit.auth.sessions.stores import NOW, START_MS, ScriptedStore

if TYPE_CHECKING:
    from collections.abc import Callable

FAMILY = family_id(NOW - 100, bytes(12))
TOMBSTONE = Tombstone("logout", NOW, NOW + 9_000)


class Desk:
    """Revocations on a store that the tests change behind its back."""

    def __init__(self, **settings: int) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.memory = MemorySessionStore()
        self.store = ScriptedStore(self.memory)
        self.revocations = Revocations(self.store, self.clock, **settings)

    def status(
        self,
        jti: str = "j",
        *,
        family: str | None = FAMILY,
        issued_at: int = NOW,
        fail_closed: bool = False,
    ) -> RevocationStatus:
        return self.revocations.status(
            jti=jti,
            family=family,
            subject="s",
            client_id="k",
            issued_at=issued_at,
            fail_closed=fail_closed,
        )

    def reads(self) -> int:
        return len(self.store.calls)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def revoked(reason: str, as_of_ms: int = START_MS) -> tuple[bool, str, int]:
    return (True, reason, as_of_ms)


UNREVOKED = RevocationStatus(revoked=False, reason=None, as_of_ms=START_MS)

MARKS: dict[str, Callable[[MemorySessionStore], None]] = {
    "token_revoked": lambda store: store.bury(token_name("j"), TOMBSTONE),
    "family_revoked": lambda store: store.bury(family_name(FAMILY), TOMBSTONE),
    "subject_revoked": lambda store: store.raise_not_before("s", NOW + 1, forget_at=NOW),
    "key_revoked": lambda store: store.revoked_clients.add("k"),
}


@pytest.mark.parametrize("reason", MARKS)
def test_each_mark_revokes(desk: Desk, reason: str) -> None:
    MARKS[reason](desk.memory)

    assert desk.status() == revoked(reason)
    assert desk.reads() == 1


def test_first_reason_in_order_is_told() -> None:
    for index, reason in enumerate(MARKS):
        desk = Desk()
        for later in list(MARKS)[index:]:
            MARKS[later](desk.memory)
        assert desk.status() == revoked(reason)


def test_unmarked_token_is_not_revoked(desk: Desk) -> None:
    assert desk.status() == UNREVOKED


@pytest.mark.parametrize(("issued_at", "is_revoked"), [(NOW - 1, True), (NOW, False), (NOW + 1, False)])
def test_not_before_spares_its_own_second(desk: Desk, *, issued_at: int, is_revoked: bool) -> None:
    desk.memory.raise_not_before("s", NOW, forget_at=NOW)

    assert desk.status(family=None, issued_at=issued_at).revoked is is_revoked


@pytest.mark.parametrize(("began", "is_revoked"), [(NOW - 1, True), (NOW, False)])
def test_family_that_began_before_counts_for_its_younger_tokens(
    desk: Desk, *, began: int, is_revoked: bool
) -> None:
    desk.memory.raise_not_before("s", NOW, forget_at=NOW)

    assert desk.status(family=family_id(began, bytes(12)), issued_at=NOW + 500).revoked is is_revoked


@pytest.mark.parametrize("family", ["", "x", "ü" * 22])
def test_family_of_another_form_is_only_looked_up(desk: Desk, family: str) -> None:
    assert not desk.status(family=family).revoked


def test_answer_is_given_again_for_two_seconds_with_its_age(desk: Desk) -> None:
    desk.status()
    desk.clock.advance(1_999)
    MARKS["token_revoked"](desk.memory)

    assert desk.status() == UNREVOKED
    assert desk.reads() == 1
    desk.clock.advance(1)
    assert desk.status() == revoked("token_revoked", START_MS + 2_000)
    assert desk.reads() == 2


def test_freshness_can_be_none() -> None:
    desk = Desk(fresh_ms=0)
    desk.status()
    desk.status()

    assert desk.reads() == 2


def test_clock_that_is_set_back_makes_no_answer_younger(desk: Desk) -> None:
    desk.status()
    desk.clock.advance(1_000)
    desk.clock.set_back(5_000)
    desk.status()
    assert desk.reads() == 2
    desk.clock.advance(2_500)
    desk.clock.set_back(2_000)
    desk.status()

    assert desk.reads() == 3


def test_container_that_was_frozen_reads_again(desk: Desk) -> None:
    """Its monotonic clock may have stood still, the time of day has not."""
    desk.status()
    desk.clock.set_back(-60_000)
    desk.status()

    assert desk.reads() == 2


def test_revoked_stays_revoked_without_another_read(desk: Desk) -> None:
    MARKS["token_revoked"](desk.memory)
    desk.status()
    desk.clock.advance(86_400_000)

    assert desk.status(fail_closed=True) == revoked("token_revoked")
    assert desk.reads() == 1


def test_as_of_is_when_the_read_began(desk: Desk) -> None:
    desk.store.after["marks"] = lambda: desk.clock.advance(300)

    assert desk.status().as_of_ms == START_MS


def test_without_the_store_the_last_answer_is_given_with_its_age(desk: Desk) -> None:
    desk.status()
    desk.clock.advance(3_600_000)
    desk.store.lost_requests.add("marks")

    assert desk.status() == UNREVOKED
    assert desk.status("never seen") == NEVER_READ == (False, None, None)


def test_without_the_store_nothing_passes_that_must_not(desk: Desk) -> None:
    desk.status()
    MARKS["family_revoked"](desk.memory)
    desk.status("other")
    desk.store.lost_requests.add("marks")

    assert desk.status(fail_closed=True) == UNREVOKED
    desk.clock.advance(2_000)
    with pytest.raises(DependencyUnavailable):
        desk.status(fail_closed=True)
    with pytest.raises(DependencyUnavailable):
        desk.status("never seen", fail_closed=True)
    assert desk.status("other", fail_closed=True).revoked


def test_store_that_comes_back_is_asked_at_once(desk: Desk) -> None:
    desk.store.lost_requests.add("marks")
    assert desk.status() == NEVER_READ
    desk.store.heal()

    assert desk.status() == UNREVOKED


def test_memory_is_bounded_and_the_least_used_goes_first() -> None:
    desk = Desk(max_entries=2)
    for jti in ("a", "b", "a", "c"):
        desk.status(jti)
    assert len(desk.revocations) == 2

    desk.status("a")
    assert desk.reads() == 3
    desk.status("b")
    assert desk.reads() == 4


@pytest.mark.parametrize("between_ms", [0, 5])
def test_slow_read_does_not_bring_a_revoked_token_back(desk: Desk, between_ms: int) -> None:
    """A thread reads, another learns of the revocation meanwhile, then the first remembers what it read."""

    def meanwhile() -> None:
        MARKS["token_revoked"](desk.memory)
        desk.clock.advance(between_ms)
        assert desk.status().revoked

    desk.store.after["marks"] = meanwhile

    assert desk.status().revoked
    assert desk.status().revoked


def test_slow_read_does_not_replace_a_newer_one(desk: Desk) -> None:
    def meanwhile() -> None:
        desk.clock.advance(5)
        desk.status()

    desk.store.after["marks"] = meanwhile

    assert desk.status().as_of_ms == START_MS + 5


def test_revocation_that_a_slow_read_found_counts(desk: Desk) -> None:
    """In the same store it cannot be, but a replica may have been swapped: revoked wins over not."""
    MARKS["token_revoked"](desk.memory)

    def meanwhile() -> None:
        desk.clock.advance(5)
        desk.memory._items.clear()
        assert not desk.status().revoked

    desk.store.after["marks"] = meanwhile

    assert desk.status() == revoked("token_revoked")
    assert desk.status().revoked
