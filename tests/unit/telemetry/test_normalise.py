"""Messages of one kind become one text, of two kinds two."""

from __future__ import annotations

import random
import re
import time
from collections import Counter, defaultdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.telemetry.normalise import MAX_CHARS, normalise, plain
from edge.telemetry.scrubbing import scrub
from edge.telemetry.wording import TRADE, is_random
from tests.unit.telemetry.error_corpus import KINDS, SEED, corpus

FEW_MORE = 1.1
"""Groups for each true one, at most: ten-letter ids without a digit look like words now and then."""

WITH_CHANCE = {"task", "expired token", "access"}
"""Where a number, or an id of letters alone, may look like something else once in hundreds."""


@pytest.mark.parametrize(
    ("seed", "per_kind", "is_scrubbed"), [(SEED, 200, True), (SEED, 50, False), (1, 50, True)]
)
def test_corpus_of_true_kinds_is_never_mixed_and_hardly_split(
    seed: int, per_kind: int, *, is_scrubbed: bool
) -> None:
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    raw = set()
    for kind, message in corpus(random.Random(seed), per_kind):
        raw.add(message)
        groups[normalise(scrub(message, limit=4_096) if is_scrubbed else message)][kind] += 1

    assert len(KINDS) >= 50
    assert len(raw) > 0.8 * per_kind * len(KINDS)
    assert [text for text, kinds in groups.items() if len(kinds) > 1] == []
    kinds_of_groups = Counter(next(iter(kinds)) for kinds in groups.values())
    assert len(groups) <= FEW_MORE * len(KINDS), kinds_of_groups.most_common(5)
    assert {kind for kind, count in kinds_of_groups.items() if count > 1} <= {"lock"} | WITH_CHANCE


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Timeout after 123ms at 10.0.0.7:443 (attempt 2)", "Timeout after <value> at <host> (attempt <value>)"),
        ("took 1.5s, 2 ms, 3µs, 1m30s, 1e-3", "took <value>"),
        ("from 2001:db8::1, [::1]:443 and fe80::1%eth0", "from <host> and <host>"),
        ("see https://a.example/b?c=d#e, or ftp://x.", "see <url>, or <url>."),
        ("mail to bob.smith+x@mail.example.com failed", "mail to <email> failed"),
        ("request 8f3a1b2c-1234-4abc-9def-1234567890ab", "request <value>"),
        ("want deadbeef got 0x7f and 9f86d081884c7d65", "want <value> got <value> and <value>"),
        ("at Fri, 20 Nov 2026 19:03:08 GMT", "at <time>"),
        ("at 20/Nov/2026:10:11:12 +0000 and 2026-11-20", "at <time> and <time>"),
        ("at 2026-11-20T19:03:08.123456+01:00!", "at <time>!"),
        ("iad1 and eu-west-3 and us-gov-east-1b", "<value> and <value> and <value>"),
        ("no key 'a b' or \"c's\" or `d`", "no key <text> or <text> or <text>"),
        ("can't reach the user's host", "can't reach the user's host"),
        ("bad item {'pk': {'S': 'x'}} in [1, 2]", "bad item <data> in <data>"),
        ("bad item {'pk': {'S': 'never closed", "bad item <data>"),
        ("[Errno 104] reset", "[Errno <value>] reset"),
        ("arn:aws:dynamodb:eu-west-3:123456789012:table/X is gone", "<arn> is gone"),
        ("open /var/task/app.py and C:\\temp\\x", "open <path> and <path>"),
        ("order-8831, worker3, user_42", "order-<value>, worker<value>, user_<value>"),
        ("utf-8, sha256 and x509 stay", "utf-8, sha256 and x509 stay"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln x", "token <value> x"),
        ("key dGhpcyBpcyBub3QgYSBzZWNyZXQ= x", "key <value> x"),
        ("limit=None strict=true user=alice reason=throttled", "limit=<value> strict=<value> user=<value> reason=throttled"),
        ("price $5, #12 and +7%", "price <value> and <value>"),
        ("1 validation error for Check", "<value> validation error for Check"),
        ("2 validation errors for Check", "<value> validation error for Check"),
        ("3 entries, 1 entry, 2 boxes, 1 box, 2 item(s)", "<value> entry, <value> entry, <value> box, <value> box, <value> item"),
        ("qzxkvjwp is no word", "<value> is no word"),
        ("shape (3, 4) is not (3, 4, 5)", "shape (<value>) is not (<value>)"),
        ("An error occurred:\n  key 12 is gone\n  more", "An error occurred: key <value> is gone"),
        ("one line that says enough\nand 300 more", "one line that says enough"),
        ("", ""),
        (" \n\t ", ""),
    ],
)  # fmt: skip
def test_variable_parts_are_replaced_and_words_stay(message: str, kind: str) -> None:
    assert normalise(message) == kind


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("connection refused by 10.0.0.1", "connection reset by 10.0.0.1"),
        ("order-1 not found", "invoice-1 not found"),
        ("sha256 mismatch", "md5 mismatch"),
        ("reason=throttled", "reason=timeout"),
        ("'x' object is not callable", "'x' object is not iterable"),
        ("Expecting value: line 1", "Extra data: line 1"),
    ],
)
def test_words_tell_kinds_apart(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


PIECES = st.sampled_from(
    [
        *("<value>", "<text>", "<secret>", "<ip>:1", "items", "item(s)", "a@b.c", "user=", "'", '"', "{", "[", "(", "]", "}", ":", "::", "/", "."),
        *("1", "-", "+", "e5", "ms", "0x", "abc", "deadbeef", "https://", "=", "true", "\n", " ", ",", "é", "\\", "%41", "cdg1", "«", "x=<"),
    ]
)  # fmt: skip
MESSAGES = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=30).map("".join))


