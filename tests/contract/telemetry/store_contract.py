"""What every store of shards must do; a class for each store inherits it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from edge.telemetry.store import Contents, Fold, Obstacle, ShardKey, StoredBase, StoredShard
from tests.contract.telemetry.conftest import START_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.telemetry.store import ShardStore

KEY = ShardKey("geo_route", "0123456789abcdef" * 2, 0)
OTHER = ShardKey("geo_route", "fedcba9876543210" * 2, 3)


def shard(sequence: int = 1, *, key: ShardKey = KEY, blob: bytes = b"\x00\xff state") -> StoredShard:
    return StoredShard(key, sequence, blob, START_MS)


def fold_of(shards: Sequence[StoredShard], *, generation: int = 1, blob: bytes = b"sum") -> Fold:
    recent = frozenset((each.key.environment, each.key.generation) for each in shards)
    return Fold(
        StoredBase("geo_route", generation, blob, recent),
        shards,
        START_MS // 1000 + 129_600,
        uuid.uuid4().hex,
    )


def sorted_contents(contents: Contents) -> Contents:
    return Contents(sorted(contents.bases), sorted(contents.shards), sorted(contents.unreadable))


class ShardStoreContract:
    """Inherit and provide the fixture ``store``, empty."""

    def test_nothing_is_stored_at_first(self, store: ShardStore) -> None:
        assert sorted_contents(store.read()) == Contents([], [], [])

    def test_states_follow_each_other(self, store: ShardStore) -> None:
        assert store.put(shard(1), is_known=False) is None
        assert store.put(shard(2, blob=b"later"), is_known=True) is None
        assert store.put(shard(7, blob=b""), is_known=True) is None
        assert store.put(shard(5, key=OTHER), is_known=False) is None
        assert sorted_contents(store.read()).shards == [shard(7, blob=b""), shard(5, key=OTHER)]

    @pytest.mark.parametrize("late", [1, 2, 3])
    def test_state_that_is_not_newer_is_refused_and_told_what_is_there(
        self, store: ShardStore, late: int
    ) -> None:
        store.put(shard(1), is_known=False)
        store.put(shard(3), is_known=True)

        assert store.put(shard(late, blob=b"late"), is_known=True) == Obstacle(3, is_folded=False)
        assert sorted_contents(store.read()).shards == [shard(3)]

    def test_first_state_is_stored_only_where_nothing_is(self, store: ShardStore) -> None:
        store.put(shard(1), is_known=False)

        assert store.put(shard(1), is_known=False) == Obstacle(1, is_folded=False)
        assert store.put(shard(9), is_known=False) == Obstacle(1, is_folded=False)

    def test_later_state_is_stored_only_where_an_earlier_is(self, store: ShardStore) -> None:
        assert store.put(shard(2), is_known=True) == Obstacle(None, is_folded=False)
        assert sorted_contents(store.read()).shards == []

    def test_fold_replaces_shards_by_tombstones_and_a_base(self, store: ShardStore) -> None:
        shards = [shard(4), shard(2, key=OTHER)]
        for each in shards:
            store.put(each, is_known=False)

        assert store.fold(fold_of(shards))
        tombstones = [each._replace(blob=b"", folded_in=1) for each in shards]
        assert sorted_contents(store.read()) == Contents([fold_of(shards).base], sorted(tombstones), [])

    @pytest.mark.parametrize("is_known", [True, False])
    def test_folded_shard_takes_no_state_any_more(self, store: ShardStore, *, is_known: bool) -> None:
        store.put(shard(4), is_known=False)
        store.fold(fold_of([shard(4)]))

        assert store.put(shard(5), is_known=is_known) == Obstacle(4, is_folded=True)

    def test_fold_of_a_shard_that_went_on_changes_nothing(self, store: ShardStore) -> None:
        store.put(shard(1, key=OTHER), is_known=False)
        store.put(shard(1), is_known=False)
        store.put(shard(2), is_known=True)
        before = sorted_contents(store.read())

        assert not store.fold(fold_of([shard(1, key=OTHER), shard(1)]))
        assert sorted_contents(store.read()) == before

    def test_fold_of_a_shard_that_is_gone_changes_nothing(self, store: ShardStore) -> None:
        store.put(shard(1), is_known=False)

        assert not store.fold(fold_of([shard(1), shard(1, key=OTHER)]))
        assert sorted_contents(store.read()) == Contents([], [shard(1)], [])

    def test_second_folder_of_the_same_shards_is_refused(self, store: ShardStore) -> None:
        store.put(shard(1), is_known=False)
        store.put(shard(1, key=OTHER), is_known=False)

        assert store.fold(fold_of([shard(1)]))
        assert not store.fold(fold_of([shard(1)], generation=2))
        assert not store.fold(fold_of([shard(1, key=OTHER)], generation=1))
        assert not store.fold(fold_of([shard(1, key=OTHER)], generation=3))
        assert store.fold(fold_of([shard(1, key=OTHER)], generation=2, blob=b"more"))
        assert sorted_contents(store.read()).bases == [
            fold_of([shard(1, key=OTHER)], generation=2, blob=b"more").base
        ]

    def test_bases_of_functions_do_not_touch_each_other(self, store: ShardStore) -> None:
        elsewhere = shard(1, key=KEY._replace(function="sign_verify"))
        fold = fold_of([elsewhere])
        store.put(elsewhere, is_known=False)
        store.put(shard(1), is_known=False)

        assert store.fold(fold_of([shard(1)]))
        assert store.fold(fold._replace(base=fold.base._replace(function="sign_verify")))
        assert [base.function for base in sorted_contents(store.read()).bases] == ["geo_route", "sign_verify"]

    def test_ninety_nine_shards_are_folded_at_once(self, store: ShardStore) -> None:
        shards = [
            shard(1, key=ShardKey("geo_route", f"{number:032x}", 0), blob=bytes(2_000))
            for number in range(99)
        ]
        for each in shards:
            store.put(each, is_known=False)

        assert store.fold(fold_of(shards))
        contents = store.read()
        assert all(each.folded_in == 1 for each in contents.shards)
        assert len(contents.shards) == 99
        assert contents.bases[0].recent == {(each.key.environment, 0) for each in shards}
