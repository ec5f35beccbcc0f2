"""The DynamoDB store keeps both contracts on every engine, and its items are what the tables' readers expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.auth.sessions.dynamo import open_stores
from edge.auth.sessions.family_id import family_id
from edge.auth.sessions.store import Tombstone, family_name
from edge.aws.faults import TableMissing, Unavailable
from edge.aws.regional import forget_clients
from edge.clock import SystemClock
from edge.regions import CDG1, IAD1
from edge.settings import Settings
from infra.local.emulator import LOCAL_CREDENTIALS
from tests.contract.auth.sessions.conftest import KEYS_TABLE, REGION, SESSIONS
from tests.contract.auth.sessions.families_contract import FamiliesContract
from tests.contract.auth.sessions.store_contract import SessionStoreContract, names, new_family, rotation
from tests.unit.auth.sessions.stores import NOW, START_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.sessions.dynamo import DynamoSessionStore
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from tests.contract.auth.sessions.conftest import Engine


@pytest.fixture
def store(dynamo_store: DynamoSessionStore) -> DynamoSessionStore:
    return dynamo_store


@pytest.fixture
def revoke_client(client: DynamoDB) -> Callable[[str], None]:
    def revoke(client_id: str) -> None:
        item = {"pk": {"S": f"KEY#{client_id}"}, "sk": {"S": "X"}}
        client.put_item({"TableName": KEYS_TABLE, "Item": item}, repeatable=True)

    return revoke


class TestDynamoSessionStore(SessionStoreContract):
    pass


class TestFamiliesOnDynamoSessionStore(FamiliesContract):
    pass


def read(client: DynamoDB, partition: str, sort: str) -> Item | None:
    key = {"pk": {"S": partition}, "sk": {"S": sort}}
    return client.get_item({"TableName": SESSIONS, "Key": key, "ConsistentRead": True})


def test_family_item_is_as_documented(store: DynamoSessionStore, client: DynamoDB) -> None:
    family = new_family()
    store.begin(family)
    store.rotate(rotation(family, 0))

    assert read(client, f"RF#{family.family}", "F") == {
        "pk": {"S": f"RF#{family.family}"},
        "sk": {"S": "F"},
        "hr": {"S": "cdg1"},
        "sub": {"S": family.subject},
        "cid": {"S": family.client_id},
        "role": {"S": "USER"},
        "scope": {"S": "geo:route sign:request"},
        "plan": {"S": "team"},
        "st": {"S": "A"},
        "gen": {"N": "1"},
        "kv": {"N": "3"},
        "rot": {"N": str(START_MS + 1_017)},
        "iat": {"N": str(NOW + 1)},
        "rid": {"S": "request-0"},
        "ik": {"S": "hash"},
        "exp": {"N": str(family.expires_at)},
        "ttl": {"N": str(family.expires_at + 172_800)},
    }


def test_tombstone_is_never_changed(store: DynamoSessionStore, client: DynamoDB) -> None:
    family = new_family()
    name = family_name(family.family)
    store.bury(name, Tombstone("logout", NOW, NOW + 10))
    first = read(client, name, "X")
    store.bury(name, Tombstone("reuse", NOW + 1, NOW + 5_000))

    assert first == {
        "pk": {"S": name},
        "sk": {"S": "X"},
        "why": {"S": "logout"},
        "at": {"N": str(NOW)},
        "ttl": {"N": str(NOW + 10)},
    }
    assert read(client, name, "X") == first


def test_not_before_is_forgotten_when_told(store: DynamoSessionStore, client: DynamoDB) -> None:
    subject = new_family().subject
    store.raise_not_before(subject, 7, forget_at=NOW + 70)

    assert read(client, f"SUB#{subject}", "NB") == {
        "pk": {"S": f"SUB#{subject}"},
        "sk": {"S": "NB"},
        "nb": {"N": "7"},
        "ttl": {"N": str(NOW + 70)},
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"gen": {"N": "1.5"}},
        {"gen": {"S": "0"}},
        {"hr": {"S": "moon1"}},
        {"role": {"S": "ROOT"}},
        {"exp": None},
    ],
    ids=str,
)
def test_item_that_is_no_family_counts_as_garbled(
    store: DynamoSessionStore, client: DynamoDB, wrong: dict[str, object]
) -> None:
    family = new_family()
    store.begin(family)
    item = {**(read(client, family_name(family.family), "F") or {}), "st": {"S": "R"}, **wrong}
    client.put_item(
        {"TableName": SESSIONS, "Item": {name: value for name, value in item.items() if value}},
        repeatable=True,
    )

    with pytest.raises(Unavailable) as garbled:
        store.rotate(rotation(family, 0))
    assert garbled.value.fault == "garbled"


def test_not_before_that_is_no_number_counts_as_garbled(store: DynamoSessionStore, client: DynamoDB) -> None:
    family = new_family()._replace(family=family_id(NOW, bytes(12)))
    client.put_item(
        {
            "TableName": SESSIONS,
            "Item": {"pk": {"S": f"SUB#{family.subject}"}, "sk": {"S": "NB"}, "nb": {"S": "now"}},
        },
        repeatable=True,
    )

    with pytest.raises(Unavailable):
        store.marks(names(family))


def test_each_region_has_its_store_and_keeps_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOCAL_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_env(
        {
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": engine.url,
            "SESSIONS_TABLE": SESSIONS,
            "KEYS_TABLE": KEYS_TABLE,
        }
    )
    try:
        store_of = open_stores(settings, SystemClock())

        assert store_of(CDG1) is store_of(CDG1)
        assert store_of(IAD1) is store_of(IAD1)
        assert store_of(CDG1) is not store_of(IAD1)
        family = new_family()
        assert store_of(CDG1).begin(family) is None
        assert store_of(CDG1).rotate(rotation(family, 0)).family is not None
        # There are no tables in that region: whoever answers is another.
        with pytest.raises(TableMissing):
            store_of(IAD1).begin(family)
    finally:
        forget_clients()
