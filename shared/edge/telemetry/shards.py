"""
Totals as bytes: JSON, compressed; 1 KB for an environment with six requests a minute, 4 KB for one with 600.

What is read may be of another version of this code, or of nobody's: everything is checked, and whatever is not as it
was written is :class:`Garbled`, never an error further on. The number of a format is its first member; a reader leaves out
what it does not know, and says so.
"""

from __future__ import annotations

import zlib
from itertools import accumulate
from json import JSONDecodeError, JSONDecoder, JSONEncoder
from typing import Final, NamedTuple, cast

from edge.telemetry.recorder import BODY_BOUNDS_BYTES, DURATION_BOUNDS_SECONDS
from edge.telemetry.sketch import MAX_LEVEL, Sketch
from edge.telemetry.totals import Minute, Totals

FORMAT: Final = 1
MAX_BLOB_BYTES: Final = 300 * 1024
"""Of a whole shard or base; an item of DynamoDB may have 400 KB."""

_MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
"""What a blob may expand to: a hostile one expands a thousandfold."""

_MAX_SLOTS: Final = 128
_MAX_NUMBER: Final = 1 << 80
_ROW_LENGTHS: Final = {"t": len(DURATION_BOUNDS_SECONDS) + 2, "b": len(BODY_BOUNDS_BYTES) + 2}

_encode = JSONEncoder(separators=(",", ":")).encode
_decode = JSONDecoder().decode


class Garbled(ValueError):
    """The bytes are not what :func:`encode` returns; or what a later version of it does."""


class Shard(NamedTuple):
    """
    What a shard or a base holds.

    Attributes:
        started_at: epoch seconds since when it counts.
        totals: what it counted.
    """

    started_at: int
    totals: Totals


def encode(shard: Shard, *, minute: int) -> bytes:
    """
    Return *shard* as bytes.

    Args:
        shard: what was counted.
        minute: minutes since the epoch, now: slots that are over are left out.
    """
    totals = shard.totals.trimmed(minute)
    first_minute = min(totals.minutes, default=0)
    document = [
        FORMAT,
        shard.started_at,
        totals.counters,
        totals.histograms,
        first_minute,
        [
            [at - first_minute, *slot.numbers(), slot.sketch.level, *_sketch_numbers(slot.sketch)]
            for at, slot in totals.minutes.items()
        ],
        [[at, *numbers] for at, numbers in totals.hours.items()],
    ]
    return zlib.compress(_encode(document).encode("ascii"), 6)


def decode(blob: bytes) -> Shard:
    """
    Return what *blob* holds.

    Raises:
        Garbled: it is no shard of this format.
    """
    try:
        decompress = zlib.decompressobj()
        text = decompress.decompress(blob, _MAX_TEXT_BYTES)
        if not decompress.eof or decompress.unused_data:
            raise Garbled
        number, started_at, counters, histograms, first_minute, minutes, hours = _decode(text.decode("ascii"))
        if number != FORMAT or len(minutes) > _MAX_SLOTS or len(hours) > _MAX_SLOTS:
            raise Garbled
        return Shard(
            _whole(started_at),
            Totals(
                dict(zip(map(str, counters), _wholes([*counters.values()]), strict=True)),
                {str(key): _row(key, row) for key, row in histograms.items()},
                dict([_minute(_whole(first_minute), slot) for slot in minutes]),
                {_whole(at): (_whole(requests), _whole(errors)) for at, requests, errors in hours},
            ),
        )
    except (zlib.error, JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Garbled from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise Garbled from error


def _sketch_numbers(sketch: Sketch) -> list[int]:
    """Return the distance of each bucket from the one before, and its count, in turn."""
    numbers: list[int] = []
    before = 0
    for index in sorted(sketch.counts):
        numbers += (index - before, sketch.counts[index])
        before = index
    return numbers


def _minute(first_minute: int, slot: list[object]) -> tuple[int, Minute]:
    at, requests, errors, degraded, dropped, sum_ns, level, *pairs = _wholes(slot)
    distances, counts = pairs[::2], pairs[1::2]
    if level > MAX_LEVEL or len(distances) != len(counts):
        raise Garbled
    if counts and (not min(counts) or not all(distances[1:]) or sum(distances) > _MAX_BUCKET):
        raise Garbled
    sketch = Sketch(level, dict(zip(accumulate(distances), counts, strict=True)))
    return first_minute + at, Minute(requests, errors, degraded, dropped, sum_ns, sketch)


_MAX_BUCKET: Final = 4096
"""Above that of the longest duration that is counted (2^50 ns is in bucket 1750), so that a quantile is a number."""


def _row(key: str, row: list[object]) -> list[int]:
    if len(row) != _ROW_LENGTHS[key[:1]]:
        raise Garbled
    return _wholes(row)


def _whole(number: object) -> int:
    return _wholes([number])[0]


def _wholes(numbers: list[object]) -> list[int]:
    """Return *numbers* if all are whole and none is negative; checked as one, a shard has thousands."""
    if set(map(type, numbers)) - _INT:
        raise Garbled
    found = cast("list[int]", numbers)
    if found and not 0 <= min(found) <= max(found) < _MAX_NUMBER:
        raise Garbled
    return found


_INT: Final = frozenset({int})
