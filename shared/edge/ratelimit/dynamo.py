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

from typing import TYPE_CHECKING, Final

from edge.aws.dynamo import ConditionFailed
from edge.aws.faults import Unavailable
from edge.aws.regional import client_of, regional_client
from edge.aws.retries import Budget
from edge.ratelimit.breaker import Breaker, GuardedStore
from edge.ratelimit.expressions import json_string, render_amendment, render_write
from edge.ratelimit.home import HomeLimiter
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.resilient import ResilientLimiter
from edge.ratelimit.scopes import Scopes
from edge.ratelimit.store import Applied, Counter, NotApplied, Record
from edge.regions import DEPLOYED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from edge.clock import Clock
    from edge.ratelimit.home import Limits
    from edge.ratelimit.store import Amendment, Write
    from edge.ratelimit.tiers import Tier
    from edge.regions import Region
    from edge.settings import Settings


REMOTE_BUDGET: Final = Budget(connect_ms=600, attempt_ms=700, call_ms=750, attempts=1)
"""For the home of a subject in another region: up to 170 ms a round trip, three of them to connect."""


def open_scopes(settings: Settings, clock: Clock, tiers: Mapping[str, Tier]) -> Scopes:
    """
    Return the limiters of a function, the connection to this region's table already opened.

    Each store stands behind a breaker of its own. This region's limiter goes on without its store; another region's is
    made when a subject at home there is first asked for.

    Args:
        settings: region, table, how many containers are expected.
        clock: of this container.
        tiers: that will be checked against; the longest decides how long records are kept.

    Raises:
        edge.settings.SettingsError: ``RATE_WINDOWS_TABLE`` is not set.
    """
    table = settings.require("rate_windows_table")
    longest_window_ms = max(tier.window.window_ms for tier in tiers.values())

    def guarded(client: DynamoDB) -> tuple[Limiter, Breaker]:
        breaker = Breaker(clock)
        store = GuardedStore(DynamoStore(client, table), breaker)
        return Limiter(store, clock, longest_window_ms=longest_window_ms), breaker

    primary, breaker = guarded(regional_client(settings, clock))
    regional = ResilientLimiter(
        primary,
        clock,
        expected_containers=settings.expected_containers,
        breaker=breaker,
        longest_window_ms=longest_window_ms,
    )
    limits: dict[Region, Limits] = {settings.region: regional}

    def limits_of(region: Region) -> Limits:
        if region not in limits:
            limits[region], _ = guarded(client_of(region, settings, clock, REMOTE_BUDGET))
        return limits[region]

    return Scopes(settings.region, regional, HomeLimiter(settings.region, DEPLOYED, limits_of))


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
        return None if item is None else _record(item, outcome_unknown=False)

    def _update(self, request: bytes) -> Applied | NotApplied:
        outcome = self._client.update_item(request, repeatable=False)
        if isinstance(outcome, ConditionFailed):
            return NotApplied(None if outcome.item is None else _record(outcome.item, outcome_unknown=False))
        return Applied(_record(outcome, outcome_unknown=True))


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
