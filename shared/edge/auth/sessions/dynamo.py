"""
The store on DynamoDB: a region's replicas of the global tables ``Sessions`` and ``Keys``.

============== ====== =====================================================================================
``pk``         ``sk`` attributes
============== ====== =====================================================================================
``RF#family``  ``F``  ``hr sub cid role scope plan st gen kv rot iat rid ik exp``, see
                      :class:`~edge.auth.sessions.store.Family`, in its order
``RF#family``  ``X``  ``why at``: the tombstone; inserted, never updated, never deleted
``RJ#jti``     ``X``  the same for one access token
``SUB#sub``    ``NB`` ``nb``: not-before, epoch seconds
``KEY#client`` ``X``  in ``Keys``, written by the part that manages API keys
============== ====== =====================================================================================

``ttl`` is when DynamoDB may delete the item, which it does days late or in tests at once; no answer rests on it.
A read is consistent: "as of" shall be true of this region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from edge.auth.plans import PLANS
from edge.auth.roles import SCOPES
from edge.auth.sessions.store import (
    FORGET_AFTER_SECONDS,
    Family,
    Marks,
    Names,
    NotRotated,
    Rotated,
    family_name,
    subject_name,
    token_name,
)
from edge.aws.dynamo import ConditionFailed
from edge.aws.faults import Unavailable
from edge.aws.regional import client_of, regional_client
from edge.aws.retries import Budget
from edge.regions import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.plans import Plan
    from edge.auth.roles import Role
    from edge.auth.sessions.store import Rotation, State, Tombstone
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from edge.clock import Clock
    from edge.regions import Region
    from edge.settings import Settings

HOME_BUDGET: Final = Budget(connect_ms=600, attempt_ms=700, call_ms=1_600, attempts=2)
"""For a home in another region: up to 170 ms a round trip, three of them to connect. Seldom, so it may take two."""

_ROTATION: Final = {
    "ConditionExpression": "attribute_exists(pk) AND st=:A AND gen<=:g AND gen<:max AND #exp>:s",
    "UpdateExpression": "SET gen=:g1,rot=:ms,iat=:s,rid=:rid,ik=:ik",
    "ExpressionAttributeNames": {"#exp": "exp"},
    "ReturnValues": "ALL_NEW",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}


def open_stores(settings: Settings, clock: Clock) -> Callable[[Region], DynamoSessionStore]:
    """
    Return what gives the store of a region, this region's connection already opened.

    Args:
        settings: region, endpoint, names of the tables (equal in all regions).
        clock: of this container.

    Raises:
        edge.settings.SettingsError: ``SESSIONS_TABLE`` or ``KEYS_TABLE`` is not set.
    """
    tables = settings.require("sessions_table"), settings.require("keys_table")
    stores = {settings.region: DynamoSessionStore(regional_client(settings, clock), *tables)}

    def store_of(region: Region) -> DynamoSessionStore:
        if region not in stores:
            stores[region] = DynamoSessionStore(client_of(region, settings, clock, HOME_BUDGET), *tables)
        return stores[region]

    return store_of


class DynamoSessionStore:
    """
    Sessions in a region's replicas of the tables.

    Every write may be repeated after a lost answer: a rotation finds its own request id, a tombstone itself.

    Args:
        client: of the region.
        sessions_table: name of ``Sessions``.
        keys_table: name of ``Keys``.
    """

    def __init__(self, client: DynamoDB, sessions_table: str, keys_table: str) -> None:
        self._client = client
        self._sessions_table = sessions_table
        self._keys_table = keys_table

    def begin(self, family: Family) -> Family | None:
        """Put *family* if none of its name is there and return None; else return the one that is there."""
        outcome = self._client.put_item(
            {
                "TableName": self._sessions_table,
                "Item": _family_item(family),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
            repeatable=True,
        )
        if isinstance(outcome, ConditionFailed) and outcome.item is not None:
            return _family(outcome.item)
        return None

    def rotate(self, rotation: Rotation) -> Rotated | NotRotated:
        """Do *rotation*, or nothing."""
        outcome = self._client.update_item(
            {
                "TableName": self._sessions_table,
                "Key": _key(family_name(rotation.family), "F"),
                **_ROTATION,
                "ExpressionAttributeValues": {
                    ":A": {"S": "A"},
                    ":g": {"N": str(rotation.parent)},
                    ":g1": {"N": str(rotation.parent + 1)},
                    ":max": {"N": str(rotation.limit)},
                    ":ms": {"N": str(rotation.rotated_at_ms)},
                    ":s": {"N": str(rotation.issued_at)},
                    ":rid": {"S": rotation.request_id},
                    ":ik": {"S": rotation.idempotency},
                },
            },
            repeatable=True,
        )
        if isinstance(outcome, ConditionFailed):
            return NotRotated(None if outcome.item is None else _family(outcome.item))
        return Rotated(_family(outcome))

    def end(self, family: str) -> None:
        """Set the family's state to revoked, if it is there."""
        self._client.update_item(
            {
                "TableName": self._sessions_table,
                "Key": _key(family_name(family), "F"),
                "ConditionExpression": "attribute_exists(pk)",
                "UpdateExpression": "SET st=:R",
                "ExpressionAttributeValues": {":R": {"S": "R"}},
            },
            repeatable=True,
        )

    def bury(self, name: str, tombstone: Tombstone) -> None:
        """Put *tombstone* for *name* if there is none; one that is there stays as it is."""
        self._client.put_item(
            {
                "TableName": self._sessions_table,
                "Item": {
                    **_key(name, "X"),
                    "why": {"S": tombstone.why},
                    "at": {"N": str(tombstone.at)},
                    "ttl": {"N": str(tombstone.forget_at)},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            },
            repeatable=True,
        )

    def raise_not_before(self, subject: str, not_before: int, *, forget_at: int) -> None:
        """Set the subject's not-before to *not_before* unless it is as high already."""
        self._client.update_item(
            {
                "TableName": self._sessions_table,
                "Key": _key(subject_name(subject), "NB"),
                "ConditionExpression": "attribute_not_exists(pk) OR nb<:nb",
                "UpdateExpression": "SET nb=:nb,#ttl=:ttl",
                "ExpressionAttributeNames": {"#ttl": "ttl"},
                "ExpressionAttributeValues": {":nb": {"N": str(not_before)}, ":ttl": {"N": str(forget_at)}},
            },
            repeatable=True,
        )

    def marks(self, names: Names) -> Marks:
        """Return the marks against *names*, by one consistent read."""
        keys = [_key(subject_name(names.subject), "NB")]
        if names.jti is not None:
            keys.append(_key(token_name(names.jti), "X"))
        if names.family is not None:
            keys.append(_key(family_name(names.family), "X"))
        found = self._client.batch_get_item(
            {
                "RequestItems": {
                    self._sessions_table: {
                        "Keys": keys,
                        "ConsistentRead": True,
                        "ProjectionExpression": "pk,nb",
                    },
                    self._keys_table: {
                        "Keys": [_key(f"KEY#{names.client_id}", "X")],
                        "ConsistentRead": True,
                        "ProjectionExpression": "pk",
                    },
                }
            }
        )
        try:
            present = {item["pk"]["S"]: item for item in found.get(self._sessions_table, [])}
            limit = present.get(subject_name(names.subject))
            return Marks(
                token=names.jti is not None and token_name(names.jti) in present,
                family=names.family is not None and family_name(names.family) in present,
                client=bool(found.get(self._keys_table)),
                not_before=0 if limit is None else int(limit["nb"]["N"]),
            )
        except (LookupError, TypeError, ValueError):
            raise Unavailable("garbled", outcome_unknown=False) from None


def _key(partition: str, sort: str) -> Item:
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def _family_item(family: Family) -> Item:
    return {
        **_key(family_name(family.family), "F"),
        "hr": {"S": family.home},
        "sub": {"S": family.subject},
        "cid": {"S": family.client_id},
        "role": {"S": family.role},
        "scope": {"S": family.scope},
        "plan": {"S": family.plan},
        "st": {"S": family.state},
        "gen": {"N": str(family.generation)},
        "kv": {"N": str(family.key_version)},
        "rot": {"N": str(family.rotated_at_ms)},
        "iat": {"N": str(family.issued_at)},
        "rid": {"S": family.request_id},
        "ik": {"S": family.idempotency},
        "exp": {"N": str(family.expires_at)},
        "ttl": {"N": str(family.expires_at + FORGET_AFTER_SECONDS)},
    }


def _family(item: Item) -> Family:
    """Return the family that *item* holds; an answer that holds none is garbled, however well-formed its JSON."""
    try:
        family = Family(
            family=item["pk"]["S"].removeprefix("RF#"),
            home=item["hr"]["S"],
            subject=item["sub"]["S"],
            client_id=item["cid"]["S"],
            role=cast("Role", item["role"]["S"]),
            scope=item["scope"]["S"],
            plan=cast("Plan", item["plan"]["S"]),
            state=cast("State", item["st"]["S"]),
            generation=int(item["gen"]["N"]),
            key_version=int(item["kv"]["N"]),
            rotated_at_ms=int(item["rot"]["N"]),
            issued_at=int(item["iat"]["N"]),
            request_id=item["rid"]["S"],
            idempotency=item["ik"]["S"],
            expires_at=int(item["exp"]["N"]),
        )
    except (LookupError, TypeError, ValueError):
        raise Unavailable("garbled", outcome_unknown=True) from None
    if family.home not in BY_CODE or family.role not in SCOPES or family.plan not in PLANS:
        raise Unavailable("garbled", outcome_unknown=True)
    return family
