"""Who may do what, as design/api.md has it; a change of this table is a change of the product."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.auth.plans import PLANS, Plan
from edge.auth.roles import RANKS, SCOPES, Role, granted, scope_text

ANYBODY = {"geo:route", "optimize:response"}
KNOWN = {"auth:token", "auth:validate", "auth:refresh", "auth:revoke"}
TRUSTED = {"ratelimit:check", "sign:request", "sign:verify"}
OPERATING = {"monitoring:read", "keys:admin", "regions:admin", "ratelimit:admin"}

roles = st.sampled_from(get_args(Role))
scopes = st.sampled_from(sorted(SCOPES["ADMIN"]))


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("ANONYMOUS", ANYBODY),
        ("GUEST", ANYBODY | KNOWN),
        ("USER", ANYBODY | KNOWN | TRUSTED),
        ("ADMIN", ANYBODY | KNOWN | TRUSTED | OPERATING),
    ],
)
def test_scopes_of_a_role(role: Role, expected: set[str]) -> None:
    assert SCOPES[role] == expected


def test_ranks_order_the_roles_as_their_scopes_do() -> None:
    ordered = sorted(get_args(Role), key=RANKS.__getitem__)

    assert ordered == ["ANONYMOUS", "GUEST", "USER", "ADMIN"]
    assert len(set(RANKS.values())) == 4
    for lower, higher in pairwise(ordered):
        assert SCOPES[lower] < SCOPES[higher]


def test_tables_are_whole() -> None:
    assert set(SCOPES) == set(RANKS) == set(get_args(Role))
    assert set(get_args(Plan)) == PLANS


@given(roles, st.lists(scopes | st.text(max_size=20)))
def test_granted_is_never_more_than_asked_nor_than_the_role(role: Role, asked: list[str]) -> None:
    given_scopes = granted(role, asked)

    assert given_scopes == set(asked) & SCOPES[role]


@given(st.sets(scopes))
def test_text_is_one_for_a_set(chosen: set[str]) -> None:
    text = scope_text(chosen)

    assert text == scope_text(sorted(chosen, reverse=True))
    assert frozenset(text.split()) == chosen


def test_scopes_can_stand_in_a_header() -> None:
    """RFC 6749, section 3.3: no space, quote or backslash."""
    for scope in SCOPES["ADMIN"]:
        assert scope.isascii()
        assert not set(scope) & set(' "\\#')
