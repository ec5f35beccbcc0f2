"""Roles and the scopes that they are good for: the whole of who may do what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Role = Literal["ADMIN", "USER", "GUEST", "ANONYMOUS"]
"""Who calls; ANONYMOUS is whoever shows nothing, and never what a key or a token says."""

_ANYBODY: Final = frozenset({"geo:route", "optimize:response"})
_KNOWN: Final = _ANYBODY | {"auth:token", "auth:validate", "auth:refresh", "auth:revoke"}
_TRUSTED: Final = _KNOWN | {"ratelimit:check", "sign:request", "sign:verify"}
_OPERATING: Final = _TRUSTED | {"monitoring:read", "keys:admin", "regions:admin", "ratelimit:admin"}

SCOPES: Final[dict[Role, frozenset[str]]] = {
    "ADMIN": _OPERATING,
    "USER": _TRUSTED,
    "GUEST": _KNOWN,
    "ANONYMOUS": _ANYBODY,
}
"""What each role may do; every line includes those below it."""


RANKS: Final[dict[Role, int]] = {"ANONYMOUS": 0, "GUEST": 1, "USER": 2, "ADMIN": 3}
"""Each role may do what those of a lower rank may."""


def granted(role: Role, asked: Iterable[str]) -> frozenset[str]:
    """
    Return the scopes of *asked* that *role* may have: a key or a token can carry fewer than its role, never more.

    Example:
        >>> sorted(granted("GUEST", ["geo:route", "keys:admin"]))
        ['geo:route']
    """
    return SCOPES[role].intersection(asked)


def scope_text(scopes: Iterable[str]) -> str:
    """Return *scopes* as tokens and answers tell them: in order, separated by spaces (RFC 6749, section 3.3)."""
    return " ".join(sorted(scopes))
