"""``/openapi.json`` and ``/docs``: what is served, to whom, and under which policy."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING

import pytest

from edge.telemetry.page import IMMUTABLE, integrity
from edge.web.security_headers import API_HEADERS
from tests.functions import FUNCTIONS, load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from types import ModuleType

ASSETS = FUNCTIONS / "docs" / "assets"
MOST_BYTES = {"/openapi.json": 40_000, "/docs": 30_000}
SERVED = {"/openapi.json": "openapi.json", "/docs": "reference.html"}
REFERENCE = re.compile(r'(?:href|src)="(docs/assets/[^"]*)"(?: integrity="([^"]*)")?')


@pytest.fixture(scope="module")
def function() -> ModuleType:
    """A function without a table, a secret, or a network."""
    return load_function("docs", {"EDGE_STAGE": "production"})


def get(
    function: ModuleType, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> Answer:
    return invoke(function.handler, http_event(method, path, headers=headers))


def test_document_is_openapi_of_this_version(function: ModuleType) -> None:
    answer = get(function, "/openapi.json")

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json() == json.loads((ASSETS / "openapi.json").read_bytes())


@pytest.mark.parametrize("path", MOST_BYTES)
def test_nobody_needs_credentials_and_wrong_ones_do_no_harm(function: ModuleType, path: str) -> None:
    assert get(function, path).status == 200
    assert get(function, path, {"x-api-key": "ek_dev_x", "authorization": "Basic x"}).status == 200


@pytest.mark.parametrize("path", MOST_BYTES)
def test_what_a_client_has_already_is_not_sent_again(function: ModuleType, path: str) -> None:
    plain, coded = get(function, path), get(function, path, {"accept-encoding": "gzip"})
    assert coded.headers["content-encoding"] == "gzip"
    assert coded.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(coded.body) == (ASSETS / SERVED[path]).read_bytes()
    assert coded.headers["etag"] != plain.headers["etag"]
    assert coded.headers["cache-control"] == "public, no-cache"

    known = get(function, path, {"accept-encoding": "gzip", "if-none-match": coded.headers["etag"]})
    assert (known.status, known.body, known.headers["etag"]) == (304, b"", coded.headers["etag"])


@pytest.mark.parametrize(("path", "most"), MOST_BYTES.items())
def test_what_is_sent_is_small(function: ModuleType, path: str, most: int) -> None:
    assert len(get(function, path, {"accept-encoding": "gzip"}).body) <= most


def test_page_may_load_its_style_and_icon_and_nothing_else(function: ModuleType) -> None:
    answer = get(function, "/docs")
    policy = answer.headers["content-security-policy"]

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self';")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    for name, value in API_HEADERS:
        if name not in {b"content-security-policy", b"cache-control"}:
            assert answer.headers[name.decode()] == value.decode()


def test_page_has_no_script_and_nothing_inline(function: ModuleType) -> None:
    html = get(function, "/docs").body.decode()

    assert (
        re.findall(r"<script|<style|<[^>]*\s(?:style|on\w+)=|javascript:|(?:src|href)=\"https?://", html)
        == []
    )


def test_everything_the_page_loads_is_there_pinned_and_kept_for_ever(function: ModuleType) -> None:
    found = REFERENCE.findall(get(function, "/docs").body.decode())

    assert {path.rpartition(".")[2] for path, _ in found} == {"css", "svg"}
    for path, pinned in found:
        answer = get(function, f"/{path}")
        assert (answer.status, answer.headers["cache-control"]) == (200, IMMUTABLE)
        assert pinned == (integrity(answer.body) if path.endswith("css") else "")


@pytest.mark.parametrize(
    "name", ["reference.html", "openapi.json", "reference.css", "app.py", "..", "../app.py", "\x00"]
)
def test_what_is_no_asset_is_unknown_and_nobody_keeps_that(function: ModuleType, name: str) -> None:
    answer = get(function, f"/docs/assets/{name}")

    assert (answer.status, answer.json()["reason"]) == (404, "unknown_route")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", MOST_BYTES)
def test_head_tells_what_get_sends_and_other_methods_are_refused(function: ModuleType, path: str) -> None:
    asked, head = get(function, path), get(function, path, method="HEAD")

    assert (head.status, head.body) == (200, b"")
    assert {**head.headers, "server-timing": ""} == {**asked.headers, "server-timing": ""}
    refused = get(function, path, method="POST")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
