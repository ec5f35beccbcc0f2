"""
RFC 9110, 9111, 5861 and 9213 as a table: what each section asks of an answer to a GET, and what the engine does.

Sections that speak of ranges are answered by not serving any; what a section asks of caches is not asked of us.
"""

from __future__ import annotations

import json
import re
import zlib
from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from edge.optimize.engine import Optimised, optimise
from edge.optimize.policy import POLICIES
from edge.optimize.validators import opaque_tag

if TYPE_CHECKING:
    from edge.optimize.policy import Strategy

NOW_MS = 1_795_179_600_000
BEFORE, LAST, AFTER = (f"Sun, {day} Nov 2026 08:49:37 GMT" for day in ("08", "15", "22"))
BODY = json.dumps([{"id": number, "note": "a, b"} for number in range(80)], separators=(",", ":")).encode()
TAG: Final = f'"{opaque_tag(BODY)}"'
OTHER: Final = '"x,y"'
Condition = tuple[str, str, int]


def answered(
    *request: tuple[str, str],
    strategy: Strategy | None = "moderate",
    response: list[tuple[str, str]] | None = None,
) -> Optimised:
    return optimise(
        BODY,
        "application/json",
        strategy=strategy,
        request_headers=request,
        response_headers=[("Last-Modified", LAST)] if response is None else response,
        now_ms=NOW_MS,
    )


# --- RFC 9110, section 13.2.2: each step alone, then every combination

IF_MATCH = {TAG: True, "*": True, f"{OTHER}, {TAG}": True, OTHER: False, f"W/{TAG}": False, "": False, "x": False,
            f"{TAG[:-1]}": False, f"{TAG};": False, f"*, {TAG}": False, '"x",' * 2_100 + TAG: False,
            f'"\xe9", {TAG}': True, f" , ,{TAG}, ": True, '""': False}  # fmt: skip
IF_UNMODIFIED_SINCE = {LAST: True, AFTER: True, BEFORE: False, "": True, "yesterday": True, f"{BEFORE}, {BEFORE}": True,
                       "Sunday, 08-Nov-26 08:49:37 GMT": False, "Sun Nov  8 08:49:37 2026": False}  # fmt: skip
IF_NONE_MATCH = {TAG: False, f"W/{TAG}": False, "*": False, f"{OTHER},W/{TAG}": False, OTHER: True, "": True, "x": True,
                 f'{TAG[:-1]}-gzip"': True, f"w/{TAG}": True}  # fmt: skip
IF_MODIFIED_SINCE = {LAST: False, AFTER: False, BEFORE: True, "": True, "yesterday": True,
                     "Sunday, 15-Nov-26 08:49:37 GMT": False, "Sun Nov 15 08:49:37 2026": False}  # fmt: skip


@pytest.mark.parametrize(("value", "holds"), IF_MATCH.items())
def test_if_match(value: str, *, holds: bool) -> None:
    assert answered(("If-Match", value)).status == (200 if holds else 412)


@pytest.mark.parametrize(("value", "holds"), IF_UNMODIFIED_SINCE.items())
def test_if_unmodified_since(value: str, *, holds: bool) -> None:
    assert answered(("If-Unmodified-Since", value)).status == (200 if holds else 412)


@pytest.mark.parametrize(("value", "holds"), IF_NONE_MATCH.items())
def test_if_none_match(value: str, *, holds: bool) -> None:
    assert answered(("If-None-Match", value)).status == (200 if holds else 304)


@pytest.mark.parametrize(("value", "holds"), IF_MODIFIED_SINCE.items())
def test_if_modified_since(value: str, *, holds: bool) -> None:
    assert answered(("If-Modified-Since", value)).status == (200 if holds else 304)


@pytest.mark.parametrize("last_modified", [[], [("Last-Modified", "yesterday")]])
@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since"])
@pytest.mark.parametrize("date", [BEFORE, LAST, AFTER])
def test_dates_mean_nothing_where_the_answer_has_none(
    last_modified: list[tuple[str, str]], name: str, date: str
) -> None:
    assert answered((name, date), response=last_modified).status == 200


