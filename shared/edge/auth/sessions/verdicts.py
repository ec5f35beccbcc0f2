"""Why a token was not rotated, from the family that stood in the way: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from edge.auth.sessions.problems import RefusalReason
    from edge.auth.sessions.store import Family, Rotation

IDEMPOTENCY_MS: Final = 600_000
"""A client that names its request may ask again for this long: a phone that slept, a tab that was restored."""


def verdict(
    rotation: Rotation, present: Family, *, grace_ms: int
) -> RefusalReason | Literal["same_successor"]:
    """
    Return what a presented token gets whose rotation did not take place.

    The parent of the newest token is presented again for one of two reasons: somebody did not get the answer, or
    somebody else has the token. Three things prove the former: it is the same request (our own client repeats a write
    whose answer was lost), it has the same ``Idempotency-Key`` within ten minutes, or it comes within the grace period
    (several tabs). Nothing else does.

    Args:
        rotation: what was tried.
        present: the family as it was.
        grace_ms: the grace period; 0 for none.

    Returns:
        ``same_successor`` to answer with what the first request got, or why not.
    """
    if present.state != "A":
        return "family_revoked"
    if present.expires_at <= rotation.issued_at:
        return "refresh_expired"
    if present.generation == rotation.parent + 1 and _is_innocent(rotation, present, grace_ms):
        return "same_successor"
    return "token_reuse_detected"


def _is_innocent(rotation: Rotation, present: Family, grace_ms: int) -> bool:
    if rotation.request_id == present.request_id:
        return True
    age_ms = rotation.rotated_at_ms - present.rotated_at_ms
    if rotation.idempotency and rotation.idempotency == present.idempotency and age_ms <= IDEMPOTENCY_MS:
        return True
    # Asked for explicitly: clocks of two containers may make the age negative, and none means none.
    return grace_ms > 0 and age_ms <= grace_ms
