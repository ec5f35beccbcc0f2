"""
HTTP/1.1 answers, sans-I/O: the part of RFC 9112 that a client of one well-behaved service needs, strictly.

Garbage is an error, never a guess: a parser that mends what it reads is how two parties come to disagree about where
one answer ends and the next begins. Refused: other versions, bare LF, folded lines, spaces before a colon, a length
that is repeated, signed or missing, a length beside chunks, any transfer coding but ``chunked``.
"""

from __future__ import annotations

MAX_HEAD_BYTES = 16 * 1024
"""The most that status line and fields may take; DynamoDB's take 300."""

MAX_CHUNK_LINE_BYTES = 256

_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONTROLS = bytes(byte for byte in range(32) if byte != 9) + b"\x7f"
_HEX = b"0123456789abcdefABCDEF"
_DIGITS = b"0123456789"


class Garbled(Exception):
    """The answer breaks its own format, or is larger than it may be."""


class Head:
    """
    Status line and fields of an answer.

    Attributes:
        status: 100 to 599.
        fields: values by name in lower case; of a repeated field the last, save those where repetition is an error.
        body_bytes: length of the body, or None when it comes in chunks.
        keep_alive: whether the connection can be used again.
    """

    __slots__ = ("body_bytes", "fields", "keep_alive", "status")

    def __init__(
        self, status: int, fields: dict[bytes, bytes], body_bytes: int | None, *, keep_alive: bool
    ) -> None:
        self.status = status
        self.fields = fields
        self.body_bytes = body_bytes
        self.keep_alive = keep_alive


def parse_head(head: bytes) -> Head:
    r"""
    Parse everything before the empty line.

    Args:
        head: without the empty line.

    Raises:
        Garbled: it is not a well-formed head.

    Example:
        >>> parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 2").body_bytes
        2
    """
    lines = head.split(b"\r\n")
    status_line = lines[0]
    code = status_line[9:12]
    if (
        status_line[:9] != b"HTTP/1.1 "
        or status_line[12:13] not in {b" ", b""}
        or len(code) != 3
        or code.translate(None, _DIGITS)
        or not b"100" <= code <= b"599"
    ):
        raise Garbled
    if head.translate(None, _CONTROLS) != head.replace(b"\r\n", b""):
        raise Garbled  # a control character other than the line ends
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name.translate(None, _TOKEN):
            raise Garbled
        name = name.lower()
        if name in fields and name in _SINGLE:
            raise Garbled
        fields[name] = value.strip(b" \t")
    keep_alive = b"close" not in fields.get(b"connection", b"").lower()
    status = int(code)
    if status < 200:
        return Head(status, fields, 0, keep_alive=keep_alive)
    return Head(status, fields, _body_bytes(fields), keep_alive=keep_alive)


_SINGLE = frozenset(
    {b"content-length", b"transfer-encoding", b"content-encoding", b"x-amz-crc32", b"connection"}
)


def _body_bytes(fields: dict[bytes, bytes]) -> int | None:
    """Return the body's length, None for chunks (RFC 9112, section 6.3)."""
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if coding is not None:
        if length is not None or coding.lower() != b"chunked":
            raise Garbled
        return None
    # A body that ends with the connection cannot be told from one that was cut off.
    if not length or length.translate(None, _DIGITS) or len(length) > 12:
        raise Garbled
    return int(length)


class Chunks:
    """
    Decodes a chunked body piece by piece (RFC 9112, section 7.1).

    Args:
        max_body_bytes: the most that all chunks together may hold.
    """

    __slots__ = ("_body", "_left", "_limit", "_rest", "_trailer_bytes", "done")

    def __init__(self, max_body_bytes: int) -> None:
        self._limit = max_body_bytes
        self._body = bytearray()
        self._rest = bytearray()
        self._left = 0  # bytes of the present chunk still to come, with its line end
        self._trailer_bytes: int | None = None
        self.done = False

    @property
    def body(self) -> bytes:
        """What is decoded so far; everything once :attr:`done`."""
        return bytes(self._body)

    @property
    def surplus(self) -> bytes:
        """What came after the end; nothing should."""
        return bytes(self._rest)

    def feed(self, piece: bytes) -> None:
        """
        Take the next bytes off the wire.

        Raises:
            Garbled: they break the coding or the limit.
        """
        self._rest += piece
        while not self.done:
            progressed = self._take_data() if self._left else self._take_line()
            if not progressed:
                return

    def _take_data(self) -> bool:
        if len(self._rest) < self._left:
            return False
        data_bytes = self._left - 2
        if self._rest[data_bytes : self._left] != b"\r\n":
            raise Garbled
        self._body += self._rest[:data_bytes]
        del self._rest[: self._left]
        self._left = 0
        return True

    def _take_line(self) -> bool:
        end = self._rest.find(b"\r\n")
        if end < 0:
            if len(self._rest) > MAX_CHUNK_LINE_BYTES:
                raise Garbled
            return False
        line = bytes(self._rest[:end])
        del self._rest[: end + 2]
        if len(line) > MAX_CHUNK_LINE_BYTES:
            raise Garbled
        if self._trailer_bytes is not None:
            self._trailer(line, self._trailer_bytes)
        else:
            self._size(line)
        return True

    def _size(self, line: bytes) -> None:
        size, _, extension = line.partition(b";")
        if (
            not size
            or len(size) > 8
            or size.translate(None, _HEX)
            or extension.translate(None, _CONTROLS) != extension
        ):
            raise Garbled
        chunk_bytes = int(size, 16)
        if chunk_bytes == 0:
            self._trailer_bytes = 0
        elif len(self._body) + chunk_bytes > self._limit:
            raise Garbled
        else:
            self._left = chunk_bytes + 2

    def _trailer(self, line: bytes, trailer_bytes: int) -> None:
        """Skip trailer fields; nothing of ours reads one."""
        if not line:
            self.done = True
            return
        self._trailer_bytes = trailer_bytes + len(line)
        if self._trailer_bytes > MAX_HEAD_BYTES:
            raise Garbled
