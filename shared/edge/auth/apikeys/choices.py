"""What a new key may be made with; every refusal says where and why, and nothing of the value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from edge.auth.plans import PLANS
from edge.auth.roles import SCOPES
from edge.problems import InvalidValues

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.auth.roles import Role

MAX_NAME_LENGTH: Final = 100
MAX_EXPIRES_IN_DAYS: Final = 3_650

_NOT_IN_A_NAME: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def check_name(name: str) -> None:
    """Refuse a name that is empty, blank, longer than 100 characters, or has control characters or lone surrogates."""
    if not 1 <= len(name) <= MAX_NAME_LENGTH or name.isspace() or _NOT_IN_A_NAME.search(name):
        raise invalid("/name", "not_usable")


def check_plan(plan: str) -> None:
    """Refuse what is no plan."""
    if plan not in PLANS:
        raise invalid("/plan", "unknown")


def check_range(pointer: str, value: int, least: int, most: int) -> None:
    """Refuse a number outside of ``least <= value <= most``."""
    if not least <= value <= most:
        raise invalid(pointer, "out_of_range")


def chosen_scopes(role: Role, scopes: Iterable[str] | None) -> frozenset[str]:
    """
    Return what a key of *role* is to have: all that the role has where *scopes* is None, else these.

    Raises:
        InvalidValues: the role is none that keys have, or *scopes* is empty or not a part of the role's.
    """
    if role == "ANONYMOUS" or role not in SCOPES:
        raise invalid("/role", "unknown")
    if scopes is None:
        return SCOPES[role]
    chosen = frozenset(scopes)
    if not chosen:
        raise invalid("/scopes", "empty")
    if not chosen <= SCOPES[role]:
        raise invalid("/scopes", "not_of_the_role")
    return chosen


def invalid(pointer: str, reason: str) -> InvalidValues:
    """Return the problem that says *reason* of the value at *pointer*."""
    return InvalidValues([{"pointer": pointer, "reason": reason}])
