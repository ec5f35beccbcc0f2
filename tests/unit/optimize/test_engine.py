"""The engine as a whole: conditions, codings, caches, what is kept and what is dropped, hostile input."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.optimize.engine import LEAST_CODED_BYTES, MOST_BODY_BYTES, MOST_MINIFIED_BYTES, Optimised, optimise
from edge.optimize.problems import ResultTooLarge, UnusableHeaders
from edge.optimize.validators import entity_tag, opaque_tag
from edge.problems import BodyTooLarge

if TYPE_CHECKING:
    from edge.optimize.codecs import Encode
    from edge.optimize.negotiation import Coding, Encoding
    from edge.optimize.policy import Strategy

NOW_MS = 1_795_179_600_000
OLD, NEW = "Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT"
ROWS = [{"id": number, "name": f"row {number}", "price": 1.5} for number in range(60)]
COMPACT = json.dumps(ROWS, separators=(",", ":")).encode()
PRETTY = json.dumps(ROWS, indent=2).encode()
TAG = opaque_tag(COMPACT)


def toy(coding: Coding) -> Encode:
    """A coding that can be told from others and taken back."""
    return lambda body: coding.encode() + b"|" + zlib.compress(body)


def decoded(answer: Optimised) -> bytes:
    if answer.encoding == "identity":
        return answer.body
    if answer.encoding == "gzip":
        return zlib.decompress(answer.body, wbits=31)
    name, _, rest = answer.body.partition(b"|")
    assert name.decode() == answer.encoding
    return zlib.decompress(rest)


def made(
    body: bytes = PRETTY,
    content_type: str | None = "application/json",
    *,
    strategy: Strategy | None = "moderate",
    request: dict[str, str] | None = None,
    response: dict[str, str] | list[tuple[str, str]] | None = None,
    most_bytes: int | None = None,
    toys: bool = False,
) -> Optimised:
    lines = response if isinstance(response, list) else list((response or {}).items())

    def toy_or_gzip(coding: Coding) -> Encode | None:
        if coding == "gzip":
            return lambda plain: zlib.compress(plain, wbits=31)
        return toy(coding) if toys else None

    return optimise(
        body,
        content_type,
        strategy=strategy,
        request_headers=(request or {}).items(),
        response_headers=lines,
        now_ms=NOW_MS,
        most_bytes=most_bytes,
        encoder_of=toy_or_gzip,
    )


def fields(answer: Optimised) -> dict[str, str]:
    names = [name for name, _ in answer.headers]
    assert len(names) == len(set(names)) or "set-cookie" in names
    return dict(answer.headers)


# --- the plain case


def test_answer_is_minified_coded_tagged_and_cacheable() -> None:
    answer = made(request={"Accept-Encoding": "gzip"})

    assert answer.status == 200
    assert zlib.decompress(answer.body, wbits=31) == COMPACT
    assert (answer.encoding, answer.reason, answer.encoding_reason) == ("gzip", "as_asked", "negotiated")
    assert (answer.original_bytes, answer.optimized_bytes) == (len(PRETTY), len(answer.body))
    assert fields(answer) == {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "etag": f'"{TAG}-gzip"',
        "cache-control": "public, max-age=60, s-maxage=300, stale-while-revalidate=60, stale-if-error=600",
        "cdn-cache-control": "public, max-age=300, stale-while-revalidate=60, stale-if-error=600",
        "vary": "Accept-Encoding",
        "content-length": str(len(answer.body)),
    }


def test_strategy_none_leaves_the_body_and_says_no_store() -> None:
    answer = made(
        strategy="none", request={"Accept-Encoding": "gzip", "If-None-Match": "*"}, response={"ETag": '"x"'}
    )

    assert (answer.status, answer.body, answer.encoding) == (200, PRETTY, "identity")
    assert answer.encoding_reason == "strategy_none"
    assert fields(answer) == {
        "content-type": "application/json",
        "cache-control": "no-store",
        "cdn-cache-control": "no-store",
        "vary": "Accept-Encoding",
        "content-length": str(len(PRETTY)),
    }


# --- conditions (RFC 9110, section 13.2.2)


@pytest.mark.parametrize(
    ("if_none_match", "if_modified_since", "last_modified", "status"),
    [
        (None, None, None, 200),
        (None, None, OLD, 200),
        (f'"{TAG}-gzip"', None, None, 304),
        (f'W/"{TAG}-gzip"', None, None, 304),
        (f'"x", W/"{TAG}-gzip"', None, None, 304),
        ("*", None, None, 304),
        (f'"{TAG}"', None, None, 200),
        (f'"{TAG}-br"', None, None, 200),
        ('"x"', None, None, 200),
        ("malformed", None, None, 200),
        (None, NEW, OLD, 304),
        (None, OLD, OLD, 304),
        (None, OLD, NEW, 200),
        (None, NEW, None, 200),
        (None, "malformed", OLD, 200),
        # A tag list outdoes a date, whatever either says, and even if it is malformed.
        ('"x"', NEW, OLD, 200),
        ("malformed", NEW, OLD, 200),
        ("", NEW, OLD, 200),
        (f'"{TAG}-gzip"', OLD, NEW, 304),
    ],
)
def test_condition(
    if_none_match: str | None, if_modified_since: str | None, last_modified: str | None, status: int
) -> None:
    request = {"accept-encoding": "gzip"}
    if if_none_match is not None:
        request["if-none-match"] = if_none_match
    if if_modified_since is not None:
        request["if-modified-since"] = if_modified_since

    answer = made(request=request, response={} if last_modified is None else {"last-modified": last_modified})

    assert answer.status == status


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br", "zstd"])
def test_tag_that_was_sent_brings_304_for_the_same_coding_only(encoding: Encoding) -> None:
    only = {"accept-encoding": f"{encoding}, *;q=0"}
    first = made(request=only, toys=True)
    tag = fields(first)["etag"]
    assert (first.encoding, tag) == (encoding, entity_tag(TAG, encoding))

    assert made(request={**only, "if-none-match": f"W/{tag}"}, toys=True).status == 304
    for other in {"identity", "gzip", "br", "zstd"} - {encoding}:
        again = {"accept-encoding": f"{other}, *;q=0", "if-none-match": tag}
        assert made(request=again, toys=True).status == 200


def test_304_has_the_fields_of_the_200_that_caches_need_and_no_others() -> None:
    response = {
        "Content-Location": "/rows?page=1",
        "Content-Language": "en",
        "Content-Digest": "sha-256=:x:",
        "Date": OLD,
        "Age": "12",
        "Expires": OLD,
        "Last-Modified": OLD,
        "Vary": "Origin",
        "X-Request-Id": "r-1",
        "Content-Security-Policy": "default-src 'none'",
    }
    whole = made(request={"accept-encoding": "gzip"}, response=response)
    answer = made(request={"accept-encoding": "gzip", "if-none-match": "*"}, response=response)

    assert (answer.status, answer.body, answer.optimized_bytes) == (304, b"", 0)
    kept = fields(answer)
    assert set(kept) == {
        "content-location", "date", "age", "x-request-id", "content-security-policy", "etag", "cache-control",
        "cdn-cache-control", "vary",
    }  # fmt: skip
    assert kept == {name: value for name, value in fields(whole).items() if name in kept}


def test_304_by_tag_does_not_encode() -> None:
    def never(_: Coding) -> Encode:
        def encode(_: bytes) -> bytes:
            raise AssertionError("encoded for nothing")

        return encode

    answer = optimise(
        PRETTY,
        "application/json",
        strategy="moderate",
        request_headers=[("accept-encoding", "gzip"), ("if-none-match", f'"{TAG}-gzip"')],
        response_headers=[],
        now_ms=NOW_MS,
        encoder_of=never,
    )
    assert answer.status == 304


def test_repeated_request_lines_are_one_list() -> None:
    answer = optimise(
        PRETTY,
        "application/json",
        strategy="moderate",
        request_headers=[("Accept-Encoding", "br;q=0"), ("If-None-Match", '"x"'), ("accept-encoding", "gzip"),
                         ("if-none-match", f'"{TAG}-gzip"')],
        response_headers=[],
        now_ms=NOW_MS,
    )  # fmt: skip
    assert answer.status == 304


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["application/json", "text/plain"]))
def test_tag_changes_exactly_with_the_identity_bytes(one: bytes, other: bytes, content_type: str) -> None:
    first, second = made(one, content_type), made(other, content_type)
    assert (fields(first)["etag"] == fields(second)["etag"]) == (first.body == second.body)


def test_layout_does_not_change_the_tag() -> None:
    tags = {fields(made(body))["etag"] for body in (PRETTY, COMPACT, json.dumps(ROWS).encode())}
    assert tags == {f'"{TAG}"'}


# --- codings


@given(
    st.binary(max_size=3_000) | st.text().map(str.encode) | st.just(PRETTY),
    st.sampled_from(["gzip", "br", "zstd", "identity", "br, gzip;q=0.5", "gzip, *;q=0", "*;q=0, br"]),
    st.sampled_from(["text/plain", "application/octet-stream", "application/json"]),
)
def test_every_coding_comes_back_and_is_one_that_was_accepted(
    body: bytes, accept: str, content_type: str
) -> None:
    answer = made(body, content_type, request={"accept-encoding": accept}, toys=True)

    plain = made(body, content_type, request={"accept-encoding": "identity"}).body
    assert answer.status == 200
    assert decoded(answer) == plain
    assert answer.encoding in accept or answer.encoding == "identity"
    assert fields(answer).get("content-encoding", "identity") == answer.encoding
    if answer.encoding != "identity" and "*;q=0" not in accept:
        assert len(answer.body) < len(plain)
        assert len(plain) >= LEAST_CODED_BYTES and content_type != "application/octet-stream"


@pytest.mark.parametrize(
    ("size", "encoding", "why"), [(1_023, "identity", "too_small"), (1_024, "gzip", "negotiated")]
)
def test_small_body_is_not_coded(size: int, encoding: str, why: str) -> None:
    answer = made(b"x" * size, "text/plain", request={"accept-encoding": "gzip"})
    assert (answer.encoding, answer.encoding_reason) == (encoding, why)


def test_body_that_would_grow_is_not_coded_and_its_tag_is_that_of_identity() -> None:
    noise = bytes(hash_byte for number in range(60) for hash_byte in opaque_tag(b"%d" % number).encode())
    packed = zlib.compress(noise)[:1_500]
    answer = made(packed, "text/plain", request={"accept-encoding": "gzip"})

    assert (answer.encoding, answer.encoding_reason, answer.body) == ("identity", "no_gain", packed)
    tag = fields(answer)["etag"]
    assert tag == entity_tag(opaque_tag(packed), "identity")
    again = made(packed, "text/plain", request={"accept-encoding": "gzip", "if-none-match": tag})
    assert again.status == 304
    assert (
        fields(made(packed, "text/plain", request={"accept-encoding": "gzip", "if-none-match": "*"}))["etag"]
        == tag
    )


@pytest.mark.parametrize(
    "content_type", ["image/png", "application/zip", "font/woff2", "text/event-stream", "", None]
)
def test_what_is_no_text_is_not_coded(content_type: str | None) -> None:
    answer = made(b"x" * 5_000, content_type, request={"accept-encoding": "gzip"})
    assert (answer.encoding, answer.encoding_reason) == ("identity", "not_text")


def test_refused_identity_is_not_sent_even_of_a_small_body() -> None:
    answer = made(b"{ }", request={"accept-encoding": "gzip, identity;q=0"})
    assert (answer.encoding, answer.encoding_reason) == ("gzip", "identity_refused")
    assert zlib.decompress(answer.body, wbits=31) == b"{}"


@pytest.mark.parametrize("accept", ["identity;q=0", "*;q=0", "br, identity;q=0", "deflate, *;q=0"])
@pytest.mark.parametrize("strategy", ["moderate", "none"])
def test_nothing_acceptable_is_406(accept: str, strategy: Strategy) -> None:
    answer = made(
        request={"accept-encoding": accept, "if-none-match": "*"},
        response={"Vary": "Origin"},
        strategy=strategy,
    )

    assert (answer.status, answer.body, answer.reason) == (406, b"", "not_acceptable")
    assert fields(answer) == {
        "cache-control": "no-store",
        "cdn-cache-control": "no-store",
        "vary": "Origin, Accept-Encoding",
        "content-length": "0",
    }


def test_without_the_header_identity_is_sent_and_with_an_empty_one_too() -> None:
    assert made().encoding == "identity"
    assert made(request={"accept-encoding": ""}).encoding == "identity"


def test_client_that_prefers_identity_gets_it() -> None:
    answer = made(request={"accept-encoding": "gzip;q=0.5, identity"})
    assert (answer.encoding, answer.encoding_reason) == ("identity", "client_prefers_identity")


@pytest.mark.parametrize(
    ("coded", "accept", "status"),
    [
        ("gzip", None, 200),
        ("gzip", "gzip", 200),
        ("GZIP", "gzip", 200),
        ("x-gzip", "gzip", 200),
        ("br", "*", 200),
        ("br, gzip", "gzip, br", 200),
        ("gzip", "br", 406),
        ("gzip", "gzip;q=0", 406),
        ("gzip", "", 406),
        ("br, gzip", "gzip", 406),
    ],
)
def test_coded_body_is_neither_coded_again_nor_decoded(coded: str, accept: str | None, status: int) -> None:
    request = {} if accept is None else {"accept-encoding": accept}
    bomb = zlib.compress(b" " * 9_000, wbits=31) * 50
    answer = made(bomb, request=request, response={"Content-Encoding": coded})

    assert answer.status == status
    if status == 200:
        assert (answer.body, answer.encoding, answer.encoding_reason) == (
            bomb,
            coded.lower(),
            "already_encoded",
        )
        assert fields(answer)["content-encoding"] == coded


def test_content_encoding_identity_is_no_coding() -> None:
    answer = made(request={"accept-encoding": "gzip"}, response={"Content-Encoding": "identity"})
    assert answer.encoding == "gzip"
    assert fields(answer)["content-encoding"] == "gzip"


def test_no_transform_is_heeded_and_passed_on() -> None:
    answer = made(request={"accept-encoding": "gzip"}, response={"Cache-Control": "max-age=1, No-Transform"})
    assert (answer.body, answer.encoding_reason) == (PRETTY, "no_transform")
    assert fields(answer)["cache-control"].endswith("stale-if-error=600, no-transform")


def test_wish_not_to_be_transformed_is_said_once() -> None:
    own = "public, max-age=9, no-transform"
    kept = fields(made(strategy=None, response={"Cache-Control": own, "CDN-Cache-Control": "max-age=9"}))
    assert kept["cache-control"] == own
    assert kept["cdn-cache-control"] == "max-age=9, no-transform"


def test_part_of_a_content_is_left_alone_and_has_no_tag() -> None:
    answer = made(request={"accept-encoding": "gzip"}, response={"Content-Range": "bytes 0-9/99"})
    assert (answer.body, answer.encoding_reason) == (PRETTY, "partial_content")
    assert "etag" not in fields(answer)


# --- minifying before coding

LONG = json.dumps(ROWS * 10, indent=2).encode()
LONG_COMPACT = json.dumps(ROWS * 10, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("aggressive", LONG_COMPACT), ("moderate", LONG), ("conservative", LONG), (None, LONG)],
)
def test_long_json_is_minified_before_it_is_coded_only_where_bytes_count_most(
    strategy: Strategy | None, expected: bytes
) -> None:
    assert len(LONG_COMPACT) > MOST_MINIFIED_BYTES
    answer = made(LONG, strategy=strategy, request={"accept-encoding": "gzip"})
    assert zlib.decompress(answer.body, wbits=31) == expected
    assert fields(answer)["etag"] == entity_tag(opaque_tag(expected), "gzip")


@pytest.mark.parametrize("strategy", ["aggressive", "moderate", "conservative", None])
def test_json_in_no_coding_is_minified_whatever_its_size(strategy: Strategy | None) -> None:
    answer = made(LONG, strategy=strategy, request={"accept-encoding": "br"})
    assert answer.body == LONG_COMPACT
    assert fields(answer)["etag"] == entity_tag(opaque_tag(LONG_COMPACT), "identity")


@pytest.mark.parametrize(
    ("blanks", "expected"), [(MOST_MINIFIED_BYTES - 4, b'["a"]'), (MOST_MINIFIED_BYTES - 3, None)]
)
def test_bound_of_minifying_before_coding(blanks: int, expected: bytes | None) -> None:
    body = b'["a"' + b" " * (blanks - 1) + b"]"
    answer = made(body, request={"accept-encoding": "gzip, identity;q=0"})
    assert zlib.decompress(answer.body, wbits=31) == (expected or body)


def test_coding_that_does_not_help_leaves_the_minified_body_and_its_tag() -> None:
    answer = optimise(
        LONG,
        "application/json",
        strategy="moderate",
        request_headers=[("accept-encoding", "gzip")],
        response_headers=[],
        now_ms=NOW_MS,
        encoder_of=lambda coding: (lambda plain: plain + b"x") if coding == "gzip" else None,
    )
    assert (answer.body, answer.encoding_reason) == (LONG_COMPACT, "no_gain")
    assert fields(answer)["etag"] == entity_tag(opaque_tag(LONG_COMPACT), "identity")


@pytest.mark.parametrize("accept", ["gzip", "identity", "gzip, identity;q=0"])
@pytest.mark.parametrize("strategy", ["aggressive", "moderate", None])
def test_tag_of_long_json_brings_304_and_passes_if_match(accept: str, strategy: Strategy | None) -> None:
    only = {"accept-encoding": accept}
    tag = fields(made(LONG, strategy=strategy, request=only))["etag"]
    assert made(LONG, strategy=strategy, request={**only, "if-none-match": tag}).status == 304
    assert made(LONG, strategy=strategy, request={**only, "if-match": tag}).status == 200


# --- headers


def test_what_would_be_false_is_dropped_and_the_rest_is_kept() -> None:
    response = [
        ("Content-Type", "text/plain"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("ETag", '"theirs"'),
        ("Cache-Control", "max-age=9"),
        ("Vendor-CDN-Cache-Control", "max-age=999"),
        ("Surrogate-Control", "max-age=999"),
        ("Pragma", "x"),
        ("Expires", OLD),
        ("Content-MD5", "x"),
        ("Digest", "x"),
        ("Repr-Digest", "x"),
        ("Accept-Ranges", "bytes"),
        ("Age", "700"),
        ("Last-Modified", OLD),
        ("Link", "</a>"),
        ("X-Latin", "\xe9"),
    ]
    kept = fields(made(request={"accept-encoding": "gzip"}, response=response))
    assert set(kept) == {
        "content-type", "content-encoding", "content-length", "etag", "cache-control", "cdn-cache-control", "vary",
        "age", "last-modified", "link", "x-latin",
    }  # fmt: skip
    assert kept["content-type"] == "application/json"
    assert kept["age"] == "700", "without its age, an old answer would count as fresh"


def test_digests_of_bytes_that_stay_are_kept() -> None:
    kept = fields(made(COMPACT, response={"Content-Digest": "sha-256=:x:", "Accept-Ranges": "bytes"}))
    assert kept["content-digest"] == "sha-256=:x:"
    assert kept["accept-ranges"] == "bytes"


def test_type_of_the_response_counts_where_none_is_given() -> None:
    answer = made(content_type=None, response={"Content-Type": "application/json"})
    assert answer.body == COMPACT
    assert fields(answer)["content-type"] == "application/json"


@pytest.mark.parametrize("status_of", [{}, {"if-none-match": "*"}, {"accept-encoding": "identity;q=0"}])
def test_wildcard_vary_stays_with_every_status(status_of: dict[str, str]) -> None:
    assert fields(made(request=status_of, response={"Vary": "*"}))["vary"] == "*"


def test_every_cookie_line_is_kept_and_nothing_is_stored() -> None:
    answer = made(response=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], request={"if-none-match": "*"})
    assert answer.status == 200
    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1", "b=2"]
    assert fields(answer)["cache-control"] == "no-store"
    assert answer.reason == "response_sets_cookie"


@pytest.mark.parametrize("strategy", ["aggressive", "moderate", "conservative", "none"])
@pytest.mark.parametrize("name", ["Authorization", "AUTHORIZATION", "Cookie", "X-API-Key"])
@pytest.mark.parametrize("extra", [{}, {"if-none-match": "*"}, {"accept-encoding": "*;q=0"}])
def test_nothing_is_public_to_credentials(strategy: Strategy, name: str, extra: dict[str, str]) -> None:
    answer = made(strategy=strategy, request={name: "x", **extra})
    told = [value for field, value in answer.headers if "cache-control" in field]
    assert len(told) == 2
    assert not any("public" in value or "s-maxage" in value or "max-age" in value for value in told)


# --- bounds and hostile input


def test_body_over_the_limit_is_refused() -> None:
    assert made(b"x" * MOST_BODY_BYTES, "image/png").status == 200
    with pytest.raises(BodyTooLarge):
        made(b"x" * (MOST_BODY_BYTES + 1), "image/png")


@pytest.mark.parametrize("request_headers", [{}, {"accept-encoding": "identity, gzip;q=0.001"}])
def test_identity_that_does_not_fit_is_coded_where_the_client_allows_it(
    request_headers: dict[str, str],
) -> None:
    answer = made(b"x" * 9_000, "image/png", request=request_headers, most_bytes=8_999)
    assert (answer.encoding, answer.encoding_reason) == ("gzip", "too_large_for_identity")


@pytest.mark.parametrize("accept", ["identity", "gzip;q=0", "br"])
def test_nothing_acceptable_that_fits_is_a_problem(accept: str) -> None:
    with pytest.raises(ResultTooLarge) as caught:
        made(b"x" * 9_000, "text/plain", request={"accept-encoding": accept}, most_bytes=8_999)
    assert caught.value.extensions() == {"limit_bytes": 8_999}


def test_coded_body_that_does_not_fit_is_a_problem() -> None:
    with pytest.raises(ResultTooLarge):
        made(b"x" * 9_000, response={"content-encoding": "gzip"}, most_bytes=8_999)


def test_codings_that_do_not_fit_fall_through_to_a_problem() -> None:
    noise = b"".join(opaque_tag(b"%d" % number).encode() for number in range(60))
    with pytest.raises(ResultTooLarge):
        made(noise, "text/plain", request={"accept-encoding": "gzip"}, most_bytes=100)


def test_coding_that_does_not_help_leaves_the_next_its_chance() -> None:
    def growing_or_gzip(coding: Coding) -> Encode | None:
        return (lambda plain: plain * 2) if coding == "br" else toy(coding)

    answer = optimise(
        b"x" * 9_000,
        "text/plain",
        strategy="moderate",
        request_headers=[("accept-encoding", "br, gzip")],
        response_headers=[],
        now_ms=NOW_MS,
        most_bytes=8_999,
        encoder_of=growing_or_gzip,
    )
    assert answer.encoding == "gzip"


def test_known_body_is_304_even_where_it_could_not_be_sent() -> None:
    tag = entity_tag(opaque_tag(b"x" * 9_000), "identity")
    assert made(b"x" * 9_000, "image/png", request={"if-none-match": tag}).status == 304


@pytest.mark.parametrize("body", [b"[" * 4_999_999, b'"' * 1_500_000, b"\\" * 1_500_000, b'[" \n' * 400_000])
def test_hostile_json_comes_back_as_it_is(body: bytes) -> None:
    answer = made(body, request={"accept-encoding": "gzip"})
    assert zlib.decompress(answer.body, wbits=31) == body


@pytest.mark.parametrize(
    ("request_headers", "response", "content_type", "part"),
    [
        ({}, {"X-A": "b\r\nSet-Cookie: c=d"}, "text/plain", "response_headers"),
        ({}, {"X-A\r\nB": "c"}, "text/plain", "response_headers"),
        ({}, {}, "text/plain\r\nX: y", "content_type"),
        ({}, {}, "text/plain\ud800", "content_type"),
        ({"accept-encoding": "gzip\n"}, {}, "text/plain", "request_headers"),
        ({"x": "y" * 40_000}, {}, "text/plain", "request_headers"),
    ],
)
def test_header_that_could_split_the_answer_is_refused(
    request_headers: dict[str, str], response: dict[str, str], content_type: str, part: str
) -> None:
    with pytest.raises(UnusableHeaders) as caught:
        made(content_type=content_type, request=request_headers, response=response)
    assert caught.value.part == part


@given(
    st.dictionaries(
        st.sampled_from(["accept-encoding", "if-none-match", "if-modified-since", "cookie"]),
        st.text(alphabet='gzip*,;="W/q01. identity', max_size=30),
    ),
    st.dictionaries(
        st.sampled_from(["cache-control", "vary", "content-encoding", "last-modified", "etag"]),
        st.text(alphabet='private*,;="no-store. gzip', max_size=30),
    ),
    st.text(alphabet="application/json; charset=utf-8", max_size=30),
)
def test_whatever_headers_say_the_answer_is_whole(
    request_headers: dict[str, str], response: dict[str, str], content_type: str
) -> None:
    answer = made(COMPACT, content_type, request=request_headers, response=response)
    said = fields(answer)
    assert "vary" in said and "cache-control" in said
    if answer.status == 200:
        assert said["content-length"] == str(len(answer.body))
        assert answer.encoding_reason == "already_encoded" or decoded(answer) == COMPACT
    else:
        assert answer.body == b"" and "content-encoding" not in said
