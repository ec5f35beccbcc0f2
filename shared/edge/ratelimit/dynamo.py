"""
The store on DynamoDB: one ``UpdateItem`` per write, one consistent ``GetItem`` per read.

Writes of several records are one ``TransactWriteItems``, which leaves no word of what it left: a consistent
``BatchGetItem`` after it reads that. Two items of under 1 KB cost 4 write units and 2 read units so, apart they would
cost 2 write units. While a transaction runs, every other write of its items is refused as a conflict and tried again.

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

import os
from typing import TYPE_CHECKING, Final

from edge.aws.dynamo import ConditionFailed
from edge.aws.faults import Unavailable, refusal
from edge.aws.regional import client_of, regional_client
from edge.aws.retries import Budget, jitter
from edge.breaker import Breaker
from edge.ratelimit.component import ComponentLimiter
from edge.ratelimit.expressions import json_string, render_amendment, render_write, transaction_element
from edge.ratelimit.guarded_store import GuardedStore
from edge.ratelimit.home import HomeLimiter
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.published import PublishedLimiter, is_published
from edge.ratelimit.resilient import ResilientLimiter
from edge.ratelimit.scopes import Scopes
from edge.ratelimit.store import (
    Applied,
    AppliedTogether,
    Counter,
    NotApplied,
    NotAppliedTogether,
    Record,
)
from edge.ratelimit.usage_dynamo import DynamoUsageStore
from edge.ratelimit.usage_exchange import UsageExchange
from edge.ratelimit.watched_store import WatchedStore
from edge.regions import DEPLOYED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge.aws.dynamo import CancellationReason, DynamoDB
    from edge.aws.wire import Item
    from edge.clock import Clock
    from edge.ratelimit.store import Amendment, Write
    from edge.ratelimit.tiers import Tier
    from edge.regions import Region
    from edge.settings import Settings


REMOTE_BUDGET: Final = Budget(connect_ms=600, attempt_ms=700, call_ms=750, attempts=1)
"""For the home of a subject in another region: up to 170 ms a round trip, three of them to connect."""

READ_BACK_MS: Final = 150
"""How long the reading after a transaction may take: the check is decided, a caller waits for a number only."""

_CONDITION_FAILED: Final = "ConditionalCheckFailed"
_NOT_AT_FAULT: Final = frozenset(
    {None, "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)
"""Reasons of a write that says nothing of its own condition: another's failed, or it was not come to."""


def open_scopes(settings: Settings, clock: Clock, tiers: Mapping[str, Tier]) -> Scopes:
    """
    Return the limiters of a function, the connection to this region's table already opened.

    Each store stands behind a breaker of its own. This region's limiter goes on without its store; another region's is
    made when a subject at home there is first asked for. Without a table of published usage every global limit is kept
    at the subject's home.

    Args:
        settings: region, tables, how many containers are expected.
        clock: of this container.
        tiers: that will be checked against; the longest decides how long records are kept.

    Raises:
        edge.settings.SettingsError: ``RATE_WINDOWS_TABLE`` is not set.
    """
    table = settings.require("rate_windows_table")
    longest_window_ms = max(tier.window.window_ms for tier in tiers.values())
    client = regional_client(settings, clock)
    usage_table = settings.rate_usage_table
    exchange = UsageExchange(
        settings.region,
        DynamoUsageStore(client, usage_table or "", clock),
        clock,
        breaker=Breaker(clock),
    )
    published = is_published if usage_table else _never

    def guarded(client: DynamoDB) -> tuple[WatchedStore, Limiter, Breaker]:
        breaker = Breaker(clock)
        store = WatchedStore(GuardedStore(DynamoStore(client, table), breaker))
        return store, Limiter(store, clock, longest_window_ms=longest_window_ms), breaker

    seen, primary, breaker = guarded(client)
    regional = ResilientLimiter(
        primary,
        clock,
        expected_containers=settings.expected_containers,
        breaker=breaker,
        longest_window_ms=longest_window_ms,
    )
    own = ComponentLimiter(settings.region, regional, seen, exchange, clock, published=published)
    components = {settings.region: own}

    def component_of(region: Region) -> ComponentLimiter:
        if region not in components:
            seen, limits, _ = guarded(client_of(region, settings, clock, REMOTE_BUDGET))
            components[region] = ComponentLimiter(region, limits, seen, exchange, clock, published=published)
        return components[region]

    across = PublishedLimiter(
        settings.region, own, HomeLimiter(settings.region, DEPLOYED, component_of), published=published
    )
    return Scopes(settings.region, regional, across, jitter=jitter)


