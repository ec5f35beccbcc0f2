"""What a collector gets of a line: an id, a time and a level, and no secret that somebody printed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.telemetry.shipping_records import CUT_CHARS, MAX_RECORD_BYTES, LogEvent, Record, records

OURS = {
    "timestamp": "2026-11-20T10:00:00.123Z",
    "level": "info",
    "message": "request",
    "request_id": "r-1",
    "region": "cdg1",
    "function": "kaizen-edge-geo-route",
    "stage": "production",
    "version": "1.0.0",
}


def record_of(message: object, *, name: str = "37", at_ms: int = 1_795_000_000_123) -> Record:
    text = message if isinstance(message, str) else json.dumps(message)
    [record] = records([LogEvent(name, at_ms, text)], log_group="/aws/lambda/f", log_stream="s")
    return record


def sent(message: object) -> dict[str, Any]:
    body = record_of(message).body
    assert b"\n" not in body
    document = json.loads(body)
    assert isinstance(document, dict)
    return document


def test_line_of_ours_goes_as_it_is_with_where_it_was_found() -> None:
    assert sent(OURS) == {"id": "37", **OURS, "log_group": "/aws/lambda/f", "log_stream": "s"}


def test_metric_block_stays_at_home_and_id_is_of_cloudwatch() -> None:
    document = sent({**OURS, "_aws": {"CloudWatchMetrics": []}, "id": "forged", "log_group": "forged"})
    assert "_aws" not in document
    assert (document["id"], document["log_group"]) == ("37", "/aws/lambda/f")


@pytest.mark.parametrize(
    ("level", "is_error"),
    [
        ("debug", False),
        ("info", False),
        ("warn", False),
        ("error", True),
        ("critical", True),
        ("ERROR", True),
        ("FATAL", True),
        (40, False),
        (None, False),
        ("error" * 50_000, False),
    ],
)
def test_level_decides_what_is_an_error(level: object, *, is_error: bool) -> None:
    assert record_of({**OURS, "level": level}).is_error is is_error


@pytest.mark.parametrize(
    ("status", "level"),
    [("success", "info"), ("error", "info"), ("timeout", "error"), ("failure", "error"), (7, "info")],
)
def test_lambda_report_of_a_timeout_or_a_crash_is_an_error(status: object, level: str) -> None:
    line = {"time": "2026-11-20T10:00:00.000Z", "type": "platform.report", "record": {"status": status}}
    record = record_of(line)
    document = json.loads(record.body)
    assert (document["level"], record.is_error) == (level, level == "error")
    assert document["timestamp"] == "2026-11-20T10:00:00.000Z"
    assert document["record"] == {"status": status}


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last):",
        "{not json",
        "[1,2]",
        '{"a":NaN}',
        '{"a":1e999}',
        '{"a":' + "[" * 100_000,
        '{"a":' + "9" * 5_000 + "}",
        "{}x",
        "",
        "\ud800",
    ],
)
def test_anything_else_is_text(text: str) -> None:
    record = record_of(text)
    document = json.loads(record.body)
    assert document.keys() == {"id", "timestamp", "level", "message", "log_group", "log_stream"}
    assert (document["timestamp"], document["level"]) == ("2026-11-18T11:06:40.123Z", "info")
    assert not record.is_error


def test_exception_that_nobody_caught_is_scrubbed() -> None:
    line = {
        "timestamp": "2026-11-20T10:00:00Z",
        "level": "ERROR",
        "errorMessage": "refused: password=hunter2hunter2",
        "errorType": "ValueError",
        "stackTrace": ['  File "/opt/python/edge/app.py", line 3, in f\n'],
    }
    record = record_of(line)
    assert b"hunter2" not in record.body
    assert record.is_error
    assert json.loads(record.body)["stackTrace"] == line["stackTrace"]


def test_line_that_is_not_ours_is_scrubbed_at_every_place() -> None:
    """Lambda's runtime, or a library that prints JSON, puts what it has where it likes."""
    line = {
        "message": "x",
        "requestId": "8d0b1c2e-0f3a-4b5c-9d6e-7f8091a2b3c4",
        "stackTrace": ["  File x, line 3, in f\n    call(password=hunter2hunter2)\n"],
        "request": {
            "headers": [{"authorization": "Bearer hunter2"}, {"x": "token=hunter2"}],
            "apiKey": "hunter2",
        },
        "count": 3,
        "flag": True,
        "none": None,
    }
    record = record_of(line)
    told = json.loads(record.body)

    assert b"hunter2" not in record.body
    assert [told[name] for name in ("requestId", "count", "flag", "none")] == [
        line["requestId"],
        3,
        True,
        None,
    ]


@pytest.mark.parametrize("depth", [15, 40, 900, 5_000])
def test_line_that_is_deep_is_scrubbed_as_deep_as_it_is_sent(depth: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        text = f'{{"a":{opening * depth}"password=hunter2"{closing * depth}}}'
        record = record_of(text)
        assert b"hunter2" not in record.body


def test_printed_text_is_scrubbed() -> None:
    assert b"hunter2" not in record_of("Authorization: Bearer hunter2hunter2hunter2").body
    assert b"starting up" in record_of("starting up").body


@pytest.mark.parametrize("letter", ["x", "é", "\x00", '"', "🦆"])
def test_long_line_is_cut_and_says_so(letter: str) -> None:
    message = json.dumps({**OURS, "level": "error", "detail": letter * 200_000}, ensure_ascii=False)
    record = record_of(message)
    document = json.loads(record.body)
    assert len(record.body) <= MAX_RECORD_BYTES
    assert record.is_error
    assert document["cut_from_chars"] == len(message)
    assert document["message"] == message[:CUT_CHARS]


def test_long_text_is_cut_and_scrubbed() -> None:
    record = record_of("password=hunter2hunter2 " + "\x01" * 900_000)
    assert len(record.body) <= MAX_RECORD_BYTES
    assert b"hunter2" not in record.body


def test_order_is_kept() -> None:
    events = [LogEvent(str(number), number, "x") for number in range(50)]
    found = list(records(events, log_group="g", log_stream="s"))
    assert [record.id for record in found] == [event.id for event in events]
