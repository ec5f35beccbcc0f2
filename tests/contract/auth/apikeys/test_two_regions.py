"""
Two regions of a global table: each writes by itself, then for each item the last writer's version is everywhere.

The engines have regions and no replication between them; it is played here, item by item, with either region as the
later writer of everything that both have written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from edge.auth.apikeys.authenticate import KeyVerifier
from edge.auth.apikeys.dynamo import DynamoKeyStore
from edge.auth.apikeys.problems import KeyConflict, KeyRefused
from tests.contract.auth.apikeys.conftest import START, TABLE, THERE, empty, manager, open_client, whole
from tests.contract.auth.apikeys.keys_contract import make, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.auth.apikeys.keys import ApiKeys
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from edge.clock import ManualClock

    Table = dict[tuple[str, str], Item]


class Region(NamedTuple):
    """One region as its containers have it."""

    client: DynamoDB
    store: DynamoKeyStore
    keys: ApiKeys
    clock: ManualClock

    def verifier(self) -> KeyVerifier:
        """Return that of a container which knows nothing."""
        return KeyVerifier(self.store, self.clock, env="test")


class Pair:
    """Two regions, and what was the same in both when they last agreed."""

    def __init__(self, here: Region, there: Region) -> None:
        self.here = here
        self.there = there
        self._agreed: Table = {}

    def replicate(self, *, later: Region, only: str | None = None) -> None:
        """Bring every item that either has written since to both; *later* wrote later where both did."""
        earlier = self.there if later is self.here else self.here
        before = {region: whole(region.client) for region in (earlier, later)}
        merged = dict(self._agreed)
        for region in (earlier, later):
            now = before[region]
            for key in {*now, *self._agreed}:
                if now.get(key) == self._agreed.get(key):
                    continue
                if key in now:
                    merged[key] = now[key]
                else:
                    merged.pop(key, None)
        for region in (earlier, later):
            for key in {*before[region], *merged}:
                if only not in (None, key[1]):
                    continue  # still on its way
                if key not in merged:
                    place = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
                    region.client.delete_item({"TableName": TABLE, "Key": place}, repeatable=True)
                elif before[region].get(key) != merged[key]:
                    region.client.put_item({"TableName": TABLE, "Item": merged[key]}, repeatable=True)
        if only is None:
            self._agreed = merged


@pytest.fixture
def pair(client: DynamoDB, keys_engine_url: str, clock: ManualClock) -> Iterator[Pair]:
    other = open_client(keys_engine_url, THERE)
    empty(other)
    stores = (DynamoKeyStore(client, TABLE, region="cdg1"), DynamoKeyStore(other, TABLE, region="hnd1"))
    yield Pair(
        *(
            Region(opened, store, manager(store, clock), clock)
            for opened, store in zip((client, other), stores, strict=True)
        )
    )
    other.forget()


LATER = pytest.mark.parametrize("later", ["here", "there"])


def test_key_is_good_elsewhere_once_it_is_replicated_and_not_before(pair: Pair) -> None:
    made = make(pair.here.keys)
    assert refusal(pair.there.verifier(), made.api_key) == "unknown_key"
    for arrived in ("S#000001", f"{START}#{made.record.id}"):
        pair.replicate(later=pair.here, only=arrived)
        assert refusal(pair.there.verifier(), made.api_key) == "unknown_key"
    pair.replicate(later=pair.here, only="K")

    assert pair.there.verifier().authenticate(made.api_key) == made.record
    assert pair.there.keys.list(9) == pair.here.keys.list(9)


@LATER
def test_use_noted_elsewhere_after_a_revocation_does_not_bring_the_key_back(pair: Pair, later: str) -> None:
    made = make(pair.here.keys)
    pair.replicate(later=pair.here)
    warm = pair.there.verifier()
    record = warm.authenticate(made.api_key)
    pair.here.keys.revoke(made.record.id, "leaked")
    pair.there.clock.advance(1_000)
    warm.note_used(record)  # replication has not come yet: there the key is good
    pair.replicate(later=getattr(pair, later))
    pair.there.clock.advance(1_000)

    assert refusal(warm, made.api_key) == "key_revoked"
    for region in (pair.here, pair.there):
        assert refusal(region.verifier(), made.api_key) == "key_revoked"
        told = region.keys.read(made.record.id)
        assert (told.revoked_at, told.last_used_at) == (START, (START + 1) // 60 * 60)
        assert region.keys.list(9).keys[0].revoked_at == START


@LATER
def test_last_use_is_that_of_all_regions(pair: Pair, later: str) -> None:
    made = make(pair.here.keys)
    pair.replicate(later=pair.here)
    pair.here.store.note_used(made.record.id, START + 600, kept_until=None)
    pair.there.store.note_used(made.record.id, START + 60, kept_until=None)
    pair.replicate(later=getattr(pair, later))

    for region in (pair.here, pair.there):
        assert region.keys.read(made.record.id).last_used_at == START + 600


@LATER
def test_rotation_elsewhere_does_not_bring_a_revoked_key_back(pair: Pair, later: str) -> None:
    made = make(pair.here.keys)
    pair.replicate(later=pair.here)
    pair.here.keys.revoke(made.record.id, "leaked")
    rotated = pair.there.keys.rotate(made.record.id, overlap_seconds=60)
    pair.replicate(later=getattr(pair, later))

    for region in (pair.here, pair.there):
        assert refusal(region.verifier(), made.api_key) == "key_revoked"
        assert refusal(region.verifier(), rotated.api_key) == "key_revoked"


@LATER
def test_revocation_in_both_is_a_revocation(pair: Pair, later: str) -> None:
    made = make(pair.here.keys)
    pair.replicate(later=pair.here)
    pair.here.keys.revoke(made.record.id, "leaked")
    pair.there.clock.advance(5_000)
    pair.there.keys.revoke(made.record.id, "retired")
    pair.replicate(later=getattr(pair, later))

    told = {region.keys.read(made.record.id).revoked_at for region in (pair.here, pair.there)}
    assert len(told) == 1
    assert told < {START, START + 5}


@LATER
def test_rotations_in_both_end_in_one_secret_that_is_the_same_everywhere(pair: Pair, later: str) -> None:
    made = make(pair.here.keys)
    pair.replicate(later=pair.here)
    rotated = {
        name: getattr(pair, name).keys.rotate(made.record.id, overlap_seconds=0) for name in ("here", "there")
    }
    pair.replicate(later=getattr(pair, later))
    loser = "there" if later == "here" else "here"

    for region in (pair.here, pair.there):
        assert region.verifier().authenticate(rotated[later].api_key).version == 2
        assert refusal(region.verifier(), rotated[loser].api_key) == "unknown_key"
        assert refusal(region.verifier(), made.api_key) == "unknown_key"


def test_versions_that_arrive_out_of_order_never_revive_an_older_secret(pair: Pair) -> None:
    """There, version 3 and its overlap come before version 2: version 1 is not what ran before 3."""
    made = make(pair.here.keys)
    pair.replicate(later=pair.here)
    second = pair.here.keys.rotate(made.record.id, overlap_seconds=0)
    third = pair.here.keys.rotate(made.record.id, overlap_seconds=3_600)
    pair.replicate(later=pair.here, only="S#000003")
    verifier = pair.there.verifier()

    assert verifier.authenticate(third.api_key).version == 3
    for text in (made.api_key, second.api_key):
        with pytest.raises(KeyRefused):
            verifier.authenticate(text)


def test_key_whose_newest_secret_is_still_on_its_way_is_not_rotated_back(pair: Pair) -> None:
    """There, the deletion of version 1 comes before versions 2 and 3: a new version 1 would be old at once."""
    made = make(pair.here.keys)
    pair.replicate(later=pair.here)
    for _ in range(2):
        pair.here.keys.rotate(made.record.id, overlap_seconds=0)
    pair.replicate(later=pair.here, only="S#000001")

    with pytest.raises(KeyConflict):
        pair.there.keys.rotate(made.record.id, overlap_seconds=0)
    assert refusal(pair.there.verifier(), made.api_key) == "unknown_key"
