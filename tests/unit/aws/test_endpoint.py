"""Endpoint URLs."""

from __future__ import annotations

import pytest

from edge.aws.endpoint import Endpoint


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://dynamodb.eu-west-3.amazonaws.com", (True, "dynamodb.eu-west-3.amazonaws.com", 443)),
        ("http://127.0.0.1:4566/", (False, "127.0.0.1", 4566)),
        ("http://[::1]:80", (False, "::1", 80)),
        ("https://[fd00:ec2::23]", (True, "fd00:ec2::23", 443)),
    ],
)
def test_urls(url: str, expected: tuple[bool, str, int]) -> None:
    assert Endpoint.parse(url)[:3] == expected


def test_authority_leaves_out_the_schemes_own_port() -> None:
    assert Endpoint.parse("https://a.example:443").authority == "a.example"
    assert Endpoint.parse("http://a.example:443").authority == "a.example:443"
    assert Endpoint.parse("http://[::1]:8000").authority == "[::1]:8000"


@pytest.mark.parametrize(
    "url",
    [
        *("", "a.example", "ftp://a.example", "https://", "https://:443", "https://a.example/path"),
        *("https://a.example:", "https://a.example:0", "https://a.example:65536", "https://a.example:4_3"),
        *("https://a.example:443:443", "https://user@a.example", "https://a.example?x", "https://a b"),
        *("https://a.example\r\nx: y", "https://[::1", "https://[]", "https://[::1]x", "https://[g]"),
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"endpoint|port"):
        Endpoint.parse(url)
