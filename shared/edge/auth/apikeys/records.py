"""
What is known of an API key: what it was made with, its secrets' hashes, its tombstone, when it was used last.

Each is a fact of its own that is written once and then never changed (when it was used last aside, which nothing
depends on). The table behind them is replicated between regions, the last writer of an *item* wins, and a fact that
nobody writes twice cannot be undone by that. So there is no "status": a key is revoked when its tombstone exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from edge.auth.plans import Plan
    from edge.auth.roles import Role

Why = Literal["requested", "leaked", "retired"]
"""Why a key was revoked; a closed set, because a tombstone is for ever and free text would be as well."""
WHYS: Final[frozenset[Why]] = frozenset({"requested", "leaked", "retired"})

RETENTION_SECONDS: Final = 90 * 86_400
"""How long an expired key can still be looked at."""

TOMBSTONE_SECONDS: Final = 8 * 86_400
"""The least that a tombstone outlives its making: a refresh family goes on for 6 days, its last access token for 1."""


class KeyMetadata(NamedTuple):
    """
    What a key was made with; never changed.

    Attributes:
        id: 12 of base 62.
        name: for people.
        role: never ANONYMOUS.
        plan: whose daily limit its calls count against.
        scopes: what it may do, a part of what its role may.
        created_at: epoch seconds.
        expires_at: epoch seconds from which it is refused; None for never.
    """

    id: str
    name: str
    role: Role
    plan: Plan
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None

    @property
    def kept_until(self) -> int | None:
        """Epoch seconds after which a store may forget the key; None for never: only an expired one is harmless."""
        return None if self.expires_at is None else self.expires_at + RETENTION_SECONDS


class SecretVersion(NamedTuple):
    """
    One secret of a key; never changed.

    Attributes:
        number: from 1; the highest is current.
        secret_hash: SHA-256, 32 bytes.
        created_at: epoch seconds.
        previous_until: epoch seconds at which the version before this one ends; None for the first.
    """

    number: int
    secret_hash: bytes
    created_at: int
    previous_until: int | None

    def __repr__(self) -> str:
        """Leave out the hash."""
        return f"SecretVersion(number={self.number}, created_at={self.created_at})"


class Tombstone(NamedTuple):
    """
    That a key was revoked; never changed, never deleted while the key could pass for a good one.

    Attributes:
        why: a member of :data:`Why`.
        at: epoch seconds.
    """

    why: str
    at: int


class StoredKey(NamedTuple):
    """
    All that a store has of one key.

    Attributes:
        metadata: what it was made with.
        secrets: the current version and, if it is there, the one just before it; empty while replication brings them.
        superseded: numbers of older versions, which prove nothing any more.
        tombstone: None while it is not revoked.
        last_used_at: epoch seconds, full minutes, over all regions; None if never.
    """

    metadata: KeyMetadata
    secrets: tuple[SecretVersion, ...]
    superseded: tuple[int, ...]
    tombstone: Tombstone | None
    last_used_at: int | None


class KeyRecord(NamedTuple):
    """
    A key as its owners and callers see it; nothing in it proves anything.

    Attributes:
        id: 12 of base 62.
        name: for people.
        role: never ANONYMOUS.
        plan: whose daily limit its calls count against.
        scopes: what it may do, a part of what its role may.
        created_at: epoch seconds.
        expires_at: epoch seconds from which it is refused; None for never.
        version: number of the current secret.
        previous_until: epoch seconds until which the secret before is good as well; None if there was none.
        revoked_at: epoch seconds; None while it is not.
        last_used_at: epoch seconds, full minutes, over all regions; None if never.
    """

    id: str
    name: str
    role: Role
    plan: Plan
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None
    version: int
    previous_until: int | None
    revoked_at: int | None
    last_used_at: int | None


class KeySummary(NamedTuple):
    """A key in a list: what one read of the index and one of the tombstones tell."""

    metadata: KeyMetadata
    revoked_at: int | None


class Position(NamedTuple):
    """Where in the list of all keys one stands: it is ordered by these, the newest first."""

    created_at: int
    id: str


def stored_key(
    metadata: KeyMetadata,
    secrets: list[SecretVersion],
    tombstone: Tombstone | None,
    used_minutes: list[int],
) -> StoredKey:
    """
    Put together what a store found.

    The version before the current one is the one with the number before it. Replication brings items in any order: a
    region that has versions 3 and 1 and not yet 2 must not take 1 for what ran before 3.

    Args:
        metadata: what the key was made with.
        secrets: versions, in any order.
        tombstone: None while it is not revoked.
        used_minutes: epoch seconds of the last use in each region.
    """
    ordered = sorted(secrets, key=lambda secret: -secret.number)
    kept = tuple(secret for secret in ordered if secret.number >= ordered[0].number - 1)
    return StoredKey(
        metadata=metadata,
        secrets=kept,
        superseded=tuple(secret.number for secret in ordered[len(kept) :]),
        tombstone=tombstone,
        last_used_at=max(used_minutes, default=None),
    )


def key_record(stored: StoredKey) -> KeyRecord:
    """Return what may be shown of *stored*."""
    current = stored.secrets[0] if stored.secrets else None
    return KeyRecord(
        *stored.metadata,
        version=0 if current is None else current.number,
        previous_until=None if current is None else current.previous_until,
        revoked_at=None if stored.tombstone is None else stored.tombstone.at,
        last_used_at=stored.last_used_at,
    )


def tombstone_kept_until(metadata: KeyMetadata, at: int) -> int | None:
    """
    Return when a store may forget the tombstone of a key, None for never.

    Never where the key itself stays: without its tombstone it would be good again. Where the key goes, it has expired
    long before, and the tombstone stays as long and until the last token that came of the key is over.

    Args:
        metadata: of the key.
        at: when it was revoked, epoch seconds.
    """
    kept_until = metadata.kept_until
    return None if kept_until is None else max(kept_until, at + TOMBSTONE_SECONDS)
