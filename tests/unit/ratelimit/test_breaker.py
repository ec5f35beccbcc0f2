"""The circuit breaker: when it lets a call through, and that nothing wedges it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.aws.faults import TableMissing, Unavailable
from edge.breaker import FAILURES_TO_OPEN, OPEN_MS, PROBE_MS, Breaker, CircuitOpen
from edge.clock import ManualClock
from edge.ratelimit.guarded_store import GuardedStore
from edge.ratelimit.memory import MemoryStore

if TYPE_CHECKING:
    from edge.ratelimit.store import Record

START_MS = 1_795_179_600_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker(clock)


def enter(breaker: Breaker) -> int:
    """Return a permit that there must be."""
    permit = breaker.enter()
    assert permit is not None
    return permit


def fail(breaker: Breaker, times: int = FAILURES_TO_OPEN) -> None:
    for _ in range(times):
        breaker.failed(enter(breaker))


def test_opens_at_the_last_of_five_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 4)
    assert breaker.state() == "closed"

    fail(breaker, 1)

    assert breaker.state() == "open"
    assert breaker.enter() is None


def test_success_interrupts_a_row_of_failures(breaker: Breaker) -> None:
    for _ in range(20):
        fail(breaker, 4)
        breaker.succeeded(enter(breaker))

    assert breaker.state() == "closed"


def test_stays_open_for_ten_seconds_to_the_millisecond(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker)
    clock.advance(OPEN_MS - 1)
    assert (breaker.enter(), breaker.left_ms(), breaker.state()) == (None, 1, "open")

    clock.advance(1)

    assert (breaker.left_ms(), breaker.state()) == (0, "half_open")
    assert breaker.enter() is not None


def test_one_probe_until_it_is_decided(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker)
    clock.advance(OPEN_MS)
    probe = enter(breaker)
    clock.advance(PROBE_MS - 1)
    assert breaker.enter() is None

    breaker.succeeded(probe)

    assert breaker.state() == "closed"
    assert enter(breaker) == enter(breaker)


def test_failed_probe_opens_for_as_long_again(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker)
    clock.advance(OPEN_MS)
    breaker.failed(enter(breaker))

    assert (breaker.enter(), breaker.left_ms()) == (None, OPEN_MS)
    clock.advance(OPEN_MS)
    assert breaker.enter() is not None


def test_probe_that_failed_does_not_keep_the_next_one_waiting(clock: ManualClock) -> None:
    breaker = Breaker(clock, open_ms=100, probe_ms=5_000)
    fail(breaker)
    clock.advance(100)
    breaker.failed(enter(breaker))

    clock.advance(100)

    assert breaker.enter() is not None


def test_closed_again_takes_five_failures_to_open(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker)
    clock.advance(OPEN_MS)
    breaker.succeeded(enter(breaker))

    fail(breaker, 4)

    assert breaker.state() == "closed"


def test_probe_that_never_reports_does_not_wedge(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker)
    clock.advance(OPEN_MS)
    enter(breaker)

    clock.advance(PROBE_MS)

    assert breaker.enter() is not None
    assert breaker.enter() is None


@pytest.mark.parametrize("report", [Breaker.succeeded, Breaker.failed])
def test_report_of_a_probe_that_was_given_up_counts_for_nothing(
    report: object, breaker: Breaker, clock: ManualClock
) -> None:
    fail(breaker)
    clock.advance(OPEN_MS)
    given_up = enter(breaker)
    clock.advance(PROBE_MS)
    probe = enter(breaker)

    assert callable(report)
    report(breaker, given_up)
    assert (breaker.state(), breaker.enter()) == ("half_open", None)

    breaker.succeeded(probe)
    assert breaker.state() == "closed"


@pytest.mark.parametrize("reports", [1, 2])
def test_call_from_before_the_fault_does_not_close_the_circuit(
    reports: int, breaker: Breaker, clock: ManualClock
) -> None:
    early = enter(breaker)
    fail(breaker)

    for _ in range(reports):
        breaker.succeeded(early)

    assert breaker.enter() is None
    clock.advance(OPEN_MS)
    enter(breaker)
    breaker.succeeded(early)
    assert breaker.state() == "half_open"


def test_calls_that_fail_late_do_not_prolong_the_opening(breaker: Breaker, clock: ManualClock) -> None:
    late = [enter(breaker) for _ in range(20)]
    fail(breaker)
    clock.advance(OPEN_MS - 1)

    for permit in late:
        breaker.failed(permit)

    assert breaker.left_ms() == 1


def test_late_failures_do_not_count_against_the_closed_circuit(breaker: Breaker, clock: ManualClock) -> None:
    late = [enter(breaker) for _ in range(20)]
    fail(breaker)
    clock.advance(OPEN_MS)
    breaker.succeeded(enter(breaker))

    for permit in late:
        breaker.failed(permit)

    assert breaker.state() == "closed"


class FrozenClock(ManualClock):
    """A container's clocks around a freeze: wall time goes on, monotonic time does not."""

    def monotonic_ns(self) -> int:
        return 0


