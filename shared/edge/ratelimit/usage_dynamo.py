"""
Published usage on DynamoDB: one ``Query`` per read, one conditional ``PutItem`` per publication.

An item of the ``RateUsage`` table, a global table with asynchronous replication, is what one region saw of one counter:

======  ============================================================================================
``pk``  code of the tier and the subject's :func:`edge.ratelimit.subjects.record_key`
``sk``  ``<component>/<writer>``, region codes
``x``   epoch seconds after which DynamoDB may delete the item (time to live): nothing of it counts
``t``   units admitted ever
``r``   revision
``g``   floor: boundaries of buckets below it are left out
``b``   boundaries, ``<bucket>:<total>`` joined by commas
``a``   epoch milliseconds of the publication
======  ============================================================================================

The condition keeps a slow container from replacing what a quicker one of its region has put. It is evaluated in this
region, and no other writes the item: the last writer that wins elsewhere is the newest.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as json_string
from typing import TYPE_CHECKING, Final

from edge.aws.dynamo import ConditionFailed
from edge.aws.faults import Unavailable
from edge.ratelimit.store import Counter
from edge.ratelimit.usage_store import Published

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from edge.clock import Clock

USAGE_BUDGET_MS: Final = 150
"""A check waits for this at most once a second, and goes on with what was known."""


class DynamoUsageStore:
    """
    Published usage in this region's replica.

    Args:
        client: of this region.
        table: name of the global table.
        clock: tells when an item has expired: DynamoDB deletes it up to days later.
        budget_ms: a call may take.
    """

    def __init__(
        self, client: DynamoDB, table: str, clock: Clock, *, budget_ms: int = USAGE_BUDGET_MS
    ) -> None:
        self._client = client
        self._table = json_string(table)
        self._clock = clock
        self._budget_ms = budget_ms

    def read(self, key: str) -> list[Published]:
        """
        Return the records of *key* that this replica has, by an eventually consistent query.

        There are at most as many as pairs of regions, each under 1 KB: one page.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had.
        """
        page = self._client.query(
            (
                f'{{"TableName":{self._table},"KeyConditionExpression":"pk=:k",'
                f'"ExpressionAttributeValues":{{":k":{{"S":{json_string(key)}}}}}}}'
            ).encode(),
            budget_ms=self._budget_ms,
        )
        return [_published(item, outcome_unknown=False) for item in page.items]

    def publish(self, key: str, usage: Published) -> Published:
        """
        Put *usage* in the place of an older or expired item; return what is there then.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had; it may be published, and may be again.
        """
        outcome = self._client.put_item(self._request(key, usage), repeatable=True, budget_ms=self._budget_ms)
        if isinstance(outcome, ConditionFailed) and outcome.item is not None:
            return _published(outcome.item, outcome_unknown=True)
        return usage

    def _request(self, key: str, usage: Published) -> bytes:
        total, revision = usage.counter.total, usage.counter.revision
        boundaries = ",".join(
            [f"{bucket}:{before}" for bucket, before in sorted(usage.counter.boundaries.items())]
        )
        return (
            f'{{"TableName":{self._table},"Item":{{"pk":{{"S":{json_string(key)}}},'
            f'"sk":{{"S":{json_string(f"{usage.component}/{usage.writer}")}}},'
            f'"x":{{"N":"{usage.expires_at_seconds}"}},"t":{{"N":"{total}"}},"r":{{"N":"{revision}"}},'
            f'"g":{{"N":"{usage.counter.floor}"}},"b":{{"S":"{boundaries}"}},"a":{{"N":"{usage.published_at_ms}"}}}},'
            '"ConditionExpression":"attribute_not_exists(pk) OR x<=:n OR r<:r OR r=:r AND t<:t",'
            f'"ExpressionAttributeValues":{{":n":{{"N":"{self._clock.now_ms() // 1000}"}},'
            f'":r":{{"N":"{revision}"}},":t":{{"N":"{total}"}}}},'
            '"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}'
        ).encode()


def _published(item: Item, *, outcome_unknown: bool) -> Published:
    """Return what *item* says; an answer that says nothing is garbled, however well-formed its JSON."""
    try:
        component, _, writer = item["sk"]["S"].partition("/")
        pairs = [pair.split(":") for pair in item["b"]["S"].split(",") if pair]
        counter = Counter(
            total=int(item["t"]["N"]),
            boundaries={int(bucket): int(before) for bucket, before in pairs},
            floor=int(item["g"]["N"]),
            horizon=0,
            limit=0,
            revision=int(item["r"]["N"]),
        )
        return Published(component, writer, counter, int(item["a"]["N"]), int(item["x"]["N"]))
    except (LookupError, TypeError, ValueError):
        raise Unavailable("garbled", outcome_unknown=outcome_unknown) from None
