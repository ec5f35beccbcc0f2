"""
The operators' page as it is served: sources in, files under names that change with their content out.

There is no build step. One version, the hash of all sources together, is in the name of every asset, so that browsers
keep them for ever and never mix two versions; references between them are rewritten to those names, lines of comment
stay at home, and what the HTML loads is pinned by hash (W3C Subresource Integrity). The modules that a script imports are preloaded with their hash
too: a browser takes a module that it has already, so a changed one does not run. References stay relative: the page
works under any prefix.

While two versions of the function answer side by side (a canary), a page can ask the other one for an asset: that is
404, is not cached, and the page says that it wants to be loaded again.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.problems import UnknownRoute

try:
    # hashlib itself takes a millisecond at start to arrive at the same functions.
    from _hashlib import openssl_sha256 as sha256
    from _hashlib import openssl_sha384 as sha384
except ImportError:  # a Python without OpenSSL
    from hashlib import sha256, sha384

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATH: Final = "monitoring-dashboard"
"""Of the page, without its slash; assets are under it."""

CONTENT_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
"""By the end of a source's name; nothing else is served."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The page's content security policy: files and data of its own origin, no text ever run as code."""

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""What caches are told of assets (RFC 8246): a name never gets other content."""

_PAGE: Final = "index.html"
_VERSION_CHARS: Final = 16
_INTEGRAL: Final = ("css", "js")
"""Types of what browsers check a hash of."""
_HTML_REFERENCE: Final = re.compile(r'(href|src)="assets/([^"]*)"')
_COMMENT: Final = re.compile(r"^[ \t]*(?:/\*.*?\*/|//[^\n]*)[ \t]*\n", re.MULTILINE | re.DOTALL)
"""In scripts and styles: one that begins a line, and nothing follows. An eighth of what would be sent."""
_JS_REFERENCE: Final = re.compile(r'(?<=from ")\./([^"]*)(?=")')


class PageFile(NamedTuple):
    """
    One file.

    Attributes:
        body: its bytes, without content coding.
        headers: what is said of it, names in lower case: the type, how long it may be kept; of the page its policy.
    """

    body: bytes
    headers: tuple[tuple[str, str], ...]


class Page(NamedTuple):
    """
    All files.

    Attributes:
        html: the page.
        assets: the others, by the name that they are asked for by.
    """

    html: PageFile
    assets: Mapping[str, PageFile]

    def asset(self, name: str) -> PageFile:
        """
        Return the asset of that name.

        Raises:
            UnknownRoute: there is none, such as of another version of the page.
        """
        if name not in self.assets:
            raise UnknownRoute
        return self.assets[name]


def make_page(sources: Mapping[str, bytes]) -> Page:
    """
    Return the page of *sources*.

    Args:
        sources: content by name: ``index.html``, and what it refers to as ``assets/<name>``. A module refers to another
            as ``./<name>``.

    Raises:
        ValueError: a reference has no source, or a name no known type.
        KeyError: there is no ``index.html``.
    """
    version = _version(sources)
    names = {name: _versioned(name, version) for name in sources if name != _PAGE}
    bodies = {name: _served(name, body, names) for name, body in sources.items() if name != _PAGE}

    def pinned(found: re.Match[str]) -> str:
        name = _known(names, found[2])
        reference = f'{found[1]}="{PATH}/assets/{name}"'
        return (
            f'{reference} integrity="{integrity(bodies[found[2]])}"'
            if _type(name) in _INTEGRAL
            else reference
        )

    html = _rewritten(sources[_PAGE], _HTML_REFERENCE, pinned)
    return Page(
        _file(_PAGE, html, (("cache-control", "private, no-cache"), ("content-security-policy", POLICY))),
        {
            names[name]: _file(name, body, (("cache-control", IMMUTABLE), ("cdn-cache-control", IMMUTABLE)))
            for name, body in bodies.items()
        },
    )


def integrity(body: bytes) -> str:
    """Return the integrity metadata of *body*: its SHA-384 in base64."""
    return "sha384-" + b2a_base64(sha384(body).digest(), newline=False).decode("ascii")


def _version(sources: Mapping[str, bytes]) -> str:
    hashed = sha256()
    for name, body in sorted(sources.items()):
        hashed.update(f"{name} {len(body)}\n".encode() + body)
    return hashed.hexdigest()[:_VERSION_CHARS]


def _versioned(name: str, version: str) -> str:
    stem, _, kind = name.rpartition(".")
    return f"{stem}.{version}.{kind}"


def _type(name: str) -> str:
    return name.rpartition(".")[2]


def _known(names: Mapping[str, str], name: str) -> str:
    if name not in names:
        raise ValueError("a page refers to an asset that is not there")
    return names[name]


def _served(name: str, body: bytes, names: Mapping[str, str]) -> bytes:
    if _type(name) not in _INTEGRAL:
        return body
    body = _rewritten(body, _COMMENT, lambda _: "")
    if not name.endswith(".js"):
        return body
    return _rewritten(body, _JS_REFERENCE, lambda found: "./" + _known(names, found[1]))


def _rewritten(body: bytes, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]) -> bytes:
    return pattern.sub(replace, body.decode()).encode()


def _file(name: str, body: bytes, headers: tuple[tuple[str, str], ...]) -> PageFile:
    content_type = CONTENT_TYPES.get(_type(name))
    if content_type is None:
        raise ValueError("a page has an asset of no known type")
    return PageFile(body, (("content-type", content_type), *headers))
