"""Families across regions, and at the edges of their settings; what holds on every store is in the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.auth.sessions.families import LIFETIME_SECONDS, Families
from edge.auth.sessions.memory import MemorySessionStore
from edge.auth.sessions.problems import HomeUnavailable, RefreshRefused
from edge.auth.sessions.refresh_token import RefreshKeys
from edge.auth.sessions.store import Names
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, Problem, Unexpected
from edge.regions import CDG1, HND1, IAD1
from tests.unit.auth.sessions.stores import KEYS, NOW, START_MS, ScriptedStore

if TYPE_CHECKING:
    from edge.auth.sessions.grants import Grant
    from edge.regions import Region

METHODS = {"begin", "rotate", "end", "bury", "raise_not_before", "marks"}


class Stores:
    """A store for each region, none of which hears of another's."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.of = {region: ScriptedStore(MemorySessionStore()) for region in (CDG1, IAD1, HND1)}

    def families(self, own: Region, *, keys: RefreshKeys = KEYS) -> Families:
        return Families(own=own, store_of=self.of.__getitem__, keys_of=lambda: keys, clock=self.clock)

    def cut(self, region: Region) -> None:
        self.of[region].lost_requests |= METHODS


@pytest.fixture
def stores() -> Stores:
    return Stores()


def begin(families: Families) -> Grant:
    return families.begin(subject="s", client_id="k", role="GUEST", scopes=["geo:route"], plan="free")


def refresh(families: Families, grant: Grant) -> Grant:
    assert grant.refresh_token is not None
    return families.rotate(grant.refresh_token, request_id=f"r{grant.generation}", idempotency_key=None)


def is_buried(stores: Stores, region: Region, grant: Grant) -> bool:
    return stores.of[region].marks(Names(None, grant.family, grant.subject, grant.client_id)).family


def test_other_region_refreshes_at_home_and_touches_no_store_of_its_own(stores: Stores) -> None:
    first = begin(stores.families(CDG1))
    stores.of[CDG1].calls.clear()

    assert refresh(stores.families(IAD1), first).home == CDG1
    assert stores.of[CDG1].calls == ["rotate", "marks"]
    assert stores.of[IAD1].calls == []


def test_home_that_does_not_answer_is_named_with_when_to_come_back(stores: Stores) -> None:
    first = begin(stores.families(CDG1))
    stores.cut(CDG1)

    with pytest.raises(HomeUnavailable) as gone:
        refresh(stores.families(IAD1), first)

    problem: Problem = gone.value
    assert (problem.status, problem.reason, problem.retryable) == (503, "home_unavailable", True)
    assert problem.headers() == [(b"retry-after", b"7")]
    assert problem.extensions() == {"retry_after_seconds": 7}
    assert problem.log_fields() == {"home": "cdg1"}


def test_refusal_is_a_401_that_names_the_scheme_and_nothing_else() -> None:
    refused: Problem = RefreshRefused("family_revoked")

    assert (refused.status, refused.slug, refused.retryable) == (401, "refresh-refused", False)
    assert refused.headers() == [(b"www-authenticate", b"Bearer")]
    assert refused.extensions() == refused.log_fields() == {}
    assert "ended" in refused.detail


def test_sign_out_elsewhere_marks_there_at_once_and_ends_the_family_at_home(stores: Stores) -> None:
    first = begin(stores.families(CDG1))
    stores.families(IAD1).revoke_family(first.family, home=CDG1, why="logout")

    assert is_buried(stores, IAD1, first)
    assert not is_buried(stores, CDG1, first)
    with pytest.raises(RefreshRefused) as refused:
        refresh(stores.families(CDG1), first)
    assert refused.value.reason == "family_revoked"


def test_sign_out_while_home_is_gone_returns_normally(stores: Stores) -> None:
    first = begin(stores.families(CDG1))
    stores.cut(CDG1)

    stores.families(IAD1).revoke_family(first.family, home=CDG1, why="logout")

    assert is_buried(stores, IAD1, first)


def test_sign_out_while_the_own_store_is_gone_marks_at_home(stores: Stores) -> None:
    first = begin(stores.families(CDG1))
    stores.cut(IAD1)

    stores.families(IAD1).revoke_family(first.family, home=CDG1, why="logout")

    assert is_buried(stores, CDG1, first)


@pytest.mark.parametrize("home", [IAD1, None])
def test_sign_out_without_any_store_is_told(stores: Stores, home: Region | None) -> None:
    first = begin(stores.families(CDG1))
    stores.cut(IAD1)

    with pytest.raises(DependencyUnavailable):
        stores.families(IAD1).revoke_family(first.family, home=home, why="logout")


