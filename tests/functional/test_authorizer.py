"""The Lambda authorizer: payload format 2.0 in, a simple response out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.auth.roles import SCOPES, scope_text
from edge.problems import ServiceProblem
from infra.local.emulator import free_port
from tests.functional.auth_setup import House, claims_of, later, open_house

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


@pytest.fixture(scope="module")
def gate(house: House) -> ModuleType:
    return house.load("authorizer")


def decide(gate: ModuleType, headers: object) -> dict[str, Any]:
    event = {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:x",
        "headers": headers,
        "requestContext": {},
    }
    said: dict[str, Any] = gate.handler(event, None)
    assert said.keys() == {"isAuthorized", "context"}
    assert all(type(value) is str for value in said["context"].values()), "API Gateway takes text here"
    return said


def refusal(why: str) -> dict[str, object]:
    return {"isAuthorized": False, "context": {"reason": why}}


def test_key_is_told_to_the_integration(house: House, gate: ModuleType) -> None:
    key = house.make_key("USER", "pro")

    assert decide(gate, {"x-api-key": key.text}) == {
        "isAuthorized": True,
        "context": {
            "kind": "key",
            "subject": key.id,
            "client_id": key.id,
            "role": "USER",
            "scope": scope_text(SCOPES["USER"]),
            "plan": "pro",
        },
    }


def test_token_is_told_to_the_integration(house: House, gate: ModuleType) -> None:
    key = house.make_key("GUEST", "free")
    token = house.sign_in(key.text)["access_token"]

    said = decide(gate, {"Authorization": f"bearer {token}", "x-forwarded-for": "1.2.3.4"})

    assert said["isAuthorized"] is True
    assert said["context"] == {
        "kind": "token",
        "subject": claims_of(token)["sub"],
        "client_id": key.id,
        "role": "GUEST",
        "scope": scope_text(SCOPES["GUEST"]),
        "plan": "free",
    }


def test_refusals(house: House, gate: ModuleType) -> None:
    key, token = house.make_key().text, house.sign_in()["access_token"]
    cases: list[tuple[object, str]] = [
        ({}, "not_authenticated"),
        (None, "not_authenticated"),
        ([], "not_authenticated"),
        ({"x-forwarded-for": "1.2.3.4"}, "not_authenticated"),
        ({"x-api-key": key, "authorization": f"Bearer {token}"}, "ambiguous_credentials"),
        ({"x-api-key": key, "X-API-Key": key}, "ambiguous_credentials"),
        ({"x-api-key": f"{key},{key}"}, "malformed_key"),
        ({"x-api-key": ""}, "malformed_key"),
        ({"x-api-key": "\ud800ü"}, "malformed_key"),
        ({"x-api-key": house.make_key(expires_in=-1).text}, "key_expired"),
        ({"x-api-key": house.make_key(env="live").text}, "wrong_environment"),
        ({"authorization": "Basic e30="}, "unknown_scheme"),
        ({"authorization": token}, "unknown_scheme"),
        ({"authorization": "Bearer"}, "malformed"),
        ({"authorization": f"Bearer {token},Bearer {token}"}, "malformed"),
        ({"authorization": "Bearer " + "A" * 100_000}, "oversize"),
        ({"authorization": "Bearer \ud800.ü.x"}, "malformed"),
    ]
    for headers, why in cases:
        assert decide(gate, headers) == refusal(why)


def test_event_without_headers_is_a_no(gate: ModuleType) -> None:
    assert gate.handler({}, None) == refusal("not_authenticated")


def test_revoked_and_expired_are_a_no(house: House, gate: ModuleType) -> None:
    key = house.make_key()
    token = house.sign_in(key.text)["access_token"]
    shown = {"authorization": f"Bearer {token}"}
    assert decide(gate, shown)["isAuthorized"]
    assert decide(gate, {"x-api-key": key.text})["isAuthorized"]
    with later(86_401):
        assert decide(gate, shown) == refusal("expired")

    house.call("keys", "DELETE", f"/api/keys/{key.id}", key=house.admin_key)

    with later(2.001):
        assert decide(gate, shown) == refusal("revoked")
        assert decide(gate, {"x-api-key": key.text}) == refusal("key_revoked")


def test_when_nobody_can_tell_it_raises_so_that_nothing_is_cached(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    gate = house.load("authorizer", **gone)
    key, token = house.make_key().text, house.sign_in()["access_token"]

    for headers in ({"x-api-key": key}, {"authorization": f"Bearer {token}"}):
        with pytest.raises(ServiceProblem) as raised:
            decide(gate, headers)
        assert raised.value.status == 503
        assert key not in repr(raised.value)
    assert decide(gate, {"x-api-key": "nonsense"}) == refusal("malformed_key"), "this needs nobody"
    said = capsys.readouterr()
    assert key not in said.out + said.err
