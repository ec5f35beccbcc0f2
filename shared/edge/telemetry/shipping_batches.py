"""
What is sent at once, and what is kept of it while it cannot be: the same batch, byte for byte, with the same key.

A batch is small enough for one message of a queue, so it is never cut anew on its way through one. Its key is made of the
ids of its lines: it is the same when Lambda repeats an invocation, when the queue delivers twice, and when the answer to an
earlier try was lost. (draft-ietf-httpapi-idempotency-key-header)
"""

from __future__ import annotations

import gzip
import re
import zlib
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from hashlib import sha256
from json import JSONEncoder, loads
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal, TypeAlias

    from edge.telemetry.shipping_records import Record

    Kind: TypeAlias = Literal["logs", "errors"]

KINDS: Final[tuple[Kind, ...]] = ("errors", "logs")
"""Errors first: should the time not suffice for both, they are what somebody waits for."""

MAX_PLAIN_BYTES: Final = 2_000_000
"""Of a batch before it is compressed; Fluent Bit takes 4 MB if nobody tells it otherwise."""

MAX_PACKED_BYTES: Final = 180_000
"""Compressed. As base64 these are 240,000 characters, and a message of SQS has 262,144."""

MAX_MESSAGE_BYTES: Final = 256 * 1024

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_encode = JSONEncoder(separators=(",", ":")).encode


class MessageUnreadable(ValueError):
    """A message of the queue is no batch of ours. It quotes nothing."""


class Batch(NamedTuple):
    """
    Lines that go together.

    Attributes:
        kind: where to.
        key: of 32 hexadecimal digits.
        size: how many lines.
        packed: newline-delimited JSON, each line ended by one newline, compressed by gzip.
    """

    kind: Kind
    key: str
    size: int
    packed: bytes


def batches(kind: Kind, records: Iterable[Record]) -> Iterator[Batch]:
    """
    Yield *records* in as few batches as their limits allow, in order; each is made when it is asked for.

    Args:
        kind: where they go.
        records: each of less than :data:`MAX_PACKED_BYTES`.
    """
    taken: list[tuple[str, bytes]] = []
    plain_bytes = 0
    for record in records:
        if taken and plain_bytes + len(record.body) + 1 > MAX_PLAIN_BYTES:
            yield from _fitting(kind, taken)
            taken, plain_bytes = [], 0
        taken.append((record.id, record.body))
        plain_bytes += len(record.body) + 1
    if taken:
        yield from _fitting(kind, taken)


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """
    Return the first and the second half of *batch*, of two lines or more, as batches with keys of their own.

    Raises:
        MessageUnreadable: what is packed are not its lines.
    """
    lines = _unpacked(batch.packed).splitlines()
    try:
        identified = [(loads(line)["id"], line) for line in lines]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MessageUnreadable from None
    if len(lines) < 2 or not all(isinstance(name, str) for name, _ in identified):
        raise MessageUnreadable
    middle = len(lines) // 2
    return _packed(batch.kind, identified[:middle]), _packed(batch.kind, identified[middle:])


def to_message(batch: Batch) -> str:
    """Return *batch* as the body of a message, of at most :data:`MAX_MESSAGE_BYTES`."""
    return _encode(
        {
            "v": 1,
            "to": batch.kind,
            "key": batch.key,
            "size": batch.size,
            "gzip": b2a_base64(batch.packed, newline=False).decode("ascii"),
        }
    )


def from_message(text: str) -> Batch:
    """
    Return the batch that a message holds.

    Raises:
        MessageUnreadable: it holds none.
    """
    try:
        message = loads(text)
        version, kind, key, size = message["v"], message["to"], message["key"], message["size"]
        packed = a2b_base64(message["gzip"], strict_mode=True)
    except (ValueError, KeyError, TypeError, RecursionError, Base64Error):
        raise MessageUnreadable from None
    is_ours = version == 1 and kind in KINDS and type(size) is int and size > 0
    # The key becomes a header: nothing but digits may get there.
    if not is_ours or not isinstance(key, str) or _KEY.fullmatch(key) is None:
        raise MessageUnreadable
    return Batch(kind, key, size, packed)


def _fitting(kind: Kind, taken: Sequence[tuple[str, bytes]]) -> Iterator[Batch]:
    """Yield *taken* as one batch, or as halves of halves where lines hardly compress."""
    batch = _packed(kind, taken)
    if len(batch.packed) <= MAX_PACKED_BYTES or len(taken) == 1:
        yield batch
        return
    middle = len(taken) // 2
    yield from _fitting(kind, taken[:middle])
    yield from _fitting(kind, taken[middle:])


def _packed(kind: Kind, taken: Sequence[tuple[str, bytes]]) -> Batch:
    names = "\n".join((kind, *(name for name, _ in taken)))
    key = sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    plain = b"".join(b"%b\n" % line for _, line in taken)
    # No time stamp: the same lines are the same bytes, as the same key promises.
    return Batch(kind, key, len(taken), gzip.compress(plain, compresslevel=6, mtime=0))


def _unpacked(packed: bytes) -> bytes:
    """Return what is packed; a message may have been written by anybody who may write to the queue."""
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    most_bytes = MAX_PLAIN_BYTES + 1
    try:
        plain = unzip.decompress(packed, most_bytes)
    except zlib.error:
        raise MessageUnreadable from None
    if len(plain) == most_bytes or not unzip.eof or unzip.unused_data:
        raise MessageUnreadable
    return plain
