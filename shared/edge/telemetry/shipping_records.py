"""
A line of a log group as a collector gets it: one JSON object that has an ``id``, a ``timestamp`` and a ``level``.

CloudWatch's event id becomes ``id``: it is the same however often the line is delivered, so whoever keeps lines by it keeps
each once. Our own lines go as they are, with where they were found. What else Lambda writes into a log group is made alike:
its reports, of which a timeout and a crash are errors that nobody else tells of, and what it prints of an exception that
nobody caught. The words of that one are free text, so they are scrubbed before they leave the account.
"""

from __future__ import annotations

import time
from json import JSONEncoder, loads
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.telemetry.scrubbing import MAX_INPUT_CHARS, scrub, scrub_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_RECORD_BYTES: Final = 128 * 1024
"""A longer line is sent cut: collectors have limits of their own, and a line of ours has a hundredth of this."""

CUT_CHARS: Final = 8_000
"""What is left of a line that is cut; as JSON a character has up to twelve bytes."""

MAX_LEVEL_CHARS: Final = 16

ERROR_LEVELS: Final = frozenset({"error", "critical", "fatal"})

_encode = JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode
_OURS: Final = ("region", "function", "stage", "version")
_KEPT: Final = frozenset({"timestamp", "level", "requestId", "type", "errorType"})
"""What Lambda's runtime writes beside an exception and is no free text."""

_REPORT: Final = "platform.report"
_LOST: Final = frozenset({"timeout", "failure"})
"""Ends of an invocation that had no chance to say anything; after ``error`` there is a line with the exception."""


class LogEvent(NamedTuple):
    """
    A line as CloudWatch hands it over.

    Attributes:
        id: of CloudWatch, unique in its log group.
        at_ms: epoch milliseconds.
        message: the line.
    """

    id: str
    at_ms: int
    message: str


class Record(NamedTuple):
    """
    A line as it is sent.

    Attributes:
        id: as the line's.
        is_error: of level error or worse.
        body: a JSON object in ASCII, without a line end, of at most :data:`MAX_RECORD_BYTES`.
    """

    id: str
    is_error: bool
    body: bytes


def records(events: Iterable[LogEvent], *, log_group: str, log_stream: str) -> Iterator[Record]:
    """
    Yield the records of *events*, in their order.

    Args:
        events: of one log stream.
        log_group: its log group's name.
        log_stream: its name.

    Example:
        >>> [record] = records([LogEvent("1", 0, "no JSON")], log_group="/aws/lambda/f", log_stream="s")
        >>> record.body
        b'{"id":"1","timestamp":"1970-01-01T00:00:00.000Z","level":"info","message":"no JSON",\
"log_group":"/aws/lambda/f","log_stream":"s"}'
    """
    found_in = {"log_group": log_group, "log_stream": log_stream}
    for event in events:
        line = _object(event.message)
        told = _told(line, event) if line is not None else _told_of_text(event)
        try:
            text = _encode({"id": event.id, **told, **found_in})
        except ValueError:  # 1e999: it was JSON, and the infinity that it became is none
            line, told = None, _told_of_text(event)
            text = _encode({"id": event.id, **told, **found_in})
        body = text.encode("ascii")
        if len(body) > MAX_RECORD_BYTES:
            cut = {
                "timestamp": _stamp(event.at_ms),
                "level": told["level"],
                "message": event.message[:CUT_CHARS] if _is_ours(line) else _scrubbed(event.message),
                "cut_from_chars": len(event.message),
            }
            body = _encode({"id": event.id, **cut, **found_in}).encode("ascii")
        yield Record(event.id, told["level"] in ERROR_LEVELS, body)


def _told(line: dict[str, object], event: LogEvent) -> dict[str, object]:
    """Return the members of a line that is a JSON object; ``id`` is CloudWatch's, whatever the line says."""
    told = {name: value for name, value in line.items() if name not in ("id", "_aws")}
    stamp = told.get("timestamp") or told.get("time")
    told["timestamp"] = stamp if isinstance(stamp, str) else _stamp(event.at_ms)
    level = told.get("level")
    if not isinstance(level, str) or len(level) > MAX_LEVEL_CHARS:
        level = _level_of(line)
    told["level"] = level.lower()
    if not _is_ours(line) and not _is_of_platform(line):
        told = scrub_document(told, kept=_KEPT)
    return told


def _told_of_text(event: LogEvent) -> dict[str, object]:
    """Return the members for a line that is no JSON object."""
    return {"timestamp": _stamp(event.at_ms), "level": "info", "message": _scrubbed(event.message)}


def _level_of(line: dict[str, object]) -> str:
    """Return the level of a line that states none."""
    report = line.get("record")
    is_lost = line.get("type") == _REPORT and isinstance(report, dict) and report.get("status") in _LOST
    return "error" if is_lost else "info"


def _is_of_platform(line: dict[str, object]) -> bool:
    """Return whether Lambda itself wrote the line: numbers and ids, nothing of a request."""
    kind = line.get("type")
    return isinstance(kind, str) and kind.startswith("platform.") and isinstance(line.get("record"), dict)


def _is_ours(line: dict[str, object] | None) -> bool:
    return line is not None and all(isinstance(line.get(name), str) for name in _OURS)


def _scrubbed(text: str) -> str:
    return scrub(text.strip(), limit=MAX_INPUT_CHARS)


def _object(text: str) -> dict[str, object] | None:
    """Return the JSON object that *text* is, None if it is none that every reader would take for the same."""
    if not text.startswith("{"):
        return None
    try:
        line = loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _refuse(constant: str) -> object:
    raise ValueError(constant)  # NaN and Infinity are no JSON


def _stamp(at_ms: int) -> str:
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03}Z"
