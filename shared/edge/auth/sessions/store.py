"""
What sessions ask of a store: one conditional write that rotates, insert-only tombstones, one read of all marks.

A store is one region's copy of the global tables. Replication is last-writer-wins for each item, so every record here is
of one of three kinds: written in its home region only (a family), never changed once it is there (a tombstone), or a
maximum (a not-before). Nothing for convenience, such as a time of last use, is a part of them: replicated as one item, it
would undo a revocation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from edge.auth.plans import Plan
    from edge.auth.roles import Role

FORGET_AFTER_SECONDS: Final = 172_800
"""What has expired is kept for two days: the last access token lives one, and a late reuse shall be told as reuse."""

State = Literal["A", "R"]
"""Active or revoked."""

Why = Literal["logout", "reuse", "operator"]
"""Why something was revoked; told to nobody, kept for whoever investigates."""


class Family(NamedTuple):
    """
    A family of refresh tokens as it stood at one moment.

    Attributes:
        family: its name.
        home: code of the region whose store decides.
        subject: whose session it is.
        client_id: id of the API key that it was begun with.
        role: of the subject.
        scope: scopes as tokens tell them.
        plan: whose limit its calls count against, as of the sign-in.
        state: whether it can still be rotated; the tombstone, if there is one, counts besides.
        generation: of the newest token that was issued.
        key_version: of the key that signs all its tokens; tells when a key is not needed any more.
        rotated_at_ms: when it was issued, by the clock of the container that did.
        issued_at: the same in epoch seconds; ``iat`` of the access token.
        request_id: of the request that it was issued for; empty in generation 0.
        idempotency: hash of that request's ``Idempotency-Key``; empty without one.
        expires_at: epoch seconds; set once, never extended.
    """

    family: str
    home: str
    subject: str
    client_id: str
    role: Role
    scope: str
    plan: Plan
    state: State
    generation: int
    key_version: int
    rotated_at_ms: int
    issued_at: int
    request_id: str
    idempotency: str
    expires_at: int


class Rotation(NamedTuple):
    """
    The replacement of a token by its successor.

    Its condition: the family is there, active, not expired at *issued_at*, its generation is at most *parent* and below
    *limit*. At most, not equal: the MAC proves that *parent* was issued, so a record that fell back (a lost
    replication, a restore) is healed by the next rotation.

    Its effect: generation becomes ``parent + 1``, the members below replace those of the family.

    Attributes:
        family: its name.
        parent: generation of the token that was presented.
        limit: the highest generation.
        rotated_at_ms: now.
        issued_at: now, in epoch seconds.
        request_id: of this request, unique.
        idempotency: as in :class:`Family`.
    """

    family: str
    parent: int
    limit: int
    rotated_at_ms: int
    issued_at: int
    request_id: str
    idempotency: str


class Rotated(NamedTuple):
    """It took place; *family* is what it left."""

    family: Family


class NotRotated(NamedTuple):
    """The condition did not hold; *family* is as it was, None if there is none."""

    family: Family | None


class Tombstone(NamedTuple):
    """
    The mark of something that is revoked for good.

    Attributes:
        why: the occasion.
        at: epoch seconds.
        forget_at: epoch seconds; by then everything that it marks has expired by itself.
    """

    why: Why
    at: int
    forget_at: int


class Names(NamedTuple):
    """
    What a token goes by; everything that may carry a mark against it.

    Attributes:
        jti: of the access token; None to leave it out.
        family: None for a token without one.
        subject: of the token.
        client_id: the API key.
    """

    jti: str | None
    family: str | None
    subject: str
    client_id: str


class Marks(NamedTuple):
    """
    What marks were found.

    Attributes:
        token: the access token has a tombstone.
        family: its family has one.
        client: its API key has one.
        not_before: epoch seconds; what was issued to the subject before is revoked. 0 for never.
    """

    token: bool
    family: bool
    client: bool
    not_before: int


def family_name(family: str) -> str:
    """Return what a family goes by in the table."""
    return f"RF#{family}"


def token_name(jti: str) -> str:
    """Return what an access token goes by in the table."""
    return f"RJ#{jti}"


def subject_name(subject: str) -> str:
    """Return what a subject goes by in the table."""
    return f"SUB#{subject}"


class RevocationReads(Protocol):
    """What telling whether a token was revoked asks of a store."""

    def marks(self, names: Names) -> Marks:
        """Return the marks against *names*, with every write to this store that finished before."""


class SessionStore(RevocationReads, Protocol):
    """
    One region's sessions. Every method is one call, and repeating it is harmless.

    Every method raises :class:`edge.problems.DependencyUnavailable` when the store cannot be had; a write may or may not
    have happened then.
    """

    def begin(self, family: Family) -> Family | None:
        """Put *family* if none of its name is there and return None; else return the one that is there."""

    def rotate(self, rotation: Rotation) -> Rotated | NotRotated:
        """Do *rotation*, or nothing."""

    def end(self, family: str) -> None:
        """Set the family's state to revoked, if it is there; ask the store of its home."""

    def bury(self, name: str, tombstone: Tombstone) -> None:
        """Put *tombstone* for *name* if there is none; one that is there stays as it is."""

    def raise_not_before(self, subject: str, not_before: int, *, forget_at: int) -> None:
        """Set the subject's not-before to *not_before* unless it is as high already; both in epoch seconds."""
