"""``GET /.well-known/jwks.json``: public keys, and nothing that signs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.auth_secret import new_auth_secret
from tests.functional.auth_setup import ISSUER, House, house_secrets, open_house

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.auth.tokens.jwk import Algorithm
    from infra.local.provision import Provision

PATH = "/.well-known/jwks.json"
RING: tuple[Algorithm, ...] = ("ES256", "HS256", "EdDSA")
PUBLIC: dict[Algorithm, set[str]] = {
    "RS256": {"kty", "n", "e", "kid", "alg", "use"},
    "ES256": {"kty", "crv", "x", "y", "kid", "alg", "use"},
    "EdDSA": {"kty", "crv", "x", "kid", "alg", "use"},
    "Ed25519": {"kty", "crv", "x", "kid", "alg", "use"},
}


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_public_members_and_no_other(house: House, algorithm: Algorithm) -> None:
    function = house.load("auth_jwks", AUTH_SECRET=house.new_secret(f"jwks-{algorithm}", algorithm=algorithm))

    said = house.call(function, "GET", PATH)

    (key,) = said.json()["keys"]
    assert (said.status, said.headers["content-type"]) == (200, "application/jwk-set+json")
    assert said.headers["cache-control"] == "public, max-age=300"
    assert key.keys() == PUBLIC[algorithm]
    assert (key["alg"], key["use"]) == (algorithm, "sig")


def test_shared_secret_is_not_published(house: House) -> None:
    function = house.load("auth_jwks", AUTH_SECRET=house.new_secret("jwks-HS256", algorithm="HS256"))

    said = house.call(function, "GET", PATH)

    assert (said.status, said.json()) == (200, {"keys": []})


def test_mixed_ring_publishes_its_asymmetric_keys_newest_first(house: House) -> None:
    documents = [
        json.loads(new_auth_secret(issuer=ISSUER, now_seconds=1_000 - age, algorithm=algorithm))
        for age, algorithm in enumerate(RING)
    ]
    keys = [document["token_keys"][0] for document in documents]
    text = json.dumps({**documents[0], "token_keys": keys})
    function = house.load("auth_jwks", AUTH_SECRET=house.new_secret("jwks-mixed", text=text))

    said = house.call(function, "GET", PATH)

    assert [key["kid"] for key in said.json()["keys"]] == [keys[0]["kid"], keys[2]["kid"]]
    for key in keys:
        private = key["key"].get("d") or key["key"]["k"]
        assert private.encode() not in said.body


def test_anybody_may_ask_and_nobody_is_counted(house: House) -> None:
    for _ in range(105):
        said = house.call("auth_jwks", "GET", PATH, address="192.0.2.99", key="nonsense")
        assert said.status == 200
        assert "x-ratelimit-limit" not in said.headers


def test_no_secret_of_the_house_in_answer_or_log(house: House, provision: Provision) -> None:
    said = house.call("auth_jwks", "GET", PATH)

    secrets = house_secrets(provision)
    assert len(secrets) == 2
    for secret in secrets:
        assert secret.encode() not in said.body
        assert secret not in "".join(house.lines)
