from __future__ import annotations

import hashlib
from base64 import b64encode

import pytest

from edge.problems import UnknownRoute
from edge.telemetry.page import IMMUTABLE, POLICY, integrity, make_page

SOURCES = {
    "index.html": b'<link href="assets/a.css"><script src="assets/main.js"></script><img src="assets/i.svg">',
    "a.css": b"p {}",
    "i.svg": b"<svg/>",
    "main.js": b'import { a } from "./other.js"; const text = "./other.js";',
    "other.js": b"export const a = 1;",
}


def name_of(sources: dict[str, bytes], stem: str) -> str:
    return next(name for name in make_page(sources).assets if name.startswith(f"{stem}."))


def test_assets_are_under_versioned_names_only() -> None:
    names = sorted(make_page(SOURCES).assets)

    assert [name.split(".")[0] for name in names] == ["a", "i", "main", "other"]
    assert all(len(name.split(".")[1]) == 16 for name in names)
    assert len({name.split(".")[1] for name in names}) == 1


@pytest.mark.parametrize("changed", sorted(SOURCES))
def test_any_change_changes_every_name(changed: str) -> None:
    other = {**SOURCES, changed: SOURCES[changed] + b" "}

    assert not set(make_page(SOURCES).assets) & set(make_page(other).assets)


def test_same_sources_in_another_order_are_the_same_page() -> None:
    assert make_page(dict(reversed(SOURCES.items()))) == make_page(SOURCES)


def test_moving_bytes_from_one_file_to_the_next_is_a_change() -> None:
    one = {**SOURCES, "x.css": b"ab", "y.css": b"c"}
    other = {**SOURCES, "x.css": b"a", "y.css": b"bc"}

    assert not set(make_page(one).assets) & set(make_page(other).assets)


def test_references_of_modules_are_rewritten_and_other_text_is_not() -> None:
    page = make_page(SOURCES)
    body = page.assets[name_of(SOURCES, "main")].body.decode()

    assert body == f'import {{ a }} from "./{name_of(SOURCES, "other")}"; const text = "./other.js";'


def test_lines_of_comment_are_not_sent() -> None:
    source = b'/** a\n * b */\nlet x = "/* c */"; // d\n  // e\n  /* f */\n  let y = 1; /* g */\n'
    page = make_page(
        {**SOURCES, "main.js": source, "a.css": b"/* h */\np {} /* i */\n", "i.svg": b"/* j */\n"}
    )
    sent = {name.split(".")[0]: asset.body for name, asset in page.assets.items()}

    assert sent["main"] == b'let x = "/* c */"; // d\n  let y = 1; /* g */\n'
    assert sent["a"] == b"p {} /* i */\n"
    assert sent["i"] == b"/* j */\n"


def test_what_the_page_loads_is_pinned_as_it_is_served() -> None:
    page = make_page(SOURCES)
    main, style, icon = (name_of(SOURCES, stem) for stem in ("main", "a", "i"))

    assert page.html.body.decode() == (
        f'<link href="monitoring-dashboard/assets/{style}" integrity="{integrity(page.assets[style].body)}">'
        f'<script src="monitoring-dashboard/assets/{main}" integrity="{integrity(page.assets[main].body)}">'
        f'</script><img src="monitoring-dashboard/assets/{icon}">'
    )


def test_integrity_is_sha_384_in_base64() -> None:
    assert integrity(b"x") == "sha384-" + b64encode(hashlib.sha384(b"x").digest()).decode()


def test_page_has_the_policy_and_assets_live_for_ever() -> None:
    page = make_page(SOURCES)

    assert dict(page.html.headers) == {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "private, no-cache",
        "content-security-policy": POLICY,
    }
    for asset in page.assets.values():
        assert [name for name, _ in asset.headers] == ["content-type", "cache-control", "cdn-cache-control"]
        assert dict(asset.headers)["cache-control"] == IMMUTABLE
        assert page.asset(next(iter(page.assets))) in page.assets.values()


def test_asset_of_another_version_is_an_unknown_route() -> None:
    with pytest.raises(UnknownRoute):
        make_page(SOURCES).asset("main.0123456789abcdef.js")


@pytest.mark.parametrize(
    "wrong",
    [
        {"index.html": b'<script src="assets/none.js">'},
        {"main.js": b'import "x"; import { b } from "./none.js"'},
        {"notes.txt": b""},
        {"noextension": b""},
        {"index.html": b'<script src="assets/index.html">'},
    ],
    ids=["page", "module", "type", "no-type", "page-itself"],
)
def test_what_cannot_be_served_is_found_at_start(wrong: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="a page"):
        make_page({**SOURCES, **wrong})


def test_there_must_be_a_page() -> None:
    with pytest.raises(KeyError):
        make_page({})
