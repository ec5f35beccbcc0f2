"""
What is refused because of an API key.

::

    edge.problems.RequestProblem
    |-- NotAuthenticated
    |   `-- KeyRefused    401  malformed_key | unknown_key | key_expired | key_revoked | wrong_environment
    |-- UnknownKey        404  no_such_key
    `-- KeyConflict       409  rotated_meanwhile | revoked_already | expired_already

Whoever presents a key learns that it expired or was revoked only after its secret was found right: to everybody else a
key that exists looks like one that does not. A store that is gone is :class:`edge.problems.DependencyUnavailable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.problems import NotAuthenticated, RequestProblem

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Refusal: TypeAlias = Literal[
        "malformed_key", "unknown_key", "key_expired", "key_revoked", "wrong_environment"
    ]
    Conflict: TypeAlias = Literal["rotated_meanwhile", "revoked_already", "expired_already"]

REFUSALS: Final[dict[Refusal, str]] = {
    "malformed_key": "This is not an API key; a typing error or a part cut off are the usual causes.",
    "unknown_key": "No API key is like this one, or its secret was rotated away.",
    "key_expired": "This API key has expired.",
    "key_revoked": "This API key was revoked.",
    "wrong_environment": "This API key belongs to another environment.",
}

CONFLICTS: Final[dict[Conflict, str]] = {
    "rotated_meanwhile": "Somebody else rotated this key at the same time; their secret is the one that holds.",
    "revoked_already": "This key is revoked, and stays so; create another.",
    "expired_already": "This key has expired; create another.",
}


class KeyRefused(NotAuthenticated):
    """
    The API key that was presented is no good.

    Args:
        reason: why; it selects the fixed detail.
    """

    slug, title = "key-refused", "API key refused"

    def __init__(self, reason: Refusal) -> None:
        super().__init__()
        self.reason = reason
        self.detail = REFUSALS[reason]


class UnknownKey(RequestProblem):
    """Whoever manages keys named one that does not exist."""

    slug, title, status, reason = "unknown-key", "Unknown API key", 404, "no_such_key"
    detail = "There is no API key with this id."


class KeyConflict(RequestProblem):
    """
    The key's state does not allow what was asked for.

    Args:
        reason: why; it selects the fixed detail.
    """

    slug, title, status = "key-conflict", "API key conflict", 409

    def __init__(self, reason: Conflict) -> None:
        super().__init__()
        self.reason = reason
        self.detail = CONFLICTS[reason]
