"""
What an answer of an AWS JSON service means: a result, or one of the few kinds of error that differ in what to do next.

Sans-I/O. Only members that were asked for leave this module: messages quote the request and are dropped here.
"""

from __future__ import annotations

import binascii
from json import JSONDecoder
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn, TypeAlias

from edge.aws.http1 import Garbled

if TYPE_CHECKING:
    from edge.aws.connection import HttpAnswer

Document: TypeAlias = dict[str, object]

Kind: TypeAlias = Literal["throttled", "conflict", "credentials", "server_fault", "in_progress", "refused"]


class ErrorAnswer(NamedTuple):
    """
    The service said no.

    Attributes:
        kind: what can be done: ``throttled`` and ``conflict`` (not applied, later it may work), ``credentials`` (not applied, renew
            them), ``server_fault`` (may have been applied), ``in_progress`` (an earlier try with the same token
            still runs), ``refused`` (not applied, and it will not be).
        code: AWS's error code, 1 to 64 ASCII letters.
        document: the whole error, for members that belong to *code*.
    """

    kind: Kind
    code: str
    document: Document


_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Refused before anything was written, for load, which passes."""

_CONFLICT = frozenset({"ReplicatedWriteConflictException", "TransactionConflictException"})
"""Refused because somebody else was writing to the item just then."""

_CREDENTIALS = frozenset(
    {
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
    }
)

_PASSING_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Codes of a cancelled transaction that pass; ``None``, which is not among them, stands at writes that were not at fault."""


def read_answer(answer: HttpAnswer) -> Document | ErrorAnswer:
    """
    Check and decode an answer.

    Raises:
        Garbled: its checksum, encoding, JSON or shape is wrong.
    """
    fields, body = answer.fields, answer.body
    checksum = fields.get(b"x-amz-crc32")
    if checksum is not None and checksum != b"%d" % binascii.crc32(body):
        raise Garbled
    if fields.get(b"content-encoding", b"identity") != b"identity":
        raise Garbled
    if answer.status == 200:
        return _decode(body)
    if answer.status >= 500:
        return ErrorAnswer("server_fault", "InternalServerError", {})
    if answer.status < 400:
        raise Garbled  # a redirect is no part of the protocol
    document = _decode(body)
    code = _code(document)
    return ErrorAnswer(_kind(code, document), code, document)


def _kind(code: str, document: Document) -> Kind:
    if code == "TransactionCanceledException":
        return _kind_of_cancellation(document)
    if code in _THROTTLED:
        return "throttled"
    if code in _CONFLICT:
        return "conflict"
    if code in _CREDENTIALS:
        return "credentials"
    if code == "TransactionInProgressException":
        return "in_progress"
    if code in {"InternalServerError", "InternalFailure", "ServiceUnavailable"}:
        return "server_fault"
    return "refused"


def _kind_of_cancellation(document: Document) -> Kind:
    """Return whether a transaction was cancelled for load or conflict alone, so that it can be tried again."""
    codes = {reason.get("Code") for reason in cancellation_reasons(document)} - {"None"}
    if not codes or not codes <= _PASSING_REASONS:
        return "refused"
    return "conflict" if codes == {"TransactionConflict"} else "throttled"


def cancellation_reasons(document: Document) -> list[Document]:
    """
    Return the reasons of a cancelled transaction, none when the service gave none.

    Raises:
        Garbled: they are not a list of objects.
    """
    reasons = document.get("CancellationReasons", [])
    if not isinstance(reasons, list):
        raise Garbled
    return [reason if isinstance(reason, dict) else _garbled() for reason in reasons]


def answer_seconds(fields: dict[bytes, bytes]) -> int | None:
    """
    Return the service's time from the ``date`` field (RFC 9110, section 5.6.7, IMF-fixdate), None without one.

    Example:
        >>> answer_seconds({b"date": b"Sun, 30 Aug 2015 12:36:00 GMT"})
        1440938160
    """
    from datetime import UTC, datetime  # on the way of a refused signature alone

    try:
        _, day, month, year, clock, zone = fields[b"date"].decode("ascii").split(" ")
        hour, minute, second = (int(part) for part in clock.split(":"))
        month_number = _MONTHS.index(month) // 3 + 1
        moment = datetime(int(year), month_number, int(day), hour, minute, second, tzinfo=UTC)
    except (KeyError, ValueError):
        return None
    return int(moment.timestamp()) if zone == "GMT" else None


_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def _code(document: Document) -> str:
    """Return the error code: what follows the # in ``com.amazonaws.dynamodb.v20120810#ValidationException``."""
    name = document.get("__type")
    if not isinstance(name, str):
        raise Garbled
    code = name.rpartition("#")[2]
    if not (code.isascii() and code.isalpha() and len(code) <= 64):
        raise Garbled
    return code


def _decode(body: bytes) -> Document:
    try:
        document = _json.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Garbled from None
    return document if isinstance(document, dict) else _garbled()


def _garbled(_: str = "") -> NoReturn:
    raise Garbled


_json = JSONDecoder(parse_constant=_garbled)  # NaN and Infinity are not JSON
