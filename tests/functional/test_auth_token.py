"""``POST /api/auth/token``: who gets a session, and what it says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from edge.auth.roles import SCOPES, scope_text
from edge.auth.sessions.families import LIFETIME_SECONDS
from tests.functional.auth_setup import House, claims_of, open_house, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.auth.roles import Role
    from edge.auth.tokens.jwk import Algorithm

PATH = "/api/auth/token"


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


def test_key_gets_a_pair_of_tokens_and_nobody_may_store_the_answer(house: House) -> None:
    said = house.call("auth_token", "POST", PATH, key=house.admin_key)

    document = said.json()
    access, refresh = document.pop("access_token"), document.pop("refresh_token")
    assert said.status == 200
    assert document == {
        "token_type": "Bearer",
        "expires_in": 86_400,
        "refresh_expires_in": LIFETIME_SECONDS,
        "refreshes_remaining": 5,
        "role": "ADMIN",
        "scope": scope_text(SCOPES["ADMIN"]),
    }
    assert refresh.startswith("rt1.1.cdg1.")
    assert access.count(".") == 2
    assert (said.headers["cache-control"], said.headers["pragma"]) == ("no-store", "no-cache")
    assert "x-ratelimit-limit" not in said.headers, "this plan has no limit to tell"


@pytest.mark.parametrize("role", ["ADMIN", "USER", "GUEST"])
def test_token_says_who_the_key_is_and_no_more_than_it_may(house: House, role: Role) -> None:
    fewer = frozenset({"auth:token", "geo:route"})
    key = house.make_key(role, "pro", scopes=fewer)

    claims = claims_of(house.sign_in(key.text)["access_token"])

    assert claims.pop("iat") == pytest.approx(time.time(), abs=5)
    assert claims["exp"] - time.time() == pytest.approx(86_400, abs=5)
    assert (
        claims.items()
        >= {
            "iss": "kaizen-edge",
            "aud": "kaizen-edge-api",
            "sub": key.id,
            "client_id": key.id,
            "role": role,
            "scope": "auth:token geo:route",
            "plan": "pro",
        }.items()
    )
    assert claims.keys() == {
        "iss",
        "aud",
        "sub",
        "client_id",
        "exp",
        "jti",
        "role",
        "scope",
        "plan",
        "family",
    }


def test_two_sessions_of_one_key_have_nothing_in_common(house: House) -> None:
    first, second = house.sign_in(), house.sign_in()

    assert first["refresh_token"] != second["refresh_token"]
    one, other = claims_of(first["access_token"]), claims_of(second["access_token"])
    assert one["jti"] != other["jti"]
    assert one["family"] != other["family"]


def test_token_alone_gets_no_new_session(house: House) -> None:
    """Else a stolen access token would live for ever."""
    token = house.sign_in()["access_token"]

    said = house.call("auth_token", "POST", PATH, bearer=token)

    assert (said.status, reason(said)) == (401, "not_authenticated")
    assert house.call("auth_token", "POST", PATH, key=house.admin_key, bearer="x").status == 200


def test_key_without_the_scope_gets_none(house: House) -> None:
    key = house.make_key(scopes=frozenset({"geo:route"}))

    said = house.call("auth_token", "POST", PATH, key=key.text)

    assert (said.status, reason(said)) == (403, "not_allowed")
    assert house.last_line().items() >= {"status": 403, "reason": "not_allowed"}.items()


def test_whatever_body_comes_is_not_read(house: House) -> None:
    for raw_body in (b"", b"{", b'{"role":"ADMIN"}', b"\xff" * 100):
        said = house.call("auth_token", "POST", PATH, key=house.make_key("GUEST").text, raw_body=raw_body)
        assert (said.status, said.json()["role"]) == (200, "GUEST")


def test_log_names_the_key_by_its_id(house: House) -> None:
    key = house.make_key("USER")
    house.sign_in(key.text)

    assert house.last_line().items() >= {"caller": "key", "role": "USER", "client_id": key.id}.items()


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256", "EdDSA", "Ed25519"])
def test_token_of_each_algorithm_opens_the_door(house: House, algorithm: Algorithm) -> None:
    secret = {"AUTH_SECRET": house.new_secret(f"token-{algorithm}", algorithm=algorithm)}
    key = house.make_key()

    token = house.sign_in(key.text, function=house.load("auth_token", **secret))["access_token"]

    validate = house.load("auth_validate", **secret)
    said = house.call(validate, "GET", "/api/auth/validate", bearer=token)
    assert (said.status, said.headers["x-auth-client"], said.headers["x-auth-kind"]) == (200, key.id, "token")
    stranger = house.call("auth_validate", "GET", "/api/auth/validate", bearer=token)
    assert (stranger.status, reason(stranger)) == (401, "unknown_key")
