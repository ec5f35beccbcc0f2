"""Why a token was not rotated: the whole table, and the law that only a proof of innocence forgives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.auth.sessions.store import Family, Rotation
from edge.auth.sessions.verdicts import verdict
from tests.unit.auth.sessions.stores import NOW, START_MS

PRESENT = Family(
    family="f",
    home="cdg1",
    subject="s",
    client_id="k",
    role="USER",
    scope="",
    plan="free",
    state="A",
    generation=2,
    key_version=1,
    rotated_at_ms=START_MS,
    issued_at=NOW,
    request_id="first",
    idempotency="hash",
    expires_at=NOW + 1_000,
)


def rotation(
    *, parent: int = 1, age_ms: int = 0, request_id: str = "second", idempotency: str = ""
) -> Rotation:
    now_ms = START_MS + age_ms
    return Rotation("f", parent, 5, now_ms, now_ms // 1000, request_id, idempotency)


@pytest.mark.parametrize(
    ("tried", "present", "expected"),
    [
        (rotation(), PRESENT, "same_successor"),
        (rotation(age_ms=10_000), PRESENT, "same_successor"),
        (rotation(age_ms=10_001), PRESENT, "token_reuse_detected"),
        (rotation(age_ms=-3_000), PRESENT, "same_successor"),
        (rotation(age_ms=600_000, idempotency="hash"), PRESENT, "same_successor"),
        (rotation(age_ms=600_001, idempotency="hash"), PRESENT, "token_reuse_detected"),
        (rotation(age_ms=10_001, idempotency="other"), PRESENT, "token_reuse_detected"),
        (rotation(age_ms=10_001), PRESENT._replace(idempotency=""), "token_reuse_detected"),
        (rotation(age_ms=900_000, request_id="first"), PRESENT, "same_successor"),
        (rotation(parent=0), PRESENT, "token_reuse_detected"),
        (rotation(parent=0, request_id="first", idempotency="hash"), PRESENT, "token_reuse_detected"),
        (rotation(), PRESENT._replace(state="R"), "family_revoked"),
        (rotation(age_ms=999_999, request_id="first"), PRESENT, "same_successor"),
        (rotation(age_ms=1_000_000, request_id="first"), PRESENT, "refresh_expired"),
        (rotation(age_ms=1_000_000), PRESENT._replace(state="R"), "family_revoked"),
    ],
)
def test_verdict(tried: Rotation, present: Family, expected: str) -> None:
    present = present._replace(expires_at=NOW + 1_000)
    assert verdict(tried, present, grace_ms=10_000) == expected


@pytest.mark.parametrize("age_ms", [-1, 0, 1])
def test_no_grace_is_none_even_for_a_clock_that_is_behind(age_ms: int) -> None:
    assert verdict(rotation(age_ms=age_ms), PRESENT, grace_ms=0) == "token_reuse_detected"


@given(
    parent=st.integers(0, 4),
    generation=st.integers(0, 5),
    age_ms=st.integers(0, 900_000),
    request_id=st.sampled_from(["first", "second"]),
    tried_hash=st.sampled_from(["", "hash", "other"]),
    present_hash=st.sampled_from(["", "hash"]),
    grace_ms=st.sampled_from([0, 10_000]),
)
def test_only_the_parent_with_a_proof_gets_the_successor(
    *,
    parent: int,
    generation: int,
    age_ms: int,
    request_id: str,
    tried_hash: str,
    present_hash: str,
    grace_ms: int,
) -> None:
    tried = rotation(parent=parent, age_ms=age_ms, request_id=request_id, idempotency=tried_hash)
    present = PRESENT._replace(generation=generation, idempotency=present_hash)

    is_own = request_id == "first"
    is_named = tried_hash == present_hash == "hash" and age_ms <= 600_000
    is_soon = grace_ms > 0 and age_ms <= grace_ms
    forgiven = generation == parent + 1 and (is_own or is_named or is_soon)
    assert verdict(tried, present, grace_ms=grace_ms) == (
        "same_successor" if forgiven else "token_reuse_detected"
    )
