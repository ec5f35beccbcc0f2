"""Sixteen threads that manage one key at once, on real engines: one winner for each version, and revoked is revoked."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from edge.auth.apikeys.authenticate import KeyVerifier
from edge.auth.apikeys.dynamo import DynamoKeyStore
from edge.auth.apikeys.problems import KeyConflict, KeyRefused
from tests.contract.auth.apikeys.conftest import START_MS, TABLE, manager, open_client
from tests.contract.auth.apikeys.keys_contract import make, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.auth.apikeys.keys import ApiKeys, Created
    from edge.auth.apikeys.records import StoredKey
    from edge.aws.dynamo import DynamoDB
    from edge.clock import ManualClock

THREADS = 16
WAIT_SECONDS = 30


class StartingTogether(DynamoKeyStore):
    """Holds up whoever has read until all have: then nobody knows of anybody else's write."""

    def __init__(self, client: DynamoDB, parties: int) -> None:
        super().__init__(client, TABLE, region="cdg1")
        self._barrier = threading.Barrier(parties, timeout=WAIT_SECONDS)
        self._began = threading.local()

    def read(self, key_id: str) -> StoredKey | None:
        found = super().read(key_id)
        if not hasattr(self._began, "once"):
            self._began.once = True
            self._barrier.wait()
        return found


@pytest.fixture
def clients(keys_engine_url: str) -> Iterator[list[DynamoDB]]:
    """Four containers."""
    opened = [open_client(keys_engine_url) for _ in range(4)]
    yield opened
    for client in opened:
        client.forget()


def rotation(keys: ApiKeys, key_id: str) -> Created | None:
    """Return the new secret, None if somebody else's was first."""
    try:
        return keys.rotate(key_id, overlap_seconds=0)
    except KeyConflict as conflict:
        if conflict.reason != "rotated_meanwhile":
            raise
        return None


def holds(store: DynamoKeyStore, clock: ManualClock, text: str) -> bool:
    """Tell whether a container that knows nothing lets *text* in."""
    try:
        KeyVerifier(store, clock, env="test").authenticate(text)
    except KeyRefused as refused:
        if refused.reason != "unknown_key":
            raise
        return False
    return True


def rotations_from_one_version(client: DynamoDB, clock: ManualClock, key_id: str) -> list[Created]:
    """Let sixteen rotate a key, none of whom has seen another's rotation; return who won."""
    together = StartingTogether(client, THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = pool.map(lambda _: rotation(manager(together, clock), key_id), range(THREADS))
        return [outcome for outcome in outcomes if outcome is not None]


def test_of_sixteen_that_rotate_from_one_version_one_wins_and_its_secret_alone_holds(
    dynamo_store: DynamoKeyStore, clients: list[DynamoDB], clock: ManualClock
) -> None:
    for _ in range(5):
        made = make(manager(dynamo_store, clock))
        (winner,) = rotations_from_one_version(clients[0], clock, made.record.id)

        assert winner.record.version == 2
        assert holds(dynamo_store, clock, winner.api_key)
        assert not holds(dynamo_store, clock, made.api_key)


def test_rotations_without_order_have_one_winner_for_each_version_and_the_last_one_holds(
    dynamo_store: DynamoKeyStore, clients: list[DynamoDB], clock: ManualClock
) -> None:
    made = make(manager(dynamo_store, clock))
    stores = [DynamoKeyStore(client, TABLE, region="cdg1") for client in clients]

    def run(number: int) -> list[Created]:
        keys = manager(stores[number % len(stores)], clock)
        return [won for _ in range(4) if (won := rotation(keys, made.record.id)) is not None]

    with ThreadPoolExecutor(THREADS) as pool:
        winners = sorted(
            (won for found in pool.map(run, range(THREADS)) for won in found),
            key=lambda won: won.record.version,
        )

    # A version without a winner would be a secret that nobody has, one with two a secret that does not hold.
    assert [won.record.version for won in winners] == list(range(2, len(winners) + 2))
    assert [holds(dynamo_store, clock, won.api_key) for won in winners] == [False] * (len(winners) - 1) + [
        True
    ]
    stored = dynamo_store.read(made.record.id)
    assert stored is not None
    assert stored.secrets[0].number == len(winners) + 1


def test_revocation_during_rotations_leaves_no_secret_that_holds(
    dynamo_store: DynamoKeyStore, clients: list[DynamoDB], clock: ManualClock
) -> None:
    for _ in range(10):
        made = make(manager(dynamo_store, clock))
        key_id = made.record.id
        racing = manager(StartingTogether(clients[0], 4), clock)
        with ThreadPoolExecutor(4) as pool:
            revocation = pool.submit(racing.revoke, key_id, "leaked")
            outcomes = [pool.submit(rotation, racing, key_id) for _ in range(3)]
            won = [created for outcome in outcomes if (created := outcome.result()) is not None]

        assert len(won) == 1, (
            "a rotation that began before the revocation may finish: its secret is dead as well"
        )
        assert revocation.result().revoked_at == START_MS // 1000
        verifier = KeyVerifier(dynamo_store, clock, env="test")
        assert refusal(verifier, won[0].api_key) == "key_revoked"
        assert refusal(verifier, made.api_key) == "unknown_key"
        with pytest.raises(KeyConflict):
            manager(dynamo_store, clock).rotate(key_id, overlap_seconds=0)


def test_revocation_by_many_is_one(
    dynamo_store: DynamoKeyStore, clients: list[DynamoDB], clock: ManualClock
) -> None:
    made = make(manager(dynamo_store, clock))
    together = StartingTogether(clients[0], THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        told = list(
            pool.map(lambda _: manager(together, clock).revoke(made.record.id, "leaked"), range(THREADS))
        )

    assert Counter(told) == {manager(dynamo_store, clock).read(made.record.id): THREADS}
    assert told[0].revoked_at == START_MS // 1000
