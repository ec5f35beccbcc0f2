"""What a denial tells is exact: never sent back too early, never kept away too long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.ratelimit.decisions import Charge
from edge.ratelimit.headers import rate_limit_headers, verdict_headers
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.tiers import Tier, make_tier

START_MS = 2_000_000_000_000
TIERS = [
    make_tier("minute", limit=10, window_ms=60_000),
    make_tier("second", limit=6, window_ms=1_000),
    make_tier("exact", limit=4, window_ms=1_000, buckets=1_000),
]
HISTORY = st.lists(st.tuples(st.integers(0, 2_500), st.integers(1, 4)), max_size=30)


def live(tier: Tier, history: list[tuple[int, int]]) -> tuple[ManualClock, Limiter]:
    """Return a limiter whose subject has spent *history*: pairs of a pause, in thousandths of a window, and a cost."""
    clock = ManualClock(now_ms=START_MS)
    limiter = Limiter(MemoryStore(clock), clock)
    for pause, cost in history:
        clock.advance(pause * tier.window.window_ms // 10_000)
        limiter.check("s", tier, cost=cost)
    return clock, limiter


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
@settings(deadline=None)
@given(history=HISTORY, cost=st.integers(1, 4))
def test_cost_fits_at_the_instant_that_was_told_and_not_before(
    tier: Tier, history: list[tuple[int, int]], cost: int
) -> None:
    clock, limiter = live(tier, history)
    denied = limiter.check("s", tier, cost=cost)
    if denied.allowed:
        assert denied.retry_after_ms == 0
        return

    assert 0 < denied.retry_after_ms <= tier.window.window_ms + tier.window.bucket_ms
    clock.advance(denied.retry_after_ms - 1)
    assert not limiter.check("s", tier, cost=cost).allowed
    clock.advance(1)
    assert limiter.check("s", tier, cost=cost).allowed


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
@settings(deadline=None)
@given(history=HISTORY, cost=st.integers(1, 4))
def test_retry_after_in_whole_seconds_is_not_earlier_and_less_than_a_second_later(
    tier: Tier, history: list[tuple[int, int]], cost: int
) -> None:
    _, limiter = live(tier, history)
    decision = limiter.peek("s", tier, cost=cost)
    headers = rate_limit_headers(decision, decision.decided_at_ms)

    assert ("Retry-After" in headers) is not decision.allowed
    if not decision.allowed:
        assert 0 <= int(headers["Retry-After"]) * 1_000 - decision.retry_after_ms < 1_000
    assert 0 <= int(headers["X-RateLimit-Reset"]) * 1_000 - decision.reset_at_ms < 1_000


@settings(deadline=None)
@given(history=HISTORY, cost=st.integers(1, 4))
def test_several_charges_fit_when_the_last_of_them_does(history: list[tuple[int, int]], cost: int) -> None:
    clock, limiter = live(TIERS[0], history)
    charges = [Charge(TIERS[0], cost), Charge(TIERS[1], cost)]
    for _ in range(3):
        limiter.check_all("s", charges)
    verdict = limiter.check_all("s", charges)
    if verdict.allowed:
        return

    clock.advance(verdict.retry_after_ms - 1)
    assert not limiter.check_all("s", charges).allowed
    clock.advance(1)
    assert limiter.check_all("s", charges).allowed


def test_headers_name_every_policy_and_tell_the_tightest() -> None:
    clock, limiter = live(TIERS[0], [(0, 4)])
    verdict = limiter.check_all("s", [Charge(TIERS[0], 4), Charge(TIERS[1], 1)])

    assert verdict_headers(verdict, clock.now_ms()) == {
        "X-RateLimit-Limit": "10",
        "X-RateLimit-Remaining": "2",
        "X-RateLimit-Reset": str(START_MS // 1_000 + 61),
        "RateLimit-Policy": '"minute";q=10;w=60, "second";q=6;w=1',
        "RateLimit": '"minute";r=2;t=61, "second";r=5;t=2',
    }
