"""The DynamoDB store keeps both contracts on every engine; and what its items are, and are not."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from edge.auth.apikeys.dynamo import DynamoKeyStore
from edge.auth.apikeys.keys import ApiKeys
from edge.auth.apikeys.records import Tombstone
from edge.auth.apikeys.text import parse
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.faults import Unavailable
from edge.aws.retries import Budget
from tests.contract.auth.apikeys.conftest import START, TABLE, manager, partition, whole
from tests.contract.auth.apikeys.keys_contract import KeysContract, make
from tests.contract.auth.apikeys.store_contract import StoreContract, metadata, version
from tests.faults import CLOSE, OK, THROTTLE, FaultServer, answer, sends

if TYPE_CHECKING:
    from edge.aws.wire import AttributeValue
    from edge.clock import ManualClock


@pytest.fixture
def store(dynamo_store: DynamoKeyStore) -> DynamoKeyStore:
    return dynamo_store


class TestDynamoKeyStore(StoreContract):
    pass


class TestKeysInDynamo(KeysContract):
    pass


def put(client: DynamoDB, pk: str, sk: str, attributes: dict[str, dict[str, str]]) -> None:
    item = {"pk": {"S": pk}, "sk": {"S": sk}, **attributes}
    client.put_item({"TableName": TABLE, "Item": item}, repeatable=True)


@pytest.mark.parametrize("taken", ["K", "S#000001", "list"])
def test_creation_that_fails_at_one_item_leaves_none(
    store: DynamoKeyStore, client: DynamoDB, taken: str
) -> None:
    about = metadata()
    place = ("KEYS", f"{START}#{about.id}") if taken == "list" else (f"KEY#{about.id}", taken)
    put(client, *place, {"v": {"S": "somebody else's"}})

    assert not store.create(about, version(1))
    found = partition(client, f"KEY#{about.id}") | partition(client, "KEYS")
    assert list(found) == [place]
    client.delete_item(
        {"TableName": TABLE, "Key": {"pk": {"S": place[0]}, "sk": {"S": place[1]}}}, repeatable=True
    )


def test_items_are_as_told(store: DynamoKeyStore, client: DynamoDB, clock: ManualClock) -> None:
    keys = manager(store, clock)
    made = make(keys)
    rotated = keys.rotate(made.record.id, overlap_seconds=60)
    keys.revoke(made.record.id, "leaked")
    store.note_used(made.record.id, START, kept_until=START + 1)
    pk, end = f"KEY#{made.record.id}", START + 30 * 86_400
    ttl: AttributeValue = {"N": str(end + 90 * 86_400)}
    found = whole(client)
    about: dict[str, AttributeValue] = {
        "n": {"S": "ci"},
        "r": {"S": "USER"},
        "p": {"S": "pro"},
        "sc": {"S": "geo:route"},
        "cr": {"N": str(START)},
        "ex": {"N": str(end)},
        "ttl": ttl,
    }
    hashes = [found[pk, f"S#00000{number}"].pop("h") for number in (1, 2)]

    assert found == {
        ("KEYS", f"{START}#{made.record.id}"): {
            "pk": {"S": "KEYS"},
            "sk": {"S": f"{START}#{made.record.id}"},
            **about,
        },
        (pk, "K"): {"pk": {"S": pk}, "sk": {"S": "K"}, **about},
        (pk, "S#000001"): {"pk": {"S": pk}, "sk": {"S": "S#000001"}, "cr": {"N": str(START)}, "ttl": ttl},
        (pk, "S#000002"): {
            "pk": {"S": pk},
            "sk": {"S": "S#000002"},
            "cr": {"N": str(START)},
            "pe": {"N": str(START + 60)},
            "ttl": ttl,
        },
        (pk, "X"): {
            "pk": {"S": pk},
            "sk": {"S": "X"},
            "why": {"S": "leaked"},
            "at": {"N": str(START)},
            "ttl": ttl,
        },
        (pk, "LU#cdg1"): {
            "pk": {"S": pk},
            "sk": {"S": "LU#cdg1"},
            "lu": {"N": str(START)},
            "ttl": {"N": str(START + 1)},
        },
    }
    assert [base64.b64decode(coded["B"]) for coded in hashes] == [
        parse(text).secret_hash for text in (made.api_key, rotated.api_key)
    ]


def test_key_that_never_expires_is_never_forgotten_nor_is_its_tombstone(
    store: DynamoKeyStore, client: DynamoDB
) -> None:
    about = metadata()
    store.create(about, version(1))
    store.add_secret(about, version(2, previous_until=START))
    store.revoke(about, Tombstone("leaked", START))
    store.note_used(about.id, START, kept_until=None)

    found = whole(client)
    assert len(found) == 6
    assert not [key for key, item in found.items() if "ttl" in item]


def test_no_item_has_a_secret(store: DynamoKeyStore, client: DynamoDB, clock: ManualClock) -> None:
    keys = manager(store, clock)
    made = make(keys)
    rotated = keys.rotate(made.record.id, overlap_seconds=60)
    items = whole(client)
    assert len(items) == 4

    for text in (made.api_key, rotated.api_key):
        secret = text[21:64]
        for item in items.values():
            held = json.dumps(item).encode() + b"".join(
                base64.b64decode(value["B"]) for value in item.values() if "B" in value
            )
            assert secret.encode() not in held
            assert secret[:12].encode() not in held
            assert secret[-12:].encode() not in held


GARBAGE: dict[str, tuple[str, dict[str, dict[str, str]]]] = {
    "tombstone without a time": ("X", {"why": {"S": "leaked"}}),
    "secret that is no hash": ("S#000001", {"h": {"B": "AAAA"}, "cr": {"N": "1"}}),
    "secret that is text": ("S#000001", {"h": {"S": "A" * 44}, "cr": {"N": "1"}}),
    "number that is none": ("S#first", {"h": {"B": "A" * 43 + "="}, "cr": {"N": "1"}}),
    "role of nobody": (
        "K",
        {"n": {"S": "n"}, "r": {"S": "ANONYMOUS"}, "p": {"S": "free"}, "sc": {"S": ""}, "cr": {"N": "1"}},
    ),
    "plan that is none": (
        "K",
        {"n": {"S": "n"}, "r": {"S": "USER"}, "p": {"S": "x"}, "sc": {"S": ""}, "cr": {"N": "1"}},
    ),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_item_that_nobody_of_ours_wrote_is_no_key(store: DynamoKeyStore, client: DynamoDB, kind: str) -> None:
    about = metadata()
    store.create(about, version(1))
    sort_key, attributes = GARBAGE[kind]
    put(client, f"KEY#{about.id}", sort_key, attributes)

    with pytest.raises(Unavailable) as caught:
        store.read(about.id)
    assert caught.value.fault == "garbled"


def test_scope_that_a_role_lost_is_lost_to_its_keys(store: DynamoKeyStore, client: DynamoDB) -> None:
    about = metadata()
    store.create(about, version(1))
    stored = partition(client, f"KEY#{about.id}")[f"KEY#{about.id}", "K"]
    shrunk = {**stored, "sc": {"S": "geo:route keys:admin gone:scope"}}
    client.put_item({"TableName": TABLE, "Item": shrunk}, repeatable=True)
    found = store.read(about.id)

    assert found is not None
    assert found.metadata.scopes == {"geo:route"}


class TestLostAnswers:
    """Every write can be repeated without harm, so an answer that is lost is made up for by another try."""

    def client(self, server: FaultServer) -> DynamoDB:
        return DynamoDB(
            region="eu-west-3",
            credentials=FixedCredentials(Credentials("local", "local")),
            endpoint=server.url,
            budget=Budget(connect_ms=2_000, attempt_ms=2_000, call_ms=5_000),
            sleep=lambda _: None,
        )

    def test_creation_is_one_transaction_and_each_try_is_the_same(self, clock: ManualClock) -> None:
        with FaultServer() as server:
            client = self.client(server)
            server.script(CLOSE, THROTTLE, OK)
            made = make(manager(DynamoKeyStore(client, TABLE, region="cdg1"), clock))
            bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
            client.forget()

        assert len(bodies) == 3
        assert bodies[0] == bodies[1] == bodies[2]
        assert bodies[0]["TransactItems"][0]["Put"]["Item"]["pk"]["S"] == f"KEY#{made.record.id}"
        assert ["ConditionExpression" in write["Put"] for write in bodies[0]["TransactItems"]] == [True] * 3

    def test_transaction_that_stays_unanswered_is_unavailable_and_nothing_of_the_key_is_told(
        self, clock: ManualClock
    ) -> None:
        failing = sends("500", answer(b"{}", status="500 Internal Server Error"), applies=False)
        with FaultServer() as server:
            client = self.client(server)
            server.script(*[failing] * 9)
            keys = ApiKeys(
                DynamoKeyStore(client, TABLE, region="cdg1"), clock, env="test", random=lambda n: b"7" * n
            )
            with pytest.raises(Unavailable) as caught:
                make(keys)
            client.forget()

        assert caught.value.status == 503
        assert "777777" not in f"{caught.value!r} {caught.value} {vars(caught.value)}"
        assert "ttt" not in f"{caught.value!r} {caught.value} {vars(caught.value)}"
