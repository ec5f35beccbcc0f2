"""Which content types are text and JSON, and what odd ones are taken for."""

from __future__ import annotations

import pytest

from edge.optimize.media_types import read_media_type


@pytest.mark.parametrize(
    ("content_type", "is_text", "is_json"),
    [
        ("application/json", True, True),
        ("APPLICATION/JSON", True, True),
        ("application/json;charset=utf-8", True, True),
        ('application/json ; Charset="UTF-8" ; v=1', True, True),
        ("application/json;", True, True),
        ("application/problem+json", True, True),
        ("application/json; charset=iso-8859-1", True, False),
        ("application/json; charset=utf-16", True, False),
        ("application/json; charset=utf-8; charset=utf-16", True, False),
        ("application/json; charset", True, False),
        ('application/json; x="unterminated', True, False),
        ("application/json-seq", True, False),
        ("application/geo+json-seq", True, False),
        ("application/x-ndjson", True, False),
        ("text/html; charset=utf-8", True, False),
        ("text/csv", True, False),
        ("text/event-stream", False, False),
        ("image/svg+xml", True, False),
        ("image/png", False, False),
        ("application/octet-stream", False, False),
        ("application/gzip", False, False),
        ("video/mp4", False, False),
        ("font/woff2", False, False),
        (None, False, False),
        ("", False, False),
        ("json", False, False),
        ("application/", False, False),
        ("/json", False, False),
        ("application/json, text/html", False, False),
        ("application/json text/html", False, False),
        ("application /json", False, False),
        ("application/json\u00a0", False, False),
        ("textile/plain", False, False),
    ],
)
def test_content_type(content_type: str | None, *, is_text: bool, is_json: bool) -> None:
    assert read_media_type(content_type) == (is_text, is_json)
