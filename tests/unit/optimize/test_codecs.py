"""Encoders: what is there, what is asked of those that may be there, and that gzip comes back."""

from __future__ import annotations

import gzip as stdlib_gzip
import sys
import zlib
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.optimize.codecs import brotli_quality, encoder, gzip
from edge.optimize.engine import optimise
from edge.optimize.negotiation import CODINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.optimize.negotiation import Coding


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    encoder.cache_clear()
    yield
    encoder.cache_clear()


def decoded(coding: Coding, body: bytes) -> bytes:
    """Decode by somebody else's code, where there can be any."""
    if coding == "gzip":
        return stdlib_gzip.decompress(body)
    if coding == "br":
        text: bytes = import_module("brotli").decompress(body)
        return text
    with suppress(ImportError):
        plain: bytes = import_module("compression.zstd").decompress(body)
        return plain
    return bytes(import_module("zstandard").ZstdDecompressor().decompressobj().decompress(body))


THERE = [coding for coding in CODINGS if encoder(coding) is not None]
"""gzip, and what else is installed: ``requirements-dev.txt`` has the modules of all."""


@given(st.sampled_from(THERE), st.binary(max_size=3_000) | st.text(max_size=300).map(str.encode))
def test_every_coding_that_is_there_comes_back(coding: Coding, body: bytes) -> None:
    encode = encoder(coding)
    assert encode is not None
    assert decoded(coding, encode(body)) == body
    assert encode(body) == encode(body)


@pytest.mark.parametrize("coding", THERE)
def test_large_body_of_every_coding_comes_back(coding: Coding) -> None:
    text = b" ".join(b"%d" % (number * number) for number in range(160_000))
    encode = encoder(coding)
    assert encode is not None
    coded = encode(text)
    assert len(coded) < len(text) / 2
    assert decoded(coding, coded) == text


@pytest.mark.parametrize("coding", THERE)
def test_engine_offers_every_coding_that_is_there(coding: Coding) -> None:
    answer = optimise(
        b"word " * 1_000,
        "text/plain",
        strategy="moderate",
        request_headers=[("accept-encoding", f"{coding}, *;q=0")],
        response_headers=[],
        now_ms=0,
    )
    assert (answer.status, answer.encoding) == (200, coding)
    assert decoded(coding, answer.body) == b"word " * 1_000


@given(st.binary(max_size=3_000))
def test_gzip_round_trips_in_one_member(body: bytes) -> None:
    decoder = zlib.decompressobj(wbits=31)
    assert decoder.decompress(gzip(body)) == body
    assert decoder.eof and decoder.unused_data == b""


def test_gzip_has_no_time_and_no_name() -> None:
    coded = gzip(b"x")
    assert coded[:4] == b"\x1f\x8b\x08\x00"
    assert coded[4:8] == bytes(4)


def test_large_body_is_gzipped_faster() -> None:
    text = b" ".join(b"%d" % (number * number) for number in range(160_000))
    assert len(text) > 1_000_000
    assert gzip(text) == zlib.compress(text, 4, wbits=31) != zlib.compress(text, 6, wbits=31)
    assert gzip(text[:1_000_000]) == zlib.compress(text[:1_000_000], 6, wbits=31)


def test_gzip_is_always_there() -> None:
    assert encoder("gzip") is gzip


def test_missing_modules_are_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("brotli", "zstandard", "compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    assert encoder("br") is None
    assert encoder("zstd") is None


def test_brotli_is_asked_for_a_bounded_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    module = ModuleType("brotli")

    def compress(body: bytes, *, mode: int, quality: int) -> bytes:
        assert mode == 1
        asked.append(quality)
        return b"br:" + body

    monkeypatch.setattr(module, "MODE_TEXT", 1, raising=False)
    monkeypatch.setattr(module, "compress", compress, raising=False)
    monkeypatch.setitem(sys.modules, "brotli", module)
    encode = encoder("br")

    assert encode is not None
    assert encode(b"x") == b"br:x"
    for size in (1_000_000, 1_000_001, 5_000_000):
        encode(bytes(size))
    assert asked == [5, 5, 4, 4]


@given(st.integers(0, 5_000_000), st.integers(0, 5_000_000))
def test_brotli_quality_never_rises_with_size(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert 5 >= brotli_quality(small) >= brotli_quality(large) >= 4


def test_standard_library_is_taken_for_zstd_before_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    package, module = ModuleType("compression"), ModuleType("compression.zstd")
    monkeypatch.setattr(module, "compress", lambda body, *, level: b"%d:" % level + body, raising=False)
    monkeypatch.setitem(sys.modules, "compression", package)
    monkeypatch.setitem(sys.modules, "compression.zstd", module)
    encode = encoder("zstd")

    assert encode is not None
    assert encode(b"x") == b"3:x"


def test_package_is_taken_for_zstd_where_the_library_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Compressor:
        def __init__(self, *, level: int) -> None:
            self.level = level

        def compress(self, body: bytes) -> bytes:
            return b"package%d:" % self.level + body

    module = ModuleType("zstandard")
    monkeypatch.setattr(module, "ZstdCompressor", Compressor, raising=False)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "zstandard", module)
    encode = encoder("zstd")

    assert encode is not None
    assert encode(b"x") == b"package3:x"
