"""No secret that is planted in a text comes out of it."""

from __future__ import annotations

import time
import urllib.parse

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.telemetry.normalise import normalise
from edge.telemetry.scrubbing import MAX_CHARS, MAX_CONTEXT, scrub, scrub_context

PEM_LABEL = "PRIVATE " + "KEY"
"""In two parts: what looks for keys in a repository shall find none here. The block's text says that it is none."""

SECRETS = {
    "jwt": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.dBjftJeZ4CVPmB92K27uhbUJU1p1r",) * 2,
    "api key": ("ek_live_0aB3dE5fG7hJ_q8Zr2Yv7Xw1Uk5Tj9Si3Rh6Qg0Pf4Oe8Nd2Mc6Lb1Ka5Jz9Ix3",) * 2,
    "refresh token": ("rt1.1.cdg1.Ab3dEf6hIj9lMn2pQr5tUv.0.Zy8xWv5uTs2rQp9oNm6lKj3iHg0fEd7cBa4zYx1wVu8",) * 2,
    "bearer": ("Authorization: Bearer mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM"),
    "basic": ("Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    "password": ("password=hunter2", "hunter2"),
    "password in JSON": ('{"password": "correct horse battery"}', "correct horse"),
    "escaped JSON": ('{\\"client_secret\\": \\"correct horse\\"}', "correct horse"),
    "header": ("X-Api-Key: letmein", "letmein"),
    "cookie": ("Cookie: sid=walrus; theme=dark", "walrus"),
    "AWS id": ("AKIAIOSFODNN7EXAMPLE",) * 2,
    "AWS secret": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",) * 2,
    "signature": ("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",) * 2,
    "digest": ("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",) * 2,
    "PEM": (f"-----BEGIN {PEM_LABEL}-----\nbm90IGEga2V5IA\nYXQgYWxsLCBu\n-----END {PEM_LABEL}-----", "bm90IGEga2V5IA"),
    "URL": ("https://root:walrus@db.internal/x", "walrus"),
    "email": ("alice.liddell@example.com",) * 2,
    "card": ("4111111111111111",) * 2,
    "card in groups": ("5500 0000 0000 0004",) * 2,
    "card with dashes": ("3782-822463-10005",) * 2,
    "IPv4": ("203.0.113.195",) * 2,
    "IPv6": ("2001:db8:85a3::8a2e:370:7334",) * 2,
    "full IPv6": ("2001:0db8:85a3:0000:0000:8a2e:0370:7334",) * 2,
    "github": ("ghp_16C7e42F292c6912E7710c838347Ae178B4a",) * 2,
    "base64": ("cGFzc3dvcmQgaXMgaHVudGVyMg==",) * 2,
}  # fmt: skip
SURROUNDINGS = st.one_of(
    st.text(alphabet=" .,:;()abcXYZ019-_/\n", max_size=40),
    st.sampled_from(
        ["request failed: ", "for user ", " in line 3\n", "x" * 30, "week_", "1", "a=", '{"x": ']
    ),
)


@pytest.mark.parametrize("name", SECRETS)
@given(before=SURROUNDINGS, after=SURROUNDINGS)
@settings(max_examples=40, deadline=None)
@example(before="", after="")
@example(before="abc", after="def")
@example(before="9", after=" 12")
def test_secret_planted_anywhere_does_not_survive(name: str, before: str, after: str) -> None:
    planted, secret = SECRETS[name]
    if planted[0].isalpha() and name in ("cookie", "header", "basic", "bearer"):
        before += " "  # a name stands alone, or it is another one
    scrubbed = scrub(before + planted + after, limit=5_000)

    assert secret not in scrubbed
    assert secret not in scrubbed.replace("\n", "")
    assert secret not in normalise(scrubbed)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("rounds", [1, 2])
def test_escaped_secret_does_not_survive(name: str, rounds: int) -> None:
    planted, secret = SECRETS[name]
    escaped = [planted, "".join(f"\\u{ord(character):04x}" for character in planted)]
    for _ in range(rounds):
        escaped[0] = urllib.parse.quote(escaped[0], safe="")
    for text in escaped:
        scrubbed = scrub(f"refused: {text} at the end")
        assert secret not in scrubbed
        assert urllib.parse.quote(secret, safe="") not in scrubbed


@pytest.mark.parametrize(
    "name",
    [
        "jwt",
        "api key",
        "refresh token",
        "AWS secret",
        "digest",
        "email",
        "card",
        "IPv4",
        "password",
        "github",
    ],
)
@given(at=st.integers(1, 100), line_break=st.sampled_from(["\n", "\r\n", "\n    "]))
@settings(max_examples=30, deadline=None)
def test_secret_broken_over_two_lines_does_not_survive(name: str, at: int, line_break: str) -> None:
    planted, secret = SECRETS[name]
    at = min(at, len(planted) - 1)
    scrubbed = scrub(f"was {planted[:at]}{line_break}{planted[at:]} in it")

    assert secret not in "".join(scrubbed.split())
    broken = max(0, at - planted.index(secret))
    assert not [part for part in (secret[:broken], secret[broken:]) if len(part) > 5 and part in scrubbed]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("kept", [4, 8, 12, 16, 24])
def test_beginning_of_a_secret_that_the_limit_cuts_does_not_survive(name: str, kept: int) -> None:
    planted, _ = SECRETS[name]
    text = "word " * 819 + "x"  # 4,096 characters
    text = text[: 4_096 - kept] + " " + planted + " more" * 100
    beginning = planted[: kept - 1].split()[-1]

    assert len(beginning) < 4 or beginning not in scrub(text, limit=5_000)[-60:]


@given(st.text(alphabet=" abcXYZ019-_=:/@.\"'\\%{}<>\n…", max_size=120))
@settings(max_examples=400, deadline=None)
@example("x-amz-signature=abcdef")
@example("password=" + "x " * 800)
@example("é" * 3_000)
def test_scrubbing_twice_is_as_good_as_once(text: str) -> None:
    once = scrub(text)

    assert scrub(once) == once
    assert len(once) <= MAX_CHARS


@pytest.mark.parametrize(
    "harmless",
    [
        "An error occurred (ProvisionedThroughputExceededException) when calling the PutItem operation",
        "edge.ratelimit.limiter.check() missing 2 required positional arguments",
        "/opt/python/edge/ratelimit/limiter2.py:33 in check_many",
        "retry_after_seconds=30, epoch 1795179600000, 2026-11-20T19:03:08.123456Z",
        "token expired; bearer token is missing; the secret is not known; signature: invalid",
        "compass: north, author: x, mechanism=plain, spin: up",
        "std::vector at 12:34:56 in us-east-1",
        "1111111111111118 has no check digit",
    ],
)
def test_what_is_no_secret_stays(harmless: str) -> None:
    assert scrub(harmless) == harmless


@pytest.mark.parametrize(
    "unit",
    ["a", "1.", "token=", "a/", ":", "-----BEGIN A-----", "1 ", "x@", "\\", "0", 'token"', "://", "%25", "\n", "a\n", "4111 ", "bearer ", "token='", "eyJ", "sk-", "aA1", "\\u0025"],
)  # fmt: skip
def test_hostile_megabyte_costs_no_more_than_its_beginning(unit: str) -> None:
    def cost(text: str) -> float:
        started = time.process_time()
        scrub(text)
        return time.process_time() - started

    hostile = unit * (1_000_000 // len(unit))
    assert min(cost(hostile) for _ in range(3)) < 0.25


def test_context_is_scrubbed_by_name_and_by_value() -> None:
    context: dict[str, object] = {f"n{number}": number for number in range(MAX_CONTEXT + 5)}

    assert len(scrub_context(context)) == MAX_CONTEXT
    assert scrub_context(
        {"X-Api-Key": "plain", "to": "bob@example.com", "attempts": 3, "apiKey": object()}
    ) == {
        "X-Api-Key": "<secret>",
        "to": "<email>",
        "attempts": "3",
        "apiKey": "<secret>",
    }
