"""Several subjects in one check: random lives, the transaction's answers, and what happens when the store is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edge.aws.connection import BrokenExchange, HttpAnswer
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.faults import AccessRefused, Refused, Unavailable
from edge.breaker import OPEN_MS, Breaker, CircuitOpen
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.ratelimit.decisions import Charge, SubjectCharge
from edge.ratelimit.dynamo import READ_BACK_MS, DynamoStore
from edge.ratelimit.guarded_store import GuardedStore
from edge.ratelimit.limiter import MAX_CALLS, PATIENCE_MS, Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.resilient import ResilientLimiter
from edge.ratelimit.store import (
    Applied,
    AppliedTogether,
    Change,
    Counter,
    NotApplied,
    NotAppliedTogether,
    Write,
)
from edge.ratelimit.subjects import record_key
from edge.ratelimit.tiers import TIERS, Tier, make_tier
from tests.unit.ratelimit.together import TogetherLife

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.ratelimit.store import Record

START_MS = 2_000_000_000_000
DEFAULT, STRICT, BURST = TIERS["default"], TIERS["strict"], TIERS["burst"]


def asked(*charges: tuple[str, Tier, int]) -> list[SubjectCharge]:
    return [SubjectCharge(subject, Charge(tier, cost)) for subject, tier, cost in charges]


PAIR = asked(("a", DEFAULT, 1), ("b", DEFAULT, 1))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


# --- the promise ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_no_subject_is_above_its_limit_and_each_check_is_charged_to_all_or_none(seed: int) -> None:
    """3,000 checks of one and of several subjects; late, lost and unread ones among them."""
    life = TogetherLife(seed, checks=3_000)

    assert life.excess() == 0
    assert life.charged() == life.stored()
    assert min(life.admitted_together, life.refused_together) > 300
    assert min(life.lost, life.unread) > 5


# --- what the limiter does with a store ----------------------------------------------------------------------------


class HookedStore(MemoryStore):
    """
    Lets others act between a transaction and the reading of what it left.

    Attributes:
        meanwhile: what they do.
        calls: writes that it was asked for.
    """

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.meanwhile: Callable[[], object] = lambda: None
        self.calls = 0

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        self.calls += 1
        return super().apply(key, write)

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        self.calls += 1
        outcome = super().apply_together(writes)
        if isinstance(outcome, NotAppliedTogether):
            return outcome
        self.meanwhile()
        read = self.read_together([key for key, _ in writes])
        return AppliedTogether({key: record for key, record in read.items() if record is not None})


def test_remaining_counts_what_others_took_before_it_was_read(clock: ManualClock) -> None:
    store = HookedStore(clock)
    other = Limiter(store, clock)
    store.meanwhile = lambda: other.check("b", DEFAULT, cost=30)

    verdict = Limiter(store, clock).check_together(PAIR)

    assert [each.remaining for each in verdict.decisions] == [99, 69]


def test_refund_finds_units_though_a_faster_clock_moved_the_floor_before_they_were_read(
    clock: ManualClock,
) -> None:
    """The stamp of a charge is that of its plan; what was read back may have a floor beyond it."""
    store = HookedStore(clock)
    limiter = Limiter(store, clock)
    limiter.check("a", DEFAULT)
    clock.advance(60_000)
    fast = Limiter(store, ManualClock(now_ms=clock.now_ms() + 10_000))
    fast.peek("a", DEFAULT)
    store.meanwhile = lambda: fast.check("a", DEFAULT)

    verdict = limiter.check_together(asked(("a", DEFAULT, 5), ("b", DEFAULT, 5)))

    record = store.read(record_key("a"))
    assert record is not None
    assert record.counters[DEFAULT.code].floor > DEFAULT.window.oldest_bucket(clock.now_ms())
    assert [each.decided_at_ms for each in verdict.decisions] == [clock.now_ms()] * 2
    assert limiter.refund("a", DEFAULT, cost=5, admitted_at_ms=verdict.decisions[0].decided_at_ms)


def test_clock_behind_the_floor_charges_where_it_was_moved_to(clock: ManualClock) -> None:
    store = HookedStore(clock)
    fast = Limiter(store, ManualClock(now_ms=clock.now_ms() + 70_000))
    Limiter(store, clock).check("a", DEFAULT)
    fast.peek("a", DEFAULT)
    fast.check("a", DEFAULT)
    behind = Limiter(store, clock)

    verdict = behind.check_together(asked(("a", DEFAULT, 5), ("b", DEFAULT, 5)))

    moved, own = [each.decided_at_ms for each in verdict.decisions]
    assert verdict.allowed and own == clock.now_ms() < moved
    assert behind.refund("a", DEFAULT, cost=5, admitted_at_ms=moved)


class MovingStore(HookedStore):
    """Somebody else is always quicker."""

    slowness_ms = 0

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self._time = clock

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        self.calls += 1
        self._time.advance(self.slowness_ms)
        return NotAppliedTogether({key: None for key, _ in writes})


def test_records_that_change_at_every_try_are_denied_for_a_bucket(clock: ManualClock) -> None:
    store = MovingStore(clock)

    verdict = Limiter(store, clock).check_together(asked(("a", DEFAULT, 1), ("b", BURST, 1)))

    assert not verdict.allowed
    assert [each.allowed for each in verdict.decisions] == [False, False]
    assert [each.subject for each in verdict.decisions] == ["a", "b"]
    assert [each.retry_after_ms for each in verdict.decisions] == [1_000, 50]
    assert store.calls == MAX_CALLS


def test_check_gives_up_before_its_caller_does(clock: ManualClock) -> None:
    store = MovingStore(clock)
    store.slowness_ms = PATIENCE_MS * 3 // 4

    with pytest.raises(DependencyUnavailable):
        Limiter(store, clock).check_together(PAIR)
    assert store.calls == 2


def leave_many_boundaries(store: MemoryStore, clock: ManualClock, *subjects: str) -> None:
    for _ in range(30):
        for subject in subjects:
            assert Limiter(store, clock).check(subject, DEFAULT).allowed
        clock.advance(2_000)
    clock.advance(60_000)


def test_records_are_swept_after_a_check_of_several(clock: ManualClock) -> None:
    store = HookedStore(clock)
    leave_many_boundaries(store, clock, "a", "b")
    store.calls = 0

    assert Limiter(store, clock).check_together(PAIR).allowed

    assert store.calls == 3
    for subject in "ab":
        record = store.read(record_key(subject))
        assert record is not None
        assert len(record.counters[DEFAULT.code].boundaries) == 2


def test_sweep_that_fails_or_would_come_late_does_not_undo_the_answer(clock: ManualClock) -> None:
    class Unswept(HookedStore):
        def apply(self, key: str, write: Write) -> Applied | NotApplied:
            if not any(change.cost for change in write.changes):
                self.calls += 100
                raise Unavailable("timed_out", outcome_unknown=True)
            return super().apply(key, write)

    store = Unswept(clock)
    leave_many_boundaries(store, clock, "a", "b")
    store.calls = 0
    assert Limiter(store, clock).check_together(PAIR).allowed
    assert store.calls == 201

    store.meanwhile = lambda: clock.advance(PATIENCE_MS + 1)
    store.calls = 0
    assert Limiter(store, clock).check_together(PAIR).allowed
    assert store.calls == 1


# --- what DynamoDB answers -----------------------------------------------------------------------------------------


HANGS = BrokenExchange("timed_out", sent=True)
"""An answer that does not come before the deadline."""


class Script:
    """A transport that plays answers and keeps the requests' bodies."""

    def __init__(self, *answers: HttpAnswer | BrokenExchange) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.answers = list(answers)
        self.requests: list[dict[str, object]] = []

    def connect(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is open."""

    def exchange(self, request: bytes, deadline_ns: int) -> HttpAnswer:
        self.requests.append(json.loads(request.partition(b"\r\n\r\n")[2]))
        answer = self.answers.pop(0)
        allowed_ms = (deadline_ns - self.clock.monotonic_ns()) // 1_000_000
        self.clock.advance(allowed_ms if answer is HANGS else 1)
        if isinstance(answer, BrokenExchange):
            raise answer
        return answer

    def store(self) -> DynamoStore:
        client = DynamoDB(
            region="eu-west-3",
            credentials=FixedCredentials(Credentials("AKIDEXAMPLE", "secret")),
            clock=self.clock,
            random=lambda: 1.0,
            sleep=lambda seconds: self.clock.advance(round(seconds * 1000)),
            transport=self,
        )
        tokens = iter(range(1, 99))
        return DynamoStore(client, "T", random_bytes=lambda length: bytes([next(tokens)] * length))


def ok(document: object) -> HttpAnswer:
    return HttpAnswer(200, {}, json.dumps(document).encode())


def failed(code: str, **members: object) -> HttpAnswer:
    return HttpAnswer(400, {}, json.dumps({"__type": f"x#{code}", **members}).encode())


def canceled(*reasons: object) -> HttpAnswer:
    return failed("TransactionCanceledException", CancellationReasons=list(reasons))


def item(key: str, total: int) -> dict[str, dict[str, str]]:
    numbers = {"x": 4_000_000_000, "t0aa": total, "l0aa": 9, "p0aa1": 0}
    return {"pk": {"S": key}} | {name: {"N": str(value)} for name, value in numbers.items()}


def counter(total: int) -> Counter:
    return Counter(total=total, boundaries={1: 0}, floor=0, horizon=0, limit=9, revision=0)


def two_writes() -> list[tuple[str, Write]]:
    change = Change("0aa", 1, 1, 9, 0, None, None, 0, None, True, (), None, None)
    return [(key, Write((change,), 4_000_000_000)) for key in ("=a", "=b")]


WRITTEN = ok({})
NONE = {"Code": "None"}
CONFLICT = {"Code": "TransactionConflict"}


def refused(*, found: object = None) -> dict[str, object]:
    return {"Code": "ConditionalCheckFailed"} | ({} if found is None else {"Item": found})


def test_transaction_asks_for_the_old_items_and_reads_the_new_ones_consistently() -> None:
    script = Script(WRITTEN, ok({"Responses": {"T": [item("=b", 2), item("=a", 5)]}}))

    outcome = script.store().apply_together(two_writes())

    assert isinstance(outcome, AppliedTogether)
    assert {key: record.counters["0aa"] for key, record in outcome.records.items()} == {
        "=a": counter(5),
        "=b": counter(2),
    }
    transaction, reading = script.requests
    assert transaction["ClientRequestToken"] == "01" * 16
    elements = transaction["TransactItems"]
    assert isinstance(elements, list)
    assert [element["Update"]["Key"] for element in elements] == [{"pk": {"S": "=a"}}, {"pk": {"S": "=b"}}]
    assert {element["Update"]["ReturnValuesOnConditionCheckFailure"] for element in elements} == {"ALL_OLD"}
    keys = [{"pk": {"S": "=a"}}, {"pk": {"S": "=b"}}]
    assert reading == {"RequestItems": {"T": {"Keys": keys, "ConsistentRead": True}}}


def test_repeats_of_a_transaction_keep_its_token_and_the_next_has_its_own() -> None:
    lost = BrokenExchange("timed_out", sent=True)
    in_progress = failed("TransactionInProgressException")
    read = ok({"Responses": {"T": [item("=a", 1), item("=b", 1)]}})
    script = Script(lost, in_progress, WRITTEN, read, canceled(CONFLICT, NONE), WRITTEN, read)
    store = script.store()

    for _ in range(2):
        assert set(store.apply_together(two_writes()).records) == {"=a", "=b"}

    tokens = [request["ClientRequestToken"] for request in script.requests if "TransactItems" in request]
    assert tokens == ["01" * 16] * 3 + ["02" * 16] * 2


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        ((refused(found=item("=a", 7)), NONE), {"=a": 7}),
        ((NONE, refused()), {"=b": None}),
        ((refused(), refused(found=item("=b", 3))), {"=a": None, "=b": 3}),
        ((CONFLICT, refused(found=item("=b", 3))), {"=b": 3}),
        ((refused(found=item("=a", 7)), {"Code": "ThrottlingError"}), {"=a": 7}),
    ],
)
def test_refusal_tells_of_those_whose_condition_failed(
    reasons: Sequence[object], told: dict[str, int | None]
) -> None:
    outcome = Script(canceled(*reasons)).store().apply_together(two_writes())

    assert isinstance(outcome, NotAppliedTogether)
    totals = {
        key: None if record is None else record.counters["0aa"].total
        for key, record in outcome.records.items()
    }
    assert totals == told


@pytest.mark.parametrize(
    "reasons",
    [(), (NONE, NONE), (refused(),), (refused(found={"pk": {"S": "=a"}}), NONE), (refused(), NONE, NONE)],
)
def test_refusal_that_makes_no_sense_is_garbled_and_charged_nobody(reasons: Sequence[object]) -> None:
    with pytest.raises(Unavailable) as raised:
        Script(canceled(*reasons)).store().apply_together(two_writes())

    assert (raised.value.fault, raised.value.outcome_unknown) == ("garbled", False)


def test_write_that_is_at_fault_otherwise_is_a_defect_of_ours() -> None:
    script = Script(canceled(refused(found=item("=a", 7)), {"Code": "ValidationError"}))

    with pytest.raises(Refused, match="TransactionCanceledException"):
        script.store().apply_together(two_writes())


@pytest.mark.parametrize(
    "answers",
    [
        [failed("ThrottlingException")] * 3,
        [BrokenExchange("connection", sent=True)] * 3,
        [ok({"Responses": {"T": [{"x": {"N": "1"}}]}})],
        [ok({"Responses": {"T": [{"pk": {"S": "=a"}}]}})],
        [ok({"Responses": {"T": [item("=a", 1)]}, "UnprocessedKeys": {"T": {"Keys": []}}})] * 3,
    ],
)
def test_reading_that_fails_does_not_undo_what_was_written(
    answers: list[HttpAnswer | BrokenExchange],
) -> None:
    assert Script(WRITTEN, *answers).store().apply_together(two_writes()) == AppliedTogether({})


def test_slow_reading_is_not_waited_for() -> None:
    script = Script(WRITTEN, HANGS, HANGS, HANGS)

    assert script.store().apply_together(two_writes()) == AppliedTogether({})

    assert script.clock.now_ms() - START_MS == 1 + READ_BACK_MS


def test_reading_that_is_not_allowed_is_a_defect_that_surfaces() -> None:
    with pytest.raises(AccessRefused):
        Script(WRITTEN, failed("AccessDeniedException")).store().apply_together(two_writes())


def test_peek_is_told_what_there_is_not() -> None:
    script = Script(ok({"Responses": {"T": [item("=b", 2)]}}))

    read = script.store().read_together(["=a", "=b"])

    assert read["=a"] is None
    assert read["=b"] is not None and read["=b"].counters["0aa"].total == 2


# --- when the store is gone ----------------------------------------------------------------------------------------


class GoneStore(MemoryStore):
    """
    A store that fails while *fault* is set.

    Attributes:
        fault: what it raises.
        applies: the writes happen before the fault, as when only the answer is lost.
        asked: how often it was asked.
    """

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.fault: Exception | None = None
        self.applies = False
        self.asked = 0

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        if self.applies:
            super().apply_together(writes)
        self._maybe_fail()
        return super().apply_together(writes)

    def read_together(self, keys: Sequence[str]) -> dict[str, Record | None]:
        self._maybe_fail()
        return super().read_together(keys)

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        self._maybe_fail()
        return super().apply(key, write)

    def read(self, key: str) -> Record | None:
        self._maybe_fail()
        return super().read(key)

    def _maybe_fail(self) -> None:
        self.asked += 1
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def store(clock: ManualClock) -> GoneStore:
    return GoneStore(clock)


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker(clock)


@pytest.fixture
def limiter(store: GoneStore, clock: ManualClock, breaker: Breaker) -> ResilientLimiter:
    primary = Limiter(GuardedStore(store, breaker), clock)
    return ResilientLimiter(primary, clock, expected_containers=4, breaker=breaker)


def gone() -> Unavailable:
    return Unavailable("timed_out", outcome_unknown=True)


def test_store_that_answers_decides_without_a_label(limiter: ResilientLimiter) -> None:
    verdict = limiter.check_together(PAIR)

    assert verdict.allowed and not any(each.degraded for each in verdict.decisions)
    assert [each.remaining for each in limiter.peek_together(PAIR).decisions] == [99, 99]


def test_container_decides_alone_with_the_label_and_the_real_limit(
    limiter: ResilientLimiter, store: GoneStore
) -> None:
    store.fault = gone()

    verdict = limiter.check_together(asked(("a", DEFAULT, 5), ("b", BURST, 2), ("a", BURST, 1)))

    assert verdict.allowed
    assert [each.remaining for each in verdict.decisions] == [20, 10, 11]
    assert all(each.degraded for each in verdict.decisions)
    assert [each.tier for each in verdict.decisions] == [DEFAULT, BURST, BURST]
    assert [each.subject for each in verdict.decisions] == ["a", "b", "a"]


def test_container_alone_charges_all_or_none_too(limiter: ResilientLimiter, store: GoneStore) -> None:
    store.fault = gone()
    limiter.check_together(asked(("b", DEFAULT, 24), ("c", DEFAULT, 1)))

    refused = limiter.check_together(asked(("a", DEFAULT, 3), ("b", DEFAULT, 2)))

    assert not refused.allowed and refused.violated == ("default",)
    assert refused.retry_after_ms == 1_000, "the store may be back sooner than the local window"
    looks = limiter.peek_together(asked(("a", DEFAULT, 1), ("b", DEFAULT, 1)))
    assert [each.remaining for each in looks.decisions] == [25, 1]
    assert all(each.degraded for each in looks.decisions)
    assert limiter.check_together(PAIR).allowed


def test_tier_that_fails_closed_denies_all_and_charges_nobody(
    limiter: ResilientLimiter, store: GoneStore
) -> None:
    store.fault = gone()
    mixed = asked(("a", DEFAULT, 5), ("b", STRICT, 1))
    limiter.check_together(mixed)

    verdict = limiter.check_together(mixed)

    assert not verdict.allowed and verdict.violated == ("strict",)
    assert [(each.subject, each.allowed, each.degraded) for each in verdict.decisions] == [
        ("a", True, True),
        ("b", False, True),
    ]
    assert limiter.peek_together(PAIR).decisions[0].remaining == 25


def test_open_circuit_leaves_the_store_alone_until_it_is_probed(
    limiter: ResilientLimiter, store: GoneStore, clock: ManualClock, breaker: Breaker
) -> None:
    store.fault = gone()
    for _ in range(5):
        limiter.check_together(PAIR)
    assert (store.asked, breaker.state()) == (5, "open")

    for _ in range(10):
        assert limiter.check_together(PAIR).decisions[0].degraded
        assert limiter.peek_together(PAIR).decisions[0].degraded
    assert store.asked == 5

    store.fault = None
    clock.advance(OPEN_MS)
    assert not limiter.check_together(PAIR).decisions[0].degraded
    assert breaker.state() == "closed"


def test_guarded_store_says_that_it_was_not_asked(store: GoneStore, clock: ManualClock) -> None:
    breaker = Breaker(clock, failures_to_open=2)
    guarded = GuardedStore(store, breaker)
    store.fault = gone()
    with pytest.raises(Unavailable):
        guarded.apply_together(two_writes())
    with pytest.raises(Unavailable):
        guarded.read_together(["=a"])

    with pytest.raises(CircuitOpen):
        guarded.apply_together(two_writes())
    with pytest.raises(CircuitOpen):
        guarded.read_together(["=a"])
    assert store.asked == 2


def test_denial_that_a_snapshot_proves_is_exact_without_the_store(
    limiter: ResilientLimiter, store: GoneStore
) -> None:
    limiter.check("b", DEFAULT, cost=100)
    store.fault = gone()
    for _ in range(5):
        limiter.check_together(asked(("c", DEFAULT, 1), ("d", DEFAULT, 1)))
    before = store.asked

    refused = limiter.check_together(PAIR)

    assert not refused.allowed and not any(each.degraded for each in refused.decisions)
    assert store.asked == before


def test_lost_answer_may_be_charged_to_all_and_is_decided_locally(
    limiter: ResilientLimiter, store: GoneStore
) -> None:
    store.fault, store.applies = gone(), True
    verdict = limiter.check_together(PAIR)
    assert verdict.allowed and verdict.decisions[0].degraded
    store.fault, store.applies = None, False

    assert [each.remaining for each in limiter.check_together(PAIR).decisions] == [98, 98]


def test_defect_surfaces_and_is_not_hidden_by_an_answer(
    limiter: ResilientLimiter, store: GoneStore, breaker: Breaker
) -> None:
    store.fault = AccessRefused("AccessDeniedException")
    for _ in range(10):
        with pytest.raises(AccessRefused):
            limiter.check_together(PAIR)
        with pytest.raises(AccessRefused):
            limiter.peek_together(PAIR)
    assert breaker.state() == "closed"


def test_impossible_charges_are_an_error_then_too(limiter: ResilientLimiter, store: GoneStore) -> None:
    store.fault = gone()
    for impossible in (asked(), asked(("a", DEFAULT, 101), ("b", DEFAULT, 1)), [PAIR[0], PAIR[0]]):
        with pytest.raises(ValueError, match=r"charges|cost"):
            limiter.check_together(impossible)
        with pytest.raises(ValueError, match=r"charges|cost"):
            limiter.peek_together(impossible)
    assert store.asked == 0


def test_one_counted_subject_goes_the_way_of_one(limiter: ResilientLimiter, store: GoneStore) -> None:
    store.fault = gone()
    enterprise = TIERS["plan:enterprise"]

    verdict = limiter.check_together(asked(("a", DEFAULT, 5), ("b", enterprise, 1)))

    assert verdict.allowed and all(each.degraded for each in verdict.decisions)
    assert limiter.peek("a", DEFAULT).remaining == 20


def test_memory_of_one_record_still_answers_for_two(clock: ManualClock) -> None:
    """The bound of a memory store forgets early; it must not fail in the middle of a pair."""
    store = MemoryStore(clock, max_records=1)

    verdict = Limiter(store, clock).check_together(PAIR)

    assert [each.remaining for each in verdict.decisions] == [99, 99]
    assert len(store) == 1


def test_long_names_and_odd_windows_are_subjects_and_tiers_too(clock: ManualClock) -> None:
    long = "x" * 200
    odd = make_tier("odd", limit=2, window_ms=7_000)
    limiter = Limiter(MemoryStore(clock), clock)
    pair = asked((long, odd, 1), (long + "y", odd, 2))

    assert [each.remaining for each in limiter.check_together(pair).decisions] == [1, 0]
    assert limiter.check_together(pair).violated == ("odd",)
