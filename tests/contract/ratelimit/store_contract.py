"""What every window store must do; a class for each store inherits it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from edge.ratelimit.store import Applied, NotApplied, Snapshot, Write

if TYPE_CHECKING:
    from edge.ratelimit.store import WindowStore

EXPIRES = 4_000_000_000


def write(
    *,
    bucket: int = 100,
    cost: int = 1,
    limit: int = 3,
    oldest_bucket: int = 40,
    least_total: int | None = None,
    most_total: int | None = None,
    chain: tuple[int, int] | None = None,
    may_create: bool = False,
    dead_buckets: tuple[int, ...] = (),
    new_floor: int | None = None,
    new_horizon: int | None = None,
) -> Write:
    """Return a write; the defaults hold nothing, so each test states what it is about."""
    return Write(
        bucket,
        cost,
        limit,
        oldest_bucket,
        least_total,
        most_total,
        chain,
        may_create,
        dead_buckets,
        new_floor,
        new_horizon,
        EXPIRES,
    )


class StoreContract:
    """Inherit and provide the fixture ``store``."""

    @pytest.fixture
    def key(self) -> str:
        return f"contract/{uuid.uuid4()}"

    def begin(self, store: WindowStore, key: str, *, cost: int = 1, bucket: int = 100) -> Snapshot:
        outcome = store.apply(
            key, write(may_create=True, chain=(40, 115), new_horizon=115, cost=cost, bucket=bucket)
        )
        assert isinstance(outcome, Applied)
        return outcome.snapshot

    def test_missing_record_reads_as_none(self, store: WindowStore, key: str) -> None:
        assert store.read(key) is None

    def test_missing_record_is_begun_where_allowed(self, store: WindowStore, key: str) -> None:
        snapshot = self.begin(store, key)

        assert snapshot == Snapshot(
            total=1, boundaries={100: 0}, floor=0, horizon=115, limit=3, expires_at_seconds=EXPIRES
        )
        assert store.read(key) == snapshot

    def test_missing_record_is_begun_by_a_cost_without_chain(self, store: WindowStore, key: str) -> None:
        outcome = store.apply(key, write(may_create=True, cost=2))

        assert outcome == Applied(Snapshot(2, {100: 0}, 0, 0, 3, EXPIRES))

    def test_missing_record_is_not_begun_otherwise(self, store: WindowStore, key: str) -> None:
        assert store.apply(key, write(least_total=0, most_total=9)) == NotApplied(None)
        assert store.read(key) is None

    def test_existing_record_is_not_begun_again(self, store: WindowStore, key: str) -> None:
        before = self.begin(store, key)

        assert store.apply(key, write(may_create=True, cost=2)) == NotApplied(before)

    def test_first_write_of_a_bucket_notes_the_total_before_it(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)
        store.apply(key, write(bucket=100, least_total=1, most_total=1))
        outcome = store.apply(key, write(bucket=107, least_total=2, most_total=2))

        assert outcome.snapshot is not None
        assert outcome.snapshot.boundaries == {100: 0, 107: 2}
        assert outcome.snapshot.total == 3

    @pytest.mark.parametrize(
        ("least", "most", "applied"), [(1, 1, True), (0, 5, True), (2, 5, False), (0, 0, False)]
    )
    def test_total_must_lie_between_both_ends(
        self, store: WindowStore, key: str, least: int, most: int, *, applied: bool
    ) -> None:
        self.begin(store, key)

        outcome = store.apply(key, write(least_total=least, most_total=most))

        assert isinstance(outcome, Applied) is applied

    def test_failed_write_brings_the_record_and_changes_nothing(self, store: WindowStore, key: str) -> None:
        before = self.begin(store, key)

        assert store.apply(key, write(least_total=7, most_total=9)) == NotApplied(before)
        assert store.read(key) == before

    def test_chain_admits_until_a_boundary_in_it_is_a_limit_below_the_total(
        self, store: WindowStore, key: str
    ) -> None:
        self.begin(store, key)
        outcomes = [store.apply(key, write(bucket=101, chain=(42, 116))) for _ in range(3)]

        assert [type(outcome) for outcome in outcomes] == [Applied, Applied, NotApplied]

    def test_chain_ignores_boundaries_outside_it(self, store: WindowStore, key: str) -> None:
        self.begin(store, key, cost=3)

        assert isinstance(store.apply(key, write(bucket=161, oldest_bucket=101, chain=(101, 176))), Applied)

    def test_chain_counts_boundaries_of_clocks_ahead(self, store: WindowStore, key: str) -> None:
        self.begin(store, key, cost=3, bucket=110)

        assert isinstance(store.apply(key, write(bucket=100, chain=(40, 115))), NotApplied)

    def test_chain_needs_the_limit_it_was_made_for(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)

        assert isinstance(store.apply(key, write(limit=4, chain=(40, 115))), NotApplied)
        assert isinstance(
            store.apply(key, write(limit=4, chain=(40, 115), least_total=1, most_total=3)), Applied
        )

    def test_sweep_removes_boundaries_and_raises_the_floor(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)
        store.apply(key, write(bucket=180, oldest_bucket=120, least_total=1, most_total=1))
        sweep = write(
            cost=0, bucket=181, oldest_bucket=121, least_total=0, dead_buckets=(100,), new_floor=106
        )

        assert store.apply(key, sweep) == Applied(Snapshot(2, {180: 1}, 106, 115, 3, EXPIRES))

    def test_write_removes_dead_boundaries_with_it(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)
        outcome = store.apply(
            key,
            write(
                bucket=180,
                oldest_bucket=120,
                least_total=1,
                most_total=1,
                dead_buckets=(100, 99),
                new_floor=105,
            ),
        )

        assert outcome == Applied(Snapshot(2, {180: 1}, 105, 115, 3, EXPIRES))

    def test_write_that_relies_on_removed_boundaries_fails(self, store: WindowStore, key: str) -> None:
        self.test_sweep_removes_boundaries_and_raises_the_floor(store, key)

        late = write(bucket=160, oldest_bucket=100, least_total=0, most_total=99)
        just_in_time = write(bucket=166, oldest_bucket=106, least_total=0, most_total=99)
        assert isinstance(store.apply(key, late), NotApplied)
        assert isinstance(store.apply(key, just_in_time), Applied)

    def test_floor_never_sinks(self, store: WindowStore, key: str) -> None:
        self.test_sweep_removes_boundaries_and_raises_the_floor(store, key)

        lower = write(
            bucket=181, oldest_bucket=121, least_total=0, most_total=9, dead_buckets=(99,), new_floor=105
        )
        assert isinstance(store.apply(key, lower), NotApplied)

    def test_write_below_the_horizon_fails_where_it_relies_on_it(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)

        behind = write(bucket=95, oldest_bucket=35, chain=(35, 99), new_horizon=99)
        ahead = write(bucket=116, oldest_bucket=56, least_total=1, most_total=2, new_horizon=129)
        assert isinstance(store.apply(key, behind), NotApplied)
        outcome = store.apply(key, ahead)
        assert isinstance(outcome, Applied)
        assert outcome.snapshot.horizon == 129

    def test_keys_are_apart(self, store: WindowStore, key: str) -> None:
        self.begin(store, key)

        assert store.read(f"{key}x") is None

    @pytest.mark.parametrize("text", ['quote"back\\slash', "ü-日本-🦉", "a b", "{}", ":l", "p_1"])
    def test_any_text_is_a_key(self, store: WindowStore, key: str, text: str) -> None:
        self.begin(store, key + text)

        assert store.read(key + text) is not None
