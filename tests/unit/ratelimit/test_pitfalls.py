"""
The twelve ways in which a limiter of this kind went wrong while it was studied, each with its remedy held here.

A test is named for its pitfall and fails once the remedy is taken out of the code. Longer lives and the engines are
elsewhere (test_bound.py, tests/contract/ratelimit); here each failure is as short as it can be made.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.aws.connection import BrokenExchange
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.faults import Unavailable
from edge.clock import ManualClock
from edge.ratelimit.decisions import Charge, SubjectCharge, spread
from edge.ratelimit.dynamo import DynamoStore, parse_item
from edge.ratelimit.expressions import boundary_name, render_write
from edge.ratelimit.limiter import FORGET_AFTER_SECONDS, Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.store import Write
from edge.ratelimit.subjects import record_key
from edge.ratelimit.tiers import DAY_MS, TIERS, make_tier
from edge.ratelimit.window import plan
from tests.bench.traces import most_in_any_window
from tests.unit.ratelimit.simulation import Check, Limit, Pass, Refund, Restart, Simulation, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.aws.connection import HttpAnswer
    from edge.aws.wire import Item
    from edge.ratelimit.decisions import Decision
    from edge.ratelimit.store import Applied, AppliedTogether, Counter, NotApplied, NotAppliedTogether
    from edge.ratelimit.tiers import Tier

START_MS = 2_000_000_000_000
MINUTE = make_tier("minute", limit=5, window_ms=60_000)
STRICT = TIERS["strict"]
FREE = TIERS["plan:free"]


class CountingStore(MemoryStore):
    """Counts writes, and may lose the answer to one that it made."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.writes = 0
        self.loses_answers = False

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        self.writes += 1
        outcome = super().apply(key, write)
        if self.loses_answers:
            raise Unavailable("timed_out", outcome_unknown=True)
        return outcome

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        self.writes += len(writes)
        return super().apply_together(writes)

    def counter(self, tier: Tier) -> Counter:
        record = self.read(record_key("s"))
        assert record is not None
        return record.counters[tier.code]


class UnforgettingStore(CountingStore):
    """Deletes nothing, as DynamoDB may for days after an item's time to live."""

    def _forget_expired(self) -> None:
        pass


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=START_MS)


@pytest.fixture
def store(clock: ManualClock) -> CountingStore:
    return CountingStore(clock)


def take(limiter: Limiter, tier: Tier, attempts: int) -> int:
    return sum(limiter.check("s", tier).allowed for _ in range(attempts))


# --- 1


def test_clean_up_with_a_floor_does_not_admit_a_check_that_is_two_windows_late() -> None:
    """1. Boundaries that were removed meanwhile would have counted: without a floor that tells, 6 of 5 are admitted."""
    simulation = Simulation(MINUTE, [0, 0])
    meanwhile = (Check(1, 5), Pass(121_000), Check(1, 1), Check(1, 1))

    simulation.run([Check(0, 1, meanwhile)])

    # The late one was moved forward, to where what it has to count is still there.
    assert [admission.stamp_ms - START_MS >= 0 for admission in simulation.admissions] == [True] * 4
    assert simulation.excess() == 0


def test_clean_up_with_a_floor_does_not_admit_a_clock_that_is_two_windows_behind() -> None:
    """1. The same by a slow clock that has lost its snapshot: without a floor 9 of 5."""
    slow, fast = 0, 1
    simulation = Simulation(MINUTE, [0, 120_000])

    simulation.run([Check(slow, 5), Check(fast, 1), Check(fast, 1), Restart(slow), *[Check(slow, 1)] * 5])

    assert simulation.excess() == 0


def test_floor_never_sinks(clock: ManualClock, store: CountingStore) -> None:
    """1. Of two that clean up, the one with the slower clock comes last: it takes no boundary's removal back."""
    ahead = ManualClock(now_ms=START_MS + 90_000)
    slow, fast = Limiter(store, clock), Limiter(store, ahead)
    slow.check("s", MINUTE)
    floors = []
    for _ in range(8):
        clock.advance(70_000)
        ahead.advance(70_000)
        for container in (fast, slow):
            container.check("s", MINUTE)
            floors.append(store.counter(MINUTE).floor)

    assert floors == sorted(floors)
    assert floors[-1] > floors[2] > 0


