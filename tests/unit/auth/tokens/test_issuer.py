"""What is issued is what the frame takes, byte for byte the same for the same claims, and nothing else is issued."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from edge.auth.plans import PLANS
from edge.auth.roles import SCOPES
from edge.auth.tokens.claims import AccessToken, payload_of
from edge.auth.tokens.issuer import NotIssuable, issue
from edge.auth.tokens.keyring import KeyRing
from edge.auth.tokens.problems import KeysRefused
from tests.unit.auth.tokens.forge import ALGORITHMS, AUDIENCE, CLAIMS, ISSUER, NOW, forge_of, unb64

if TYPE_CHECKING:
    from edge.auth.plans import Plan
    from edge.auth.tokens.jwk import Algorithm

GRANT: dict[str, Any] = {
    "subject": "user-42",
    "client_id": "web",
    "audience": AUDIENCE,
    "issued_at": NOW,
    "expires_at": NOW + 3_600,
    "jti": "0f8fad5b",
    "role": "USER",
    "scopes": ["sign:request", "geo:route"],
    "family": "fam_1",
}


def issued(alg: Algorithm, **changes: object) -> str:
    return issue(forge_of(alg).ring, **{**GRANT, **changes})


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_issued_token_says_what_was_granted(alg: Algorithm) -> None:
    token = forge_of(alg).verify(issued(alg))

    assert token == AccessToken(
        subject="user-42",
        client_id="web",
        issuer=ISSUER,
        audience=AUDIENCE,
        issued_at=NOW,
        expires_at=NOW + 3_600,
        jti="0f8fad5b",
        role="USER",
        scopes=frozenset({"geo:route", "sign:request"}),
        family="fam_1",
        key_id=f"{alg}-1",
    )
    assert payload_of(token)["scope"] == "geo:route sign:request"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_same_claims_are_the_same_token_byte_for_byte(alg: Algorithm) -> None:
    again = KeyRing.parse(forge_of(alg).document)

    assert issued(alg) == issue(again, **{**GRANT, "scopes": reversed(GRANT["scopes"])})
    assert issued(alg) != issued(alg, jti="other")


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_header_is_the_one_that_the_frame_knows_by_sight(alg: Algorithm) -> None:
    header = issued(alg).split(".")[0]

    assert forge_of(alg).ring.by_header[header].kid == f"{alg}-1"
    assert json.loads(unb64(header)) == {"alg": alg, "kid": f"{alg}-1", "typ": "at+jwt"}


def test_token_without_a_family_has_no_such_claim() -> None:
    token = issued("HS256", family=None)

    assert forge_of("HS256").verify(token).family is None
    assert "family" not in json.loads(unb64(token.split(".")[1]))


@pytest.mark.parametrize("plan", [None, *sorted(PLANS)])
def test_plan_is_told_where_there_is_one(plan: Plan | None) -> None:
    token = issued("HS256", plan=plan)

    assert forge_of("HS256").verify(token).plan == plan
    assert ("plan" in json.loads(unb64(token.split(".")[1]))) is (plan is not None)


@pytest.mark.parametrize("alg", ALGORITHMS[:4])
def test_pyjwt_takes_what_is_issued(alg: Algorithm) -> None:
    key = forge_of(alg).ring.keys[0].material
    claims = jwt.decode(
        issued(alg),
        jwt.PyJWK(dict(key.public_jwk or key.jwk), alg),
        algorithms=[alg],
        audience=AUDIENCE,
        issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False, "require": sorted(CLAIMS), "strict_aud": True},
    )
    assert claims["sub"] == "user-42"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subject": "u#1"}, "bad_claims"),
        ({"subject": ""}, "bad_claims"),
        ({"client_id": "a b"}, "bad_claims"),
        ({"jti": "j" * 129}, "bad_claims"),
        ({"family": ""}, "bad_claims"),
        ({"plan": "gold"}, "bad_claims"),
        ({"expires_at": NOW}, "bad_times"),
        ({"expires_at": NOW + 1.5}, "bad_times"),
        ({"issued_at": -1}, "bad_times"),
        ({"expires_at": NOW + 86_401}, "lifetime_too_long"),
        ({"role": "ANONYMOUS", "scopes": ["geo:route"]}, "bad_role"),
        ({"role": "ROOT"}, "bad_role"),
        ({"scopes": []}, "bad_scope"),
        ({"scopes": ["keys:admin"]}, "bad_scope"),
        ({"scopes": ["geo:route sign:request", "geo:route"]}, "bad_scope"),
        ({"role": "GUEST"}, "bad_scope"),
        ({"audience": "a" * 3_500}, "oversize"),
    ],
)
def test_what_the_frame_would_refuse_is_not_issued(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(NotIssuable) as refused:
        issued("HS256", **changes)

    assert refused.value.reason == str(refused.value) == reason


def test_all_scopes_of_the_mightiest_role_fit() -> None:
    for alg in ALGORITHMS:
        token = issued(
            alg, role="ADMIN", scopes=SCOPES["ADMIN"], subject="u" * 128, jti="j" * 128, client_id="c" * 128
        )
        assert forge_of(alg).verify(token).scopes == SCOPES["ADMIN"]


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "Ed25519"])
def test_private_part_of_another_key_does_not_sign(alg: Algorithm) -> None:
    entry = json.loads(json.dumps(forge_of(alg).entry))
    entry["key"]["d"] = forge_of(alg).stranger_jwk["d"]
    ring = KeyRing.parse(json.dumps({"token_keys": [entry]}))

    with pytest.raises(KeysRefused) as refused:
        issue(ring, **GRANT)
    assert refused.value.fault == "bad_private_part"
    assert refused.value.__cause__ is None


def test_ring_that_only_checks_does_not_sign() -> None:
    entry = json.loads(json.dumps(forge_of("ES256").entry))
    del entry["key"]["d"]

    with pytest.raises(KeysRefused, match="no_signing_key"):
        issue(KeyRing.parse(json.dumps({"token_keys": [entry]})), **GRANT)