@given(MESSAGES)
@settings(max_examples=150, deadline=None)
@example("1 " * 400)
@example("<value> " * 100 + "items")
def test_normalising_twice_is_as_good_as_once(message: str) -> None:
    once = normalise(message)

    assert normalise(once) == once


@given(MESSAGES)
@settings(max_examples=150, deadline=None)
def test_kind_is_one_short_line_of_plain_text(message: str) -> None:
    kind = normalise(message)

    assert len(kind) <= MAX_CHARS
    assert kind == plain(kind)
    assert not re.search(r"[\n\r\t]", kind)


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_digit_is_left_but_in_names_of_the_trade(message: str) -> None:
    left = list(re.findall(r"[\w-]*[0-9][\w-]*", normalise(message)))

    assert not [
        word for word in left if not {word.lower().strip("-_"), *re.split("[-_]+", word.lower())} & TRADE
    ]


@pytest.mark.parametrize(
    "unit",
    ["a", "1.", "a.b", "'a", '"', "{", "a/", ":", "a:", "<value> ", "ab_", "1 ", "a-", "x@", "\\", "user=", "[1,", "a://", "/", "%", "1/", "aa.com.", "<ip>", "a1."],
)  # fmt: skip
def test_hostile_megabyte_costs_no_more_than_its_beginning(unit: str) -> None:
    def cost(message: str) -> float:
        started = time.process_time()
        normalise(message)
        return time.process_time() - started

    hostile = unit * (1_000_000 // len(unit))
    assert min(cost(hostile) for _ in range(3)) < 0.25
    assert normalise(hostile) == normalise(hostile[:4_096])


@pytest.mark.parametrize("unit", ["\\'1", '\\"ab-', '\\"x=', "\\\\\\'a ", '\\"::', "\\`", "“\\”a"])
def test_quotes_that_are_escaped_cost_no_more_than_others(unit: str) -> None:
    """JSON in JSON is full of them, and an opening one was sought to the end of the text: a second of a small function."""

    def cost(message: str) -> float:
        started = time.process_time()
        normalise(message)
        return time.process_time() - started

    hostile = (unit * 4_096)[:4_096]
    usual = ("word 'quoted' x=1 " * 300)[:4_096]
    assert min(cost(hostile) for _ in range(5)) < 5 * min(cost(usual) for _ in range(5)) + 0.005


def test_characters_that_change_how_others_look_are_gone() -> None:
    assert plain("a\x1b[31m\u202eb\u200bc\ud800\x00\U000e0041") == "a[31mbc"
    assert normalise("a\u202eb <script>alert(1)</script>") == "ab <script>alert(<value>)</script>"


def test_random_words_are_told_from_written_ones() -> None:
    written = "throughput exceeded DynamoDBClient getItemById HTTPSConnectionPool RateWindows decade ProvisionedThroughputExceededException"

    assert [word for word in written.split() if is_random(word)] == []
    assert all(is_random(word) for word in ("qzxkvjwp", "deadbeef", "aGVsbGvQxR", "a1b2c3d4", "XKCDQZWV"))
