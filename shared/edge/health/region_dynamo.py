"""
The store on DynamoDB: the global table ``RegionHealth``, all of it under one partition key and read by one Query.

- ``pk`` = ``REGIONS``, ``sk`` = ``O#<observer>``: a report, under 1 KB: ``at`` (N, epoch seconds of its round), ``bl`` (BOOL,
  blind), ``s`` (M of S by region code, see :func:`sight_text`), ``ttl``
- ``pk`` = ``REGIONS``, ``sk`` = ``D#<region>``: a drain: ``why``, ``by`` (S), ``at``, ``un`` (N, epoch seconds), ``ttl``

Why so few items. A table of four regions is read by every container every few seconds: one Query of less than 4 KB
costs half a read unit, BatchGetItem of an item for each target and observer sixteen times that, and there is no Scan in
our client. And it is written in four replicas six times a minute by every region: one item for all that an observer sees
is a third of the writes, and its round is seen whole or not at all. Each item still has one writer.

An item that cannot be read, of a newer version perhaps, is left out and counted: it shall not blind a reader to the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from edge.aws.faults import Unavailable
from edge.health.drains import Drain, DrainReason
from edge.health.observations import AHEAD_MS, KEPT_RESULTS, MAX_LATENCY_MS, Report, Result, Sight
from edge.health.region_store import Stored

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import AttributeValue, Item

READ_BUDGET_MS: Final = 200
"""How long a request may be held up by a look at the regions, once in a while."""

KEPT_SECONDS: Final = 3_600
"""How long a report, and a drain after its end, is worth storing."""

_PARTITION: Final = "REGIONS"
_REASONS: Final[dict[str, DrainReason]] = {reason: reason for reason in get_args(DrainReason)}


class DynamoRegionStore:
    """
    Regional health in a DynamoDB table.

    Args:
        client: of the region that the table's replica is in.
        table: its name.
        read_budget_ms: for one read.
    """

    def __init__(self, client: DynamoDB, table: str, *, read_budget_ms: int = READ_BUDGET_MS) -> None:
        self._client = client
        self._table = table
        self._read_budget_ms = read_budget_ms

    def read(self, *, latest: bool) -> Stored:
        """
        Return all that is stored, by one Query.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had.
        """
        page = self._client.query(
            {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": _PARTITION}},
                "ConsistentRead": latest,
            },
            budget_ms=self._read_budget_ms,
        )
        if page.last_key is not None:  # a megabyte of what should be four kilobytes
            raise Unavailable("garbled", outcome_unknown=False)
        reports: list[Report] = []
        drains: list[Drain] = []
        unreadable = 0
        for item in page.items:
            try:
                kind, _, code = item["sk"]["S"].partition("#")
                if kind == "O":
                    reports.append(_report(code, item))
                elif kind == "D":
                    drains.append(_drain(code, item))
                else:
                    unreadable += 1
            except (LookupError, TypeError, ValueError, AttributeError):
                unreadable += 1
        return Stored(tuple(reports), tuple(drains), unreadable)

    def put_report(self, report: Report) -> None:
        """Store *report*, unless the last one of its observer is of the same round or a later one that can be."""
        item: Item = {
            **_key(f"O#{report.observer}"),
            "at": _number(report.at),
            "bl": {"BOOL": report.is_blind},
            "s": {"M": {code: {"S": sight_text(sight)} for code, sight in report.sights.items()}},
            "ttl": _number(report.at + KEPT_SECONDS),
        }
        self._client.put_item(
            {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk) OR #at < :at OR #at > :ahead",
                "ExpressionAttributeNames": {"#at": "at"},
                "ExpressionAttributeValues": {
                    ":at": _number(report.at),
                    ":ahead": _number(report.at + AHEAD_MS // 1000),
                },
            },
            repeatable=True,  # the repeat of one that arrived finds the condition false, and that is as good
        )

    def put_drain(self, drain: Drain) -> None:
        """Store *drain* in the place of the one that its region may have."""
        item: Item = {
            **_key(f"D#{drain.region}"),
            "why": {"S": drain.reason},
            "by": {"S": drain.by},
            "at": _number(drain.at),
            "un": _number(drain.until),
            "ttl": _number(drain.until + KEPT_SECONDS),
        }
        self._client.put_item({"TableName": self._table, "Item": item}, repeatable=True)

    def end_drain(self, region: str, *, only: Drain | None) -> None:
        """Forget the drain of *region*, or *only* that one."""
        request: dict[str, object] = {"TableName": self._table, "Key": _key(f"D#{region}")}
        if only is not None:
            request |= {
                "ConditionExpression": "#at = :at AND #un = :un AND #by = :by AND #why = :why",
                "ExpressionAttributeNames": {"#at": "at", "#un": "un", "#by": "by", "#why": "why"},
                "ExpressionAttributeValues": {
                    ":at": _number(only.at),
                    ":un": _number(only.until),
                    ":by": {"S": only.by},
                    ":why": {"S": only.reason},
                },
            }
        self._client.delete_item(request, repeatable=True)


def sight_text(sight: Sight) -> str:
    """
    Return *sight* as it is stored: opinion, since when, at, then the results, newest first.

    Example:
        >>> sight_text(Sight(True, 1_795_179_000, (Result(True, 43, 1_795_179_610), Result(False, 1500, 1_795_179_600))))
        'up 1795179000 1795179610 o43-0 x1500-10'
    """
    newest = sight.results[0].at
    results = [f"{'o' if one.ok else 'x'}{one.latency_ms}-{newest - one.at}" for one in sight.results]
    return " ".join(["up" if sight.is_up else "down", str(sight.since), str(newest), *results])


def parse_sight(text: str) -> Sight:
    """
    Return what :func:`sight_text` wrote.

    Raises:
        ValueError: it did not.
    """
    opinion, since, newest, *coded = text.split(" ")
    at = int(newest)
    results = tuple([_result(one, at) for one in coded])
    if opinion not in ("up", "down") or not 1 <= len(results) <= KEPT_RESULTS:
        raise ValueError("no sight")
    return Sight(opinion == "up", int(since), results)


def _result(text: str, newest: int) -> Result:
    latency_ms, _, age = text[1:].partition("-")
    result = Result(text[:1] == "o", int(latency_ms), newest - int(age))
    if text[:1] not in ("o", "x") or not 0 <= result.latency_ms <= MAX_LATENCY_MS:
        raise ValueError("no result")
    return result


def _report(observer: str, item: Item) -> Report:
    sights = {code: parse_sight(coded["S"]) for code, coded in item["s"]["M"].items()}
    return Report(observer, int(item["at"]["N"]), item["bl"]["BOOL"], sights)


def _drain(region: str, item: Item) -> Drain:
    reason = _REASONS[item["why"]["S"]]
    return Drain(region, reason, int(item["at"]["N"]), int(item["un"]["N"]), item["by"]["S"])


def _key(sk: str) -> Item:
    return {"pk": {"S": _PARTITION}, "sk": {"S": sk}}


def _number(value: int) -> AttributeValue:
    return {"N": str(value)}
