"""``/monitoring-dashboard`` and its assets."""

from __future__ import annotations

import gzip
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from playwright._impl._driver import compute_driver_executable

from edge.telemetry.page import IMMUTABLE, POLICY, integrity
from edge.web.security_headers import API_HEADERS
from tests.functions import FUNCTIONS, load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

PAGE = "/monitoring-dashboard"
SOURCES = FUNCTIONS / "dashboard" / "assets"
MOST_BYTES = 25_000
GZIP = {"accept-encoding": "gzip, deflate, br, zstd"}
REFERENCE = re.compile(r'(?:href|src)="monitoring-dashboard/(assets/[^"]*)"(?: integrity="([^"]*)")?')


@pytest.fixture(scope="module")
def function() -> ModuleType:
    """A function without a table, a secret, or a network."""
    return load_function("dashboard", {"EDGE_STAGE": "development"})


def get(
    function: ModuleType, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> Answer:
    return invoke(function.handler, http_event(method, path, headers=headers))


def references(function: ModuleType) -> list[tuple[str, str]]:
    """Return path and integrity of what the page loads."""
    found = REFERENCE.findall(get(function, PAGE).body.decode())
    return [(f"{PAGE}/{path}", integrity) for path, integrity in found]


def test_page_has_a_policy_of_its_own_and_every_other_security_header(function: ModuleType) -> None:
    answer = get(function, PAGE)

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer.headers["cache-control"] == "private, no-cache"
    for name, value in API_HEADERS:
        if name not in {b"content-security-policy", b"cache-control"}:
            assert answer.headers[name.decode()] == value.decode()


def test_page_has_nothing_inline(function: ModuleType) -> None:
    html = get(function, PAGE).body.decode()

    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:|https?://", html) == []
    assert re.findall(r"<input[^>]*\bname=", html) == [], "a form without its script must send nothing"


def test_everything_the_page_loads_is_there_and_pinned(function: ModuleType) -> None:
    found = references(function)
    modules = {path.name for path in SOURCES.glob("*.js")}
    loaded = {re.sub(r"\.[0-9a-f]{16}", "", path.rpartition("/")[2]) for path, _ in found}

    assert loaded == {path.name for path in SOURCES.iterdir()} - {"index.html"}
    assert modules <= loaded
    for path, pinned in found:
        answer = get(function, path)
        assert answer.status == 200
        assert answer.headers["cache-control"] == IMMUTABLE
        assert pinned == ("" if path.endswith(".svg") else integrity(answer.body))


def test_modules_import_each_other_by_their_served_names(function: ModuleType) -> None:
    served = {path.rpartition("/")[2] for path, _ in references(function)}
    imported = set()
    for path, _ in references(function):
        if path.endswith(".js"):
            imported |= set(re.findall(r'from "\./([^"]*)"', get(function, path).body.decode()))

    assert imported
    assert imported <= served


@pytest.mark.parametrize(
    ("ending", "content_type"),
    [
        ("css", "text/css; charset=utf-8"),
        ("js", "text/javascript; charset=utf-8"),
        ("svg", "image/svg+xml"),
    ],
)
def test_assets_have_their_type(function: ModuleType, ending: str, content_type: str) -> None:
    path = next(path for path, _ in references(function) if path.endswith(ending))
    answer = get(function, path)

    assert answer.headers["content-type"] == content_type
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_page_and_assets_are_compressed_and_known_again(function: ModuleType) -> None:
    for path in [PAGE, *(path for path, _ in references(function) if not path.endswith("svg"))]:
        plain, coded = get(function, path), get(function, path, GZIP | {"accept-encoding": "gzip"})
        assert coded.headers["content-encoding"] == "gzip"
        assert coded.headers["vary"] == "Accept-Encoding"
        assert gzip.decompress(coded.body) == plain.body
        assert coded.headers["etag"] != plain.headers["etag"]

        known = get(function, path, {"accept-encoding": "gzip", "if-none-match": coded.headers["etag"]})
        assert (known.status, known.body) == (304, b"")
        for name in ("etag", "cache-control", "content-security-policy"):
            assert known.headers[name] == coded.headers[name], "what a browser updates what it has with"


def test_head_tells_what_get_sends_without_sending_it(function: ModuleType) -> None:
    asked, head = get(function, PAGE), get(function, PAGE, method="HEAD")

    assert (head.status, head.body) == (200, b"")
    assert {**head.headers, "server-timing": ""} == {**asked.headers, "server-timing": ""}


@pytest.mark.parametrize(
    "name",
    [
        "main.js",
        "main.0000000000000000.js",
        "index.html",
        "app.py",
        "..",
        "%2e%2e",
        "../app.py",
        "main.js\x00",
    ],
)
def test_unknown_asset_is_a_problem_that_nobody_keeps(function: ModuleType, name: str) -> None:
    answer = get(function, f"{PAGE}/assets/{name}")

    assert (answer.status, answer.json()["reason"]) == (404, "unknown_route")
    assert answer.headers["cache-control"] == "no-store"


def test_wrong_method_is_a_problem(function: ModuleType) -> None:
    answer = get(function, PAGE, method="POST")

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_shared_caches_keep_nothing_that_was_asked_for_with_credentials(function: ModuleType) -> None:
    path = references(function)[0][0]
    assert get(function, path).headers["cache-control"] == IMMUTABLE
    answer = get(function, path, {"authorization": "Bearer x"})

    assert answer.status == 200
    assert "public" not in answer.headers["cache-control"]


def test_page_is_small(function: ModuleType) -> None:
    paths = [PAGE, *(path for path, _ in references(function))]
    sizes = {path: len(get(function, path, {"accept-encoding": "gzip"}).body) for path in paths}

    assert sum(sizes.values()) <= MOST_BYTES, sizes


@pytest.mark.parametrize("source", sorted(SOURCES.glob("*.js")), ids=lambda path: path.name)
def test_scripts_are_well_formed_modules(source: Path) -> None:
    served = next(
        body.body
        for name, body in load_function("dashboard", {}).page.assets.items()
        if name.split(".")[0] == source.stem and name.endswith(".js")
    )
    node = str(compute_driver_executable()[0])  # Playwright brings its own
    for text in (source.read_bytes(), served):
        checked = subprocess.run([node, "--input-type=module", "--check"], input=text, capture_output=True)
        assert (checked.returncode, checked.stderr.decode()) == (0, "")


def test_scripts_have_no_way_to_make_markup_or_to_keep_the_key() -> None:
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser"
    stores = r"localStorage|sessionStorage|indexedDB|document\.cookie|history\.|\.style\b|console\."
    found = {
        path.name: re.findall(f"{sinks}|{stores}", path.read_text(encoding="utf-8"))
        for path in SOURCES.glob("*.js")
    }

    assert {name: words for name, words in found.items() if words} == {}