def test_time_in_a_frozen_container_counts() -> None:
    clock = FrozenClock(now_ms=START_MS)
    breaker = Breaker(clock)
    fail(breaker)

    clock.advance(OPEN_MS)

    assert breaker.enter() is not None


def test_wall_clock_that_is_set_back_does_not_prolong(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker)
    clock.set_back(3_600_000)
    assert breaker.left_ms() == OPEN_MS

    clock.advance(OPEN_MS)

    assert breaker.enter() is not None


def test_monotonic_time_that_restarts_does_not_wedge() -> None:
    """A container restored from a snapshot may be on another machine."""
    clock = FrozenClock(now_ms=START_MS)
    breaker = Breaker(clock)
    fail(breaker)
    clock.monotonic_ns = lambda: -(10**18)  # type: ignore[method-assign]
    assert breaker.left_ms() == OPEN_MS

    clock.advance(OPEN_MS)

    assert breaker.left_ms() == 0


@pytest.mark.parametrize(
    "arguments", [{"failures_to_open": 0}, {"open_ms": 0}, {"probe_ms": 0}], ids=lambda each: next(iter(each))
)
def test_impossible_settings_are_refused(arguments: dict[str, int], clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Breaker(clock, **arguments)


THREADS = 16


@pytest.mark.parametrize("closes", [True, False])
def test_threads_get_one_probe_between_them(closes: bool, clock: ManualClock) -> None:  # noqa: FBT001
    breaker = Breaker(clock)
    fail(breaker)
    barrier = threading.Barrier(THREADS)

    def rush(_: int) -> int | None:
        barrier.wait(10)
        return breaker.enter()

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(50):
            clock.advance(OPEN_MS)
            probes = [permit for permit in pool.map(rush, range(THREADS)) if permit is not None]
            assert len(probes) == 1
            if closes:
                breaker.succeeded(probes[0])
                fail(breaker)
            else:
                breaker.failed(probes[0])


def test_failures_of_many_threads_are_all_counted(clock: ManualClock) -> None:
    breaker = Breaker(clock, failures_to_open=THREADS * 100)
    permits = [enter(breaker) for _ in range(THREADS)]

    def fail_often(permit: int) -> None:
        for _ in range(100):
            breaker.failed(permit)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(fail_often, permits))

    assert breaker.state() == "open"


