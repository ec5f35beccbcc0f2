"""Lists before limits, shadows that never stand in the way, and a reason for each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.clock import ManualClock
from edge.ratelimit.access import AccessList
from edge.ratelimit.admission import Admission, Ruling
from edge.ratelimit.decisions import Charge, SubjectCharge, Verdict, spread
from edge.ratelimit.home import Located
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.tiers import TIERS, make_tier
from edge.regions import CDG1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.ratelimit.scopes import Scope
    from edge.ratelimit.tiers import Tier

STRICT, DEFAULT = TIERS["strict"], TIERS["default"]
TRIED = make_tier("tried", limit=1, window_ms=60_000)._replace(shadow=True)


class OneRegion:
    """The limiter as Scopes has it, and how often it was asked."""

    own = CDG1

    def __init__(self) -> None:
        clock = ManualClock(now_ms=1_795_179_600_000)
        self.limiter = Limiter(MemoryStore(clock), clock)
        self.asked = 0

    def decide(self, scope: Scope, asked: Sequence[SubjectCharge], *, peek: bool) -> Located:
        assert scope == "region"
        self.asked += 1
        return Located((self.limiter.peek_together if peek else self.limiter.check_together)(asked), self.own)

    def used(self, subject: str, tier: Tier) -> int:
        return tier.window.limit - self.limiter.peek(subject, tier).remaining


LISTS = AccessList.parse({"allow_subjects": ["vip"], "deny_subjects": ["abuser"]})


@pytest.fixture
def limits() -> OneRegion:
    return OneRegion()


def rule(
    limits: OneRegion, *asked: tuple[str, Tier, int], shadow: bool = False, peek: bool = False
) -> Ruling:
    admission = Admission(limits, LISTS, ManualClock(now_ms=1_795_179_600_000))
    charges = [SubjectCharge(subject, Charge(tier, cost)) for subject, tier, cost in asked]
    return admission.rule(charges, scope="region", peek=peek, shadow=shadow)


def reasons(ruling: Ruling) -> list[str]:
    return [ruled.reason for ruled in ruling.charges]


def test_denied_subject_refuses_all_and_nobody_is_counted(limits: OneRegion) -> None:
    ruling = rule(limits, ("a", STRICT, 1), ("abuser", STRICT, 1), ("vip", STRICT, 1))

    assert (ruling.allowed, ruling.denied_by_list) == (False, True)
    assert reasons(ruling) == ["not_decided", "deny_list", "allow_list"]
    assert (limits.asked, limits.used("a", STRICT)) == (0, 0)
    assert ruling.told.decisions == ()
    assert ruling.violated == ()


def test_allowed_subject_is_not_counted_beside_one_that_is(limits: OneRegion) -> None:
    *_, ruling = [rule(limits, ("vip", STRICT, 10), ("a", DEFAULT, 2)) for _ in range(12)]

    assert ruling.allowed
    assert reasons(ruling) == ["allow_list", "within_limit"]
    assert (limits.used("vip", STRICT), limits.used("a", DEFAULT)) == (0, 24)
    assert [decision.subject for decision in ruling.told.decisions] == ["a"]


def test_full_shadow_does_not_keep_enforced_charges_from_being_made(limits: OneRegion) -> None:
    rulings = [rule(limits, ("a", TRIED, 1), ("a", STRICT, 2)) for _ in range(4)]

    assert [ruling.allowed for ruling in rulings] == [True] * 4
    assert [reasons(ruling)[0] for ruling in rulings] == ["within_limit"] + ["over_limit"] * 3
    assert limits.used("a", STRICT) == 8
    assert [ruled.enforced for ruled in rulings[3].charges] == [False, True]
    assert rulings[3].charges[1].decision.remaining == 2, "as it was left, not as it was first refused"


def test_full_limit_denies_whatever_the_shadow_beside_it_says(limits: OneRegion) -> None:
    rule(limits, ("a", STRICT, 10), ("a", TRIED, 1))

    ruling = rule(limits, ("a", TRIED, 1), ("a", STRICT, 1))

    assert (ruling.allowed, ruling.violated) == (False, ("strict",))
    assert reasons(ruling) == ["over_limit", "over_limit"]
    assert limits.used("a", TRIED) == 1


def test_shadow_alone_is_told_and_enforced_never(limits: OneRegion) -> None:
    rulings = [rule(limits, ("a", TRIED, 1)) for _ in range(2)]

    assert [(ruling.allowed, reasons(ruling)) for ruling in rulings] == [
        (True, ["within_limit"]),
        (True, ["over_limit"]),
    ]
    assert limits.asked == 2, "there is nothing to ask again about"


@pytest.mark.parametrize("peek", [False, True])
def test_check_that_is_a_shadow_enforces_nothing(limits: OneRegion, *, peek: bool) -> None:
    rule(limits, ("a", STRICT, 10))

    ruling = rule(limits, ("a", STRICT, 1), ("abuser", STRICT, 1), shadow=True, peek=peek)

    assert ruling.allowed
    assert reasons(ruling) == ["over_limit", "deny_list"]
    assert not any(ruled.enforced for ruled in ruling.charges)
    assert limits.used("abuser", STRICT) == 0


def test_peek_at_a_full_shadow_charges_nothing(limits: OneRegion) -> None:
    rule(limits, ("a", TRIED, 1))

    ruling = rule(limits, ("a", TRIED, 1), ("a", STRICT, 3), peek=True)

    assert (ruling.allowed, limits.used("a", STRICT)) == (True, 0)


def test_waits_are_spread_within_a_bucket_and_only_of_what_is_denied(limits: OneRegion) -> None:
    limits.limiter.check("a", STRICT, cost=10)
    charges = [Charge(STRICT, 1), Charge(DEFAULT, 1)]
    exact = limits.limiter.check_all("a", charges)

    later = spread(exact, 0.999)

    assert later.decisions[0].retry_after_ms - exact.decisions[0].retry_after_ms == 999
    assert later.decisions[1] == exact.decisions[1]
    assert spread(exact, 0.0) == exact
    admitted = Verdict(allowed=True, decisions=exact.decisions[1:])
    assert spread(admitted, 0.5) is admitted
