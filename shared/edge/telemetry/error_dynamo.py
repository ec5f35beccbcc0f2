"""
Errors on DynamoDB: items of the regional table ``Telemetry`` under one partition key, each written by one environment alone.

======  ==================================================================================================
``pk``  ``E``
``sk``  ``<group key>#<function>#<environment id>``
``ttl`` epoch seconds after which DynamoDB may delete the item: :data:`KEPT_SECONDS` after the last error
``n``   count, N; an item is replaced only by one with a larger one
``f l`` first and last seen, epoch seconds, N
``ty``  type; ``ti`` title; ``se`` severity; ``w`` frames, a line each: S
``h``   ``<hours since the epoch>:<count>`` joined by commas, S
``s``   samples, S: a JSON array of ``[at, request id, route, status, message]``
======  ==================================================================================================

Records are absolute, so a write that is repeated counts nothing twice, and one that was overtaken changes nothing.

Nothing is folded: an environment has at most some fifty items, and they go two weeks after their last error. A reader takes
:data:`MAX_PAGES` pages, that is thousands of items, and says so if there are more.

An item that cannot be read, of a newer version perhaps, is left out and counted.
"""

from __future__ import annotations

from json import JSONEncoder, loads
from typing import TYPE_CHECKING, Final

from edge.telemetry.error_groups import MAX_SAMPLES, TREND_HOURS, ErrorRecord, Sample
from edge.telemetry.error_store import StoredErrors

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import AttributeValue, Item
    from edge.clock import Clock
    from edge.telemetry.grouping import Severity

KEPT_SECONDS: Final = 14 * 86_400
WRITE_BUDGET_MS: Final = 100
READ_BUDGET_MS: Final = 400
"""For a page of up to a megabyte."""

MAX_PAGES: Final = 4

_PARTITION: Final = "E"
_SEVERITIES: Final[dict[str, Severity]] = {"error": "error", "critical": "critical"}
_encode = JSONEncoder(separators=(",", ":")).encode


class DynamoErrorStore:
    """
    The errors of one region in a DynamoDB table.

    Args:
        client: of that region.
        table: its name.
        clock: tells when an item has expired: DynamoDB deletes it up to days later.
        write_budget_ms: for one record.
        read_budget_ms: for one page.
        max_pages: that a reader takes, >= 1.
    """

    def __init__(
        self,
        client: DynamoDB,
        table: str,
        clock: Clock,
        *,
        write_budget_ms: int = WRITE_BUDGET_MS,
        read_budget_ms: int = READ_BUDGET_MS,
        max_pages: int = MAX_PAGES,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._write_budget_ms = write_budget_ms
        self._read_budget_ms = read_budget_ms
        self._max_pages = max_pages

    def read(self) -> StoredErrors:
        """
        Return what is stored, by eventually consistent queries.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had.
        """
        now_seconds = self._clock.now_ms() // 1000
        records: list[ErrorRecord] = []
        unreadable = 0
        request: dict[str, object] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": _PARTITION}},
        }
        is_complete = False
        for number, page in enumerate(self._client.pages(request, budget_ms=self._read_budget_ms), start=1):
            for item in page.items:
                try:
                    record = _record(item)
                except (LookupError, TypeError, ValueError, AttributeError):
                    unreadable += 1
                    continue
                if record.last_seen + KEPT_SECONDS > now_seconds:
                    records.append(record)
            is_complete = page.last_key is None
            if number >= self._max_pages:
                break
        return StoredErrors(tuple(records), unreadable, is_complete)

    def put(self, record: ErrorRecord) -> None:
        """
        Store *record*, unless a newer one of its environment is there.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had; it may be stored, and may be again.
        """
        self._client.put_item(
            {
                "TableName": self._table,
                "Item": _item(record),
                "ConditionExpression": "attribute_not_exists(pk) OR #n < :n",
                "ExpressionAttributeNames": {"#n": "n"},
                "ExpressionAttributeValues": {":n": _number(record.total)},
            },
            repeatable=True,  # the repeat of one that arrived finds the condition false, and that is as good
            budget_ms=self._write_budget_ms,
        )


def _item(record: ErrorRecord) -> Item:
    return {
        "pk": {"S": _PARTITION},
        "sk": {"S": f"{record.key}#{record.function}#{record.environment}"},
        "ttl": _number(record.last_seen + KEPT_SECONDS),
        "n": _number(record.total),
        "f": _number(record.first_seen),
        "l": _number(record.last_seen),
        "ty": {"S": record.type},
        "ti": {"S": record.title},
        "se": {"S": record.severity},
        "w": {"S": "\n".join(record.where)},
        "h": {"S": ",".join([f"{hour}:{count}" for hour, count in sorted(record.hours.items())])},
        "s": {"S": _encode([list(sample) for sample in record.samples])},
    }


def _record(item: Item) -> ErrorRecord:
    """
    Return the record that *item* is.

    Raises:
        LookupError: a member is missing.
        TypeError: one has another type.
        ValueError: one is out of range.
        AttributeError: one is no text.
    """
    key, function, environment = item["sk"]["S"].split("#")
    pairs = [pair.split(":") for pair in item["h"]["S"].split(",") if pair]
    samples = tuple([_sample(*coded) for coded in loads(item["s"]["S"])])
    record = ErrorRecord(
        key=key,
        function=function,
        environment=environment,
        type=item["ty"]["S"],
        title=item["ti"]["S"],
        where=tuple([frame for frame in item["w"]["S"].split("\n") if frame]),
        severity=_SEVERITIES[item["se"]["S"]],
        first_seen=int(item["f"]["N"]),
        last_seen=int(item["l"]["N"]),
        total=int(item["n"]["N"]),
        hours={int(hour): int(count) for hour, count in pairs},
        samples=samples,
    )
    if record.total < 1 or len(samples) > MAX_SAMPLES or len(pairs) > TREND_HOURS:
        raise ValueError("no record of errors")
    return record


def _sample(at: object, request_id: object, route: object, status: object, message: object) -> Sample:
    if not (
        isinstance(at, int)
        and isinstance(request_id, str)
        and isinstance(route, str)
        and isinstance(status, int)
        and isinstance(message, str)
    ):
        raise TypeError("no sample")
    return Sample(at, request_id, route, status, message)


def _number(value: int) -> AttributeValue:
    return {"N": str(value)}
