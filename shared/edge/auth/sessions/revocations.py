"""
Whether an access token was revoked, and as of when that is known.

One read covers everything that can revoke a token: itself, its family, its subject, its API key. The answer is kept for
two seconds, so a token that is used all the time costs a read every two seconds and container. Nothing revoked is ever
given back, so the answer "revoked" is kept for as long as there is room.

Every answer says how old it is. Another region's revocation is seen when its tombstone has been replicated, typically
within a second; *as_of_ms* tells what this region's store knew.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from edge.auth.sessions.family_id import started_at
from edge.auth.sessions.store import Names
from edge.problems import DependencyUnavailable

if TYPE_CHECKING:
    from edge.auth.sessions.store import Marks, RevocationReads
    from edge.clock import Clock

FRESH_MS: Final = 2_000
MAX_ENTRIES: Final = 10_000

RevocationReason = Literal["token_revoked", "family_revoked", "subject_revoked", "key_revoked"]


class RevocationStatus(NamedTuple):
    """
    What is known of a token.

    Attributes:
        revoked: whether it was revoked.
        reason: what was: the first that applies, in the order of the type; None for nothing.
        as_of_ms: when the read began that this rests on, in epoch milliseconds; None when nothing could ever be read.
    """

    revoked: bool
    reason: RevocationReason | None
    as_of_ms: int | None


NEVER_READ: Final = RevocationStatus(revoked=False, reason=None, as_of_ms=None)


class _Known(NamedTuple):
    """An answer, and when its read began, by both clocks."""

    status: RevocationStatus
    read_ms: int
    read_ns: int


class Revocations:
    """
    Looks up revocations for one container; share one between threads.

    Args:
        store: of this region.
        clock: of this container.
        fresh_ms: how long an answer "not revoked" may be given again; 0 to read each time.
        max_entries: answers that are remembered; the least recently used is forgotten first, at the price of a read.
    """

    def __init__(
        self,
        store: RevocationReads,
        clock: Clock,
        *,
        fresh_ms: int = FRESH_MS,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self._store = store
        self._clock = clock
        self._fresh_ms = fresh_ms
        self._max_entries = max_entries
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._known)

    def status(
        self,
        *,
        jti: str,
        family: str | None,
        subject: str,
        client_id: str,
        issued_at: int,
        fail_closed: bool,
    ) -> RevocationStatus:
        """
        Return what is known of a token whose signature has been verified: one call, or none.

        Args:
            jti: the token's name; what else it says must follow from it.
            family: of refresh tokens that it was issued in, if any.
            subject: its ``sub``.
            client_id: the API key.
            issued_at: its ``iat``, epoch seconds.
            fail_closed: without the store, raise unless the token is known to be revoked. Otherwise the last known
                answer is given however old it is, and :data:`NEVER_READ` if there is none.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had, and *fail_closed*.
        """
        now_ms, now_ns = self._clock.now_ms(), self._clock.monotonic_ns()
        known = self._recall(jti)
        if known is not None and (known.status.revoked or self._is_fresh(known, now_ms, now_ns)):
            return known.status
        try:
            marks = self._store.marks(Names(jti, family, subject, client_id))
        except DependencyUnavailable:
            if fail_closed:
                raise
            return NEVER_READ if known is None else known.status
        reason = _reason(marks, _earliest(issued_at, family))
        status = RevocationStatus(reason is not None, reason, now_ms)
        return self._remember(jti, _Known(status, now_ms, now_ns))

    def _is_fresh(self, known: _Known, now_ms: int, now_ns: int) -> bool:
        """By both clocks: the one can be set, the other may stand still while a container is frozen."""
        return (
            0 <= now_ms - known.read_ms < self._fresh_ms
            and now_ns - known.read_ns < self._fresh_ms * 1_000_000
        )

    def _recall(self, jti: str) -> _Known | None:
        with self._lock:
            known = self._known.get(jti)
            if known is not None:
                self._known.move_to_end(jti)
            return known

    def _remember(self, jti: str, found: _Known) -> RevocationStatus:
        """Keep *found* unless another thread has learned more meanwhile; return what is known now."""
        with self._lock:
            present = self._known.get(jti)
            if present is not None and _knows_more(present, found):
                return present.status
            self._known[jti] = found
            self._known.move_to_end(jti)
            if len(self._known) > self._max_entries:
                self._known.popitem(last=False)
            return found.status


def _knows_more(present: _Known, found: _Known) -> bool:
    """Tell whether *found* would undo *present*: a read that began earlier must not bring a revoked token back."""
    if found.status.revoked:
        return False
    return present.status.revoked or present.read_ns > found.read_ns


def _earliest(issued_at: int, family: str | None) -> int:
    """Return since when the token, or the family that it comes from, exists."""
    if family is None:
        return issued_at
    try:
        return min(issued_at, started_at(family))
    except ValueError:
        return issued_at


def _reason(marks: Marks, exists_since: int) -> RevocationReason | None:
    if marks.token:
        return "token_revoked"
    if marks.family:
        return "family_revoked"
    if exists_since < marks.not_before:
        return "subject_revoked"
    return "key_revoked" if marks.client else None
