"""Which bodies are text worth compressing, and which are JSON (RFC 9110, section 8.3.1)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from edge.optimize.fields import TOKEN

COMPRESSIBLE: Final = frozenset(
    {
        "application/ecmascript",
        "application/graphql",
        "application/javascript",
        "application/json",
        "application/json-seq",
        "application/jsonl",
        "application/ndjson",
        "application/openmetrics-text",
        "application/rtf",
        "application/sql",
        "application/toml",
        "application/x-javascript",
        "application/x-ndjson",
        "application/x-www-form-urlencoded",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
    }
)
"""Beside ``text/*`` and the suffixes: everything else is compressed already, or nobody knows."""
_SUFFIXES: Final = ("+json", "+xml", "+yaml", "+json-seq")
_STREAMED: Final = "text/event-stream"
_JSON: Final = frozenset({"application/json", "text/json"})
_UTF_8: Final = frozenset({"utf-8", "utf8", "us-ascii"})

_ESSENCE: Final = re.compile(rf"({TOKEN}/{TOKEN})[ \t]*(;.*)?")
_PARAMETER: Final = re.compile(rf'[ \t]*;[ \t]*(?:({TOKEN})=({TOKEN}|"(?:[^"\\]|\\.)*"))?')


class MediaType(NamedTuple):
    """
    What matters of a ``Content-Type``.

    Attributes:
        is_text: whether compressing pays.
        is_json: whether it is one JSON document in UTF-8.
    """

    is_text: bool
    is_json: bool


_UNKNOWN: Final = MediaType(is_text=False, is_json=False)


@lru_cache(maxsize=64)
def read_media_type(content_type: str | None) -> MediaType:
    """
    Return what *content_type* says; what is malformed, or several types at once, is unknown and left alone.

    Example:
        >>> read_media_type("Application/Problem+JSON; charset=UTF-8")
        MediaType(is_text=True, is_json=True)
        >>> read_media_type("image/png")
        MediaType(is_text=False, is_json=False)
    """
    found = _ESSENCE.fullmatch(content_type or "")
    if found is None:
        return _UNKNOWN
    essence = found[1].lower()
    is_text = essence in COMPRESSIBLE or essence.startswith("text/") or essence.endswith(_SUFFIXES)
    is_json = essence in _JSON or essence.endswith("+json")
    return MediaType(is_text=is_text and essence != _STREAMED, is_json=is_json and _is_utf_8(found[2] or ""))


def _is_utf_8(parameters: str) -> bool:
    """Return whether *parameters* are well formed and name no other charset."""
    position = 0
    while position < len(parameters):
        found = _PARAMETER.match(parameters, position)
        if found is None:
            return False
        if found[1] and found[1].lower() == "charset" and found[2].strip('"').lower() not in _UTF_8:
            return False
        position = found.end()
    return True
