"""
The life of API keys: created, listed, rotated with an overlap, revoked. For those who manage them, not for callers.

::

    create --> S1 --rotate--> S2 (S1 goes on for the overlap) --rotate--> S3 (S2 goes on; S1 has ended) ... --revoke--> X

The text of a key appears in two answers, of ``create`` and ``rotate``, and nowhere else; it cannot be told again. A
request that failed as unavailable may have happened: then there is a key, or a version, whose secret nobody has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from edge.auth.apikeys.choices import (
    MAX_EXPIRES_IN_DAYS,
    check_name,
    check_plan,
    check_range,
    chosen_scopes,
    invalid,
)
from edge.auth.apikeys.cursors import read_cursor, write_cursor
from edge.auth.apikeys.problems import KeyConflict, UnknownKey
from edge.auth.apikeys.records import (
    WHYS,
    KeyMetadata,
    KeyRecord,
    KeySummary,
    SecretVersion,
    Tombstone,
    key_record,
)
from edge.auth.apikeys.text import generate, is_key_id
from edge.problems import ServiceProblem, Unexpected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.auth.apikeys.records import StoredKey, Why
    from edge.auth.apikeys.store import KeyStore
    from edge.auth.plans import Plan
    from edge.auth.roles import Role
    from edge.clock import Clock

MAX_OVERLAP_SECONDS: Final = 30 * 86_400
MAX_PAGE: Final = 100

MAX_SWEPT: Final = 10
"""Superseded versions that one rotation deletes at most; there is one, unless deleting failed before."""

_ID_ATTEMPTS: Final = 3
"""Ids have 71 bits: a second attempt is never needed unless the source of randomness is broken."""

_DAY_SECONDS: Final = 86_400


class Created(NamedTuple):
    """
    A key, or a new secret of one.

    Attributes:
        record: what it is from now on.
        api_key: its text, to be shown once.
    """

    record: KeyRecord
    api_key: str

    def __repr__(self) -> str:
        """Leave out the text."""
        return f"Created(record={self.record!r})"


class KeyPage(NamedTuple):
    """
    A part of the list of all keys.

    Attributes:
        keys: the newest first.
        cursor: goes on behind them; None at the end.
    """

    keys: tuple[KeySummary, ...]
    cursor: str | None


class ApiKeys:
    """
    Manages the keys of one environment.

    Every method raises :class:`edge.problems.DependencyUnavailable` when the store cannot be had.

    Args:
        store: holds them.
        clock: of this container.
        env: that new keys name, see :data:`edge.auth.apikeys.text.ENVIRONMENTS`.
        random: returns so many bytes that nobody can foretell, such as ``os.urandom``.

    Example:
        >>> import os
        >>> from edge.auth.apikeys.memory import MemoryKeyStore
        >>> from edge.clock import ManualClock
        >>> keys = ApiKeys(MemoryKeyStore(), ManualClock(now_ms=1_795_179_600_000), env="test", random=os.urandom)
        >>> made = keys.create(name="ci", role="USER", plan="free", scopes=["geo:route"], expires_in_days=30)
        >>> made.api_key[:8], len(made.api_key), made.record.version
        ('ek_test_', 70, 1)
        >>> keys.revoke(made.record.id, "leaked").revoked_at
        1795179600
    """

    def __init__(self, store: KeyStore, clock: Clock, *, env: str, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._clock = clock
        self._env = env
        self._random = random

    def create(
        self,
        *,
        name: str,
        role: Role,
        plan: Plan,
        scopes: Iterable[str] | None = None,
        expires_in_days: int | None = None,
    ) -> Created:
        """
        Make a key.

        Args:
            name: for people, 1 to 100 characters.
            role: whose scopes it can have; not ANONYMOUS.
            plan: whose daily limit its calls count against.
            scopes: at least one of the role's; None for all that the role has today.
            expires_in_days: 1 to 3,650; None for never.

        Raises:
            InvalidValues: one of them is not so.
        """
        chosen = chosen_scopes(role, scopes)
        check_name(name)
        check_plan(plan)
        if expires_in_days is not None:
            check_range("/expires_in_days", expires_in_days, 1, MAX_EXPIRES_IN_DAYS)
        now = self._clock.now_ms() // 1000
        for _ in range(_ID_ATTEMPTS):
            key = generate(self._env, self._random)
            metadata = KeyMetadata(
                id=key.id,
                name=name,
                role=role,
                plan=plan,
                scopes=chosen,
                created_at=now,
                expires_at=None if expires_in_days is None else now + expires_in_days * _DAY_SECONDS,
            )
            first = SecretVersion(number=1, secret_hash=key.secret_hash, created_at=now, previous_until=None)
            if self._store.create(metadata, first):
                record = KeyRecord(
                    *metadata, version=1, previous_until=None, revoked_at=None, last_used_at=None
                )
                return Created(record, key.text)
        raise Unexpected

    def read(self, key_id: str) -> KeyRecord:
        """
        Return a key.

        Raises:
            UnknownKey: there is none of this id.
        """
        return key_record(self._stored(key_id))

    def list(self, limit: int, cursor: str | None = None) -> KeyPage:
        """
        Return a page of the list of all keys, the newest first; expired and revoked ones are in it.

        What is created while somebody pages comes before the pages, so that nothing is missed or met twice.

        Args:
            limit: 1 to 100.
            cursor: of the page before; None for the first.

        Raises:
            InvalidValues: the limit is out of range or the cursor is none of ours.
        """
        check_range("/limit", limit, 1, MAX_PAGE)
        # One more tells whether there is more.
        found = self._store.list_keys(limit + 1, None if cursor is None else read_cursor(cursor))
        keys = tuple(found[:limit])
        return KeyPage(keys, write_cursor(keys[-1].metadata) if len(found) > limit else None)

    def rotate(self, key_id: str, *, overlap_seconds: int) -> Created:
        """
        Give a key a new secret; the one that it had goes on for a while, the one before that ends now.

        The overlap ends on a whole second, up to a second early.

        Args:
            key_id: of the key.
            overlap_seconds: how long both secrets are good, 0 to 30 days.

        Raises:
            InvalidValues: the overlap is out of range.
            UnknownKey: there is none of this id.
            KeyConflict: it is revoked or expired, or somebody else rotated it meanwhile.
        """
        check_range("/overlap_seconds", overlap_seconds, 0, MAX_OVERLAP_SECONDS)
        before = self._stored(key_id)
        now = self._clock.now_ms() // 1000
        metadata = before.metadata
        if before.tombstone is not None:
            raise KeyConflict("revoked_already")
        if metadata.expires_at is not None and now >= metadata.expires_at:
            raise KeyConflict("expired_already")
        if not before.secrets:
            # Replication has yet to bring them. To count from one again would make a secret that is old at once.
            raise KeyConflict("rotated_meanwhile")
        key = generate(self._env, self._random, key_id=key_id)
        current = SecretVersion(
            number=before.secrets[0].number + 1,
            secret_hash=key.secret_hash,
            created_at=now,
            previous_until=now + overlap_seconds,
        )
        if not self._store.add_secret(metadata, current):
            raise KeyConflict("rotated_meanwhile")
        self._sweep(before)
        after = before._replace(secrets=(current, before.secrets[0]))
        return Created(key_record(after), key.text)

    def revoke(self, key_id: str, why: Why) -> KeyRecord:
        """
        End a key for good; again is as good as once, and the first reason stays.

        Args:
            key_id: of the key.
            why: for the record.

        Raises:
            InvalidValues: *why* is none of the reasons.
            UnknownKey: there is none of this id.
        """
        if why not in WHYS:
            raise invalid("/why", "unknown")
        stored = self._stored(key_id)
        if stored.tombstone is None:
            self._store.revoke(stored.metadata, Tombstone(why, self._clock.now_ms() // 1000))
            # Somebody may have been quicker: what is told is what is kept.
            stored = self._stored(key_id)
        return key_record(stored)

    def _stored(self, key_id: str) -> StoredKey:
        stored = self._store.read(key_id) if is_key_id(key_id) else None
        if stored is None:
            raise UnknownKey
        return stored

    def _sweep(self, before: StoredKey) -> None:
        """Delete the versions that the rotation of *before* has made two or more old."""
        dead = [*before.superseded, *(secret.number for secret in before.secrets[1:])]
        try:
            for number in dead[:MAX_SWEPT]:
                self._store.forget_secret(before.metadata.id, number)
        except ServiceProblem:
            # They prove nothing; the next rotation finds them.
            return
