"""The security headers of the API: which there are, which there are not, and that a page's own win."""

from __future__ import annotations

import re

import pytest

from edge.web.security_headers import API_HEADERS

HEADERS = {name.decode(): value.decode() for name, value in API_HEADERS}


def test_set_is_what_the_study_graded() -> None:
    assert HEADERS == {
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "strict-transport-security": "max-age=63072000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "permissions-policy": "geolocation=(), microphone=(), camera=()",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-store",
    }


def test_names_are_in_lower_case_and_come_once() -> None:
    assert len(HEADERS) == len(API_HEADERS)
    assert all(re.fullmatch(r"[a-z-]+", name) for name in HEADERS)


def test_nothing_unsafe_is_allowed_and_what_falls_back_to_nothing_is_named() -> None:
    policy = dict(directive.split(" ", 1) for directive in HEADERS["content-security-policy"].split("; "))
    assert "unsafe" not in HEADERS["content-security-policy"]
    # These three do not fall back to default-src.
    assert [policy[name] for name in ("base-uri", "form-action", "frame-ancestors")] == ["'none'"] * 3
    age = re.search(r"max-age=(\d+)", HEADERS["strict-transport-security"])
    assert age is not None
    assert int(age[1]) >= 31_536_000


@pytest.mark.parametrize(
    "name",
    [
        "x-xss-protection",
        "cross-origin-embedder-policy",
        "x-permitted-cross-domain-policies",
        "x-dns-prefetch-control",
        "origin-agent-cluster",
        "expect-ct",
        "public-key-pins",
        "feature-policy",
        "server",
        "x-powered-by",
    ],
)
def test_header_without_use_is_not_sent(name: str) -> None:
    """``docs/optimize.md`` says of each why."""
    assert name not in HEADERS
