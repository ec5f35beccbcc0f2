"""What the routes take: who may sign as whom, and bodies that have one spelling."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.problems import NotAllowed
from edge.regions import CDG1
from edge.signing.memory import MemoryNonceStore
from edge.signing.verify import claim_nonce
from edge.signing.wire import SignRequest, VerifyRequest, gateway_request_id, sign_answer, verify_answer
from tests.unit.signing.letters import KEYS, NOW

URL = "https://api.example/orders/7"


def asked(**members: Any) -> SignRequest:
    return SignRequest.model_validate({"method": "POST", "url": URL, **members})


@pytest.mark.parametrize("client_id", ["", "a b", "ü", "x" * 65, "id.1", "id\n"])
def test_caller_without_an_api_key_signs_as_nobody(client_id: str) -> None:
    """A token of an operator can say anything."""
    for key_id in (None, client_id):
        with pytest.raises(NotAllowed):
            asked(key_id=key_id).sign(KEYS, CDG1, client_id=client_id, now_seconds=NOW)


@given(body=st.binary(max_size=200), seconds=st.integers(1, 300))
def test_what_is_signed_for_a_caller_is_verified_as_his(body: bytes, seconds: int) -> None:
    encoded = base64.b64encode(body).decode()
    request = asked(body_base64=encoded, expires_in_seconds=seconds)
    answer = sign_answer(request.sign(KEYS, CDG1, client_id="k3yOfACaller", now_seconds=NOW))

    shown = {"method": "POST", "url": URL, "headers": answer["headers"], "body_base64": encoded}
    verified = VerifyRequest.model_validate(shown).check(KEYS, CDG1, now_seconds=NOW + seconds - 1)

    assert verified.api_key_id == "k3yOfACaller"
    told = verify_answer(verified)
    assert {name: answer[name] for name in ("key_id", "created", "expires", "nonce")} == {
        name: value for name, value in told.items() if name != "valid"
    }


@given(text=st.text(alphabet="AQgw=+/-_ \n", max_size=8))
def test_body_has_one_spelling(text: str) -> None:
    try:
        request = asked(body_base64=text)
    except ValidationError:
        return
    assert request.body_base64 is not None
    assert base64.b64encode(request.body_base64).decode() == text


@pytest.mark.parametrize(
    ("scope", "request_id"),
    [
        ({"aws.event": {"requestContext": {"requestId": "JKJaXmPLvHcESHA="}}}, "JKJaXmPLvHcESHA="),
        ({"aws.event": {"requestContext": {"requestId": 7}}}, ""),
        ({"aws.event": {"requestContext": None}}, ""),
        ({"aws.event": None}, ""),
        ({}, ""),
    ],
)
def test_gateways_request_id(scope: dict[str, object], request_id: str) -> None:
    assert gateway_request_id(scope) == request_id


def test_without_a_request_id_two_claims_are_still_two() -> None:
    from edge.clock import ManualClock
    from edge.signing.problems import Replayed

    answer = asked().sign(KEYS, CDG1, client_id="k3yOfACaller", now_seconds=NOW)
    shown = {"method": "POST", "url": URL, "headers": answer.headers}
    verified = VerifyRequest.model_validate(shown).check(KEYS, CDG1, now_seconds=NOW)
    nonces = MemoryNonceStore(ManualClock(now_ms=NOW * 1_000))

    claim_nonce(verified, nonces, now_seconds=NOW, request_id=gateway_request_id({}))
    with pytest.raises(Replayed):
        claim_nonce(verified, nonces, now_seconds=NOW, request_id=gateway_request_id({}))
