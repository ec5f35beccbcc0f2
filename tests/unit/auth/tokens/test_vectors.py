"""Wycheproof's and the RFCs' vectors, at the level of reading a key and checking a signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from edge.auth.tokens import base64url
from edge.auth.tokens.algorithms import verify
from edge.auth.tokens.jwk import ALGORITHMS, Algorithm, Ed25519Point, Secret, read_jwk
from edge.auth.tokens.keyring import KeyRing
from edge.auth.tokens.problems import KeysRefused, TokenRefused
from edge.auth.tokens.strict_json import decode_object

VECTORS = Path(__file__).parents[3] / "vectors"
MISLABELLED = {346, 350, 367, 370, 372, 373}
"""Upstream's own mistakes; tests/vectors/README.md says which."""


def load(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def is_taken(jws: str, jwk: dict[str, object]) -> bool:
    """Tell whether *jwk* is a key for its own or the header's algorithm, and *jws* is signed with it."""
    try:
        header_text, payload_text, signature_text = jws.encode().split(b".")
        header = decode_object(base64url.decode(header_text))
        base64url.decode(payload_text)
        signature = base64url.decode(signature_text)
    except ValueError:
        return False
    alg = jwk.get("alg", header.get("alg"))
    if alg not in ALGORITHMS or header.get("alg") != alg:
        return False
    try:
        material = read_jwk(jwk, alg=cast("Algorithm", alg), kid=str(jwk.get("kid", "")), position=0)
        verify(material.checking, header_text + b"." + payload_text, signature)
    except (KeysRefused, TokenRefused):
        return False
    return True


def jws_cases() -> list[Any]:
    return [
        pytest.param(group.get("public") or group["private"], case, id=f"{case['tcId']}-{case['comment']}")
        for group in load("wycheproof_json_web_signature_test")["testGroups"]
        for case in group["tests"]
        if case["tcId"] not in MISLABELLED
    ]


@pytest.mark.parametrize(("jwk", "case"), jws_cases())
def test_wycheproof_json_web_signature(jwk: dict[str, object], case: dict[str, Any]) -> None:
    ours = jwk.get("alg", "RS256") in ALGORITHMS
    jws = case["jws"] if isinstance(case["jws"], str) else json.dumps(case["jws"])

    assert is_taken(jws, jwk) is (case["result"] == "valid" and ours)


@pytest.mark.parametrize(
    "group", load("wycheproof_json_web_key_test")["testGroups"], ids=lambda group: group["comment"]
)
def test_wycheproof_json_web_key(group: dict[str, Any]) -> None:
    keys = (group.get("public") or group["private"])["keys"]
    entries = [
        {"kid": key["kid"], "alg": key.get("alg"), "issuer": "https://edge.example", "key": key}
        for key in keys
    ]
    for case in group["tests"]:
        taken = False
        try:
            ring = KeyRing.parse(json.dumps({"token_keys": entries}))
        except KeysRefused:
            pass
        else:
            kid = decode_object(base64url.decode(case["jws"].split(".")[0].encode())).get("kid")
            taken = is_taken(case["jws"], next(key for key in keys if key["kid"] == kid))
            assert len(ring.keys) == len(keys)
        # A table of ours holds secrets beside public keys: each kid is bound to one algorithm, so none confuses the other.
        mixed = group["comment"] == "jws_mixedSymmetryKeyset"
        ours = {key.get("alg") for key in keys} <= ALGORITHMS

        assert taken is (mixed or (case["result"] == "valid" and ours))


def test_wycheproof_ecdsa_p256_in_p1363_form() -> None:
    checked = 0
    for group in load("wycheproof_ecdsa_secp256r1_sha256_p1363_test")["testGroups"]:
        point = bytes.fromhex(group["publicKey"]["uncompressed"])
        x, y = (base64url.encode(half).decode() for half in (point[1:33], point[33:]))
        jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        material = read_jwk(jwk, alg="ES256", kid="", position=0)
        for case in group["tests"]:
            assert checks(material.checking, case) is (case["result"] == "valid"), case["tcId"]
            checked += 1
    assert checked == 262


def test_wycheproof_ed25519() -> None:
    checked = 0
    for group in load("wycheproof_ed25519_test")["testGroups"]:
        point = Ed25519Point(bytes.fromhex(group["publicKey"]["pk"]))
        for case in group["tests"]:
            assert checks(point, case) is (case["result"] == "valid"), case["tcId"]
            checked += 1
    assert checked == 151


def test_wycheproof_hmac_sha256_untruncated() -> None:
    checked = 0
    for group in load("wycheproof_hmac_sha256_test")["testGroups"]:
        for case in group["tests"]:
            right = (
                case["result"] == "valid" and group["tagSize"] == 256
            )  # a truncated tag is no HS256 signature
            assert checks(Secret(bytes.fromhex(case["key"])), {**case, "sig": case["tag"]}) is right, case[
                "tcId"
            ]
            checked += 1
    assert checked == 174


def checks(checking: Any, case: dict[str, Any]) -> bool:
    try:
        verify(checking, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
    except TokenRefused:
        return False
    return True


@pytest.mark.parametrize("case", load("jose_rfc")["rfc"], ids=lambda case: case["id"])
def test_examples_of_the_rfcs(case: dict[str, Any]) -> None:
    if case.get("must_reject"):
        assert not is_taken(case["compact"], {"kty": "oct", "k": "A" * 43})
        return

    assert is_taken(case["compact"], case["key"])
    header, payload, signature = case["compact"].split(".")
    assert base64url.decode(payload.encode()).decode() == case["payload"]
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    assert not is_taken(f"{header}.{payload}.{flipped}", case["key"])


@pytest.mark.parametrize("case", load("jose_rfc")["cookbook"], ids=lambda case: case["title"])
def test_examples_of_the_cookbook(case: dict[str, Any]) -> None:
    jws, alg = case["output"].get("compact"), case["input"].get("alg")
    if not isinstance(jws, str):
        jws = json.dumps(case["output"]["json"])
    key = case["input"]["key"]
    single = key if isinstance(key, dict) else key[0]
    encoded = (
        case["signing"].get("protected", {}).get("b64", True) if isinstance(case["signing"], dict) else True
    )
    detached = "Detached" in case["title"]
    right = "compact" in case["output"] and alg in ALGORITHMS and encoded and not detached

    assert is_taken(jws, single) is right
