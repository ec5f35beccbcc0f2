"""The DynamoDB store keeps the contract on every engine, and its items are as documented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.aws.dynamo import ConditionFailed
from edge.aws.faults import TableMissing, Unavailable
from edge.signing.dynamo import DynamoNonceStore
from edge.signing.nonces import nonce_name
from infra.local.emulator import HOST, free_port
from tests.contract.signing.conftest import TABLE, open_client
from tests.contract.signing.nonces_contract import (
    NONCES,
    NonceStoreContract,
    accepted,
    new_claim,
    new_letter,
)
from tests.unit.signing.letters import NOW, received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from edge.signing.nonces import NonceStore
    from tests.contract.signing.conftest import Engine


@pytest.fixture
def store(dynamo_store: DynamoNonceStore) -> DynamoNonceStore:
    return dynamo_store


@pytest.fixture
def unreachable() -> Iterator[DynamoNonceStore]:
    client = open_client(f"http://{HOST}:{free_port()}", call_ms=300)
    yield DynamoNonceStore(client, TABLE)
    client.forget()


@pytest.fixture
def contested(engine: Engine) -> int:
    """Moto makes all claims wait in one line, so a long fight there shows nothing that a short one does not."""
    return 40 if engine.name == "moto" else NONCES


@pytest.fixture
def sibling(engine: Engine) -> Iterator[Callable[[], NonceStore]]:
    opened: list[DynamoDB] = []

    def another_container() -> DynamoNonceStore:
        opened.append(open_client(engine.url))
        return DynamoNonceStore(opened[-1], TABLE)

    yield another_container
    for client in opened:
        client.forget()


class TestDynamoNonceStore(NonceStoreContract):
    pass


def read(client: DynamoDB, key_id: str, nonce: str) -> Item | None:
    key = {"pk": {"S": nonce_name(key_id, nonce)}}
    return client.get_item({"TableName": TABLE, "Key": key, "ConsistentRead": True})


def test_item_is_as_documented(store: DynamoNonceStore, client: DynamoDB) -> None:
    claim = new_claim("request-1.chance")
    store.claim(claim, now_seconds=NOW)

    assert read(client, claim.key_id, claim.nonce) == {
        "pk": {"S": nonce_name(claim.key_id, claim.nonce)},
        "r": {"S": "request-1.chance"},
        "ttl": {"N": str(NOW + 360)},
    }


def test_claim_that_fails_changes_nothing(store: DynamoNonceStore, client: DynamoDB) -> None:
    claim = new_claim()
    store.claim(claim, now_seconds=NOW)
    before = read(client, claim.key_id, claim.nonce)
    store.claim(claim._replace(holder="second", keep_until=NOW + 9_999), now_seconds=NOW)

    assert read(client, claim.key_id, claim.nonce) == before


def test_ttl_of_a_verified_signature_is_a_minute_after_its_end(
    store: DynamoNonceStore, client: DynamoDB
) -> None:
    verified = received(new_letter(created=str(NOW + 300), expires=str(NOW + 600)), store)
    item = read(client, verified.key_id, verified.nonce)

    assert item is not None
    assert item["ttl"] == {"N": str(NOW + 660)}


def test_table_that_is_missing_is_our_defect(client: DynamoDB) -> None:
    with pytest.raises(TableMissing):
        received(new_letter(), DynamoNonceStore(client, "no-such-table"))


class RepeatingClient:
    """Sends each put twice, as our client does when the first answer is lost."""

    def __init__(self, client: DynamoDB) -> None:
        self._client = client
        self.puts = 0

    def put_item(self, request: Any, *, repeatable: bool) -> Item | ConditionFailed:
        assert repeatable
        self.puts += 2
        self._client.put_item(request, repeatable=repeatable)
        return self._client.put_item(request, repeatable=repeatable)


def test_own_retry_after_a_lost_answer_is_accepted_and_a_replay_is_not(client: DynamoDB) -> None:
    repeating = RepeatingClient(client)
    store = DynamoNonceStore(repeating, TABLE)  # type: ignore[arg-type]
    letter = new_letter()

    assert accepted(letter, store) is not None
    assert repeating.puts == 2
    assert accepted(letter, store) is None


@pytest.mark.parametrize(
    "wrong", [{}, {"r": {"N": "1"}}, {"r": {"S": 1}}], ids=["nothing", "number", "no text"]
)
def test_item_that_no_writer_of_ours_wrote_is_not_taken_for_an_answer(
    wrong: dict[str, Any],
) -> None:
    class Garbled:
        def put_item(self, request: Any, *, repeatable: bool) -> ConditionFailed:
            assert request["TableName"] == TABLE
            assert repeatable
            return ConditionFailed(wrong or None)

    store = DynamoNonceStore(Garbled(), TABLE)  # type: ignore[arg-type]
    with pytest.raises(Unavailable) as refused:
        store.claim(new_claim(), now_seconds=NOW)
    assert refused.value.fault == "garbled"
