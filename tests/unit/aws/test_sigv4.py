"""The signer against AWS's own suite (awslabs/aws-c-auth), botocore, and itself."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import NotRequired, TypedDict
from urllib.parse import unquote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from edge.aws.credentials import Credentials
from edge.aws.sigv4 import PostSigner, amz_date
from edge.aws.sigv4_general import Scope, sign_headers, sign_query

VECTORS = Path(__file__).parent / "vectors" / "aws_sigv4.json"

Expected = TypedDict(
    "Expected", {"canonical-request": str, "string-to-sign": str, "signature": str, "signed-request": str}
)


class ContextCredentials(TypedDict):
    access_key_id: str
    secret_access_key: str
    token: NotRequired[str]


class Context(TypedDict):
    credentials: ContextCredentials
    expiration_in_seconds: int
    normalize: bool
    region: str
    service: str
    sign_body: bool
    timestamp: str
    omit_session_token: NotRequired[bool]


class Case(TypedDict):
    name: str
    context: Context
    request: str
    header: Expected
    query: Expected


def cases() -> list[Case]:
    # The suite's "v4a" half is left out: SigV4A (ECDSA, many regions) is not implemented, see sigv4_general.
    loaded: list[Case] = json.loads(VECTORS.read_text())["v4"]
    return loaded


class Parsed:
    """A case's request text and context, as arguments."""

    def __init__(self, case: Case) -> None:
        head, _, body = case["request"].partition("\n\n")
        request_line, *lines = head.rstrip("\n").split("\n")
        method, target = request_line.removesuffix(" HTTP/1.1").split(" ", 1)
        path, _, query = target.partition("?")
        self.method, self.path, self.body = method, unquote(path), body.encode()
        self.query = [
            (unquote(name), unquote(value))
            for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)
        ]
        self.headers: list[tuple[str, str]] = []
        for line in lines:
            if line.startswith(" "):
                name, value = self.headers.pop()
                self.headers.append((name, f"{value}\n{line}"))
            else:
                name, _, value = line.partition(":")
                self.headers.append((name, value))
        context = case["context"]
        keys = context["credentials"]
        self.credentials = Credentials(keys["access_key_id"], keys["secret_access_key"], keys.get("token"))
        seconds = int(datetime.fromisoformat(context["timestamp"]).timestamp())
        self.scope = Scope(context["region"], context["service"], seconds)
        self.normalize, self.sign_body = context["normalize"], context["sign_body"]
        self.sign_token = not context.get("omit_session_token", False)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_headers_are_signed_as_in_the_suite(case: Case) -> None:
    parsed = Parsed(case)
    signed = sign_headers(
        parsed.method,
        parsed.path,
        parsed.query,
        parsed.headers,
        parsed.body,
        parsed.credentials,
        parsed.scope,
        normalize=parsed.normalize,
        sign_body=parsed.sign_body,
        sign_token=parsed.sign_token,
    )
    assert signed.canonical == case["header"]["canonical-request"]
    assert signed.to_sign == case["header"]["string-to-sign"]
    assert signed.signature == case["header"]["signature"]
    expected = {
        line.partition(":")[0].lower(): line.partition(":")[2]
        for line in case["header"]["signed-request"].partition("\n\n")[0].split("\n")[1:]
        if line.lower().startswith(("authorization:", "x-amz-"))
    }
    sent = {name.lower(): value for name, value in signed.headers}
    assert {name: sent[name] for name in expected} == expected


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_queries_are_signed_as_in_the_suite(case: Case) -> None:
    parsed = Parsed(case)
    signed = sign_query(
        parsed.method,
        parsed.path,
        parsed.query,
        parsed.headers,
        parsed.body,
        parsed.credentials,
        parsed.scope,
        expires_seconds=case["context"]["expiration_in_seconds"],
        normalize=parsed.normalize,
        sign_token=parsed.sign_token,
    )
    assert signed.canonical == case["query"]["canonical-request"]
    assert signed.to_sign == case["query"]["string-to-sign"]
    assert signed.signature == case["query"]["signature"]
    target = urlsplit(
        case["query"]["signed-request"].split("\n")[0].split(" ", 1)[1].removesuffix(" HTTP/1.1")
    )
    expected = [pair.partition("=") for pair in target.query.split("&")]
    assert sorted(signed.query) == sorted((unquote(name), unquote(value)) for name, _, value in expected)


HOST = "dynamodb.eu-west-3.amazonaws.com"
TYPE = "application/x-amz-json-1.0"
printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


def fields_of(request: bytes) -> dict[str, str]:
    head = request.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")[1:]
    return {name: value for name, _, value in (line.partition(": ") for line in head)}


@given(
    body=st.binary(max_size=300),
    seconds=st.integers(0, 4_000_000_000),
    key=printable,
    secret=printable,
    token=st.none() | printable,
    operation=st.sampled_from(["GetItem", "UpdateItem"]),
)
def test_fast_path_equals_the_general_signer_and_botocore(
    body: bytes, seconds: int, key: str, secret: str, token: str | None, operation: str
) -> None:
    credentials = Credentials(key, secret, token)
    target = f"DynamoDB_20120810.{operation}"
    signer = PostSigner(service="dynamodb", region="eu-west-3", host=HOST, content_type=TYPE)
    request = signer.request(target.encode(), body, credentials, seconds)
    fields = fields_of(request)

    general = sign_headers(
        "POST",
        "/",
        [],
        [("content-type", TYPE), ("host", HOST), ("x-amz-target", target)],
        body,
        credentials,
        Scope("eu-west-3", "dynamodb", seconds),
        normalize=True,
        sign_body=False,
        sign_token=True,
    )
    assert fields["authorization"] == dict(general.headers)["Authorization"]

    auth = SigV4Auth(BotocoreCredentials(key, secret, token), "dynamodb", "eu-west-3")
    other = AWSRequest(
        method="POST",
        url=f"https://{HOST}/",
        data=body,
        headers={"Content-Type": TYPE, "X-Amz-Target": target, "X-Amz-Date": fields["x-amz-date"]},
    )
    other.context["timestamp"] = fields["x-amz-date"]
    if token is not None:
        other.headers["X-Amz-Security-Token"] = token
    canonical = auth.canonical_request(other)
    assert fields["authorization"].endswith(auth.signature(auth.string_to_sign(other, canonical), other))
    assert canonical == general.canonical

    assert request.endswith(b"\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
    assert fields["host"] == HOST
    assert fields.get("x-amz-security-token") == token


def test_cached_parts_follow_second_day_and_credentials() -> None:
    first, second = Credentials("A", "one"), Credentials("B", "two", "token")
    times = (1_440_938_160, 1_440_938_161, 1_440_938_160 + 86_400)
    warm = PostSigner(service="dynamodb", region="eu-west-3", host=HOST, content_type=TYPE)
    for credentials in (first, second, first):
        for seconds in times:
            cold = PostSigner(service="dynamodb", region="eu-west-3", host=HOST, content_type=TYPE)
            expected = cold.request(b"t.Op", b"{}", credentials, seconds)
            assert warm.request(b"t.Op", b"{}", credentials, seconds) == expected
            assert warm.request(b"t.Op", b"{}", credentials, seconds) == expected


def test_date_is_utc_whatever_the_zone() -> None:
    assert amz_date(0) == b"19700101T000000Z"
    assert amz_date(1_709_251_199) == b"20240229T235959Z"
