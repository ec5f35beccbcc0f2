"""Degraded mode: who decides when the store is gone, how much that admits, and how it ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.aws.faults import AccessRefused, RequestInvalid, Unavailable
from edge.breaker import OPEN_MS, Breaker
from edge.clock import ManualClock
from edge.ratelimit.decisions import Charge
from edge.ratelimit.guarded_store import GuardedStore
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.resilient import ResilientLimiter
from edge.ratelimit.tiers import TIERS, Tier, make_tier

if TYPE_CHECKING:
    from edge.problems import Problem
    from edge.ratelimit.decisions import Decision
    from edge.ratelimit.store import Applied, NotApplied, Record, Write

START_MS = 1_795_179_600_000
CONTAINERS = 4
DEFAULT, STRICT, BURST = TIERS["default"], TIERS["strict"], TIERS["burst"]
SHARE = DEFAULT.window.limit // CONTAINERS


class FaultyStore(MemoryStore):
    """
    A store that fails while *fault* is set.

    Attributes:
        fault: what it raises.
        applies: the write happens before the fault, as when only the answer is lost.
        hangs_ms: how long it takes to fail.
        asked: how often it was asked.
    """

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self._time = clock
        self.fault: Problem | None = None
        self.applies = False
        self.hangs_ms = 0
        self.asked = 0

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        if self.applies:
            outcome = super().apply(key, write)
            self._maybe_fail()
            return outcome
        self._maybe_fail()
        return super().apply(key, write)

    def read(self, key: str) -> Record | None:
        self._maybe_fail()
        return super().read(key)

    def _maybe_fail(self) -> None:
        self.asked += 1
        if self.fault is not None:
            self._time.advance(self.hangs_ms)
            raise self.fault


class Container(NamedTuple):
    limiter: ResilientLimiter
    breaker: Breaker


def container(store: FaultyStore, clock: ManualClock, *, expected_containers: int = CONTAINERS) -> Container:
    breaker = Breaker(clock)
    primary = Limiter(GuardedStore(store, breaker), clock)
    return Container(
        ResilientLimiter(primary, clock, expected_containers=expected_containers, breaker=breaker), breaker
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def store(clock: ManualClock) -> FaultyStore:
    return FaultyStore(clock)


@pytest.fixture
def limiter(store: FaultyStore, clock: ManualClock) -> ResilientLimiter:
    return container(store, clock).limiter


def gone() -> Unavailable:
    return Unavailable("timed_out", outcome_unknown=True)


def admitted(limiter: ResilientLimiter, tier: Tier, *, checks: int, cost: int = 1) -> int:
    return sum(limiter.check("s", tier, cost=cost).allowed for _ in range(checks))


def test_store_that_answers_decides_without_a_label(limiter: ResilientLimiter) -> None:
    decision = limiter.check("s", DEFAULT, cost=40)

    assert (decision.allowed, decision.remaining, decision.degraded) == (True, 60, False)
    assert not limiter.peek("s", DEFAULT).degraded
    assert admitted(limiter, DEFAULT, checks=100) == 60


@pytest.mark.parametrize(
    "fault", ["throttled", "timed_out", "connection", "server_fault", "garbled", "credentials"]
)
def test_every_kind_of_absence_is_answered_with_the_label_and_the_real_limit(
    fault: str, limiter: ResilientLimiter, store: FaultyStore
) -> None:
    store.fault = Unavailable(fault, outcome_unknown=False)  # type: ignore[arg-type]

    decision = limiter.check("s", DEFAULT)

    assert decision.allowed and decision.degraded
    assert decision.tier is DEFAULT
    assert decision.remaining == SHARE - 1


@pytest.mark.parametrize("defect", [RequestInvalid("ValidationException"), AccessRefused("AccessDenied")])
def test_defect_surfaces_and_is_not_hidden_by_an_answer(
    defect: Problem, limiter: ResilientLimiter, store: FaultyStore
) -> None:
    store.fault = defect

    for _ in range(10):
        with pytest.raises(type(defect)):
            limiter.check("s", DEFAULT)
        with pytest.raises(type(defect)):
            limiter.peek("s", DEFAULT)


def test_container_admits_its_share(limiter: ResilientLimiter, store: FaultyStore) -> None:
    store.fault = gone()

    assert admitted(limiter, DEFAULT, checks=200) == SHARE
    refused = limiter.check("s", DEFAULT)
    assert (refused.allowed, refused.remaining, refused.degraded) == (False, 0, True)
    assert limiter.check("another", DEFAULT).allowed


@pytest.mark.parametrize(
    ("limit", "expected_containers", "share"), [(100, 1, 100), (100, 3, 33), (100, 100, 1), (3, 50, 1)]
)
def test_share_is_rounded_down_and_at_least_one(
    limit: int, expected_containers: int, share: int, store: FaultyStore, clock: ManualClock
) -> None:
    limiter = container(store, clock, expected_containers=expected_containers).limiter
    store.fault = gone()

    assert admitted(limiter, make_tier("t", limit=limit, window_ms=60_000), checks=limit + 5) == share


def test_share_returns_with_time(limiter: ResilientLimiter, store: FaultyStore, clock: ManualClock) -> None:
    store.fault = gone()
    admitted(limiter, BURST, checks=100)
    refused = limiter.check("s", BURST)
    assert refused.retry_after_ms == BURST.window.window_ms + BURST.window.bucket_ms

    clock.advance(refused.retry_after_ms - 1)
    assert not limiter.check("s", BURST).allowed
    clock.advance(1)

    assert limiter.check("s", BURST).allowed


def test_denial_of_a_daily_quota_waits_for_the_store_and_not_for_a_day(
    limiter: ResilientLimiter, store: FaultyStore, clock: ManualClock
) -> None:
    plan = TIERS["plan:free"]
    store.fault = gone()
    limiter.check("s", plan, cost=SHARE)
    undecided = limiter.check("s", plan)
    assert (undecided.allowed, undecided.retry_after_ms) == (False, 1_000)
    for _ in range(3):
        limiter.check("s", plan)
    clock.advance(2_500)

    refused = limiter.check("s", plan)

    assert (refused.allowed, refused.retry_after_ms) == (False, OPEN_MS - 2_500)
    assert refused.reset_at_ms == clock.now_ms() + refused.retry_after_ms
    store.fault = None
    clock.advance(refused.retry_after_ms)
    assert limiter.check("s", plan).allowed


@pytest.mark.parametrize("cost", [SHARE + 1, DEFAULT.window.limit])
def test_cost_above_the_share_takes_all_of_it_and_is_not_denied_for_good(
    cost: int, limiter: ResilientLimiter, store: FaultyStore, clock: ManualClock
) -> None:
    store.fault = gone()

    first = limiter.check("s", DEFAULT, cost=cost)
    second = limiter.check("s", DEFAULT, cost=cost)

    assert (first.allowed, first.remaining, first.degraded) == (True, 0, True)
    assert (second.allowed, limiter.check("s", DEFAULT).allowed) == (False, False)
    clock.advance(DEFAULT.window.window_ms + DEFAULT.window.bucket_ms)
    assert limiter.check("s", DEFAULT, cost=cost).allowed


def test_cost_above_the_share_does_not_fit_beside_anything(
    limiter: ResilientLimiter, store: FaultyStore
) -> None:
    store.fault = gone()
    limiter.check("s", DEFAULT)

    refused = limiter.check("s", DEFAULT, cost=SHARE + 1)

    assert not refused.allowed
    assert refused.remaining == SHARE - 1, "a denial is not charged"


@pytest.mark.parametrize("cost", [0, -1, DEFAULT.window.limit + 1])
@pytest.mark.parametrize("tier", [DEFAULT, STRICT], ids=lambda tier: tier.name)
def test_cost_that_can_never_fit_is_an_error_then_too(
    tier: Tier, cost: int, limiter: ResilientLimiter, store: FaultyStore
) -> None:
    store.fault = gone()

    for _ in range(10):
        with pytest.raises(ValueError, match="cost"):
            limiter.check("s", tier, cost=cost)
        with pytest.raises(ValueError, match="cost"):
            limiter.peek("s", tier, cost=cost)
    assert store.asked == 0


def test_strict_tier_is_denied_until_the_store_may_be_back(
    limiter: ResilientLimiter, store: FaultyStore, clock: ManualClock
) -> None:
    store.fault = gone()
    for _ in range(4):
        early = limiter.check("s", STRICT)
        assert (early.allowed, early.degraded, early.retry_after_ms) == (False, True, 1_000)
    opened = limiter.check("s", STRICT)
    clock.advance(3_500)

    later = limiter.check("s", STRICT)

    assert opened.retry_after_ms == OPEN_MS
    assert (later.allowed, later.retry_after_ms, later.remaining) == (False, OPEN_MS - 3_500, 0)
    assert later.reset_at_ms == clock.now_ms() + later.retry_after_ms
    clock.advance(later.retry_after_ms - 1)
    assert limiter.check("s", STRICT).retry_after_ms == 1_000, "Retry-After has whole seconds"


def test_tiers_that_fail_closed_are_an_argument(store: FaultyStore, clock: ManualClock) -> None:
    breaker = Breaker(clock)
    limiter = ResilientLimiter(
        Limiter(GuardedStore(store, breaker), clock),
        clock,
        expected_containers=1,
        breaker=breaker,
        fail_closed=frozenset({"default"}),
    )
    store.fault = gone()

    assert not limiter.check("s", DEFAULT).allowed
    assert limiter.check("s", STRICT).allowed


def test_peek_reads_the_local_window_and_charges_nothing(
    limiter: ResilientLimiter, store: FaultyStore
) -> None:
    store.fault = gone()
    limiter.check("s", DEFAULT, cost=SHARE - 2)

    looks = [limiter.peek("s", DEFAULT, cost=cost) for cost in (1, 2, 3)]

    assert [look.allowed for look in looks] == [True, True, False]
    assert {look.remaining for look in looks} == {2}
    assert all(look.degraded for look in looks)
    assert not limiter.peek("s", STRICT).allowed


def test_several_charges_fit_all_or_none(limiter: ResilientLimiter, store: FaultyStore) -> None:
    store.fault = gone()
    limiter.check("s", BURST, cost=12)

    refused = limiter.check_all("s", (Charge(DEFAULT, 5), Charge(BURST, 1)))

    assert (refused.allowed, refused.violated) == (False, ("burst",))
    assert [decision.tier for decision in refused.decisions] == [DEFAULT, BURST]
    assert limiter.peek("s", DEFAULT).remaining == SHARE
    allowed = limiter.check_all("t", (Charge(DEFAULT, 5), Charge(BURST, 1)))
    assert allowed.allowed and all(decision.degraded for decision in allowed.decisions)


def test_one_tier_that_fails_closed_denies_all_and_charges_nothing(
    limiter: ResilientLimiter, store: FaultyStore
) -> None:
    store.fault = gone()

    for verdict in (
        limiter.check_all("s", (Charge(DEFAULT, 5), Charge(STRICT, 1))),
        limiter.peek_all("s", (Charge(DEFAULT, 5), Charge(STRICT, 1))),
    ):
        assert (verdict.allowed, verdict.violated) == (False, ("strict",))
    assert limiter.peek("s", DEFAULT).remaining == SHARE


def test_open_circuit_spares_the_store_and_the_wait(
    limiter: ResilientLimiter, store: FaultyStore, clock: ManualClock
) -> None:
    store.fault, store.hangs_ms = gone(), 600
    for _ in range(5):
        assert limiter.check("s", DEFAULT).degraded
    before_ms = clock.now_ms()

    answers = [limiter.check("s", DEFAULT) for _ in range(100)]

    assert store.asked == 5
    assert clock.now_ms() == before_ms
    assert all(answer.degraded for answer in answers)


def test_degraded_mode_ends_by_itself(
    limiter: ResilientLimiter, store: FaultyStore, clock: ManualClock
) -> None:
    store.fault = gone()
    admitted(limiter, DEFAULT, checks=50)
    store.fault = None
    assert limiter.check("s", DEFAULT).degraded
    clock.advance(OPEN_MS)

    decision = limiter.check("s", DEFAULT)

    assert (decision.allowed, decision.degraded) == (True, False)
    assert decision.remaining == DEFAULT.window.limit - 1, "what was admitted locally is not pushed back"


def test_store_that_is_still_gone_is_probed_once_in_ten_seconds(
    limiter: ResilientLimiter, store: FaultyStore, clock: ManualClock
) -> None:
    store.fault = gone()
    admitted(limiter, DEFAULT, checks=5)
    for probes in range(1, 6):
        clock.advance(OPEN_MS)
        admitted(limiter, DEFAULT, checks=10)
        assert store.asked == 5 + probes


def test_denial_that_a_snapshot_proves_is_exact_without_the_store(
    limiter: ResilientLimiter, store: FaultyStore
) -> None:
    """The limit was used up before the fault: the store need not be asked, and no fresh share is handed out."""
    limiter.check("s", DEFAULT, cost=100)
    store.fault = gone()
    for number in range(5):
        limiter.check(f"other-{number}", DEFAULT)

    refused = limiter.check("s", DEFAULT)

    assert (refused.allowed, refused.degraded) == (False, False)


def test_denials_from_snapshots_do_not_interrupt_a_row_of_failures(
    store: FaultyStore, clock: ManualClock
) -> None:
    limiter, breaker = container(store, clock)
    limiter.check("full", DEFAULT, cost=100)
    store.fault = gone()
    for _ in range(5):
        limiter.check("s", DEFAULT)
        limiter.check("full", DEFAULT)
    assert breaker.state() == "open"
    clock.advance(OPEN_MS)

    limiter.check("full", DEFAULT)

    assert breaker.state() == "half_open", "nobody asked the store"


def test_lost_answer_may_be_charged_and_is_decided_locally(
    limiter: ResilientLimiter, store: FaultyStore
) -> None:
    """The write was applied, its answer lost: charged in both places, so never more is admitted than is charged."""
    store.fault, store.applies = gone(), True
    decision = limiter.check("s", DEFAULT, cost=10)
    assert (decision.allowed, decision.remaining, decision.degraded) == (True, SHARE - 10, True)
    store.fault = None

    assert limiter.check("s", DEFAULT).remaining == 100 - 10 - 1


def test_local_windows_are_bounded(store: FaultyStore, clock: ManualClock) -> None:
    breaker = Breaker(clock)
    limiter = ResilientLimiter(
        Limiter(GuardedStore(store, breaker), clock),
        clock,
        expected_containers=CONTAINERS,
        breaker=breaker,
        max_local_records=10,
    )
    store.fault = gone()
    for number in range(100):
        assert limiter.check(f"subject-{number}", DEFAULT).allowed

    local = limiter._local._store
    assert isinstance(local, MemoryStore)
    assert len(local) == 10


@pytest.mark.parametrize(("expected_containers", "max_local_records"), [(0, 1), (1, 0)])
def test_impossible_settings_are_refused(
    expected_containers: int, max_local_records: int, store: FaultyStore, clock: ManualClock
) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ResilientLimiter(
            Limiter(store, clock),
            clock,
            expected_containers=expected_containers,
            breaker=Breaker(clock),
            max_local_records=max_local_records,
        )


def test_threads_share_one_share(limiter: ResilientLimiter, store: FaultyStore) -> None:
    store.fault = gone()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: limiter.check("s", DEFAULT), range(400)))

    assert sum(answer.allowed for answer in answers) == SHARE
    assert all(answer.degraded for answer in answers)
    assert 5 <= store.asked <= 5 + 8, "what was under way when the circuit opened, and no more"


class Admission(NamedTuple):
    stamp_ms: int
    units: int
    container: int
    degraded: bool


def most_in_any_window(admissions: list[Admission], window_ms: int) -> int:
    """Return the largest sum of units within less than one window."""
    return max(
        (
            sum(
                each.units
                for each in admissions
                if first.stamp_ms <= each.stamp_ms < first.stamp_ms + window_ms
            )
            for first in admissions
        ),
        default=0,
    )


SMALL = make_tier("small", limit=12, window_ms=1_200)
CHECK = st.tuples(st.just("check"), st.integers(0, 3), st.sampled_from([1, 1, 1, 2, 3]))
PASS = st.tuples(
    st.just("pass"),
    st.one_of(st.sampled_from([1, 59, 60, 1_199, 1_200, OPEN_MS]), st.integers(0, 3_000)),
    st.just(0),
)
FAULT = st.tuples(st.just("fault"), st.sampled_from([0, 0, 0, 600]), st.sampled_from([0, 1, 2]))


@settings(max_examples=300, deadline=None)
@given(steps=st.lists(st.one_of(CHECK, CHECK, CHECK, PASS, FAULT), min_size=1, max_size=120))
def test_bounds_hold_whatever_fails_when(steps: list[tuple[str, int, int]]) -> None:
    """Four containers, faults that come, go, hang and lose answers; the share of each is a quarter of the limit."""
    clock = ManualClock(now_ms=START_MS)
    store = FaultyStore(clock)
    limiters = [container(store, clock).limiter for _ in range(CONTAINERS)]
    admissions: list[Admission] = []
    for kind, number, variant in steps:
        if kind == "pass":
            clock.advance(number)
        elif kind == "fault":
            store.hangs_ms, store.applies = number, variant == 2
            store.fault = gone() if variant else None
        else:
            decision: Decision = limiters[number].check("s", SMALL, cost=variant)
            if decision.allowed:
                admissions.append(
                    Admission(decision.decided_at_ms, variant, number, degraded=decision.degraded)
                )

    window_ms, limit = SMALL.window.window_ms, SMALL.window.limit
    share = limit // CONTAINERS
    from_store = [each for each in admissions if not each.degraded]
    alone = [each for each in admissions if each.degraded]
    for number in range(CONTAINERS):
        own = [each for each in alone if each.container == number]
        assert most_in_any_window(own, window_ms) <= share
    assert most_in_any_window(from_store, window_ms) <= limit
    assert most_in_any_window(alone, window_ms) <= limit, "the share is rounded down"
    assert most_in_any_window(admissions, window_ms) <= limit + CONTAINERS * share


def test_window_that_straddles_a_fault_reaches_the_bound_and_no_more(
    store: FaultyStore, clock: ManualClock
) -> None:
    """The documented worst case is nearly met: a limit from the store, then a share from each that did not see it."""
    limiters = [container(store, clock).limiter for _ in range(CONTAINERS)]
    before = limiters[0].check("s", DEFAULT, cost=100)
    store.fault = gone()

    # A container that proved the denial before the fault keeps to it; the others start on their shares.
    during = [admitted(limiter, DEFAULT, checks=50) for limiter in limiters]

    assert before.allowed and not before.degraded
    assert during == [0, SHARE, SHARE, SHARE]
