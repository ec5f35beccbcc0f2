"""What docs/optimize.md shows is what the engine does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from edge.optimize.codecs import brotli_quality
from edge.optimize.engine import LEAST_CODED_BYTES, MOST_BODY_BYTES, MOST_MINIFIED_BYTES
from edge.optimize.minify import MOST_BYTES
from edge.optimize.policy import CREDENTIALS, POLICIES
from edge.optimize.wire import MOST_ANSWERED_BYTES, OptimizeRequest, optimize_answer
from edge.web.security_headers import API_HEADERS

DOCS = (Path(__file__).parents[3] / "docs" / "optimize.md").read_text("utf-8")


def test_answers_are_those_of_the_requests() -> None:
    (asked,) = re.findall(r"-d '(.*)'$", DOCS, re.MULTILINE)
    (also,) = re.findall(r'`"request_headers": (.*)`:', DOCS)
    requests = [json.loads(asked), {**json.loads(asked), "request_headers": json.loads(also)}]
    shown = [json.loads(text) for text in re.findall(r"^```json\n(.*)\n```$", DOCS, re.MULTILINE)]
    answered = []
    for members in requests:
        request = OptimizeRequest.model_validate(members)
        answered.append(optimize_answer(request, request.optimise(now_ms=0)))
    assert shown == answered


def test_strategies_are_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]*)` \| `([^`]*)` \| (yes|no) \|$", DOCS, re.MULTILINE)
    assert {name: (own, cdn, tagged == "yes") for name, own, cdn, tagged in rows} == POLICIES


def test_headers_are_in_the_table() -> None:
    rows = dict(re.findall(r"^\| `([A-Z][\w-]+)`.* \| `([^`]*)`", DOCS, re.MULTILINE))
    said = {name.decode(): value.decode() for name, value in API_HEADERS}
    said.pop("cross-origin-opener-policy")  # shares the row of the other
    assert {name.lower(): value for name, value in rows.items() if name.lower() in said} == said


def test_numbers_are_those_of_the_code() -> None:
    assert f"{MOST_BODY_BYTES:,} bytes" in DOCS
    assert f"{LEAST_CODED_BYTES:,} bytes" in DOCS
    assert (MOST_MINIFIED_BYTES, MOST_BYTES, round(MOST_ANSWERED_BYTES / 1e6, 1)) == (16_384, 2_000_000, 4.6)
    assert [brotli_quality(size) for size in (1_000_000, 1_000_001)] == [5, 4]
    assert all(re.search(f"`{name}`", DOCS, re.IGNORECASE) for name in CREDENTIALS)