def _never(_tier: Tier) -> bool:
    return False


class DynamoStore:
    """
    Rate windows in a DynamoDB table.

    Args:
        client: of the region that the table is in.
        table: its name.
        read_back_ms: how long the reading after a transaction may take.
        random_bytes: returns so many bytes that were never there before, for the tokens of transactions.
    """

    def __init__(
        self,
        client: DynamoDB,
        table: str,
        *,
        read_back_ms: int = READ_BACK_MS,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._client = client
        self._name = table
        self._table = json_string(table)
        self._read_back_ms = read_back_ms
        self._random_bytes = random_bytes

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        """
        Apply *write* to the item of *key* in one call.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had; ``outcome_unknown`` tells whether the units may have
                been charged. The call is never repeated once it may have been applied.
        """
        return self._update(render_write(self._table, key, write))

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        """
        Apply *writes* to the items of their keys in one transaction, and read what that left.

        The transaction carries a token of its own, so that a lost answer is made up for by another try: for ten minutes
        DynamoDB takes both for one. If the reading fails, the transaction has still happened: no records are told.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had, or others wrote to the items at every try
                (``throttled``); ``outcome_unknown`` tells whether the units may have been charged.
        """
        canceled = self._client.transact_write_items(
            {
                "ClientRequestToken": self._random_bytes(16).hex(),
                "TransactItems": [transaction_element(self._name, key, write) for key, write in writes],
            },
            repeatable=True,
        )
        keys = [key for key, _ in writes]
        if canceled is not None:
            return NotAppliedTogether(_refused(keys, canceled.reasons))
        try:
            return AppliedTogether(self._read_items(keys, self._read_back_ms))
        except Unavailable:
            return AppliedTogether({})

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
        return None if item is None else _record(item, outcome_unknown=False)

    def read_together(self, keys: Sequence[str]) -> dict[str, Record | None]:
        """
        Return the items of *keys* by one consistent batch read, None for each that there is not.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had.
        """
        return dict.fromkeys(keys) | self._read_items(keys, None)

    def _read_items(self, keys: Sequence[str], budget_ms: int | None) -> dict[str, Record]:
        asked = {"Keys": [{"pk": {"S": key}} for key in keys], "ConsistentRead": True}
        found = self._client.batch_get_item({"RequestItems": {self._name: asked}}, budget_ms=budget_ms)
        return dict([_keyed_record(item) for item in found.get(self._name, [])])

    def _update(self, request: bytes) -> Applied | NotApplied:
        outcome = self._client.update_item(request, repeatable=False)
        if isinstance(outcome, ConditionFailed):
            return NotApplied(None if outcome.item is None else _record(outcome.item, outcome_unknown=False))
        return Applied(_record(outcome, outcome_unknown=True))


def _refused(keys: Sequence[str], reasons: Sequence[CancellationReason]) -> dict[str, Record | None]:
    """
    Return the records that stood against a transaction.

    Raises:
        Unavailable: no condition failed, though it was cancelled.
        edge.aws.faults.Refused: a write was at fault otherwise; a defect of ours.
    """
    if len(reasons) != len(keys):
        raise Unavailable("garbled", outcome_unknown=False)
    refused: dict[str, Record | None] = {}
    for key, reason in zip(keys, reasons, strict=True):
        if reason.code == _CONDITION_FAILED:
            refused[key] = None if reason.item is None else _record(reason.item, outcome_unknown=False)
        elif reason.code not in _NOT_AT_FAULT:
            raise refusal("TransactionCanceledException")
    if not refused:
        raise Unavailable("garbled", outcome_unknown=False)
    return refused


def _keyed_record(item: Item) -> tuple[str, Record]:
    try:
        key = item["pk"]["S"]
    except (LookupError, TypeError):
        raise Unavailable("garbled", outcome_unknown=False) from None
    return key, _record(item, outcome_unknown=False)


def _record(item: Item, *, outcome_unknown: bool) -> Record:
    """Return the record that *item* holds; an answer that holds none is garbled, however well-formed its JSON."""
    try:
        record = parse_item(item)
    except (LookupError, TypeError, ValueError):
        raise Unavailable("garbled", outcome_unknown=outcome_unknown) from None
    if not record.counters or not record.expires_at_seconds:
        raise Unavailable("garbled", outcome_unknown=outcome_unknown)
    return record


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
