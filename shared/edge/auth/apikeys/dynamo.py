"""
The store on DynamoDB: a key is one item collection of the global table ``Keys``, read by one consistent Query.

The items are described in :mod:`edge.auth.apikeys.items`. Making a key is one transaction, everything else one write.
All of it can be repeated without harm: an insertion that finds its own item in the way has happened before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.auth.apikeys.items import (
    LIST_PARTITION,
    item_key,
    key_items,
    list_sort_key,
    number,
    parse_items,
    parse_metadata,
    read_number,
    read_text,
    secret_item,
    secret_sort_key,
    tombstone_item,
)
from edge.auth.apikeys.records import KeySummary
from edge.aws.dynamo import ConditionFailed
from edge.aws.faults import Unavailable

if TYPE_CHECKING:
    from edge.auth.apikeys.records import KeyMetadata, Position, SecretVersion, StoredKey, Tombstone
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item

NOTE_BUDGET_MS: Final = 150
"""How long a request waits at most for the note that its key was used, once a minute."""

_BATCH: Final = 100
"""Keys that one BatchGetItem takes."""

_IF_ABSENT: Final = {
    "ConditionExpression": "attribute_not_exists(pk)",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}


class DynamoKeyStore:
    """
    Keys in a DynamoDB table.

    Args:
        client: of the region that the table's replica is in.
        table: its name.
        region: code of that region, such as ``cdg1``.
    """

    def __init__(self, client: DynamoDB, table: str, *, region: str) -> None:
        self._client = client
        self._table = table
        self._region = region

    def create(self, metadata: KeyMetadata, secret: SecretVersion) -> bool:
        """Insert a key, its first secret and its entry in the list in one transaction."""
        items = key_items(metadata, secret)
        canceled = self._client.transact_write_items(
            {
                "TransactItems": [
                    {"Put": {"TableName": self._table, "Item": item, **_IF_ABSENT}} for item in items
                ],
            },
            repeatable=True,
        )
        if canceled is None:
            return True
        # A repeat after a lost answer finds its own items in the way. (A ClientRequestToken would have to be as random
        # as the id, and the service refuses, as a defect, two requests with one token.)
        return [reason.item for reason in canceled.reasons] == items

    def read(self, key_id: str) -> StoredKey | None:
        """
        Return all of a key by one consistent Query; None if there is none.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had, or holds what no writer of ours wrote.
        """
        items: list[Item] = []
        for page in self._client.pages(
            {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": item_key(key_id, "")["pk"]},
                "ConsistentRead": True,
            }
        ):
            items += page.items
        try:
            return parse_items(key_id, items)
        except (LookupError, TypeError, ValueError):
            raise Unavailable("garbled", outcome_unknown=False) from None

    def add_secret(self, metadata: KeyMetadata, secret: SecretVersion) -> bool:
        """Insert a version of a key's secret, if no version has that number."""
        item = secret_item(metadata, secret)
        outcome = self._client.put_item(
            {"TableName": self._table, "Item": item, **_IF_ABSENT}, repeatable=True
        )
        return not isinstance(outcome, ConditionFailed) or outcome.item == item

    def forget_secret(self, key_id: str, version: int) -> None:
        """Delete a version."""
        self._client.delete_item(
            {"TableName": self._table, "Key": item_key(key_id, secret_sort_key(version))}, repeatable=True
        )

    def revoke(self, metadata: KeyMetadata, tombstone: Tombstone) -> None:
        """Insert the tombstone of a key, unless it has one."""
        item = tombstone_item(metadata, tombstone)
        self._client.put_item({"TableName": self._table, "Item": item, **_IF_ABSENT}, repeatable=True)

    def note_used(self, key_id: str, minute: int, *, kept_until: int | None) -> None:
        """Note that a key was used in this region, unless a later use is noted."""
        request: dict[str, object] = {
            "TableName": self._table,
            "Key": item_key(key_id, f"LU#{self._region}"),
            "UpdateExpression": "SET lu = :minute",
            "ConditionExpression": "attribute_not_exists(lu) OR lu < :minute",
            "ExpressionAttributeValues": {":minute": number(minute)},
        }
        if kept_until is not None:
            request |= {
                "UpdateExpression": "SET lu = :minute, #ttl = :ttl",
                "ExpressionAttributeNames": {"#ttl": "ttl"},
                "ExpressionAttributeValues": {":minute": number(minute), ":ttl": number(kept_until)},
            }
        self._client.update_item(request, repeatable=True, budget_ms=NOTE_BUDGET_MS)

    def list_keys(self, limit: int, after: Position | None) -> list[KeySummary]:
        """Return up to *limit* keys, the newest first: a Query of the list, a BatchGetItem for each 100 tombstones."""
        request: dict[str, object] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": LIST_PARTITION}},
            "ScanIndexForward": False,
            "ConsistentRead": True,
            "Limit": limit,
        }
        if after is not None:
            request |= {
                "KeyConditionExpression": "pk = :pk AND sk < :after",
                "ExpressionAttributeValues": {
                    ":pk": {"S": LIST_PARTITION},
                    ":after": {"S": list_sort_key(after)},
                },
            }
        items: list[Item] = []
        for page in self._client.pages(request):
            items += page.items
            if len(items) >= limit:
                break
        try:
            found = [parse_metadata(read_text(item, "sk").rpartition("#")[2], item) for item in items[:limit]]
            revoked_at = self._revocations([metadata.id for metadata in found])
        except (LookupError, TypeError, ValueError):
            raise Unavailable("garbled", outcome_unknown=False) from None
        return [KeySummary(metadata, revoked_at.get(metadata.id)) for metadata in found]

    def _revocations(self, key_ids: list[str]) -> dict[str, int]:
        """Return when those of *key_ids* that are revoked were."""
        revoked_at: dict[str, int] = {}
        for start in range(0, len(key_ids), _BATCH):
            keys = [item_key(key_id, "X") for key_id in key_ids[start : start + _BATCH]]
            answer = self._client.batch_get_item(
                {"RequestItems": {self._table: {"Keys": keys, "ConsistentRead": True}}}
            )
            for item in answer.get(self._table, []):
                revoked_at[read_text(item, "pk").removeprefix("KEY#")] = read_number(item, "at")
        return revoked_at
