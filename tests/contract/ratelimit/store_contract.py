"""What every window store must do; a class for each store inherits it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from edge.ratelimit.store import Amendment, Applied, Change, Counter, NotApplied, Record, Write

if TYPE_CHECKING:
    from edge.ratelimit.store import WindowStore

EXPIRES = 4_000_000_000
A, B = "0aa", "9zz"


def change(
    *,
    counter: str = A,
    bucket: int = 100,
    cost: int = 1,
    limit: int = 3,
    oldest_bucket: int = 40,
    least_total: int | None = None,
    most_total: int | None = None,
    revision: int = 0,
    chain: tuple[int, int] | None = None,
    may_begin: bool = False,
    dead_buckets: tuple[int, ...] = (),
    new_floor: int | None = None,
    new_horizon: int | None = None,
) -> Change:
    """Return a change; the defaults hold nothing, so each test states what it is about."""
    return Change(
        counter,
        bucket,
        cost,
        limit,
        oldest_bucket,
        least_total,
        most_total,
        revision,
        chain,
        may_begin,
        dead_buckets,
        new_floor,
        new_horizon,
    )


def write(*changes: Change) -> Write:
    return Write(changes, EXPIRES)


def beginning(*, counter: str = A, cost: int = 1, bucket: int = 100) -> Change:
    """Return the change of a container that knows nothing."""
    return change(counter=counter, may_begin=True, chain=(40, 115), new_horizon=115, cost=cost, bucket=bucket)


class StoreContract:
    """Inherit and provide the fixture ``store``."""

    @pytest.fixture
    def key(self) -> str:
        return f"contract/{uuid.uuid4()}"

    def apply(self, store: WindowStore, key: str, *changes: Change) -> Applied | NotApplied:
        return store.apply(key, write(*changes))

    def begin(self, store: WindowStore, key: str, *, cost: int = 1, bucket: int = 100) -> Counter:
        return self.after(self.apply(store, key, beginning(cost=cost, bucket=bucket)))

    def after(self, outcome: Applied | NotApplied) -> Counter:
        assert isinstance(outcome, Applied)
        return outcome.record.counters[A]

    def test_missing_record_reads_as_none(self, store: WindowStore, key: str) -> None:
        assert store.read(key) is None

    def test_missing_record_is_begun_where_allowed(self, store: WindowStore, key: str) -> None:
        counter = self.begin(store, key)

        assert counter == Counter(total=1, boundaries={100: 0}, floor=0, horizon=115, limit=3, revision=0)
        assert store.read(key) == Record({A: counter}, EXPIRES)

    def test_missing_record_is_begun_by_a_cost_without_chain(self, store: WindowStore, key: str) -> None:
        outcome = self.apply(store, key, change(may_begin=True, cost=2))

        assert self.after(outcome) == Counter(2, {100: 0}, 0, 0, 3, 0)

    def test_missing_record_is_not_begun_otherwise(self, store: WindowStore, key: str) -> None:
        assert self.apply(store, key, change(least_total=0, most_total=9)) == NotApplied(None)
        assert store.read(key) is None

    def test_existing_counter_is_not_begun_again(self, store: WindowStore, key: str) -> None:
        before = self.begin(store, key)

        outcome = self.apply(store, key, change(may_begin=True, cost=2))
        assert outcome == NotApplied(Record({A: before}, EXPIRES))

    def test_first_write_of_a_bucket_notes_the_total_before_it(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)
        self.apply(store, key, change(bucket=100, least_total=1, most_total=1))
        counter = self.after(self.apply(store, key, change(bucket=107, least_total=2, most_total=2)))

        assert counter.boundaries == {100: 0, 107: 2}
        assert counter.total == 3

    @pytest.mark.parametrize(
        ("least", "most", "applied"), [(1, 1, True), (0, 5, True), (2, 5, False), (0, 0, False)]
    )
    def test_total_must_lie_between_both_ends(
        self, store: WindowStore, key: str, least: int, most: int, *, applied: bool
    ) -> None:
        self.begin(store, key)

        outcome = self.apply(store, key, change(least_total=least, most_total=most))

        assert isinstance(outcome, Applied) is applied

    def test_failed_write_brings_the_record_and_changes_nothing(self, store: WindowStore, key: str) -> None:
        before = Record({A: self.begin(store, key)}, EXPIRES)

        assert self.apply(store, key, change(least_total=7, most_total=9)) == NotApplied(before)
        assert store.read(key) == before

    def test_chain_admits_until_a_boundary_in_it_is_a_limit_below_the_total(
        self, store: WindowStore, key: str
    ) -> None:
        self.begin(store, key)
        outcomes = [self.apply(store, key, change(bucket=101, chain=(42, 116))) for _ in range(3)]

        assert [type(outcome) for outcome in outcomes] == [Applied, Applied, NotApplied]

    def test_chain_ignores_boundaries_outside_it(self, store: WindowStore, key: str) -> None:
        self.begin(store, key, cost=3)

        outcome = self.apply(store, key, change(bucket=161, oldest_bucket=101, chain=(101, 176)))
        assert isinstance(outcome, Applied)

    def test_chain_counts_boundaries_of_clocks_ahead(self, store: WindowStore, key: str) -> None:
        self.begin(store, key, cost=3, bucket=110)

        assert isinstance(self.apply(store, key, change(bucket=100, chain=(40, 115))), NotApplied)

    def test_chain_needs_the_limit_it_was_made_for(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)

        assert isinstance(self.apply(store, key, change(limit=4, chain=(40, 115))), NotApplied)
        either = change(limit=4, chain=(40, 115), least_total=1, most_total=3)
        assert isinstance(self.apply(store, key, either), Applied)

    def test_sweep_removes_boundaries_and_raises_the_floor(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)
        self.apply(store, key, change(bucket=180, oldest_bucket=120, least_total=1, most_total=1))
        sweep = change(
            cost=0, bucket=181, oldest_bucket=121, least_total=0, dead_buckets=(100,), new_floor=106
        )

        assert self.after(self.apply(store, key, sweep)) == Counter(2, {180: 1}, 106, 115, 3, 0)

    def test_write_removes_dead_boundaries_with_it(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)
        both = change(
            bucket=180, oldest_bucket=120, least_total=1, most_total=1, dead_buckets=(100, 99), new_floor=105
        )

        assert self.after(self.apply(store, key, both)) == Counter(2, {180: 1}, 105, 115, 3, 0)

    def test_write_that_relies_on_removed_boundaries_fails(self, store: WindowStore, key: str) -> None:
        self.test_sweep_removes_boundaries_and_raises_the_floor(store, key)

        late = change(bucket=160, oldest_bucket=100, least_total=0, most_total=99)
        just_in_time = change(bucket=166, oldest_bucket=106, least_total=0, most_total=99)
        assert isinstance(self.apply(store, key, late), NotApplied)
        assert isinstance(self.apply(store, key, just_in_time), Applied)

    def test_floor_never_sinks(self, store: WindowStore, key: str) -> None:
        self.test_sweep_removes_boundaries_and_raises_the_floor(store, key)

        lower = change(
            bucket=181, oldest_bucket=121, least_total=0, most_total=9, dead_buckets=(99,), new_floor=105
        )
        assert isinstance(self.apply(store, key, lower), NotApplied)

    def test_write_below_the_horizon_fails_where_it_relies_on_it(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)

        behind = change(bucket=95, oldest_bucket=35, chain=(35, 99), new_horizon=99)
        ahead = change(bucket=116, oldest_bucket=56, least_total=1, most_total=2, new_horizon=129)
        assert isinstance(self.apply(store, key, behind), NotApplied)
        assert self.after(self.apply(store, key, ahead)).horizon == 129

    def test_counters_of_a_record_change_together_or_not_at_all(self, store: WindowStore, key: str) -> None:
        both = self.apply(store, key, beginning(), beginning(counter=B, cost=2)._replace(chain=(90, 115)))
        assert isinstance(both, Applied)
        assert {code: counter.total for code, counter in both.record.counters.items()} == {A: 1, B: 2}

        fits = change(bucket=101, least_total=1, most_total=2)
        full = change(counter=B, bucket=101, least_total=1, most_total=1)
        assert self.apply(store, key, fits, full) == NotApplied(both.record)
        assert store.read(key) == both.record

    def test_counter_joins_a_record_that_exists(self, store: WindowStore, key: str) -> None:
        first = self.begin(store, key)
        joined = self.apply(store, key, beginning(counter=B), change(bucket=101, least_total=1, most_total=1))

        assert isinstance(joined, Applied)
        assert joined.record.counters[B] == first
        assert joined.record.counters[A].total == 2

    def test_amendment_takes_the_place_of_what_was_seen(self, store: WindowStore, key: str) -> None:
        self.begin(store, key, cost=2)
        seen = self.after(self.apply(store, key, change(bucket=107, least_total=2, most_total=2)))
        amended = seen._replace(total=1, boundaries={100: 0, 107: 0}, revision=1)

        outcome = store.amend(key, Amendment(A, seen, amended))

        assert outcome == Applied(Record({A: amended}, EXPIRES))
        assert store.read(key) == outcome.record

    def test_amendment_can_forget_every_boundary(self, store: WindowStore, key: str) -> None:
        seen = self.begin(store, key)

        outcome = store.amend(key, Amendment(A, seen, seen._replace(boundaries={}, revision=1)))

        assert self.after(outcome) == Counter(1, {}, 0, 115, 3, 1)

    def test_amendment_of_what_has_changed_fails(self, store: WindowStore, key: str) -> None:
        seen = self.begin(store, key)
        newer = self.apply(store, key, change(bucket=101, least_total=1, most_total=1))

        assert store.amend(key, Amendment(A, seen, seen._replace(total=0, revision=1))) == NotApplied(
            newer.record
        )
        assert store.amend(key + "x", Amendment(A, seen, seen)) == NotApplied(None)

    def test_write_planned_before_an_amendment_fails(self, store: WindowStore, key: str) -> None:
        seen = self.begin(store, key)
        store.amend(key, Amendment(A, seen, seen._replace(revision=1)))

        assert isinstance(self.apply(store, key, change(least_total=0, most_total=9)), NotApplied)
        assert isinstance(self.apply(store, key, change(least_total=0, most_total=9, revision=1)), Applied)
        second = store.read(key)
        assert second is not None
        again = Amendment(A, second.counters[A], second.counters[A]._replace(revision=2))
        assert isinstance(store.amend(key, again), Applied)
        assert isinstance(self.apply(store, key, change(least_total=0, most_total=9, revision=1)), NotApplied)

    def test_keys_are_apart(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)

        assert store.read(f"{key}x") is None

    @pytest.mark.parametrize("text", ['quote"back\\slash', "ü-日本-🦉", "a b", "{}", ":l", "p_1"])
    def test_any_text_is_a_key(self, store: WindowStore, key: str, text: str) -> None:
        self.begin(store, key + text)

        assert store.read(key + text) is not None
