"""Another implementation of RFC 9421, from PyPI, takes what we sign, and we take what it signs."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import pytest
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    algorithms,
)

from edge.signing.content_digest import content_digest
from edge.signing.sign import SignedHeaders, sign
from tests.unit.signing.letters import BODY, KEY, NONCE, NOW, Letter, checked, outcome

COVERED = ("@method", "@authority", "@path", "@query", "content-digest")
TAG = "edge-sign/v1:eu-west-3"
URLS = (
    "https://api.example",
    "https://api.example/orders/7?dry=1",
    "https://API.example:443//a%2fb/../c?",
    "http://api.example:8080/a%2Fb?a=1&a=2&b=c+d%20e",
    "https://[2001:DB8::1]:8443/~x;y=1,2?q=%C3%A9",
)


class Message(NamedTuple):
    """What the library takes for a request."""

    method: str
    url: str
    headers: dict[str, str]


class AtThatTime(HTTPMessageVerifier):
    """Its verifier, without its clock: the tests' time is not today's."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        assert sig_input.params["created"] == NOW
        assert max_age == dt.timedelta(seconds=300)


@pytest.fixture(scope="module")
def keys() -> MappingKeyResolver:
    table: dict[str, Any] = {KEY.key_id: KEY.secret}
    return MappingKeyResolver(public_keys=table, private_keys=table)


def ours(url: str, method: str = "POST", body: bytes = BODY) -> SignedHeaders:
    return sign(method=method, url=url, body=body, key=KEY, created=NOW, expires_in_seconds=60, nonce=NONCE)


def taken(keys: MappingKeyResolver, message: Message, body: bytes = BODY) -> Any:
    """Return what the library makes of *message*, or raise what it raises."""
    verifier = AtThatTime(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=keys)
    (result,) = verifier.verify(
        message,
        max_age=dt.timedelta(seconds=300),
        expect_tag=TAG,
        require_components=COVERED,
        body=body,
    )
    return result


def theirs(keys: MappingKeyResolver, url: str, method: str = "POST", body: bytes = BODY) -> Letter:
    """Return a request signed by the library."""
    message = Message(method, url, {"Content-Digest": content_digest(body)})
    created = dt.datetime.fromtimestamp(NOW, tz=dt.UTC)
    HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=keys).sign(
        message,
        key_id=KEY.key_id,
        created=created,
        expires=created + dt.timedelta(seconds=60),
        nonce=NONCE,
        tag=TAG,
        covered_component_ids=COVERED,
        use_existing_digest=True,
        body=body,
    )
    return Letter(message.headers, method, url, body)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(("method", "body"), [("POST", BODY), ("GET", b""), ("DELETE", b"\0\xff")])
def test_it_takes_what_we_sign(keys: MappingKeyResolver, url: str, method: str, body: bytes) -> None:
    signed = ours(url, method, body)
    result = taken(keys, Message(method, url, signed.headers), body)

    assert result.nonce == NONCE
    assert result.parameters["keyid"] == KEY.key_id
    assert list(result.covered_components) == [*(f'"{name}"' for name in COVERED), '"@signature-params"']


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(("method", "body"), [("POST", BODY), ("GET", b""), ("DELETE", b"\0\xff")])
def test_we_take_what_it_signs(keys: MappingKeyResolver, url: str, method: str, body: bytes) -> None:
    verified = checked(theirs(keys, url, method, body))

    assert (verified.key_id, verified.nonce) == (KEY.key_id, NONCE)
    assert (verified.created, verified.expires) == (NOW, NOW + 60)


def test_it_writes_parameters_in_another_order_than_we(keys: MappingKeyResolver) -> None:
    def order(field: str) -> list[str]:
        return [part.partition("=")[0] for part in field.split(";")[1:]]

    theirs_says = dict(theirs(keys, URLS[1]).headers)["Signature-Input"]

    assert sorted(order(theirs_says)) == sorted(order(ours(URLS[1]).headers["Signature-Input"]))
    assert order(theirs_says) != order(ours(URLS[1]).headers["Signature-Input"])


@pytest.mark.parametrize("other", ["https://api.example/orders/8?dry=1", "https://api.example/orders/7"])
def test_both_refuse_another_request(keys: MappingKeyResolver, other: str) -> None:
    with pytest.raises(InvalidSignature):
        taken(keys, Message("POST", other, ours(URLS[1]).headers))
    assert outcome(theirs(keys, URLS[1])._replace(url=other)) == "signature_invalid"
