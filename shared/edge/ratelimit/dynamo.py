"""
The store on DynamoDB: one ``UpdateItem`` per write, one consistent ``GetItem`` per read.

An item of the ``RateWindows`` table:

===========  =======================================================================================
``pk``       tier and subject, see :func:`edge.ratelimit.subjects.record_key`
``t``        units admitted ever
``p_<k>``    total before the first write of bucket k; k in base 36, absolute, so that it never wraps
``d``        ``t - l``: conditions cannot calculate, so the stateless condition compares with this
``l``        the limit of the last write
``g``        floor: boundaries of buckets below it may be gone
``h``        horizon: no boundary of a bucket above it exists
``x``        epoch seconds after which DynamoDB may delete the item (time to live)
===========  =======================================================================================

The nested ``if_not_exists`` makes the first check of a subject one call. AWS's engine, DynamoDB Local and ministack
take it; moto 5.2's parser does not.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as json_string
from typing import TYPE_CHECKING, Final

from edge.aws.dynamo import ConditionFailed
from edge.aws.regional import regional_client
from edge.ratelimit.store import Applied, NotApplied, Snapshot

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from edge.clock import Clock
    from edge.ratelimit.store import Write
    from edge.settings import Settings

MAX_DEAD_BUCKETS: Final = 100
"""Boundaries removed by one write; an expression has at most 4 KB. The floor covers those that stay."""


def open_store(settings: Settings, clock: Clock) -> DynamoStore:
    """
    Return the store of this region's table, its connection already opened.

    Raises:
        edge.settings.SettingsError: ``RATE_WINDOWS_TABLE`` is not set.
    """
    return DynamoStore(regional_client(settings, clock), settings.require("rate_windows_table"))


class DynamoStore:
    """
    Rate windows in a DynamoDB table.

    Args:
        client: of the region that the table is in.
        table: its name.
    """

    def __init__(self, client: DynamoDB, table: str) -> None:
        self._client = client
        self._table = json_string(table)

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        """
        Apply *write* to the item of *key* in one call.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had; ``outcome_unknown`` tells whether the units may have
                been charged. The call is never repeated once it may have been applied.
        """
        request = render_update(self._table, key, write)
        outcome = self._client.update_item(request, repeatable=False)
        if isinstance(outcome, ConditionFailed):
            return NotApplied(None if outcome.item is None else parse_item(outcome.item))
        return Applied(parse_item(outcome))

    def read(self, key: str) -> Snapshot | None:
        """
        Return the item of *key* by a consistent read, or None.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had.
        """
        item = self._client.get_item(
            f'{{"TableName":{self._table},"Key":{{"pk":{{"S":{json_string(key)}}}}},"ConsistentRead":true}}'.encode()
        )
        return None if item is None else parse_item(item)


def render_update(table_json: str, key: str, write: Write) -> bytes:
    """
    Return the body of the ``UpdateItem`` that is *write*.

    It is written as text rather than built as a dictionary and encoded: this is the hottest path of the product, and
    all that varies in it are numbers and one string.

    Args:
        table_json: the table's name as a JSON string.
        key: of the item.
        write: what to do.
    """
    update, condition, values = _expressions(write)
    values_json = ",".join([f'":{name}":{{"N":"{value}"}}' for name, value in values.items()])
    return (
        f'{{"TableName":{table_json},"Key":{{"pk":{{"S":{json_string(key)}}}}},'
        f'"UpdateExpression":"{update}","ConditionExpression":"{condition}",'
        f'"ExpressionAttributeValues":{{{values_json}}},'
        '"ReturnValues":"ALL_NEW","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}'
    ).encode()


def _expressions(write: Write) -> tuple[str, str, dict[str, int]]:
    values = {"x": write.expires_at_seconds}
    update = "SET x=:x"
    if write.cost:
        boundary = boundary_name(write.bucket)
        update += (
            f",t=if_not_exists(t,:z)+:c,d=if_not_exists(t,:z)+:m,l=:l"
            f",{boundary}=if_not_exists({boundary},if_not_exists(t,:z))"
        )
        values |= {"z": 0, "c": write.cost, "m": write.cost - write.limit, "l": write.limit}
    if write.new_horizon is not None:
        update += ",h=:h"
        values["h"] = write.new_horizon
    if write.new_floor is not None:
        dead = ",".join([boundary_name(bucket) for bucket in write.dead_buckets[:MAX_DEAD_BUCKETS]])
        update += f",g=:f REMOVE {dead}"
    return update, _condition(write, values), values


def _condition(write: Write, values: dict[str, int]) -> str:
    """
    Return the condition of *write*, adding to *values* what it names.

    NOT binds tighter than AND, and AND tighter than OR; DynamoDB refuses parentheses that change nothing.
    """
    admits = []
    if write.least_total is not None:
        values["a"] = write.least_total
        if write.most_total is None:
            admits.append("t>=:a")
        else:
            values["b"] = write.most_total
            admits.append("t BETWEEN :a AND :b")
    if write.chain is not None:
        first, last = write.chain
        # A comparison with a missing attribute is false: a bucket that nobody wrote in does not deny.
        full = " OR ".join([f"{boundary_name(bucket)}<=d" for bucket in range(first, last + 1)])
        admits.append(f"l=:l AND NOT ({full})")
    if not admits:
        return "attribute_not_exists(pk)"
    values["f"] = write.oldest_bucket if write.new_floor is None else write.new_floor
    any_of = admits[0] if len(admits) == 1 else f"({' OR '.join(admits)})"
    may_create = "attribute_not_exists(pk) OR " if write.may_create else ""
    within_horizon = "" if write.new_horizon is None else "NOT h>:h AND "
    return f"{may_create}NOT g>:f AND {within_horizon}{any_of}"


def parse_item(item: Item) -> Snapshot:
    """Return the snapshot that *item* holds."""
    boundaries = {int(name[2:], 36): int(value["N"]) for name, value in item.items() if name.startswith("p_")}
    floor, horizon = item.get("g"), item.get("h")
    return Snapshot(
        total=int(item["t"]["N"]),
        boundaries=boundaries,
        floor=0 if floor is None else int(floor["N"]),
        horizon=0 if horizon is None else int(horizon["N"]),
        limit=int(item["l"]["N"]),
        expires_at_seconds=int(item["x"]["N"]),
    )


def boundary_name(bucket: int) -> str:
    """
    Return the attribute of *bucket*: its number in base 36 behind ``p_``.

    The underscore keeps it apart from ``pk`` and from DynamoDB's reserved words.

    Example:
        >>> boundary_name(1_795_179_600)
        'p_tosxg0'
    """
    digits = ""
    while bucket:
        bucket, digit = divmod(bucket, 36)
        digits = _DIGITS[digit] + digits
    return f"p_{digits or '0'}"


_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
