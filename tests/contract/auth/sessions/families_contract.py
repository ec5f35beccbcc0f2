"""What families must do whatever store they have; a class for each store inherits it."""

from __future__ import annotations

import uuid
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import pytest

from edge.auth.sessions.families import DAY_SECONDS, LIFETIME_SECONDS, Families
from edge.auth.sessions.problems import HomeUnavailable, RefreshRefused
from edge.auth.sessions.refresh_token import RefreshToken
from edge.auth.sessions.revocations import Revocations
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.regions import CDG1
from tests.unit.auth.sessions.stores import KEYS, NOW, START_MS, ScriptedStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.sessions.grants import Grant
    from edge.auth.sessions.revocations import RevocationStatus
    from edge.auth.sessions.store import SessionStore

SCOPES = frozenset({"geo:route", "sign:request"})


class Desk(NamedTuple):
    """Families on one store, with what surrounds them; asks as many clients would, each request with its own id."""

    store: ScriptedStore
    clock: ManualClock
    families: Families
    requests: count[int]

    def begin(self) -> Grant:
        return self.families.begin(
            subject=f"sub-{uuid.uuid4()}",
            client_id=f"key-{uuid.uuid4()}",
            role="USER",
            scopes=SCOPES,
            plan="pro",
        )

    def refresh(self, grant: Grant, *, request_id: str | None = None, key: str | None = None) -> Grant:
        assert grant.refresh_token is not None
        return self.families.rotate(
            grant.refresh_token, request_id=request_id or f"r{next(self.requests)}", idempotency_key=key
        )

    def refused(self, grant: Grant, *, key: str | None = None) -> str:
        with pytest.raises(RefreshRefused) as refused:
            self.refresh(grant, key=key)
        return refused.value.reason

    def status(self, grant: Grant) -> RevocationStatus:
        """Return what another container of the same region knows of the grant's access token."""
        return Revocations(self.store, self.clock).status(
            jti=grant.jti,
            family=grant.family,
            subject=grant.subject,
            client_id=grant.client_id,
            issued_at=grant.issued_at,
            fail_closed=True,
        )


def open_desk(store: SessionStore, *, grace_seconds: int = 10) -> Desk:
    clock, scripted = ManualClock(now_ms=START_MS), ScriptedStore(store)
    families = Families(
        own=CDG1,
        store_of=lambda _: scripted,
        keys_of=lambda: KEYS,
        clock=clock,
        grace_seconds=grace_seconds,
    )
    return Desk(scripted, clock, families, count())