@pytest.mark.parametrize(
    ("match", "unmodified", "none_match", "modified"),
    list(product((None, TAG, OTHER), (None, LAST, BEFORE), (None, TAG, OTHER), (None, LAST, BEFORE))),
)  # fmt: skip
def test_steps_are_taken_in_the_order_of_the_section(
    match: str | None, unmodified: str | None, none_match: str | None, modified: str | None
) -> None:
    asked = {"If-Match": match, "If-Unmodified-Since": unmodified, "If-None-Match": none_match,
             "If-Modified-Since": modified}  # fmt: skip
    expected = 200
    if match is not None:
        expected = 200 if IF_MATCH[match] else 412
    elif unmodified is not None:
        expected = 200 if IF_UNMODIFIED_SINCE[unmodified] else 412
    if expected == 200 and none_match is not None:
        expected = 200 if IF_NONE_MATCH[none_match] else 304
    elif expected == 200 and modified is not None:
        expected = 200 if IF_MODIFIED_SINCE[modified] else 304

    answer = answered(*[(name, value) for name, value in asked.items() if value is not None])

    assert answer.status == expected
    assert (answer.body == BODY) == (expected == 200)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_conditions_are_about_the_representation_that_would_be_sent(encoding: str) -> None:
    accept = ("Accept-Encoding", encoding)
    tag = dict(answered(accept).headers)["etag"]
    other = ("Accept-Encoding", "gzip" if encoding == "identity" else "identity")

    assert answered(accept, ("If-Match", tag)).status == 200
    assert answered(accept, ("If-Match", tag), ("If-None-Match", tag)).status == 304
    assert answered(other, ("If-Match", tag)).status == 412
    assert answered(other, ("If-None-Match", tag)).status == 200


def test_failed_precondition_says_nothing_of_the_representation_and_is_not_stored() -> None:
    answer = answered(
        ("If-Match", OTHER), response=[("Vary", "Origin"), ("Last-Modified", LAST), ("X-A", "1")]
    )
    assert (answer.reason, answer.encoding_reason, answer.body) == (
        "precondition_failed", "precondition_failed", b""
    )  # fmt: skip
    assert dict(answer.headers) == {
        "x-a": "1", "cache-control": "no-store", "cdn-cache-control": "no-store", "content-length": "0",
        "vary": "Origin, Accept-Encoding",
    }  # fmt: skip


def test_conditions_do_not_count_where_the_answer_would_not_be_2xx() -> None:
    refused = ("Accept-Encoding", "identity;q=0, br;q=0, zstd;q=0, gzip;q=0")
    assert answered(refused, ("If-Match", OTHER)).status == 406
    assert answered(refused, ("If-None-Match", "*")).status == 406


def test_strategy_none_confirms_nothing_and_still_refuses_another_version() -> None:
    assert answered(("If-None-Match", "*"), strategy="none").status == 200
    assert answered(("If-Match", TAG), strategy="none").status == 412
    assert answered(("If-Match", '""'), strategy="none").status == 412
    assert answered(("If-Match", "*"), strategy="none").status == 200


def test_part_of_a_content_is_not_judged_by_tags_of_the_whole() -> None:
    part = [("Content-Range", "bytes 0-9/99")]
    assert answered(("If-Match", OTHER), response=part).status == 200
    assert answered(("If-None-Match", "*"), response=part).status == 200


@pytest.mark.parametrize(
    "ignored",
    [
        ("Range", "bytes=0-3"),  # section 14.2: a server may ignore it
        ("If-Range", '"x"'),
        ("TE", "gzip"),
        ("Accept-Encoding", "deflate, compress"),
        ("Accept-Charset", "utf-16"),
        ("Cache-Control", "only-if-cached"),
        ("Cache-Control", "no-cache"),
        ("Pragma", "no-cache"),
    ],
)
def test_what_is_not_for_us_changes_nothing(ignored: tuple[str, str]) -> None:
    assert answered(ignored) == answered()
    assert answered(ignored, ("If-None-Match", TAG)).status == 304


# --- RFC 9110, section 8.8.3: what a tag is


def test_tags_are_strong_and_differ_exactly_where_bytes_do() -> None:
    plain, coded = answered(), answered(("Accept-Encoding", "gzip"))
    tags = [dict(answer.headers)["etag"] for answer in (plain, coded)]
    assert tags[0] != tags[1]
    assert all(re.fullmatch(r'"[\x21\x23-\x7e]+"', tag) for tag in tags)
    assert zlib.decompress(coded.body, wbits=31) == plain.body
    assert answered(("Accept-Encoding", "gzip")).body == coded.body, (
        "a strong tag needs the same bytes each time"
    )