class BreakerMachine(RuleBasedStateMachine):
    """
    Calls begin, end well, badly, late or never, and time passes.

    The model is told in other words than the breaker: it keeps the instant from which the next call may go, and the
    set of permits whose report counts.
    """

    FAILURES, OPEN, PROBE = 3, 1_000, 400

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(now_ms=START_MS)
        self.breaker = Breaker(
            self.clock, failures_to_open=self.FAILURES, open_ms=self.OPEN, probe_ms=self.PROBE
        )
        self.calls: list[tuple[int, int]] = []
        self.era = 0
        self.row = 0
        self.closed = True
        self.next_call_ms = 0

    def now_ms(self) -> int:
        return self.clock.monotonic_ns() // 1_000_000

    @rule()
    def begin(self) -> None:
        permit = self.breaker.enter()
        assert (permit is not None) == (self.closed or self.now_ms() >= self.next_call_ms)
        if permit is None:
            return
        if not self.closed:
            self.era += 1
            self.next_call_ms = self.now_ms() + self.PROBE
        self.calls.append((permit, self.era))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), well=st.booleans(), again=st.booleans())
    def end(self, data: st.DataObject, well: bool, again: bool) -> None:  # noqa: FBT001
        number = data.draw(st.integers(0, len(self.calls) - 1))
        permit, era = self.calls[number] if again else self.calls.pop(number)
        (self.breaker.succeeded if well else self.breaker.failed)(permit)
        if era != self.era:
            return
        self.row = 0 if well else self.row + 1
        if self.closed and self.row < self.FAILURES:
            return
        self.row = 0
        self.era += 1
        self.closed = well
        self.next_call_ms = self.now_ms() + self.OPEN

    @rule(duration_ms=st.one_of(st.sampled_from([1, 399, 400, 999, 1_000]), st.integers(0, 3_000)))
    def wait(self, duration_ms: int) -> None:
        self.clock.advance(duration_ms)

    @rule(duration_ms=st.integers(0, 5_000))
    def wall_clock_is_set_back(self, duration_ms: int) -> None:
        self.clock.set_back(duration_ms)

    @invariant()
    def states_agree(self) -> None:
        assert (self.breaker.state() == "closed") == self.closed
        assert (self.breaker.state() == "open") == (self.breaker.left_ms() > 0)

    def teardown(self) -> None:
        """Wherever it was left, and if nobody ever reports: a call is let through in the end."""
        self.clock.advance(self.OPEN)
        assert self.breaker.enter() is not None


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


class ScriptedStore(MemoryStore):
    """Raises what it is told to, and counts how often it is asked."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.asked = 0
        self.error: BaseException | None = None

    def read(self, key: str) -> Record | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return super().read(key)


@pytest.fixture
def store(clock: ManualClock) -> ScriptedStore:
    return ScriptedStore(clock)


@pytest.fixture
def guarded(store: ScriptedStore, breaker: Breaker) -> GuardedStore:
    return GuardedStore(store, breaker)


def read_failing(guarded: GuardedStore, times: int = FAILURES_TO_OPEN) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable):
            guarded.read("k")


def test_store_is_not_asked_while_its_circuit_is_open(
    guarded: GuardedStore, store: ScriptedStore, clock: ManualClock
) -> None:
    store.error = Unavailable("throttled", outcome_unknown=False)
    read_failing(guarded)
    clock.advance(2_001)

    with pytest.raises(CircuitOpen) as caught:
        guarded.read("k")

    assert store.asked == FAILURES_TO_OPEN
    assert caught.value.retry_after_seconds == 8
    assert caught.value.log_fields()["fault"] == "circuit_open"


def test_store_that_is_back_is_asked_again(
    guarded: GuardedStore, store: ScriptedStore, clock: ManualClock
) -> None:
    store.error = Unavailable("connection", outcome_unknown=True)
    read_failing(guarded)
    store.error = None
    clock.advance(OPEN_MS)

    assert [guarded.read("k") for _ in range(3)] == [None, None, None]
    assert store.asked == FAILURES_TO_OPEN + 3


def test_refusal_is_an_answer(
    guarded: GuardedStore, store: ScriptedStore, breaker: Breaker, clock: ManualClock
) -> None:
    """A missing table is a defect of ours: it surfaces each time, and opens nothing."""
    store.error = TableMissing("ResourceNotFoundException")
    for _ in range(FAILURES_TO_OPEN * 2):
        with pytest.raises(TableMissing):
            guarded.read("k")
    assert breaker.state() == "closed"

    fail(breaker)
    clock.advance(OPEN_MS)
    with pytest.raises(TableMissing):
        guarded.read("k")
    assert breaker.state() == "closed"


def test_probe_that_ends_in_an_unforeseen_error_does_not_wedge(
    guarded: GuardedStore, store: ScriptedStore, breaker: Breaker, clock: ManualClock
) -> None:
    fail(breaker)
    clock.advance(OPEN_MS)
    store.error = KeyError("t")
    with pytest.raises(KeyError):
        guarded.read("k")
    store.error = None
    with pytest.raises(CircuitOpen) as caught:
        guarded.read("k")
    assert caught.value.retry_after_seconds == 1

    clock.advance(PROBE_MS)

    assert guarded.read("k") is None
    assert breaker.state() == "closed"
