"""Events from hostile requests; what well-behaved ones become is in tests/contract/events."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.events import Arrival, UndecodablePath, build_event, decode_path, is_text
from infra.local.messages import HttpRequest
from infra.local.routes import Selected
from infra.template import Route

ARRIVAL = Arrival(api_id="a", account_id="0", request_id="r", trace_id="0" * 24, now_ms=1_583_348_638_390)
DEFAULT = Selected(Route("ANY", "$default", "F"), {})


def event_of(
    target: bytes = b"/", headers: tuple[tuple[bytes, bytes], ...] = (), body: bytes = b""
) -> dict[str, object]:
    request = HttpRequest("POST", target, headers, body, "127.0.0.1", 8001)
    return build_event(request, DEFAULT, decode_path(target), ARRIVAL)


def headers_of(*headers: tuple[bytes, bytes]) -> dict[str, str]:
    found = event_of(headers=headers)["headers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/capture/space%20value", "/capture/space value"),
        (b"/capture/question%3Fvalue", "/capture/question"),
        (b"/capture/hash%23value", "/capture/hash#value"),
        (b"/capture/slash%2Fvalue", "/capture/slash/value"),
        (b"/capture/unicode-%CE%BB-%E4%B8%96", "/capture/unicode-λ-世"),
        (b"/capture/literal%252Fvalue", "/capture/literal/value"),
        (b"/capture/literal%253Fvalue", "/capture/literal?value"),
        (b"/capture/literal%2525value", "/capture/literal%value"),
        (b"/a+b?x=%zz", "/a+b"),
        (b"http://host:80/a/b?c", "/a/b"),
        (b"http://host", "/"),
        (b"*", "/*"),
    ],
)
def test_path_is_decoded_as_recorded_on_aws(target: bytes, path: str) -> None:
    assert decode_path(target) == path


@pytest.mark.parametrize(
    "target", [b"/percent%25done", b"/%", b"/%2", b"/%GG", b"/%ff", b"/%C3", b"/\xff", b"/%u0041"]
)
def test_malformed_path_is_refused(target: bytes) -> None:
    with pytest.raises(UndecodablePath):
        decode_path(target)


@given(st.binary(max_size=200))
def test_any_target_decodes_or_is_refused(target: bytes) -> None:
    try:
        path = decode_path(target)
    except UndecodablePath:
        return
    assert path.startswith("/")
    json.dumps(event_of(b"/?" + target))


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=20), st.binary(max_size=40)), max_size=10),
    st.binary(max_size=99),
)
def test_any_fields_and_body_make_a_json_event(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    event = json.loads(json.dumps(event_of(headers=tuple(headers), body=body)))
    assert event["version"] == "2.0"


def test_client_cannot_forge_what_the_gateway_writes() -> None:
    headers = headers_of(
        (b"x-forwarded-port", b"1"),
        (b"x-forwarded-proto", b"gopher"),
        (b"content-length", b"999"),
        (b"x-forwarded-for", b"10.0.0.1"),
    )
    assert headers["x-forwarded-port"] == "8001"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["content-length"] == "0"
    assert headers["x-forwarded-for"] == "10.0.0.1, 127.0.0.1"


def test_hop_by_hop_fields_do_not_reach_the_function() -> None:
    headers = headers_of(
        (b"connection", b"close"),
        (b"te", b"trailers"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
    )
    assert not {"connection", "te", "transfer-encoding", "upgrade"} & set(headers)


@pytest.mark.parametrize("sent", [b"Root=1-xyz", b"", b"Root=1-00000000-" + b"0" * 24 + b"\nset-cookie: a"])
def test_bad_trace_id_is_replaced(sent: bytes) -> None:
    assert re.fullmatch(r"Root=1-5e5ffb9e-0{24}", headers_of((b"x-amzn-trace-id", sent))["x-amzn-trace-id"])


def test_good_trace_id_is_kept() -> None:
    sent = b"Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Parent=53995c3f42cd8ad8;Sampled=1"
    assert headers_of((b"x-amzn-trace-id", sent))["x-amzn-trace-id"] == sent.decode()


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/csv", True),
        ("TEXT/HTML; charset=x", True),
        ("application/json", True),
        (" application/JSON ; a=b", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("application/problem+json", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("", False),
        ("json", False),
    ],
)
def test_body_is_text_for_the_types_that_aws_reads_as_text(content_type: str, text: bool) -> None:  # noqa: FBT001
    assert is_text(content_type) is text


def test_empty_body_is_absent_and_not_encoded() -> None:
    event = event_of(headers=((b"content-type", b"image/png"),))
    assert "body" not in event
    assert event["isBase64Encoded"] is False


def test_text_body_that_is_not_utf8_still_arrives_as_text() -> None:
    event = event_of(headers=((b"content-type", b"application/json"),), body=b'"\xff"')
    assert event["body"] == '"�"'
    assert event["isBase64Encoded"] is False


def test_query_members_without_value_or_name_are_kept_apart() -> None:
    event = event_of(b"/?a&b=&=c&&a=1")
    assert event["queryStringParameters"] == {"a": ",1", "b": "", "": "c"}
    assert event["rawQueryString"] == "a&b=&=c&&a=1"


def test_time_is_written_as_the_gateway_writes_it() -> None:
    context = event_of()["requestContext"]
    assert isinstance(context, dict)
    assert context["time"] == "04/Mar/2020:19:03:58 +0000"
