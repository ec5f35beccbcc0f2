"""Whose signatures count: known for two seconds, and what goes on while nobody can tell."""

from __future__ import annotations

import pytest

from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.signing.problems import SignatureRefused
from edge.signing.signers import FRESH_MS, Signers, Standing

NOW_MS = 2_000_000_000_000
GOOD = Standing(is_revoked=False, expires_at=None)
REVOKED = Standing(is_revoked=True, expires_at=None)


class Reads:
    """A table of keys that can be taken away."""

    def __init__(self) -> None:
        self.found: dict[str, Standing] = {"a": GOOD}
        self.is_gone = False
        self.asked: list[str] = []

    def standing(self, api_key_id: str) -> Standing | None:
        self.asked.append(api_key_id)
        if self.is_gone:
            raise DependencyUnavailable(3)
        return self.found.get(api_key_id)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=NOW_MS)


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
def signers(reads: Reads, clock: ManualClock) -> Signers:
    return Signers(reads, clock, stale_seconds=60, max_entries=3)


def why(signers: Signers, api_key_id: str = "a") -> str:
    try:
        signers.require_good(api_key_id)
    except SignatureRefused as refused:
        return refused.reason
    return "good"


def test_each_standing(signers: Signers, reads: Reads) -> None:
    reads.found |= {"b": REVOKED, "c": Standing(is_revoked=True, expires_at=1)}

    assert [why(signers, one) for one in ("a", "b", "c", "nobody")] == [
        "good",
        "signer_revoked",
        "signer_revoked",
        "unknown_key",
    ]


def test_one_read_in_two_seconds(signers: Signers, reads: Reads, clock: ManualClock) -> None:
    for advance_ms, read in ((0, 1), (FRESH_MS - 1, 1), (1, 2), (FRESH_MS - 1, 2), (1, 3)):
        clock.advance(advance_ms)
        assert why(signers) == "good"
        assert len(reads.asked) == read


def test_revocation_is_seen_after_two_seconds(signers: Signers, reads: Reads, clock: ManualClock) -> None:
    assert why(signers) == "good"
    reads.found["a"] = REVOKED

    clock.advance(FRESH_MS - 1)
    assert why(signers) == "good"
    clock.advance(1)
    assert why(signers) == "signer_revoked"


def test_key_expires_while_it_is_known(signers: Signers, reads: Reads, clock: ManualClock) -> None:
    reads.found["a"] = Standing(is_revoked=False, expires_at=NOW_MS // 1_000 + 1)

    assert why(signers) == "good"
    clock.advance(999)
    assert why(signers) == "good"
    clock.advance(1)
    assert why(signers) == "signer_expired"
    assert len(reads.asked) == 1


def test_known_key_goes_on_for_so_long_as_is_set(signers: Signers, reads: Reads, clock: ManualClock) -> None:
    assert why(signers) == "good"
    reads.is_gone = True

    clock.advance(59_999)
    assert why(signers) == "good"
    clock.advance(1)
    with pytest.raises(DependencyUnavailable):
        signers.require_good("a")


def test_key_expires_while_nobody_can_tell(signers: Signers, reads: Reads, clock: ManualClock) -> None:
    reads.found["a"] = Standing(is_revoked=False, expires_at=NOW_MS // 1_000 + 10)
    assert why(signers) == "good"
    reads.is_gone = True

    clock.advance(10_000)
    assert why(signers) == "signer_expired"


def test_revoked_key_stays_revoked_while_nobody_can_tell(
    signers: Signers, reads: Reads, clock: ManualClock
) -> None:
    reads.found["a"] = REVOKED
    assert why(signers) == "signer_revoked"
    reads.is_gone = True

    clock.advance(30_000)
    assert why(signers) == "signer_revoked"


@pytest.mark.parametrize("advance_ms", [0, 5_000])
def test_unknown_key_does_not_become_known_or_refused_without_the_table(
    signers: Signers, reads: Reads, clock: ManualClock, advance_ms: int
) -> None:
    assert why(signers, "nobody") == "unknown_key"
    reads.is_gone = True
    clock.advance(max(advance_ms, FRESH_MS))

    with pytest.raises(DependencyUnavailable):
        signers.require_good("nobody")


def test_with_no_stale_time_every_answer_is_fresh(reads: Reads, clock: ManualClock) -> None:
    signers = Signers(reads, clock, stale_seconds=0)
    assert why(signers) == "good"
    reads.is_gone = True

    clock.advance(FRESH_MS - 1)
    assert why(signers) == "good"
    clock.advance(1)
    with pytest.raises(DependencyUnavailable):
        signers.require_good("a")


def test_what_is_remembered_is_bounded_and_the_oldest_read_goes(signers: Signers, reads: Reads) -> None:
    reads.found = dict.fromkeys("abcd", GOOD)
    for one in "abcd":
        signers.require_good(one)
    reads.asked.clear()

    for one in "dcb":
        signers.require_good(one)
    assert reads.asked == []
    signers.require_good("a")
    assert reads.asked == ["a"]


def test_clock_that_is_set_back_does_not_keep_a_key_good(
    signers: Signers, reads: Reads, clock: ManualClock
) -> None:
    """Monotonic time goes on."""
    assert why(signers) == "good"
    reads.found["a"] = REVOKED
    clock.advance(FRESH_MS)
    clock.set_back(3_600_000)

    assert why(signers) == "signer_revoked"