# --- RFC 9110, sections 12.5.5 and 15.4.5: what goes with every answer


@pytest.mark.parametrize("strategy", ["aggressive", "moderate", "conservative", "none", None])
@pytest.mark.parametrize(
    "request_line",
    [("a", "b"), ("If-None-Match", "*"), ("If-Match", OTHER), ("Accept-Encoding", "*;q=0")],
)
def test_vary_goes_with_every_status(strategy: Strategy | None, request_line: tuple[str, str]) -> None:
    answer = answered(request_line, strategy=strategy, response=[("Vary", "Origin")])
    assert dict(answer.headers)["vary"] == "Origin, Accept-Encoding"


@pytest.mark.parametrize("strategy", ["aggressive", "moderate", "conservative"])
def test_304_repeats_what_the_200_told_caches(strategy: Strategy) -> None:
    response = [("Date", LAST), ("Age", "12"), ("Content-Location", "/rows"), ("Vary", "Origin")]
    whole = dict(answered(strategy=strategy, response=response).headers)
    short = dict(answered(("If-None-Match", whole["etag"]), strategy=strategy, response=response).headers)
    for name in ("age", "cache-control", "cdn-cache-control", "content-location", "date", "etag", "vary"):
        assert short[name] == whole[name]
    assert {"content-length", "content-encoding", "content-type"}.isdisjoint(short)


# --- RFC 9111, 5861, 9213: what caches are told

DIRECTIVES: Final = {
    "public", "private", "no-store", "no-cache", "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"
}  # fmt: skip


def dictionary(value: str) -> dict[str, int | bool]:
    """Parse as a structured field's dictionary (RFC 9651) of booleans and integers; anything else is an error."""
    members = {}
    for member in value.split(", "):
        found = re.fullmatch(r"([a-z*][a-z0-9_.*-]*)(?:=(\d{1,15}))?", member)
        assert found is not None, member
        members[found[1]] = True if found[2] is None else int(found[2])
    return members


@pytest.mark.parametrize("strategy", list(POLICIES))
def test_cache_fields_are_well_formed_and_do_not_contradict_themselves(strategy: Strategy) -> None:
    fields = dict(answered(strategy=strategy).headers)
    own, targeted = dictionary(fields["cache-control"]), dictionary(fields["cdn-cache-control"])

    for told in (own, targeted):
        assert set(told) <= DIRECTIVES
        assert len({"public", "private", "no-store"} & set(told)) == 1
        assert not ({"private", "no-store", "no-cache"} & set(told) and {"max-age", "s-maxage"} & set(told))
    assert "s-maxage" not in targeted, "section 2.1 of RFC 9213: the field is for shared caches as it is"
    if "public" in own:
        assert own["s-maxage"] == targeted["max-age"] >= own["max-age"]
        assert own["stale-if-error"] >= own["stale-while-revalidate"]


@pytest.mark.parametrize(
    "superseded",
    ["Expires", "Pragma", "Surrogate-Control", "Cloudflare-CDN-Cache-Control", "Vercel-CDN-Cache-Control"],
)
def test_no_older_or_vendors_field_speaks_against_it(superseded: str) -> None:
    answer = answered(response=[(superseded, "max-age=31536000")])
    assert superseded.lower() not in dict(answer.headers)


@pytest.mark.parametrize("age", ["0", "59", "61", "4000000000"])
def test_age_stays_so_that_nobody_takes_the_answer_for_fresh(age: str) -> None:
    answer = answered(response=[("Age", age), ("Date", LAST)])
    assert dict(answer.headers)["age"] == age
    assert dict(answer.headers)["date"] == LAST


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization", "Cookie", "X-API-Key"])
@pytest.mark.parametrize(
    "told", [None, "public, max-age=60", "max-age=60", "s-maxage=60", 'private="x-a", max-age=60']
)
@pytest.mark.parametrize("strategy", ["aggressive", "moderate", "conservative", None])
def test_answer_to_credentials_is_for_no_shared_cache(
    name: str, told: str | None, strategy: Strategy | None
) -> None:
    response = [] if told is None else [("Cache-Control", told), ("CDN-Cache-Control", "max-age=60")]
    fields = dict(answered((name, "x"), strategy=strategy, response=response).headers)
    assert (fields["cache-control"], fields["cdn-cache-control"]) == ("private, no-cache", "no-store")
