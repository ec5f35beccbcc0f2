"""
Several subjects in one check, all or nothing: what every store and limiter must do, in memory and on the engines.

Both engines honour ``ClientRequestToken``; the tests of lost answers say so.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from edge.aws.connection import BrokenExchange, HttpAnswer
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import MAX_ANSWER_BYTES, DynamoDB
from edge.aws.endpoint import Endpoint
from edge.aws.faults import Unavailable
from edge.aws.pool import Pool
from edge.aws.retries import Budget
from edge.clock import ManualClock, SystemClock
from edge.ratelimit.decisions import Charge, SubjectCharge
from edge.ratelimit.dynamo import DynamoStore
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.store import Applied, AppliedTogether, NotAppliedTogether, Record
from edge.ratelimit.subjects import record_key
from edge.ratelimit.tiers import TIERS, make_tier
from tests.contract.ratelimit.conftest import REGION, rate_windows
from tests.contract.ratelimit.limiter_contract import START_MS, STRICT, CountingStore
from tests.contract.ratelimit.store_contract import EXPIRES, A, B, beginning, change, write
from tests.unit.ratelimit.together import TogetherLife

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.ratelimit.store import WindowStore
    from edge.ratelimit.tiers import Tier

DEFAULT = TIERS["default"]
HOURLY = make_tier("hourly", limit=100, window_ms=3_600_000)
THREADS = 16
PATIENT_MS = 10_000
"""The machine is busy; that shall not look like a slow table."""


class Network:
    """
    The way from a client to an engine: it counts operations, and loses answers or plays conflicts as told.

    Attributes:
        operations: how often each was sent.
        tokens: of the transactions that were sent.
        lost: operations whose next answer does not arrive; the engine has done them.
        conflicts: so many transactions are cancelled because others write to their items.
    """

    def __init__(self, url: str) -> None:
        self._pool = Pool(
            Endpoint.parse(url),
            clock=SystemClock(),
            ca_bundle="amazon",
            max_body_bytes=MAX_ANSWER_BYTES,
            connect_ms=5_000,
        )
        self.operations: Tally[str] = Tally()
        self.tokens: list[str] = []
        self.lost: list[str] = []
        self.conflicts = 0

    def connect(self) -> bool:
        return self._pool.connect()

    def close(self) -> None:
        self._pool.close()

    def exchange(self, request: bytes, deadline_ns: int) -> HttpAnswer:
        named = re.search(rb"DynamoDB_20120810\.(\w+)", request)
        assert named is not None
        operation = named[1].decode()
        self.operations[operation] += 1
        if operation == "TransactWriteItems":
            body = json.loads(request.partition(b"\r\n\r\n")[2])
            self.tokens.append(body["ClientRequestToken"])
            if self.conflicts:
                self.conflicts -= 1
                return _conflict(len(body["TransactItems"]))
        answer = self._pool.exchange(request, deadline_ns)
        if operation in self.lost:
            self.lost.remove(operation)
            raise BrokenExchange("timed_out", sent=True)
        return answer

    def client(self, *, attempts: int = 3) -> DynamoDB:
        return DynamoDB(
            region=REGION,
            credentials=FixedCredentials(Credentials("local", "local")),
            budget=Budget(connect_ms=5_000, attempt_ms=10_000, call_ms=20_000, attempts=attempts),
            transport=self,
        )

    def store(self, *, attempts: int = 3) -> DynamoStore:
        return DynamoStore(self.client(attempts=attempts), rate_windows().name, read_back_ms=PATIENT_MS)


def _conflict(writes: int) -> HttpAnswer:
    reasons = [{"Code": "TransactionConflict"}, *[{"Code": "None"}] * (writes - 1)]
    document = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": reasons,
    }
    return HttpAnswer(400, {}, json.dumps(document).encode())


@pytest.fixture
def network(limiter_engine_url: str) -> Iterator[Network]:
    network = Network(limiter_engine_url)
    yield network
    network.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def names() -> list[str]:
    """Five subjects that nobody has met."""
    return [str(uuid.uuid4()) for _ in range(5)]


def together(*charges: tuple[str, Tier, int]) -> list[SubjectCharge]:
    return [SubjectCharge(subject, Charge(tier, cost)) for subject, tier, cost in charges]


def units(store: WindowStore, subject: str) -> dict[str, int]:
    """Return what was ever charged to *subject*, by code of the tier."""
    record = store.read(record_key(subject))
    return {} if record is None else {code: counter.total for code, counter in record.counters.items()}


class TogetherStoreContract:
    """Inherit and provide the fixture ``store``."""

    @pytest.fixture
    def keys(self) -> list[str]:
        return [f"together/{uuid.uuid4()}" for _ in range(3)]

    def begin(self, store: WindowStore, key: str, *, cost: int = 1) -> Record:
        outcome = store.apply(key, write(beginning(cost=cost)))
        assert isinstance(outcome, Applied)
        return outcome.record

    def test_records_are_begun_and_changed_together(self, store: WindowStore, keys: list[str]) -> None:
        self.begin(store, keys[0])

        outcome = store.apply_together(
            [
                (keys[0], write(change(bucket=101, least_total=1, most_total=2))),
                (keys[1], write(beginning(cost=2))),
                (keys[2], write(beginning(), beginning(counter=B, cost=3)._replace(chain=None))),
            ]
        )

        assert isinstance(outcome, AppliedTogether)
        assert outcome.records == store.read_together(keys)
        totals = [{code: each.total for code, each in outcome.records[key].counters.items()} for key in keys]
        assert totals == [{A: 2}, {A: 2}, {A: 1, B: 3}]
        assert outcome.records[keys[0]].counters[A].boundaries == {100: 0, 101: 1}

    @pytest.mark.parametrize("at_fault", [0, 1, 2])
    def test_one_condition_that_fails_undoes_all(
        self, store: WindowStore, keys: list[str], at_fault: int
    ) -> None:
        before = {key: self.begin(store, key) for key in keys}
        fits, full = change(bucket=101, least_total=1, most_total=2), change(least_total=7, most_total=9)

        outcome = store.apply_together(
            [(key, write(full if number == at_fault else fits)) for number, key in enumerate(keys)]
        )

        assert outcome == NotAppliedTogether({keys[at_fault]: before[keys[at_fault]]})
        assert store.read_together(keys) == before

    def test_one_counter_that_fails_undoes_all(self, store: WindowStore, keys: list[str]) -> None:
        before = self.begin(store, keys[0])
        full = change(least_total=7, most_total=9)

        outcome = store.apply_together(
            [(keys[0], write(beginning(counter=B), full)), (keys[1], write(beginning()))]
        )

        assert outcome == NotAppliedTogether({keys[0]: before})
        assert store.read_together(keys[:2]) == {keys[0]: before, keys[1]: None}

    def test_all_that_failed_are_told_and_those_without_a_record_too(
        self, store: WindowStore, keys: list[str]
    ) -> None:
        before = self.begin(store, keys[2])
        full = write(change(least_total=7, most_total=9))

        outcome = store.apply_together([(keys[0], full), (keys[1], write(beginning())), (keys[2], full)])

        assert outcome == NotAppliedTogether({keys[0]: None, keys[2]: before})
        assert store.read_together(keys) == {keys[0]: None, keys[1]: None, keys[2]: before}

    def test_stateless_condition_holds_in_company_as_alone(self, store: WindowStore, keys: list[str]) -> None:
        for key in keys[:2]:
            self.begin(store, key)
        chained = write(change(bucket=101, chain=(42, 116)))

        outcomes = [store.apply_together([(key, chained) for key in keys[:2]]) for _ in range(3)]

        assert [type(each) for each in outcomes] == [AppliedTogether, AppliedTogether, NotAppliedTogether]
        assert set(outcomes[2].records) == set(keys[:2])

    @pytest.mark.parametrize("text", ['quote"back\\slash', "ü-日本-🦉", "a b", "{}", ":l"])
    def test_any_text_is_a_key(self, store: WindowStore, keys: list[str], text: str) -> None:
        odd = [key + text for key in keys[:2]]

        outcome = store.apply_together([(key, write(beginning())) for key in odd])

        assert set(outcome.records) == set(odd)
        assert all(record is not None for record in store.read_together(odd).values())

    def test_reading_tells_of_each_key(self, store: WindowStore, keys: list[str]) -> None:
        begun = self.begin(store, keys[1])

        assert store.read_together(keys) == {keys[0]: None, keys[1]: begun, keys[2]: None}
        assert begun.expires_at_seconds == EXPIRES


class TogetherLimiterContract:
    """Inherit and provide the fixture ``store``, which shares ``clock`` where it has a use for one."""

    @pytest.fixture
    def counting(self, store: WindowStore) -> CountingStore:
        return CountingStore(store)

    @pytest.fixture
    def limiter(self, counting: CountingStore, clock: ManualClock) -> Limiter:
        return Limiter(counting, clock, patience_ms=PATIENT_MS)

    def test_each_subject_is_charged_and_told_in_the_order_asked(
        self, limiter: Limiter, store: WindowStore, names: list[str]
    ) -> None:
        a, b, c = names[:3]
        asked = together((b, STRICT, 4), (a, DEFAULT, 7), (c, STRICT, 1), (b, DEFAULT, 2), (a, STRICT, 3))

        verdict = limiter.check_together(asked)

        assert verdict.allowed and not verdict.violated and verdict.retry_after_ms == 0
        assert [(each.subject, each.tier) for each in verdict.decisions] == [
            (subject, charge.tier) for subject, charge in asked
        ]
        assert [each.remaining for each in verdict.decisions] == [6, 93, 9, 98, 7]
        assert {each.decided_at_ms for each in verdict.decisions} == {START_MS}
        assert not any(each.degraded for each in verdict.decisions)
        assert units(store, a) == {DEFAULT.code: 7, STRICT.code: 3}
        assert units(store, b) == {DEFAULT.code: 2, STRICT.code: 4}
        assert units(store, c) == {STRICT.code: 1}

    @pytest.mark.parametrize("full", [0, 1, 2])
    @pytest.mark.parametrize("knows", ["nothing", "all"])
    def test_one_subject_that_is_full_denies_all_and_charges_nobody(
        self,
        limiter: Limiter,
        store: WindowStore,
        clock: ManualClock,
        names: list[str],
        full: int,
        knows: str,
    ) -> None:
        limiter.check(names[full], STRICT, cost=10)
        before = [units(store, name) for name in names]
        asker = limiter if knows == "all" else Limiter(store, clock, patience_ms=PATIENT_MS)

        refused = asker.check_together(together(*[(name, STRICT, 1) for name in names[:3]]))

        assert not refused.allowed
        assert [each.allowed for each in refused.decisions] == [number != full for number in range(3)]
        assert refused.violated == ("strict",)
        assert refused.retry_after_ms == refused.decisions[full].retry_after_ms == 61_000
        assert [units(store, name) for name in names] == before

    def test_denial_costs_no_call_once_it_is_known(
        self, limiter: Limiter, counting: CountingStore, clock: ManualClock, names: list[str]
    ) -> None:
        a, b = names[:2]
        limiter.check(b, STRICT, cost=10)
        cold = Limiter(counting, clock, patience_ms=PATIENT_MS)
        before = counting.writes
        assert not cold.check_together(together((a, STRICT, 1), (b, STRICT, 1))).allowed
        assert counting.writes == before + 1

        for name in names[2:]:
            assert not cold.check_together(together((name, STRICT, 1), (b, STRICT, 1))).allowed
            assert not limiter.check_together(together((b, STRICT, 1), (name, STRICT, 1))).allowed

        assert (counting.writes, counting.reads) == (before + 1, 0)

    def test_denial_promises_no_units_of_a_subject_that_was_not_looked_at(
        self, limiter: Limiter, names: list[str]
    ) -> None:
        a, b = names[:2]
        limiter.check(b, STRICT, cost=10)

        unknown, full = limiter.check_together(together((a, STRICT, 1), (b, STRICT, 1))).decisions

        assert (unknown.allowed, unknown.remaining, unknown.retry_after_ms) == (True, 0, 0)
        assert (full.allowed, full.remaining) == (False, 0)
        limiter.peek(a, STRICT)
        known, _ = limiter.check_together(together((a, STRICT, 1), (b, STRICT, 1))).decisions
        assert (known.allowed, known.remaining) == (True, 0), "it has no record still"
        limiter.check(a, STRICT, cost=3)
        known, _ = limiter.check_together(together((a, STRICT, 1), (b, STRICT, 1))).decisions
        assert known.remaining == 7

    def test_waiting_as_told_is_enough_and_no_millisecond_less(
        self, limiter: Limiter, clock: ManualClock, names: list[str]
    ) -> None:
        a, b = names[:2]
        limiter.check(a, STRICT, cost=10)
        clock.advance(2_500)
        limiter.check(b, STRICT, cost=8)
        asked = together((a, STRICT, 1), (b, STRICT, 3))
        wait_ms = limiter.check_together(asked).retry_after_ms

        clock.advance(wait_ms - 1)
        early = limiter.check_together(asked)
        clock.advance(1)

        assert not early.allowed and early.retry_after_ms == 1
        assert limiter.check_together(asked).allowed

    def test_refused_cost_leaves_what_is_left_to_cheaper_ones(
        self, limiter: Limiter, store: WindowStore, names: list[str]
    ) -> None:
        a, b = names[:2]
        limiter.check(b, STRICT, cost=8)
        assert not limiter.check_together(together((a, STRICT, 5), (b, STRICT, 3))).allowed

        assert limiter.check_together(together((a, STRICT, 5), (b, STRICT, 2))).allowed
        assert (units(store, a), units(store, b)) == ({STRICT.code: 5}, {STRICT.code: 10})

    def test_checks_of_one_and_of_several_share_counters(
        self, limiter: Limiter, store: WindowStore, names: list[str]
    ) -> None:
        a, b = names[:2]
        pair = together((a, STRICT, 1), (b, STRICT, 1))
        for _ in range(3):
            assert limiter.check(a, STRICT).allowed
            assert limiter.check_together(pair).allowed
            assert limiter.check_all(b, (Charge(STRICT, 1), Charge(DEFAULT, 1))).allowed
        assert [each.remaining for each in limiter.check_together(pair).decisions] == [3, 3]
        assert limiter.check(b, STRICT, cost=3).allowed

        assert limiter.check_together(pair).violated == ("strict",)
        assert limiter.check(a, STRICT, cost=3).allowed
        assert (units(store, a), units(store, b)) == (
            {STRICT.code: 10},
            {STRICT.code: 10, DEFAULT.code: 3},
        )

    def test_refund_and_reset_reach_units_that_were_charged_together(
        self, limiter: Limiter, clock: ManualClock, names: list[str]
    ) -> None:
        a, b = names[:2]
        asked = together((a, STRICT, 10), (b, STRICT, 10))
        charged = limiter.check_together(asked)
        clock.advance(3_000)
        assert not limiter.check_together(asked).allowed

        assert limiter.refund(a, STRICT, cost=10, admitted_at_ms=charged.decisions[0].decided_at_ms)
        assert limiter.check_together(asked).violated == ("strict",)
        limiter.reset(b, STRICT)

        assert limiter.check_together(asked).allowed

    def test_stale_container_is_put_right_by_the_refusal(
        self, counting: CountingStore, clock: ManualClock, names: list[str]
    ) -> None:
        asked = together(*[(name, STRICT, 2) for name in names])
        stale, busy = [Limiter(counting, clock, patience_ms=PATIENT_MS) for _ in range(2)]
        assert stale.check_together(asked).allowed
        for name in names:
            clock.advance(1_000)
            assert busy.check(name, STRICT, cost=8).allowed
        clock.advance(70_000)
        before = counting.writes

        verdict = stale.check_together(together(*[(name, STRICT, 4) for name in names]))

        assert verdict.allowed
        assert [each.remaining for each in verdict.decisions] == [6] * 5
        assert counting.writes == before + 2

    def test_cold_containers_make_one_transaction_a_check(
        self, counting: CountingStore, clock: ManualClock, names: list[str]
    ) -> None:
        asked = together(*[(name, DEFAULT, 1) for name in names[:3]], (names[0], TIERS["plan:free"], 1))
        for number in range(20):
            cold = Limiter(counting, clock, patience_ms=PATIENT_MS)
            verdict = cold.check_together(asked)
            assert [each.remaining for each in verdict.decisions] == [99 - number] * 4
            clock.advance(700)

        assert (counting.writes, counting.reads) == (20, 0)

    def test_peek_reads_all_and_writes_nothing(
        self, limiter: Limiter, store: WindowStore, counting: CountingStore, names: list[str]
    ) -> None:
        a, b, c = names[:3]
        limiter.check(a, STRICT, cost=4)
        before = [units(store, name) for name in names]

        seen = limiter.peek_together(together((a, STRICT, 6), (b, STRICT, 1), (c, DEFAULT, 5)))
        refused = limiter.peek_together(together((b, STRICT, 1), (a, STRICT, 7)))

        assert seen.allowed and [each.remaining for each in seen.decisions] == [6, 10, 100]
        assert [each.allowed for each in refused.decisions] == [True, False]
        assert (counting.writes, counting.reads) == (1, 2)
        assert [units(store, name) for name in names] == before

    def test_peek_and_check_agree(self, limiter: Limiter, clock: ManualClock, names: list[str]) -> None:
        asked = together((names[0], STRICT, 2), (names[1], STRICT, 3))
        verdicts = []
        for _ in range(30):
            seen = limiter.peek_together(asked)
            verdicts.append(limiter.check_together(asked).allowed)
            assert seen.allowed == verdicts[-1]
            clock.advance(5_700)

        assert 5 < sum(verdicts) < 25

    def test_one_counted_subject_is_one_write_or_one_read(
        self, limiter: Limiter, counting: CountingStore, store: WindowStore, names: list[str]
    ) -> None:
        a, b = names[:2]
        enterprise = TIERS["plan:enterprise"]
        asked = together((b, enterprise, 9), (a, STRICT, 4), (a, DEFAULT, 2), (a, enterprise, 1))

        charged = limiter.check_together(asked)
        seen = limiter.peek_together(asked)
        refused = limiter.check_together(together((a, STRICT, 7), (b, enterprise, 9)))

        assert [each.subject for each in charged.decisions] == [b, a, a, a]
        assert [each.remaining for each in charged.decisions[1:3]] == [6, 98]
        assert charged.allowed and seen.allowed and seen.decisions[1].remaining == 6
        assert [each.allowed for each in refused.decisions] == [False, True] and not refused.allowed
        assert (counting.writes, counting.reads) == (1, 1)
        assert units(store, b) == {}

    def test_unlimited_tiers_alone_cost_no_call(
        self, limiter: Limiter, counting: CountingStore, names: list[str]
    ) -> None:
        enterprise = TIERS["plan:enterprise"]
        asked = together((names[0], enterprise, 10**9), (names[1], enterprise, 1))

        assert limiter.check_together(asked).allowed and limiter.peek_together(asked).allowed
        assert (counting.writes, counting.reads) == (0, 0)

    def test_unlimited_tier_beside_two_counted_subjects_is_not_charged(
        self, limiter: Limiter, store: WindowStore, names: list[str]
    ) -> None:
        a, b, c = names[:3]
        asked = together((c, TIERS["plan:enterprise"], 5), (a, STRICT, 10), (b, STRICT, 1))
        assert limiter.check_together(asked).allowed

        refused = limiter.check_together(asked)

        assert [each.allowed for each in refused.decisions] == [True, False, True]
        assert refused.decisions[0].remaining == TIERS["plan:enterprise"].window.limit
        assert units(store, c) == {}

    def test_impossible_requests_are_refused_before_any_call(
        self, limiter: Limiter, counting: CountingStore, names: list[str]
    ) -> None:
        a, b = names[:2]
        impossible = [
            ([], "charges"),
            (together((a, STRICT, 1), (b, STRICT, 1), (a, STRICT, 2)), "charges"),
            (together(*[(f"{a}{number}", STRICT, 1) for number in range(6)]), "charges"),
            (together((a, STRICT, 1), (b, STRICT, 11)), "cost"),
            (together((a, STRICT, 0), (b, STRICT, 1)), "cost"),
            (together((a, STRICT, 1), (b, make_tier("w", limit=1, window_ms=8 * 86_400_000), 1)), "longest"),
        ]
        for asked, complaint in impossible:
            with pytest.raises(ValueError, match=complaint):
                limiter.check_together(asked)
            with pytest.raises(ValueError, match=complaint):
                limiter.peek_together(asked)
        assert (counting.writes, counting.reads) == (0, 0)

    def test_threads_on_overlapping_pairs_charge_both_of_a_pair_and_never_too_much(
        self, store: WindowStore, clock: ManualClock, names: list[str]
    ) -> None:
        """Sixteen threads, four containers: A+B, B+C, A+C and now and then one alone, 100 an hour each."""
        a, b, c = names[:3]
        groups = [(a, b), (b, c), (a, c), (b,)]
        containers = [Limiter(store, clock, patience_ms=PATIENT_MS) for _ in range(4)]
        admitted: list[tuple[str, ...]] = []
        barrier = threading.Barrier(THREADS)

        def hammer(number: int) -> None:
            barrier.wait(30)
            limiter = containers[number % 4]
            for turn in range(60):
                group = groups[(number + turn) % 3] if turn % 8 else groups[3]
                if len(group) == 1:
                    allowed = limiter.check(group[0], HOURLY).allowed
                else:
                    allowed = limiter.check_together(together(*[(name, HOURLY, 1) for name in group])).allowed
                if allowed:
                    admitted.append(group)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(hammer, range(THREADS)))

        totals = {name: units(store, name)[HOURLY.code] for name in (a, b, c)}
        assert totals == {name: sum(name in group for group in admitted) for name in (a, b, c)}
        assert max(totals.values()) <= 100
        assert sum(total == 100 for total in totals.values()) >= 2, "else a pair would still have fitted"
        assert {len(group) for group in admitted} == {1, 2}


class TestTogetherOnMemoryStore(TogetherStoreContract, TogetherLimiterContract):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryStore:
        return MemoryStore(clock)


class TestTogetherOnDynamoStore(TogetherStoreContract, TogetherLimiterContract):
    @pytest.fixture
    def store(self, network: Network) -> DynamoStore:
        return network.store(attempts=10)

    def test_admitted_check_is_a_transaction_and_a_read_and_a_denial_nothing(
        self, network: Network, store: DynamoStore, clock: ManualClock, names: list[str]
    ) -> None:
        limiter = Limiter(store, clock, patience_ms=PATIENT_MS)
        asked = together((names[0], STRICT, 1), (names[1], DEFAULT, 1))
        for _ in range(10):
            assert limiter.check_together(asked).allowed
        for _ in range(50):
            assert not limiter.check_together(asked).allowed

        assert network.operations == {"TransactWriteItems": 10, "BatchGetItem": 10}
        assert len(set(network.tokens)) == 10
        limiter.peek_together(asked)
        assert network.operations == {"TransactWriteItems": 10, "BatchGetItem": 11}

    def test_checks_of_one_subject_send_what_they_always_sent(
        self, network: Network, store: DynamoStore, clock: ManualClock, names: list[str]
    ) -> None:
        limiter = Limiter(store, clock)
        limiter.check(names[0], STRICT)
        limiter.check_all(names[0], (Charge(STRICT, 1), Charge(DEFAULT, 1)))
        limiter.check_together(together((names[0], STRICT, 1), (names[0], DEFAULT, 1)))
        limiter.peek_together(together((names[0], STRICT, 1)))

        assert network.operations == {"UpdateItem": 3, "GetItem": 1}

    @pytest.mark.parametrize("knows", ["nothing", "all"])
    def test_lost_answer_is_asked_for_again_and_charged_once(
        self, network: Network, store: DynamoStore, clock: ManualClock, names: list[str], knows: str
    ) -> None:
        """The engine has committed; the second try has the same token, and both engines take it for the first."""
        a, b = names[:2]
        asked = together((a, STRICT, 2 if knows == "all" else 1), (b, STRICT, 1))
        limiter = Limiter(store, clock, patience_ms=PATIENT_MS)
        if knows == "all":
            limiter.check_together(asked)
        before = (units(store, a).get(STRICT.code, 0), units(store, b).get(STRICT.code, 0))
        network.tokens.clear()
        network.lost = ["TransactWriteItems"]

        verdict = limiter.check_together(asked)

        assert verdict.allowed and not network.lost
        assert len(network.tokens) == 2 and len(set(network.tokens)) == 1
        charged = (units(store, a)[STRICT.code] - before[0], units(store, b)[STRICT.code] - before[1])
        assert charged == (asked[0].charge.cost, 1)
        assert verdict.decisions[0].remaining == 10 - units(store, a)[STRICT.code]

    def test_answer_that_stays_lost_is_said_to_be_unknown_and_charged_at_most_once(
        self, network: Network, clock: ManualClock, names: list[str]
    ) -> None:
        store = network.store(attempts=3)
        network.lost = ["TransactWriteItems"] * 3
        asked = together((names[0], STRICT, 1), (names[1], STRICT, 1))

        with pytest.raises(Unavailable) as raised:
            Limiter(store, clock, patience_ms=PATIENT_MS).check_together(asked)

        assert raised.value.outcome_unknown
        assert units(store, names[0]) == units(store, names[1]) == {STRICT.code: 1}

    def test_reading_that_fails_leaves_the_check_decided_and_promises_nothing(
        self, network: Network, store: DynamoStore, clock: ManualClock, names: list[str]
    ) -> None:
        limiter = Limiter(store, clock, patience_ms=PATIENT_MS)
        asked = together((names[0], STRICT, 2), (names[1], DEFAULT, 1))
        limiter.check_together(asked)
        clock.advance(1_500)
        network.lost = ["BatchGetItem"] * 10

        verdict = limiter.check_together(asked)

        assert verdict.allowed
        assert [each.remaining for each in verdict.decisions] == [0, 0]
        assert [each.decided_at_ms for each in verdict.decisions] == [clock.now_ms()] * 2
        assert [each.reset_at_ms for each in verdict.decisions] == [START_MS + 62_000] * 2
        network.lost = []
        assert [each.remaining for each in limiter.check_together(asked).decisions] == [4, 97]

    def test_conflict_is_tried_again_and_charged_once(
        self, network: Network, store: DynamoStore, clock: ManualClock, names: list[str]
    ) -> None:
        network.conflicts = 2

        verdict = Limiter(store, clock, patience_ms=PATIENT_MS).check_together(
            together((names[0], STRICT, 1), (names[1], STRICT, 1))
        )

        assert [each.remaining for each in verdict.decisions] == [9, 9]
        assert network.operations["TransactWriteItems"] == 3

    def test_conflicts_without_end_leave_everybody_uncharged(
        self, network: Network, clock: ManualClock, names: list[str]
    ) -> None:
        store = network.store(attempts=2)
        network.conflicts = 99

        with pytest.raises(Unavailable) as raised:
            Limiter(store, clock, patience_ms=PATIENT_MS).check_together(
                together((names[0], STRICT, 1), (names[1], STRICT, 1))
            )

        assert (raised.value.fault, raised.value.outcome_unknown) == ("conflict", False)
        assert units(store, names[0]) == units(store, names[1]) == {}

    @pytest.mark.parametrize("seed", range(2))
    def test_engine_decides_as_memory_does(self, store: DynamoStore, seed: int) -> None:
        """Same seed, same life: 300 checks of one and of several, every commit must be the same."""
        prefix = f"{uuid.uuid4()}/"

        lived = TogetherLife(seed, checks=300, store=store, prefix=prefix)

        expected = TogetherLife(seed, checks=300, prefix=prefix)
        assert lived.commits == expected.commits
        assert lived.calls == expected.calls
        assert lived.charged() == lived.stored()
        assert lived.excess() == 0
