"""An event is unpacked within a bound, whatever its packed form grows to."""

from __future__ import annotations

import base64
import gzip
import tracemalloc
import zlib

import pytest

from edge.telemetry.shipping_events import MAX_EVENT_BYTES, EventUnreadable, unpacked_event


def packed(plain: bytes) -> str:
    return base64.b64encode(gzip.compress(plain, compresslevel=1, mtime=0)).decode()


def bomb(plain_bytes: int) -> str:
    """Gzip of so many zeros, made without having them."""
    squeeze = zlib.compressobj(level=9, wbits=zlib.MAX_WBITS | 16)
    piece = bytes(1 << 20)
    parts = [squeeze.compress(piece) for _ in range(plain_bytes >> 20)]
    return base64.b64encode(b"".join([*parts, squeeze.flush()])).decode()


def test_as_much_as_may_be_is_unpacked() -> None:
    plain = bytes(MAX_EVENT_BYTES)
    assert unpacked_event(packed(plain)) == plain
    with pytest.raises(EventUnreadable):
        unpacked_event(packed(plain + b"x"))


def test_bomb_costs_no_more_than_the_bound() -> None:
    data = bomb(256 << 20)
    assert len(data) < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(EventUnreadable) as told:
            unpacked_event(data)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 3 * MAX_EVENT_BYTES
    assert "AAAA" not in str(told.value)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "!",
        "é",
        base64.b64encode(b"no gzip").decode(),
        packed(b"cut off" * 1_000)[:-40],
        base64.b64encode(zlib.compress(b"another form")).decode(),
    ],
)
def test_what_is_no_gzip_is_refused_and_not_quoted(data: str) -> None:
    with pytest.raises(EventUnreadable) as told:
        unpacked_event(data)
    assert told.value.__suppress_context__ or told.value.__context__ is None
