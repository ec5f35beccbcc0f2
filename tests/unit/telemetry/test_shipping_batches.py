"""Batches: within their limits, the same whenever they are made of the same lines, and whole on their way through a queue."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from binascii import b2a_base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.telemetry.shipping_batches import (
    MAX_MESSAGE_BYTES,
    MAX_PACKED_BYTES,
    MAX_PLAIN_BYTES,
    Batch,
    MessageUnreadable,
    batches,
    from_message,
    halves,
    to_message,
)
from edge.telemetry.shipping_records import MAX_RECORD_BYTES, Record

if TYPE_CHECKING:
    from edge.telemetry.shipping_batches import Kind


def record(number: int, text: str = "x") -> Record:
    return Record(str(number), False, json.dumps({"id": str(number), "message": text}).encode("ascii"))


def lines(batch: Batch) -> list[bytes]:
    return gzip.decompress(batch.packed).splitlines()


def ids(batch: Batch) -> list[str]:
    return [json.loads(line)["id"] for line in lines(batch)]


def noise(size: int) -> str:
    return os.urandom(size * 3 // 4).hex()[:size]


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.sampled_from([1, 100, 5_000, 60_000, 120_000]), max_size=40), is_noise=st.booleans())
def test_lines_are_divided_into_batches_within_limits_in_order(sizes: list[int], *, is_noise: bool) -> None:
    made = [record(number, noise(size) if is_noise else "x" * size) for number, size in enumerate(sizes)]
    found = list(batches("logs", made))

    assert [line for batch in found for line in lines(batch)] == [one.body for one in made]
    for batch in found:
        assert batch.size == len(lines(batch)) > 0
        assert len(batch.packed) <= MAX_PACKED_BYTES
        assert len(gzip.decompress(batch.packed)) <= MAX_PLAIN_BYTES
        assert len(to_message(batch).encode()) <= MAX_MESSAGE_BYTES
        assert from_message(to_message(batch)) == batch


def test_lines_that_compress_well_are_divided_all_the_same() -> None:
    found = list(batches("logs", [record(number, "x" * 120_000) for number in range(40)]))
    assert [batch.size for batch in found] == [16, 16, 8]


def test_same_bytes_at_any_time_of_day() -> None:
    [batch] = batches("logs", [record(1)])
    assert batch.packed[4:8] == bytes(4)  # RFC 1952: the time stamp, none


def test_batches_are_few() -> None:
    assert len(list(batches("logs", [record(number, "x" * 500) for number in range(3_000)]))) == 1


def test_largest_record_fits_a_message_though_it_does_not_compress() -> None:
    body = json.dumps(
        {"id": "1", "message": b2a_base64(os.urandom(98_000)).decode()[: MAX_RECORD_BYTES - 50]}
    )
    [batch] = batches("logs", [Record("1", False, body.encode())])
    assert len(to_message(batch)) <= MAX_MESSAGE_BYTES


def test_same_lines_are_the_same_batch_and_others_are_not() -> None:
    same = [next(batches("logs", [record(1), record(2)])) for _ in range(2)]
    assert same[0] == same[1]
    made: list[tuple[Kind, list[Record]]]
    made = [
        ("logs", [record(1), record(2)]),
        ("errors", [record(1), record(2)]),
        ("logs", [record(2), record(1)]),
        ("logs", [record(12)]),
        ("logs", [record(1)]),
    ]
    others = {next(batches(kind, taken)).key for kind, taken in made}
    assert len(others) == 5


def test_nothing_is_no_batch() -> None:
    assert list(batches("logs", [])) == []


@given(size=st.integers(2, 60))
def test_halves_hold_the_lines_of_the_whole_under_keys_of_their_own(size: int) -> None:
    [whole] = batches("errors", [record(number) for number in range(size)])
    first, second = halves(whole)
    assert ids(first) + ids(second) == ids(whole)
    assert abs(first.size - second.size) <= 1
    assert {first.kind, second.kind} == {"errors"}
    assert len({whole.key, first.key, second.key}) == 3
    assert first == next(batches("errors", [record(number) for number in range(first.size)]))


GOOD = json.loads(to_message(next(batches("logs", [record(1), record(2)]))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "null",
        "[" * 100_000,
        *(
            json.dumps({**GOOD, **change})
            for change in (
                {"v": 2},
                {"to": "elsewhere"},
                {"to": ["logs"]},
                {"key": "x\r\nhost: evil"},
                {"key": "A" * 32},
                {"key": 5},
                {"size": 0},
                {"size": True},
                {"size": "2"},
                {"gzip": "%%%"},
                {"gzip": None},
                {"gzip": "\u00e9"},
            )
        ),
        *(json.dumps({name: GOOD[name] for name in GOOD if name != gone}) for gone in GOOD),
    ],
)
def test_message_of_somebody_else_is_unreadable(text: str) -> None:
    with pytest.raises(MessageUnreadable) as caught:
        from_message(text)
    assert str(caught.value) == ""


@pytest.mark.parametrize(
    "packed",
    [
        b"no gzip",
        gzip.compress(b'{"id":"1"}\n' * 1_000_000),
        gzip.compress(b'{"id":"1"}\n'),
        gzip.compress(b'{"id":"1"}\n{"no":"id"}\n'),
        gzip.compress(b'{"id":"1"}\nnot json\n'),
        gzip.compress(b'{"id":"1"}\n{"id":2}\n'),
        gzip.compress(b'{"id":"1"}\n[]\n'),
        gzip.compress(b'{"id":"1"}\n{"id":"2"}\n')[:-9],
        gzip.compress(b'{"id":"1"}\n{"id":"2"}\n') + gzip.compress(b'{"id":"3"}\n'),
        zlib.compress(b'{"id":"1"}\n{"id":"2"}\n'),
    ],
    ids=range(10),
)
def test_what_is_packed_is_not_trusted_when_it_is_halved(packed: bytes) -> None:
    with pytest.raises(MessageUnreadable):
        halves(Batch("logs", "0" * 32, 2, packed))
