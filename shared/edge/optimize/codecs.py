"""
The encoders. gzip is always there; brotli and zstd where a module of them can be imported, which is found out when a
client first takes one. Nothing is ever decoded: there is no bomb to fall for.

Levels fall with size, so that the largest body costs some hundred milliseconds at most. The same body gives the same
bytes: gzip's time is 0.
"""

from __future__ import annotations

import zlib
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from edge.optimize.negotiation import Coding

    Encode = Callable[[bytes], bytes]

_GZIP_WBITS: Final = 31
_LARGE_BYTES: Final = 1_000_000
_ZSTD_LEVEL: Final = 3
"""Its window is 2 MB; RFC 9659 allows the coding 8."""


@cache
def encoder(coding: Coding) -> Encode | None:
    """
    Return the encoder of *coding*, or None where this environment has none.

    Args:
        coding: its token.
    """
    if coding == "gzip":
        return gzip
    return _brotli() if coding == "br" else _zstd()


def gzip(body: bytes) -> bytes:
    """Return *body* as one gzip member (RFC 1952) without time, name and comment."""
    return zlib.compress(body, 6 if len(body) <= _LARGE_BYTES else 4, wbits=_GZIP_WBITS)


def brotli_quality(body_bytes: int) -> int:
    """Return the quality for a body of *body_bytes*: never the default, 11, which takes a second for a megabyte."""
    return 5 if body_bytes <= _LARGE_BYTES else 4


def _brotli() -> Encode | None:
    brotli = _optional("brotli")
    if brotli is None:
        return None

    def encode(body: bytes) -> bytes:
        encoded: bytes = brotli.compress(body, mode=brotli.MODE_TEXT, quality=brotli_quality(len(body)))
        return encoded

    return encode


def _zstd() -> Encode | None:
    standard = _optional("compression.zstd")  # Python 3.14
    if standard is not None:

        def encode(body: bytes) -> bytes:
            encoded: bytes = standard.compress(body, level=_ZSTD_LEVEL)
            return encoded

        return encode
    zstandard = _optional("zstandard")
    if zstandard is None:
        return None

    def encode_by_package(body: bytes) -> bytes:
        encoded: bytes = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)
        return encoded

    return encode_by_package


def _optional(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        return None
