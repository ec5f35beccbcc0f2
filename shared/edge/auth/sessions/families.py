"""
Families of refresh tokens: begun at a sign-in, rotated at most five times, ended by expiry or revocation.

A rotation is two calls to the home region's store. The conditional write decides who is first and tells the others why
they are not; then one read looks for marks against the family, its subject and its API key. In this order a
revocation that comes between is seen, and no successor leaves this module whose family had a tombstone before the answer.

What it does not do: issue access tokens. A :class:`~edge.auth.sessions.grants.Grant` holds all that goes into one, from the stored family alone, so
that whoever is answered the same grant can be answered the same access token.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from edge.auth.roles import scope_text
from edge.auth.sessions.family_id import RANDOM_BYTES, family_id, started_at
from edge.auth.sessions.grants import grant_of
from edge.auth.sessions.macs import mac
from edge.auth.sessions.problems import HomeUnavailable, RefreshRefused
from edge.auth.sessions.refresh_token import MAX_ROTATIONS, RefreshToken
from edge.auth.sessions.store import (
    FORGET_AFTER_SECONDS,
    Family,
    Names,
    Rotated,
    Rotation,
    Tombstone,
    family_name,
    token_name,
)
from edge.auth.sessions.verdicts import verdict
from edge.problems import DependencyUnavailable, Unexpected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.auth.plans import Plan
    from edge.auth.roles import Role
    from edge.auth.sessions.grants import Grant
    from edge.auth.sessions.refresh_token import RefreshKeys
    from edge.auth.sessions.store import SessionStore, Why
    from edge.clock import Clock
    from edge.regions import Region

DAY_SECONDS: Final = 86_400

LIFETIME_SECONDS: Final = (MAX_ROTATIONS + 1) * DAY_SECONDS
"""The first access token and five more, of a day each."""

MAX_LIFETIME_SECONDS: Final = 30 * DAY_SECONDS

_NEVER: Final = 1 << 33

GRACE_SECONDS: Final = 10
MAX_GRACE_SECONDS: Final = 60


class Families:
    """
    Begins, rotates and ends the families of one region; share one between threads.

    Args:
        own: this region, home of the families that are begun here.
        store_of: returns the store of a region; asked each time, so it should remember.
        keys_of: returns the keys as they are now.
        clock: of this container.
        grace_seconds: for this long after a rotation the old token gets the same successor from anybody, 0 to 60. It
            forgives several tabs and lost answers without an ``Idempotency-Key``; 0 forgives neither.
        lifetime_seconds: of a family, at most 30 days.
        random_bytes: for the names of families.

    Raises:
        ValueError: a setting is out of its range.
    """

    def __init__(
        self,
        *,
        own: Region,
        store_of: Callable[[Region], SessionStore],
        keys_of: Callable[[], RefreshKeys],
        clock: Clock,
        grace_seconds: int = GRACE_SECONDS,
        lifetime_seconds: int = LIFETIME_SECONDS,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        if not 0 <= grace_seconds <= MAX_GRACE_SECONDS:
            raise ValueError("grace_seconds must be between 0 and 60")
        if not 0 < lifetime_seconds <= MAX_LIFETIME_SECONDS:
            raise ValueError("lifetime_seconds must be positive and at most 30 days")
        self._own = own
        self._store_of = store_of
        self._keys_of = keys_of
        self._clock = clock
        self._grace_ms = grace_seconds * 1000
        self._lifetime_seconds = lifetime_seconds
        self._random_bytes = random_bytes

    def begin(
        self,
        *,
        subject: str,
        client_id: str,
        role: Role,
        scopes: Iterable[str],
        plan: Plan,
        ends_by: int | None = None,
    ) -> Grant:
        """
        Begin a family at home here: one call.

        Args:
            subject: whom the caller has authenticated, not empty.
            client_id: id of the API key that was shown.
            role: of the subject.
            scopes: what the tokens may do, already held against the role.
            plan: of the API key; calls by the family's tokens count against it.
            ends_by: epoch seconds at which the API key expires: no session outlives its key; None for never.

        Raises:
            edge.problems.DependencyUnavailable: this region's store cannot be had; nobody was given a token.
        """
        keys = self._keys_of()
        now_ms = self._clock.now_ms()
        now = now_ms // 1000
        family = Family(
            family=family_id(now, self._random_bytes(RANDOM_BYTES)),
            home=self._own.code,
            subject=subject,
            client_id=client_id,
            role=role,
            scope=scope_text(scopes),
            plan=plan,
            state="A",
            generation=0,
            key_version=keys.signing_version,
            rotated_at_ms=now_ms,
            issued_at=now,
            request_id="",
            idempotency="",
            expires_at=min(now + self._lifetime_seconds, ends_by or _NEVER),
        )
        present = self._store_of(self._own).begin(family)
        # The store repeats a write whose answer was lost, and then finds its own; another's means broken randomness.
        if present not in (None, family):
            raise Unexpected
        token = RefreshToken(keys.signing_version, self._own, family.family, 0)
        return grant_of(keys, token, family)

    def rotate(self, token: str, *, request_id: str, idempotency_key: str | None) -> Grant:
        """
        Replace *token* by its successor: two calls, or none when it is no token of ours.

        Args:
            token: as the client presents it.
            request_id: unique for this request and made by us; one that a client can choose would let a thief
                pass for a retry.
            idempotency_key: what the client calls its request, for a retry within ten minutes; None or empty without.

        Returns:
            The successor; the same one for as long as the token may be presented.

        Raises:
            RefreshRefused: the token gets no successor. A reuse has ended its family.
            HomeUnavailable: the home region cannot be had; the token may be used up, and the same request again is
                safe.
        """
        if not request_id:
            raise ValueError("request_id must not be empty")
        keys = self._keys_of()
        parent = keys.read(token)
        if parent.generation >= MAX_ROTATIONS:
            # Not even issued. A record that fell back would let it pass "generation <= parent" to a sixth.
            raise RefreshRefused("refresh_limit_reached")
        now_ms = self._clock.now_ms()
        rotation = Rotation(
            family=parent.family,
            parent=parent.generation,
            limit=MAX_ROTATIONS,
            rotated_at_ms=now_ms,
            issued_at=now_ms // 1000,
            request_id=request_id,
            idempotency=_idempotency(parent.family, idempotency_key),
        )
        try:
            family = self._decide(rotation, parent.home)
        except DependencyUnavailable as gone:
            raise HomeUnavailable(parent.home, gone) from None
        return grant_of(keys, parent._replace(generation=parent.generation + 1), family)

    def revoke_family(self, family: str, *, home: Region | None, why: Why) -> None:
        """
        End a family and its access tokens: at once in this region, elsewhere as the tombstone arrives.

        Args:
            family: its name, from a verified token.
            home: where it is at home; None when that is not known, then its tombstone alone must do, and does.
            why: kept in the tombstone.

        Raises:
            edge.problems.DependencyUnavailable: no tombstone could be put, neither here nor at home. A home that does not
                answer is no error.
        """
        now = self._clock.now_ms() // 1000
        tombstone = Tombstone(why, now, now + MAX_LIFETIME_SECONDS + FORGET_AFTER_SECONDS)
        try:
            self._bury(family, home, tombstone)
        finally:
            if home is not None:
                with suppress(DependencyUnavailable):  # whoever rotates looks for the tombstone too
                    self._store_of(home).end(family)

    def revoke_token(self, jti: str, *, expires_at: int) -> None:
        """
        Revoke one access token.

        Args:
            jti: its own.
            expires_at: its ``exp`` in epoch seconds.

        Raises:
            edge.problems.DependencyUnavailable: this region's store cannot be had.
        """
        now = self._clock.now_ms() // 1000
        tombstone = Tombstone("logout", now, expires_at + FORGET_AFTER_SECONDS)
        self._store_of(self._own).bury(token_name(jti), tombstone)

    def revoke_subject(self, subject: str, *, not_before: int) -> None:
        """
        Revoke what was issued to *subject* before a moment, and what families that were begun before it still issue.

        Args:
            subject: whose.
            not_before: epoch seconds. Tokens tell whole seconds: the present second is included by the next one,
                ``now + 1``. It is only ever raised; of two that are written in two regions within a second the later
                write may stay, so it should be the time of the call.

        Raises:
            edge.problems.DependencyUnavailable: this region's store cannot be had.
        """
        latest = max(not_before, self._clock.now_ms() // 1000)
        forget_at = latest + MAX_LIFETIME_SECONDS + FORGET_AFTER_SECONDS
        self._store_of(self._own).raise_not_before(subject, not_before, forget_at=forget_at)

    def _decide(self, rotation: Rotation, home: Region) -> Family:
        """Return the family with the successor as its newest token, or refuse."""
        store = self._store_of(home)
        outcome = store.rotate(rotation)
        family = outcome.family
        if family is None:
            raise RefreshRefused("unknown_family")
        if not isinstance(outcome, Rotated):
            found = verdict(rotation, family, grace_ms=self._grace_ms)
            if found == "token_reuse_detected":
                self.revoke_family(family.family, home=home, why="reuse")
            if found != "same_successor":
                raise RefreshRefused(found)
        marks = store.marks(Names(None, family.family, family.subject, family.client_id))
        if marks.family or marks.client or started_at(family.family) < marks.not_before:
            raise RefreshRefused("family_revoked")
        return family

    def _bury(self, family: str, home: Region | None, tombstone: Tombstone) -> None:
        """Put the tombstone here, where this region's validators look, else at home: from either it spreads."""
        try:
            self._store_of(self._own).bury(family_name(family), tombstone)
        except DependencyUnavailable:
            if home is None or home == self._own:
                raise
            self._store_of(home).bury(family_name(family), tombstone)


def _idempotency(family: str, key: str | None) -> str:
    """Return what is kept of an ``Idempotency-Key``: enough to know it again, bound to the family."""
    if not key:
        return ""
    return mac(family.encode("ascii"), "idempotency", key)[:16].hex()