# --- 1, 5, 9: what a search finds

WINDOW_MS, BUCKET_MS = MINUTE.window.window_ms, MINUTE.window.bucket_ms
CONTAINERS = st.integers(0, 1)
PAUSES = st.sampled_from(
    [
        *(1, BUCKET_MS - 1, BUCKET_MS, WINDOW_MS // 3, WINDOW_MS * 2 // 3),
        *(WINDOW_MS - BUCKET_MS, WINDOW_MS - 1, WINDOW_MS, 2 * WINDOW_MS),
    ]
).map(Pass)
CHECKS = st.builds(Check, CONTAINERS, st.sampled_from([1, MINUTE.window.limit]), st.just(()))
MEANWHILE = st.lists(st.one_of(PAUSES, CHECKS), min_size=1, max_size=4).map(tuple)
LATE_CHECKS = st.builds(Check, CONTAINERS, st.sampled_from([1, MINUTE.window.limit]), MEANWHILE)
PLAIN: st.SearchStrategy[Step] = st.one_of(PAUSES, CHECKS, LATE_CHECKS)
FAMILIES: dict[str, st.SearchStrategy[Step]] = {
    "late": PLAIN,
    "restarts": st.one_of(PLAIN, st.builds(Restart, CONTAINERS)),
    "refunds": st.one_of(PLAIN, st.builds(Refund, CONTAINERS, st.integers(0, 2), st.just(5), MEANWHILE)),
    "limits": st.one_of(PLAIN, st.builds(Limit, CONTAINERS, st.sampled_from([1, 5, 9]))),
}


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_short_life_at_the_edges_exceeds_the_limit(family: str, data: st.DataObject) -> None:
    """
    Two containers, a few steps, only instants that matter: what goes wrong is told in a line or two.

    Beside the lives of test_bound.py, which are long and have everything in them, and so seldom what it takes.
    """
    offset_ms = data.draw(
        st.sampled_from([0, BUCKET_MS, WINDOW_MS // 6, WINDOW_MS, 2 * WINDOW_MS]), "offset_ms"
    )
    steps = data.draw(st.lists(FAMILIES[family], min_size=2, max_size=8), "steps")
    simulation = Simulation(MINUTE, [0, offset_ms])

    simulation.run(steps)

    assert simulation.excess() == 0


# --- 2


def test_sparse_subject_of_containers_that_never_come_back_stays_small(
    clock: ManualClock, store: CountingStore
) -> None:
    """2. Nobody who knows what is dead ever writes: unswept, the record has 300 boundaries."""
    for _ in range(300):
        assert Limiter(store, clock).check("s", MINUTE).allowed
        clock.advance(75_000)

    assert len(store.counter(MINUTE).boundaries) <= 24
    assert store.writes <= 1.05 * 300


# --- 3


@pytest.mark.parametrize("disagreement_ms", [1_000, 4_000, 20_000])
def test_clocks_that_disagree_shorten_the_window_by_that_and_no_more(disagreement_ms: int) -> None:
    """3. The worst case made: the slow one takes all at the end of a bucket, the fast one as soon as it may."""
    slow, fast = 0, 1
    simulation = Simulation(MINUTE, [0, disagreement_ms])
    simulation.run([Pass(MINUTE.window.bucket_ms - 1), *[Check(slow, 1)] * 5])
    for _ in range(600):
        simulation.run([Pass(100), Check(fast, 1)])

    assert simulation.excess() == 0
    assert simulation.most_in_true_window(60_000 - disagreement_ms) == 5
    assert simulation.most_in_true_window(61_001) == 10


def test_clocks_that_disagree_at_random_admit_no_more_than_the_limit() -> None:
    """3. Eight containers within two seconds of each other, traffic of three times the limit: nothing is noticed."""
    chance = random.Random(3)
    tier = TIERS["default"]
    simulation = Simulation(tier, [chance.randrange(2_000) for _ in range(8)])
    for _ in range(3_000):
        simulation.run([Pass(round(chance.expovariate(300 / 60_000))), Check(chance.randrange(8), 1)])

    assert simulation.excess() == 0
    assert simulation.most_in_true_window(60_000) <= 102
    assert simulation.most_in_true_window(58_000) <= 100


def test_clock_that_is_behind_the_floor_is_moved_and_not_denied(
    clock: ManualClock, store: CountingStore
) -> None:
    """3. Two minutes behind what others have cleaned up, it still gets what is left, in two calls at most."""
    limiter = Limiter(store, clock)
    for _ in range(3):
        limiter.check("s", MINUTE)
        clock.advance(70_000)
    limiter.check("s", MINUTE)
    behind = Limiter(store, ManualClock(now_ms=clock.now_ms() - 200_000))
    before = store.writes

    assert behind.check("s", MINUTE).allowed
    assert store.writes <= before + 2
    assert take(behind, MINUTE, 9) == 3


# --- 4


def test_clock_that_is_a_little_slow_does_not_meet_the_floor(
    clock: ManualClock, store: CountingStore
) -> None:
    """4. Three seconds apart and a write a second each: what the fast one no longer needs, the slow one still does."""
    tier = make_tier("steady", limit=1_000, window_ms=60_000)
    ahead = ManualClock(now_ms=START_MS + 3_000)
    slow, fast = Limiter(store, clock), Limiter(store, ahead)
    for number in range(400):
        # It forgets every now and then: with a snapshot it would know what it needs.
        slow = Limiter(store, clock) if number % 20 == 0 else slow
        decision = slow.check("s", tier)
        assert decision.decided_at_ms == clock.now_ms()
        assert fast.check("s", tier).allowed
        clock.advance(1_000)
        ahead.advance(1_000)

    assert store.writes <= 1.05 * 800


# --- 5


@pytest.mark.parametrize("containers", [20, 200])
@pytest.mark.parametrize("every_ms", [40, 1_000, 2_500])
def test_new_bucket_is_no_race_for_containers_that_know_nothing(
    clock: ManualClock, store: CountingStore, containers: int, every_ms: int
) -> None:
    """5. Each is new, most begin a bucket: a window that rolls by compare-and-swap takes two calls, this one takes one."""
    for _ in range(containers):
        assert Limiter(store, clock).check("s", TIERS["relaxed"]).allowed
        clock.advance(every_ms)

    sweeps = containers * every_ms // (60_000 * 24 // 60)
    assert containers <= store.writes <= containers + (sweeps if every_ms * containers > 60_000 else 0)


@pytest.mark.parametrize("containers", [2, 20, 200])
def test_new_bucket_is_no_race_for_containers_with_old_snapshots(
    clock: ManualClock, store: CountingStore, containers: int
) -> None:
    """5. Each comes back when others have begun buckets since: 1.02 calls a check at most."""
    limiters = [Limiter(store, clock) for _ in range(containers)]
    for turn in range(600):
        assert limiters[turn % containers].check("s", TIERS["relaxed"]).allowed
        clock.advance(1_300)

    assert store.writes <= 1.02 * 600


def test_new_bucket_is_no_race_for_containers_whose_clocks_disagree(
    clock: ManualClock, store: CountingStore
) -> None:
    """5. Two seconds apart and knowing nothing, they write in two buckets in turn: a second call once in ten checks."""
    chance = random.Random(5)
    for _ in range(200):
        own = ManualClock(now_ms=clock.now_ms() + chance.randrange(2_000))
        assert Limiter(store, own).check("s", TIERS["relaxed"]).allowed
        clock.advance(100)

    assert 200 <= store.writes <= 1.1 * 200


def test_stateless_condition_does_not_pass_by_boundaries_that_it_does_not_name() -> None:
    """5. The price of the remedy: two thirds of a window late, it names none that was written since. A horizon tells."""
    simulation = Simulation(MINUTE, [0, 0])

    simulation.run([Check(0, 1, (Pass(40_000), Check(1, 5)))])

    assert simulation.excess() == 0


# --- 6


def test_write_whose_answer_was_lost_is_not_repeated(clock: ManualClock, store: CountingStore) -> None:
    """6. It may have been made: a limiter that tries again charges twice."""
    limiter = Limiter(store, clock)
    store.loses_answers = True
    with pytest.raises(Unavailable):
        limiter.check("s", MINUTE)
    store.loses_answers = False

    assert store.writes == 1
    assert limiter.peek("s", MINUTE).remaining == 4


class LosingTransport:
    """Takes whole requests and never answers."""

    def __init__(self) -> None:
        self.requests = 0

    def connect(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is open."""

    def exchange(self, request: bytes, deadline_ns: int) -> HttpAnswer:
        del request, deadline_ns
        self.requests += 1
        raise BrokenExchange("timed_out", sent=True)


def test_client_does_not_repeat_a_charge_either(clock: ManualClock) -> None:
    """6. boto3 would, by default: the retries of a client are below the limiter, which cannot see them."""
    transport = LosingTransport()
    client = DynamoDB(
        region="eu-west-3",
        credentials=FixedCredentials(Credentials("AKIDEXAMPLE", "secret")),
        clock=clock,
        random=lambda: 0.0,
        sleep=lambda seconds: clock.advance(round(seconds * 1_000)),
        transport=transport,
    )

    with pytest.raises(Unavailable) as lost:
        Limiter(DynamoStore(client, "T"), clock).check("s", MINUTE)

    assert lost.value.outcome_unknown
    assert transport.requests == 1


# --- 7


def test_flood_costs_a_call_for_each_container_and_release(clock: ManualClock, store: CountingStore) -> None:
    """7. A partition takes 1,000 writes a second: 20 containers deny 40,000 checks in a minute with a call each."""
    limiters = [Limiter(store, clock) for _ in range(20)]
    assert take(limiters[0], STRICT, 10) == 10
    for _ in range(2_000):
        clock.advance(30)
        assert not any(limiter.check("s", STRICT).allowed for limiter in limiters)

    assert store.writes == 10 + 19


def test_those_who_were_denied_together_do_not_come_back_together(
    clock: ManualClock, store: CountingStore
) -> None:
    """7. 1,000 containers would write in the millisecond that a bucket leaves; they are spread over the next bucket."""
    chance = random.Random(7)
    limiter = Limiter(store, clock)
    take(limiter, STRICT, 10)
    verdict = limiter.check_all("s", [Charge(STRICT, 1)])

    waits_ms = [spread(verdict, chance.random()).retry_after_ms for _ in range(1_000)]

    assert min(waits_ms) >= verdict.retry_after_ms
    assert max(waits_ms) < verdict.retry_after_ms + STRICT.window.bucket_ms
    assert max(waits_ms.count(wait_ms) for wait_ms in waits_ms) <= 10


def test_unlimited_plan_writes_nothing(clock: ManualClock, store: CountingStore) -> None:
    """7. The busiest subjects are those that nobody counts: no partition is theirs."""
    limiter = Limiter(store, clock)
    assert take(limiter, TIERS["plan:enterprise"], 2_000) == 2_000
    assert limiter.check_together(
        [SubjectCharge(subject, Charge(TIERS["plan:enterprise"], 1)) for subject in "st"]
    ).allowed

    assert store.writes == 0


# --- 8


@pytest.mark.parametrize("days", [1, 2, 3, 30])
def test_item_that_outlives_its_time_to_live_counts_for_nothing(clock: ManualClock, days: int) -> None:
    """8. DynamoDB deletes within days, not at the time: what is still there must not deny."""
    store = UnforgettingStore(clock)
    assert take(Limiter(store, clock), FREE, 101) == 100
    clock.advance(days * DAY_MS + FREE.window.bucket_ms)

    assert take(Limiter(store, clock), FREE, 101) == 100


@given(pauses_ms=st.lists(st.integers(0, DAY_MS), min_size=1, max_size=8))
def test_item_is_not_forgotten_while_anything_of_it_counts(pauses_ms: list[int]) -> None:
    """8. Two windows and ten minutes for clocks after every write, whichever tier it was for."""
    clock = ManualClock(now_ms=START_MS)
    store = MemoryStore(clock)
    for number, pause_ms in enumerate(pauses_ms):
        Limiter(store, clock).check("s", (FREE, STRICT)[number % 2])
        record = store.read(record_key("s"))
        assert record is not None
        assert record.expires_at_seconds * 1_000 >= clock.now_ms() + 2 * DAY_MS + 599_000
        clock.advance(pause_ms)
    assert FORGET_AFTER_SECONDS == 600


def test_item_that_vanished_begins_anew_and_no_snapshot_outlives_it(
    clock: ManualClock, store: CountingStore
) -> None:
    """8. A container that remembers the old total would think that ten more than the new one's fit."""
    remembers, begins = Limiter(store, clock), Limiter(store, clock)
    take(remembers, STRICT, 10)
    clock.advance(120_000)
    assert remembers.check("s", STRICT).allowed
    store._records.clear()  # by an operator, or a restored backup; long before its time

    assert take(begins, STRICT, 10) == 10
    assert take(remembers, STRICT, 5) == 0


# --- 9


def test_lowered_limit_is_not_judged_by_what_the_old_one_left(
    clock: ManualClock, store: CountingStore
) -> None:
    """9. The stateless condition compares with total - limit of the last write: a container that lowers it looks again."""
    assert take(Limiter(store, clock), STRICT, 8) == 8

    lowered = STRICT.limited_to(5)
    assert take(Limiter(store, clock), lowered, 3) == 0
    assert Limiter(store, clock).peek("s", STRICT).remaining == 2


def test_limit_that_changes_costs_one_more_call(clock: ManualClock, store: CountingStore) -> None:
    """9. Once: the write that follows states the new limit."""
    Limiter(store, clock).check("s", STRICT)
    raised = STRICT.limited_to(20)
    calls = []
    for _ in range(3):
        before = store.writes
        assert Limiter(store, clock).check("s", raised).allowed
        calls.append(store.writes - before)

    assert calls == [2, 1, 1]


def test_raised_limit_is_not_denied_from_memory(clock: ManualClock, store: CountingStore) -> None:
    """9. A denial was for a limit and a cost; with another limit it is no answer."""
    limiter = Limiter(store, clock)
    assert take(limiter, STRICT, 12) == 10

    assert take(limiter, STRICT.limited_to(20), 12) == 10
    assert take(limiter, STRICT, 3) == 0


# --- 10


class RushingClock:
    """Moves by more than a bucket each time that somebody looks."""

    def __init__(self) -> None:
        self.seen_ms: list[int] = []

    def now_ms(self) -> int:
        self.seen_ms.append(START_MS + 1_500 * len(self.seen_ms))
        return self.seen_ms[-1]

    def monotonic_ns(self) -> int:
        return 0


def test_check_has_one_now(clock: ManualClock, store: CountingStore) -> None:
    """10. Two readings may lie in two buckets: window, boundary and answer must be of the same instant, at a retry too."""
    rushing = RushingClock()
    take(Limiter(store, clock), MINUTE, 2)
    before = store.writes
    decision: Decision = Limiter(store, rushing).check("s", MINUTE.limited_to(6))

    assert store.writes == before + 2  # the limit was another: it had to look and write again
    assert rushing.seen_ms == [START_MS]
    assert decision.allowed
    assert decision.decided_at_ms == START_MS
    assert store.counter(MINUTE).boundaries == {START_MS // MINUTE.window.bucket_ms: 0}


@pytest.mark.parametrize(
    "tier",
    [
        make_tier("second", limit=1, window_ms=1_000),
        make_tier("three", limit=1, window_ms=3_000),
        make_tier("exact", limit=1, window_ms=700, buckets=700),
    ],
    ids=lambda tier: tier.name,
)
def test_edges_of_buckets_are_exact_to_the_millisecond(tier: Tier) -> None:
    """10. 0.05 s is no binary fraction: in seconds, an instant at an edge falls into the bucket before."""
    window = tier.window
    for phase_ms in range(window.window_ms):
        now_ms = START_MS + phase_ms
        change = plan(window, tier.code, None, now_ms, 1)
        assert change is not None
        begins_ms = change.bucket * window.bucket_ms
        assert 0 <= now_ms - begins_ms < window.bucket_ms
        leaves_ms = window.leaves_at_ms(change.bucket)
        assert window.oldest_bucket(leaves_ms - 1) == change.bucket
        assert window.oldest_bucket(leaves_ms) == change.bucket + 1
        assert {type(change.bucket), type(change.oldest_bucket), type(leaves_ms)} == {int}


# --- 11

NUMBERS = st.integers(0, START_MS)
CODES = st.from_regex("[0-9][0-9a-z]{2}", fullmatch=True)


@given(code=CODES, bucket=NUMBERS, later=st.integers(1, 10**7))
def test_names_of_boundaries_never_come_round_again(code: str, bucket: int, later: int) -> None:
    """11. Numbers that wrap would make a boundary of long ago one of now; these are absolute, and read back."""
    names = {number: boundary_name(code, number) for number in (bucket, bucket + later)}
    item: Item = {name: {"N": str(number)} for number, name in names.items()}
    record = parse_item(item | {f"t{code}": {"N": "9"}})

    assert record.counters[code].boundaries == {number: number for number in names}


def test_subject_that_returns_after_whole_rounds_finds_no_old_boundary(
    clock: ManualClock, store: CountingStore
) -> None:
    """11. As many buckets later as a ring would have, times any number: the old one is not taken for the new."""
    limiter = Limiter(store, clock)
    for rounds in (1, 2, 7, 60):
        assert take(limiter, MINUTE, 6) == 5
        clock.advance(rounds * 61_000)
        assert take(limiter, MINUTE, 6) == 5
        clock.advance(61_000)


@pytest.mark.parametrize(
    "tier", [tier for tier in TIERS.values() if not tier.unlimited], ids=lambda t: t.name
)
def test_no_name_of_a_counter_is_the_keys_or_anothers(tier: Tier) -> None:
    """11. ``p`` begins boundaries and ``pk``; the digit after it keeps them apart, and one counter from another."""
    change = plan(tier.window, tier.code, None, START_MS, 1)
    assert change is not None
    request = render_write('"T"', "=s", Write((change,), 1)).decode()
    update = request.partition('"UpdateExpression":"SET ')[2].partition('"')[0]
    depth = 0
    top = "".join(letter for letter in update if (depth := depth + (letter == "(") - (letter == ")")) == 0)
    names = {assignment.partition("=")[0] for assignment in top.split(",")}

    assert names - {"x"} == {f"{kind}{tier.code}" for kind in "tdlh"} | {
        boundary_name(tier.code, change.bucket)
    }
    assert all(name[1].isdigit() for name in names - {"x"})


# --- 12

MIDNIGHT_MS = -(-START_MS // DAY_MS) * DAY_MS


def test_sliding_day_does_not_admit_two_days_around_midnight() -> None:
    """12. A quota of 100 a calendar day is 200 within a minute to midnight and a minute after; here it is 100."""
    clock = ManualClock(now_ms=MIDNIGHT_MS - 60_000)
    limiter = Limiter(MemoryStore(clock), clock)
    sliding_ms: list[int] = []
    calendar_ms: list[int] = []
    spent_on: dict[int, int] = {}
    for _ in range(1_200):
        clock.advance(100)
        now_ms = clock.now_ms()
        today = now_ms // DAY_MS
        if spent_on.get(today, 0) < FREE.window.limit:
            spent_on[today] = spent_on.get(today, 0) + 1
            calendar_ms.append(now_ms)
        if limiter.check("s", FREE).allowed:
            sliding_ms.append(now_ms)

    assert most_in_any_window(calendar_ms, DAY_MS) == 200
    assert most_in_any_window(sliding_ms, DAY_MS) == 100


def test_sliding_day_returns_what_was_spent_when_it_was_spent_and_not_at_midnight() -> None:
    """12. No stampede: ten an hour come back as ten an hour, at most a twenty-fourth of a day late."""
    clock = ManualClock(now_ms=MIDNIGHT_MS - 12 * 3_600_000)
    limiter = Limiter(MemoryStore(clock), clock)
    admitted = []
    for _ in range(4 * 24):
        admitted.append(take(limiter, FREE, 10))
        clock.advance(3_600_000)

    # Ten hours spend it; an hour after their day is over they have it again; in between nothing, at midnight neither.
    assert admitted[:50] == ([10] * 10 + [0] * 15) * 2
    assert max(admitted) == 10


def test_sliding_day_costs_no_call_beside_the_tier_of_a_minute(
    clock: ManualClock, store: CountingStore
) -> None:
    """12. Tier and plan are one record and one condition."""
    charges = [Charge(TIERS["default"], 1), Charge(FREE, 1)]
    limiter = Limiter(store, clock)
    for _ in range(90):
        assert limiter.check_all("s", charges).allowed
        clock.advance(5_000)

    assert store.writes == 90
