"""The answer parser: what it takes, what it refuses, and that it never does a third thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.aws.http1 import MAX_HEAD_BYTES, Chunks, Garbled, parse_head


def test_head_of_dynamodb() -> None:
    head = parse_head(
        b"HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Fri, 20 Nov 2026 13:00:00 GMT\r\n"
        b"Content-Type: application/x-amz-json-1.0\r\nContent-Length:  17 \r\nConnection: keep-alive\r\n"
        b"x-amzn-RequestId: ABC\r\nx-amz-crc32: 2745614147"
    )
    assert head.status == 200
    assert head.body_bytes == 17
    assert head.keep_alive
    assert head.fields[b"x-amz-crc32"] == b"2745614147"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 200OK\r\nContent-Length: 0",
        b"HTTP/1.1 20\r\nContent-Length: 0",
        b"HTTP/1.1 099 x\r\nContent-Length: 0",
        b"HTTP/1.1 600 x\r\nContent-Length: 0",
        b"HTTP/1.1 \xb2\xb2\xb2 x\r\nContent-Length: 0",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0",
        b"HTTP/2 200 OK\r\nContent-Length: 0",
        b"http/1.1 200 OK\r\nContent-Length: 0",
        b" HTTP/1.1 200 OK\r\nContent-Length: 0",
        b"HTTP/1.1 200 OK\nContent-Length: 0",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\rX: y",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \x00",
        b"HTTP/1.1 200 OK\r\nContent-Length : 0",
        b"HTTP/1.1 200 OK\r\n Content-Length: 0",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n folded",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nno colon",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n: no name",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nN\xc3\xa4me: x",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 200 OK\r\nContent-Length:",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x10",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1,1",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1111111111111",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ],
)
def test_malformed_head_is_refused(head: bytes) -> None:
    with pytest.raises(Garbled):
        parse_head(head)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(noise: bytes) -> None:
    for data in (noise, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" + noise):
        try:
            head = parse_head(data)
        except Garbled:
            continue
        assert 100 <= head.status <= 599


@given(pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=5), step=st.integers(1, 30))
def test_chunks_decode_however_they_are_cut(pieces: list[bytes], step: int) -> None:
    wire = b"".join(b"%X;ext=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nT: v\r\n\r\n"
    chunks = Chunks(1_000)
    for start in range(0, len(wire), step):
        assert not chunks.done
        chunks.feed(wire[start : start + step])
    assert chunks.done
    assert chunks.body == b"".join(pieces)
    assert chunks.surplus == b""


@pytest.mark.parametrize(
    "wire",
    [
        b"g\r\n",
        b"\r\n",
        b" 1\r\na\r\n",
        b"-1\r\n",
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b"1\na\n",
        b"1\r\naX\r\n",
        b"1\r\na\n\r",
        b"000000001\r\na\r\n",
        b"65\r\n",  # 101 bytes where 100 may come
        b"64\r\n" + b"a" * 100 + b"\r\n1\r\n",
        b"1" * 300,
        b"1;" + b"e" * 300 + b"\r\n",
        b"1;\x00\r\na\r\n",
        b"0\r\n" + b"t: v\r\n" * MAX_HEAD_BYTES,
    ],
)
def test_malformed_or_oversized_chunks_are_refused(wire: bytes) -> None:
    chunks = Chunks(100)
    with pytest.raises(Garbled):
        chunks.feed(wire + b"\r\n" * 200)


def test_what_follows_the_last_chunk_is_told() -> None:
    chunks = Chunks(100)
    chunks.feed(b"1\r\na\r\n0\r\n\r\nHTTP/1.1")
    assert chunks.done
    assert chunks.surplus == b"HTTP/1.1"