def test_reuse_in_another_region_marks_there_and_ends_the_family_at_home(stores: Stores) -> None:
    first = begin(stores.families(CDG1))
    second = refresh(stores.families(CDG1), first)
    stores.clock.advance(11_000)

    with pytest.raises(RefreshRefused) as refused:
        stores.families(HND1).rotate(str(first.refresh_token), request_id="thief", idempotency_key=None)
    assert refused.value.reason == "token_reuse_detected"
    assert is_buried(stores, HND1, first)
    with pytest.raises(RefreshRefused) as refused:
        refresh(stores.families(CDG1), second)
    assert refused.value.reason == "family_revoked"


def test_sign_in_needs_its_own_region(stores: Stores) -> None:
    stores.cut(IAD1)

    with pytest.raises(DependencyUnavailable) as gone:
        begin(stores.families(IAD1))
    assert not isinstance(gone.value, HomeUnavailable)


def test_sign_in_whose_write_was_repeated_finds_itself(stores: Stores) -> None:
    """Our client repeats a put whose answer was lost; the condition then fails on what the first try wrote."""
    store = stores.of[CDG1]
    families = Families(
        own=CDG1, store_of=lambda _: store, keys_of=lambda: KEYS, clock=stores.clock, random_bytes=bytes
    )

    assert begin(families) == begin(families)
    stores.clock.advance(1)
    with pytest.raises(Unexpected):
        begin(families)


def test_names_of_families_begin_with_their_time_and_differ(stores: Stores) -> None:
    names = {begin(stores.families(CDG1)).family for _ in range(50)}

    assert len(names) == 50
    assert {name[:5] for name in names} == {"dzWUA"}


def test_family_keeps_its_key_through_a_change_of_keys(stores: Stores) -> None:
    new = {"version": 2, "secret": "B" * 42 + "A"}
    old = {"version": 1, "secret": "A" * 43}
    before = stores.families(CDG1, keys=RefreshKeys.parse([old, new]))
    after = stores.families(CDG1, keys=RefreshKeys.parse([new, old]))
    first = begin(before)

    assert refresh(after, first) == refresh(before, first)
    assert str(refresh(after, first).refresh_token).startswith("rt1.1.")
    assert str(begin(after).refresh_token).startswith("rt1.2.")


@pytest.mark.parametrize(
    "settings",
    [
        {"grace_seconds": -1},
        {"grace_seconds": 61},
        {"lifetime_seconds": 0},
        {"lifetime_seconds": 30 * 86_400 + 1},
    ],
)
def test_settings_have_bounds(stores: Stores, settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Families(
            own=CDG1,
            store_of=stores.of.__getitem__,
            keys_of=lambda: KEYS,
            clock=stores.clock,
            **settings,  # type: ignore[arg-type]
        )


def test_request_without_an_id_is_a_defect(stores: Stores) -> None:
    first = begin(stores.families(CDG1))

    with pytest.raises(ValueError, match="request_id"):
        stores.families(CDG1).rotate(str(first.refresh_token), request_id="", idempotency_key=None)


def test_tombstones_outlive_what_they_mark() -> None:
    """Whatever the lifetime is set to tomorrow, today's families end within thirty days, their tokens a day later."""
    forget_at: list[int] = []

    class Noting(MemorySessionStore):
        def _keep(self, partition: str, sort: str, record: object) -> None:
            forget_at.append(getattr(record, "forget_at", 0))
            super()._keep(partition, sort, record)  # type: ignore[arg-type]

        def raise_not_before(self, subject: str, not_before: int, *, forget_at: int) -> None:
            super().raise_not_before(subject, not_before, forget_at=forget_at)
            noted.append(forget_at)

    noted: list[int] = []
    store = Noting()
    families = Families(
        own=CDG1, store_of=lambda _: store, keys_of=lambda: KEYS, clock=ManualClock(now_ms=START_MS)
    )
    families.revoke_family("f", home=None, why="logout")
    families.revoke_token("j", expires_at=NOW + 86_400)
    families.revoke_subject("s", not_before=NOW - 50)
    families.revoke_subject("s", not_before=NOW + 50)

    assert forget_at[:2] == [NOW + 32 * 86_400, NOW + 3 * 86_400]
    assert noted == [NOW + 32 * 86_400, NOW + 50 + 32 * 86_400]
    assert LIFETIME_SECONDS == 6 * 86_400
