"""
DynamoDB, the operations that the product uses, over plain DynamoDB JSON.

Why not boto3: it costs 700 us of CPU a call and 240 ms at start; this costs about a tenth of the one and a hundredth
of the other (``tests/bench/dynamo_client.py``). It is thin: requests are DynamoDB's own JSON members, attribute values
stay tagged. It does not validate requests, build expressions, or convert types.

What it takes seriously is what may happen twice: every write says whether repeating it is harmless, and one that is not
is repeated only when the first try surely did nothing (:mod:`edge.aws.jsonrpc`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from edge.aws.answers import ErrorAnswer, cancellation_reasons
from edge.aws.faults import Unavailable, refusal
from edge.aws.jsonrpc import JsonService, encode
from edge.aws.retries import Budget, jitter
from edge.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from edge.aws.answers import Document
    from edge.aws.credentials import CredentialSource
    from edge.aws.jsonrpc import Transport
    from edge.aws.retries import Retries
    from edge.aws.wire import Item, Request, TableDescription
    from edge.clock import Clock

MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
"""A page is at most 1 MB of items; as JSON, with every attribute named and tagged, small ones grow six-fold."""

_CONDITION: Final = frozenset({"ConditionalCheckFailedException"})
_TRANSACTION: Final = frozenset({"TransactionCanceledException"})


class ConditionFailed(NamedTuple):
    """
    The write's condition did not hold and nothing was written.

    Attributes:
        item: the item as it is, when the request asked for it (``ReturnValuesOnConditionCheckFailure`` =
            ``ALL_OLD``) and it exists; else None.
    """

    item: Item | None


class CancellationReason(NamedTuple):
    """
    Why one write of a transaction did not happen.

    Attributes:
        code: such as ``ConditionalCheckFailed``; None for a write that was not at fault.
        item: as in :class:`ConditionFailed`.
    """

    code: str | None
    item: Item | None


class TransactionCanceled(NamedTuple):
    """
    None of the transaction's writes happened.

    Attributes:
        reasons: one for each write, in the request's order.
    """

    reasons: tuple[CancellationReason, ...]


class Page(NamedTuple):
    """
    One page of a query.

    Attributes:
        items: in key order; a page can be empty and not the last.
        last_key: pass it as ``ExclusiveStartKey`` to go on; None at the end.
    """

    items: list[Item]
    last_key: Item | None


class DynamoDB:
    """
    DynamoDB in one region; one object serves a whole process and all its threads.

    Every operation takes its parameters as DynamoDB's own JSON members, or as bytes of that JSON for callers that
    encode once, and *budget_ms* in place of the budget's ``call_ms``. All raise
    :class:`~edge.aws.faults.Unavailable` or :class:`~edge.aws.faults.Refused`, nothing else.

    Args:
        region: AWS's region name.
        credentials: asked at each call.
        endpoint: URL of a local engine or a VPC endpoint, or None for AWS.
        budget: how long calls may take.
        clock: wall time for signatures, monotonic time for deadlines.
        random: uniform in [0, 1), for jitter.
        sleep: takes seconds; pauses between attempts.
        ca_bundle: ``amazon`` (the five roots shipped here), ``system``, or the path of a PEM file.
        max_answer_bytes: a larger answer counts as garbled.
        transport: in place of sockets, for tests.

    Raises:
        ValueError: *endpoint* is no ``http(s)://host[:port]``.

    Example:
        A counter that must not count twice::

            db = DynamoDB(region="eu-west-3", credentials=chain)
            result = db.update_item({"TableName": "T", "Key": {"pk": {"S": "a"}}, ...}, repeatable=False)
            if isinstance(result, ConditionFailed): ...
    """

    def __init__(
        self,
        *,
        region: str,
        credentials: CredentialSource,
        endpoint: str | None = None,
        budget: Budget = Budget(),  # noqa: B008 - immutable
        clock: Clock = SystemClock(),  # noqa: B008 - stateless
        random: Callable[[], float] = jitter,
        sleep: Callable[[float], None] = time.sleep,
        ca_bundle: str = "amazon",
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        transport: Transport | None = None,
    ) -> None:
        self._service = JsonService(
            service="dynamodb",
            target="DynamoDB_20120810",
            region=region,
            credentials=credentials,
            endpoint=endpoint,
            clock=clock,
            random=random,
            sleep=sleep,
            budget=budget,
            ca_bundle=ca_bundle,
            max_answer_bytes=max_answer_bytes,
            transport=transport,
        )

    def connect(self) -> bool:
        """
        Open a connection ahead of use, while a function starts: 15 ms that the first event saves.

        Best effort: nothing is sent, and a failure is only returned; the first call tries again.
        """
        return self._service.connect()

    def forget(self) -> None:
        """Drop connections and cached credentials; call it after a restore from a snapshot."""
        self._service.forget()

    def get_item(self, request: Request, *, budget_ms: int | None = None) -> Item | None:
        """Return the item, or the projected part of it; None when there is none."""
        return _attributes(self._read(b"GetItem", request, budget_ms), "Item", writes=False)

    def put_item(
        self, request: Request, *, repeatable: bool, budget_ms: int | None = None
    ) -> Item | ConditionFailed:
        """Put an item in the place of what is there; arguments and results as :meth:`update_item`."""
        return self._write(b"PutItem", request, repeatable=repeatable, budget_ms=budget_ms)

    def update_item(
        self, request: Request, *, repeatable: bool, budget_ms: int | None = None
    ) -> Item | ConditionFailed:
        """
        Change an item, or create it.

        Args:
            request: members of UpdateItem. With ``ReturnValuesOnConditionCheckFailure`` = ``ALL_OLD`` a failed
                condition brings the item.
            repeatable: applying it twice is as good as once. Then a lost answer is made up for by another try;
                beware of conditions that the first try itself makes false: the second then reports their failure.
            budget_ms: for the whole call, in place of the default.

        Returns:
            What ``ReturnValues`` asked for, else ``{}``; or the failed condition.

        Raises:
            Unavailable: look at ``outcome_unknown``.
            Refused: a defect of ours.
        """
        return self._write(b"UpdateItem", request, repeatable=repeatable, budget_ms=budget_ms)

    def delete_item(
        self, request: Request, *, repeatable: bool, budget_ms: int | None = None
    ) -> Item | ConditionFailed:
        """Delete an item, if it is there; arguments and results as :meth:`update_item`."""
        return self._write(b"DeleteItem", request, repeatable=repeatable, budget_ms=budget_ms)

    def query(self, request: Request, *, budget_ms: int | None = None) -> Page:
        """Return one page of the items under one partition key."""
        document = self._read(b"Query", request, budget_ms)
        items = document.get("Items", [])
        if not isinstance(items, list):
            raise Unavailable("garbled", outcome_unknown=False)
        return Page(items=items, last_key=_attributes(document, "LastEvaluatedKey", writes=False))

    def pages(self, request: Mapping[str, object], *, budget_ms: int | None = None) -> Iterator[Page]:
        """Yield the pages of a query, each fetched when it is asked for and within *budget_ms*."""
        while True:
            page = self.query(request, budget_ms=budget_ms)
            yield page
            if page.last_key is None:
                return
            request = {**request, "ExclusiveStartKey": page.last_key}

    def batch_get_item(
        self, request: Mapping[str, object], *, budget_ms: int | None = None
    ) -> dict[str, list[Item]]:
        """
        Return the items that exist among up to 100 keys, by table, in no order.

        Keys that the service left unprocessed are asked for again, after pauses, until the budget ends.

        Raises:
            Unavailable: keys were left at the end (``throttled``), among the other causes.
        """
        retries = self._service.retries(budget_ms)
        found: dict[str, list[Item]] = {}
        while True:
            document = self._read_within(b"BatchGetItem", request, retries)
            responses = _attributes(document, "Responses", writes=False) or {}
            for table, items in cast("dict[str, list[Item]]", responses).items():
                found.setdefault(table, []).extend(items)
            unprocessed = _attributes(document, "UnprocessedKeys", writes=False)
            if not unprocessed:
                return found
            if not retries.pause(throttled=True):
                raise Unavailable("throttled", outcome_unknown=False)
            request = {**request, "RequestItems": unprocessed}

    def transact_write_items(
        self, request: Mapping[str, object], *, repeatable: bool, budget_ms: int | None = None
    ) -> TransactionCanceled | None:
        """
        Do up to 100 writes together or none of them.

        A transaction that lost against another, or met throttling, is tried again by itself: nothing of it happened.

        Args:
            request: members of TransactWriteItems. With a ``ClientRequestToken`` the service itself takes repeats for
                one for 10 minutes, so such a request is repeatable.
            repeatable: as in :meth:`update_item`.
            budget_ms: for the whole call, in place of the default.

        Returns:
            None when all happened; else why none did.
        """
        answer = self._service.call(
            b"TransactWriteItems",
            encode(request),
            writes=True,
            repeatable=repeatable,
            retries=self._service.retries(budget_ms),
            results=_TRANSACTION,
        )
        if not isinstance(answer, ErrorAnswer):
            return None
        return TransactionCanceled(
            tuple(
                CancellationReason(
                    code=None if reason.get("Code") in {None, "None"} else str(reason["Code"]),
                    item=_attributes(reason, "Item", writes=False),
                )
                for reason in cancellation_reasons(answer.document)
            )
        )

    def describe_table(self, table_name: str, *, budget_ms: int | None = None) -> TableDescription:
        """Return what the control plane says of a table; slower than a read and throttled sooner."""
        document = self._read(b"DescribeTable", {"TableName": table_name}, budget_ms)
        return cast("TableDescription", _attributes(document, "Table", writes=False) or {})

    def _read(self, operation: bytes, request: Request, budget_ms: int | None) -> Document:
        return self._read_within(operation, request, self._service.retries(budget_ms))

    def _read_within(self, operation: bytes, request: Request, retries: Retries) -> Document:
        answer = self._service.call(
            operation, encode(request), writes=False, repeatable=True, retries=retries
        )
        if isinstance(answer, ErrorAnswer):  # cannot be: no error was named as a result
            raise refusal(answer.code)
        return answer

    def _write(
        self, operation: bytes, request: Request, *, repeatable: bool, budget_ms: int | None
    ) -> Item | ConditionFailed:
        answer = self._service.call(
            operation,
            encode(request),
            writes=True,
            repeatable=repeatable,
            retries=self._service.retries(budget_ms),
            results=_CONDITION,
        )
        if isinstance(answer, ErrorAnswer):
            return ConditionFailed(_attributes(answer.document, "Item", writes=False))
        return _attributes(answer, "Attributes", writes=True) or {}


def _attributes(document: Document, member: str, *, writes: bool) -> Item | None:
    """
    Return an object among an answer's members, None when it is absent.

    What is in it is not walked: the service wrote it, and the checksum says that it arrived.
    """
    found = document.get(member)
    if found is None or isinstance(found, dict):
        return found
    raise Unavailable("garbled", outcome_unknown=writes)
