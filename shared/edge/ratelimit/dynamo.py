"""
The store on DynamoDB: one ``UpdateItem`` per write, one consistent ``GetItem`` per read.

An item of the ``RateWindows`` table is a record. Its attributes, for each counter, carry the code ``c`` of the tier (three
characters, the first a digit):

===========  =======================================================================================
``pk``       the subject, see :func:`edge.ratelimit.subjects.record_key`
``x``        epoch seconds after which DynamoDB may delete the item (time to live)
``t<c>``     units admitted ever
``p<c><k>``  total before the first write of bucket k; k in base 36, absolute, so that it never wraps
``d<c>``     ``t - l``: conditions cannot calculate, so the stateless condition compares with this
``l<c>``     the limit of the last write
``g<c>``     floor: boundaries of buckets below it may be gone
``h<c>``     horizon: no boundary of a bucket above it exists
``r<c>``     revision: how often units were given back; absent for never
===========  =======================================================================================

The nested ``if_not_exists`` makes the first check of a subject one call. AWS's engine, DynamoDB Local and ministack
take it; moto 5.2's parser does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.aws.dynamo import ConditionFailed
from edge.aws.regional import regional_client
from edge.ratelimit.expressions import json_string, render_amendment, render_write
from edge.ratelimit.store import Applied, Counter, NotApplied, Record

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from edge.clock import Clock
    from edge.ratelimit.store import Amendment, Write
    from edge.settings import Settings


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
        return self._update(render_write(self._table, key, write))

    def amend(self, key: str, amendment: Amendment) -> Applied | NotApplied:
        """
        Apply *amendment* to the item of *key* in one call.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had; ``outcome_unknown`` as for :meth:`apply`.
        """
        return self._update(render_amendment(self._table, key, amendment))

    def read(self, key: str) -> Record | None:
        """
        Return the item of *key* by a consistent read, or None.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had.
        """
        item = self._client.get_item(
            f'{{"TableName":{self._table},"Key":{{"pk":{{"S":{json_string(key)}}}}},"ConsistentRead":true}}'.encode()
        )
        return None if item is None else parse_item(item)

    def _update(self, request: bytes) -> Applied | NotApplied:
        outcome = self._client.update_item(request, repeatable=False)
        if isinstance(outcome, ConditionFailed):
            return NotApplied(None if outcome.item is None else parse_item(outcome.item))
        return Applied(parse_item(outcome))


def parse_item(item: Item) -> Record:
    """Return the record that *item* holds."""
    counters: dict[str, Counter] = {}
    boundaries: dict[str, dict[int, int]] = {}
    for name, value in item.items():
        kind, code = name[0], name[1:4]
        if kind == "p" and code[0].isdigit():
            boundaries.setdefault(code, {})[int(name[4:], 36)] = int(value["N"])
        elif kind == "t":
            counters[code] = Counter(
                total=int(value["N"]),
                boundaries=boundaries.setdefault(code, {}),
                floor=_number(item, f"g{code}"),
                horizon=_number(item, f"h{code}"),
                limit=_number(item, f"l{code}"),
                revision=_number(item, f"r{code}"),
            )
    return Record(counters, _number(item, "x"))


def _number(item: Item, name: str) -> int:
    value = item.get(name)
    return 0 if value is None else int(value["N"])