class FamiliesContract:
    """Inherit and provide the fixtures ``store`` and ``revoke_client``."""

    @pytest.fixture
    def desk(self, store: SessionStore) -> Desk:
        return open_desk(store)

    def test_sign_in_is_one_call_and_gives_all_that_tokens_say(self, desk: Desk) -> None:
        grant = desk.begin()

        assert desk.store.calls == ["begin"]
        assert grant.generation == 0
        assert grant.home == CDG1
        assert (grant.role, grant.scopes) == ("USER", SCOPES)
        assert grant.issued_at == NOW
        assert grant.refresh_expires_at == NOW + LIFETIME_SECONDS
        assert grant.refreshes_remaining == 5
        assert grant.refresh_token is not None
        assert KEYS.read(grant.refresh_token) == RefreshToken(1, CDG1, grant.family, 0)

    def test_refresh_is_two_calls_and_carries_over_all_but_time_and_names(self, desk: Desk) -> None:
        first = desk.begin()
        desk.clock.advance(3_000)
        desk.store.calls.clear()

        second = desk.refresh(first)

        assert desk.store.calls == ["rotate", "marks"]
        assert second.refresh_token is not None
        assert KEYS.read(second.refresh_token) == RefreshToken(1, CDG1, first.family, 1)
        assert second.jti != first.jti
        assert second == first._replace(
            generation=1,
            jti=second.jti,
            issued_at=NOW + 3,
            refresh_token=second.refresh_token,
            refreshes_remaining=4,
        )

    def test_second_tab_gets_the_same_answer_by_two_calls(self, desk: Desk) -> None:
        first = desk.begin()
        second = desk.refresh(first)
        desk.clock.advance(9_000)
        desk.store.calls.clear()

        assert desk.refresh(first) == second
        assert desk.store.calls == ["rotate", "marks"]
        assert desk.store.rotations == 1

    def test_grace_ends_to_the_millisecond(self, desk: Desk) -> None:
        first = desk.begin()
        second = desk.refresh(first)
        desk.clock.advance(10_000)
        assert desk.refresh(first) == second
        desk.clock.advance(1)

        assert desk.refused(first) == "token_reuse_detected"

    def test_reuse_after_the_grace_kills_the_family_and_its_access_tokens(self, desk: Desk) -> None:
        first = desk.begin()
        second = desk.refresh(first)
        assert not desk.status(second).revoked
        desk.clock.advance(11_000)
        desk.store.calls.clear()

        assert desk.refused(first) == "token_reuse_detected"
        assert desk.store.calls == ["rotate", "bury", "end"]
        assert desk.refused(second) == "family_revoked"
        assert [desk.status(grant).reason for grant in (first, second)] == ["family_revoked"] * 2

    def test_without_grace_the_second_tab_is_a_reuse(self, store: SessionStore) -> None:
        desk = open_desk(store, grace_seconds=0)
        first = desk.begin()
        second = desk.refresh(first)

        assert desk.refused(first) == "token_reuse_detected"
        assert desk.refused(second) == "family_revoked"

    def test_parent_of_the_parent_is_a_reuse_even_within_the_grace(self, desk: Desk) -> None:
        first = desk.begin()
        second = desk.refresh(first, key="k")
        third = desk.refresh(second, key="k")

        assert desk.refused(first, key="k") == "token_reuse_detected"
        assert desk.refused(third) == "family_revoked"

    def test_same_idempotency_key_gets_the_same_answer_for_ten_minutes(self, desk: Desk) -> None:
        first = desk.begin()
        second = desk.refresh(first, key="b1946ac9 ü \ud800")
        desk.clock.advance(600_000)
        assert desk.refresh(first, key="b1946ac9 ü \ud800") == second
        desk.clock.advance(1)

        assert desk.refused(first, key="b1946ac9 ü \ud800") == "token_reuse_detected"

    @pytest.mark.parametrize("key", ["other", "", None])
    def test_other_idempotency_key_is_a_reuse(self, desk: Desk, key: str | None) -> None:
        first = desk.begin()
        second = desk.refresh(first, key="one")
        desk.clock.advance(11_000)

        assert desk.refused(first, key=key) == "token_reuse_detected"
        assert desk.refused(second) == "family_revoked"

    @pytest.mark.parametrize("key", ["", None])
    def test_no_idempotency_key_is_not_the_same_key(self, desk: Desk, key: str | None) -> None:
        first = desk.begin()
        desk.refresh(first, key=key)
        desk.clock.advance(11_000)

        assert desk.refused(first, key=key) == "token_reuse_detected"

    def test_own_request_gets_the_same_answer_at_any_time(self, desk: Desk) -> None:
        first = desk.begin()
        second = desk.refresh(first, request_id="mine")
        desk.clock.advance(3 * DAY_SECONDS * 1000)

        assert desk.refresh(first, request_id="mine") == second

    def test_five_refreshes_and_no_sixth(self, desk: Desk) -> None:
        before = grant = desk.begin()
        tokens = {grant.refresh_token}
        jtis = {grant.jti}
        for expected in range(1, 6):
            desk.clock.advance(20 * 3_600_000)
            before, grant = grant, desk.refresh(grant)
            assert (grant.generation, grant.refreshes_remaining) == (expected, 5 - expected)
            tokens.add(grant.refresh_token)
            jtis.add(grant.jti)

        assert grant.refresh_token is None
        assert (len(tokens), len(jtis)) == (6, 6)
        assert desk.refresh(before) == grant
        sixth = KEYS.write(RefreshToken(1, CDG1, grant.family, 5))
        assert desk.refused(grant._replace(refresh_token=sixth)) == "refresh_limit_reached"
        desk.clock.advance(11_000)
        assert desk.refused(before) == "token_reuse_detected"

    @pytest.mark.parametrize("key", [None, "k"])
    def test_lost_answer_of_a_rotation_costs_nobody_the_session(self, desk: Desk, key: str | None) -> None:
        first = desk.begin()
        desk.store.lost_answers.add("rotate")
        with pytest.raises(HomeUnavailable):
            desk.refresh(first, key=key)
        desk.store.heal()
        desk.clock.advance(9_000 if key is None else 599_000)

        second = desk.refresh(first, key=key)

        assert second.issued_at == NOW
        assert second.generation == 1
        assert desk.refresh(second).generation == 2

    @pytest.mark.parametrize("method", ["rotate", "marks"])
    def test_lost_request_changes_nothing_that_a_retry_could_not_mend(self, desk: Desk, method: str) -> None:
        first = desk.begin()
        desk.store.lost_requests.add(method)
        with pytest.raises(HomeUnavailable):
            desk.refresh(first)
        desk.store.heal()

        assert desk.refresh(first).generation == 1

    def test_family_ends_at_its_second(self, desk: Desk) -> None:
        first = desk.begin()
        desk.clock.advance(LIFETIME_SECONDS * 1000 - 1)
        second = desk.refresh(first)
        desk.clock.advance(1)

        assert second.refresh_expires_at == first.refresh_expires_at
        assert desk.refused(second) == "refresh_expired"
        assert desk.refused(first) == "refresh_expired"

    def test_unknown_family_is_refused(self, desk: Desk) -> None:
        known = desk.begin()
        other = KEYS.write(RefreshToken(1, CDG1, desk.begin().family[:-4] + "AAAA", 0))

        assert desk.refused(known._replace(refresh_token=other)) == "unknown_family"

    def test_sign_out_ends_family_and_access_tokens(self, desk: Desk) -> None:
        first = desk.begin()
        desk.store.calls.clear()
        desk.families.revoke_family(first.family, home=first.home, why="logout")

        assert desk.store.calls == ["bury", "end"]
        assert desk.refused(first) == "family_revoked"
        assert desk.status(first).reason == "family_revoked"
        desk.families.revoke_family(first.family, home=first.home, why="logout")

    def test_tombstone_alone_ends_a_family(self, desk: Desk) -> None:
        first = desk.begin()
        desk.families.revoke_family(first.family, home=None, why="operator")

        assert desk.store.calls[-1] == "bury"
        assert desk.refused(first) == "family_revoked"
        assert desk.refused(first) == "family_revoked"

    def test_sign_out_everywhere_ends_older_families_and_spares_newer_ones(self, desk: Desk) -> None:
        old = desk.begin()
        refreshed = desk.refresh(old)
        desk.families.revoke_subject(old.subject, not_before=NOW + 1)
        desk.clock.advance(1_000)
        new = desk.families.begin(
            subject=old.subject, client_id=old.client_id, role="USER", scopes=SCOPES, plan="pro"
        )

        assert desk.refused(refreshed) == "family_revoked"
        assert [desk.status(grant).reason for grant in (old, refreshed)] == ["subject_revoked"] * 2
        assert not desk.status(new).revoked
        assert desk.refresh(new).generation == 1

    def test_access_token_that_an_old_family_got_after_sign_out_everywhere_is_revoked(
        self, desk: Desk
    ) -> None:
        """A refresh in a region that has not heard of it yet gives a token that is younger than the order."""
        old = desk.begin()
        desk.clock.advance(60_000)
        refreshed = desk.refresh(old)
        desk.families.revoke_subject(old.subject, not_before=NOW + 30)

        assert refreshed.issued_at > NOW + 30
        assert desk.status(refreshed).reason == "subject_revoked"

    def test_revoked_api_key_ends_its_families(
        self, desk: Desk, revoke_client: Callable[[str], None]
    ) -> None:
        first = desk.begin()
        revoke_client(first.client_id)

        assert desk.refused(first) == "family_revoked"
        assert desk.status(first).reason == "key_revoked"

    def test_one_access_token_is_revoked_alone(self, desk: Desk) -> None:
        first = desk.begin()
        second = desk.refresh(first)
        desk.families.revoke_token(first.jti, expires_at=NOW + DAY_SECONDS)

        assert desk.status(first).reason == "token_revoked"
        assert not desk.status(second).revoked
        assert desk.refresh(second).generation == 2

    def test_revocation_between_the_two_calls_of_a_refresh_is_seen(self, desk: Desk) -> None:
        first = desk.begin()
        desk.store.after["rotate"] = lambda: desk.families.revoke_family(
            first.family, home=None, why="logout"
        )

        assert desk.refused(first) == "family_revoked"

    @pytest.mark.parametrize("broken", ["lost_requests", "lost_answers"])
    @pytest.mark.parametrize("method", ["bury", "end"])
    @pytest.mark.parametrize("occasion", ["reuse", "sign out"])
    def test_fault_at_any_step_of_an_ending_leaves_no_usable_family(
        self, desk: Desk, broken: str, method: str, occasion: str
    ) -> None:
        first = desk.begin()
        second = desk.refresh(first)
        desk.clock.advance(11_000)
        getattr(desk.store, broken).add(method)

        if occasion == "sign out":
            if method == "bury":
                with pytest.raises(DependencyUnavailable):
                    desk.families.revoke_family(first.family, home=CDG1, why="logout")
            else:
                desk.families.revoke_family(first.family, home=CDG1, why="logout")
        elif method == "bury":
            with pytest.raises(HomeUnavailable):
                desk.refresh(first)
        else:
            assert desk.refused(first) == "token_reuse_detected"
        desk.store.heal()

        assert desk.refused(second) == "family_revoked"
        if (method, broken) != ("bury", "lost_requests"):
            assert desk.status(second).reason == "family_revoked"

    def test_ending_that_met_no_store_at_all_says_so_and_can_be_repeated(self, desk: Desk) -> None:
        first = desk.begin()
        desk.store.lost_requests |= {"bury", "end"}
        with pytest.raises(DependencyUnavailable):
            desk.families.revoke_family(first.family, home=CDG1, why="logout")
        desk.store.heal()
        desk.families.revoke_family(first.family, home=CDG1, why="logout")

        assert desk.refused(first) == "family_revoked"
        assert desk.status(first).revoked

    def test_validation_is_one_call(self, desk: Desk) -> None:
        grant = desk.begin()
        desk.store.calls.clear()
        desk.status(grant)

        assert desk.store.calls == ["marks"]
