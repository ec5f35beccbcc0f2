"""Signing: three headers, and every argument that cannot be signed is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.problems import InvalidValues, Problem
from edge.regions import CDG1
from edge.signing.problems import NonceStoreUnavailable, RegionMismatch, Replayed, SignatureRefused
from edge.signing.sign import sign
from tests.unit.signing.letters import (
    BODY,
    KEY,
    METHOD,
    NONCE,
    NOW,
    URL,
    Letter,
    Lost,
    checked,
    digest,
    is_quick,
    outcome,
    written,
)

SHARED = Path(__file__).parents[3] / "shared"
GOOD: dict[str, Any] = {
    "method": METHOD,
    "url": URL,
    "key": KEY,
    "created": NOW,
    "expires_in_seconds": 60,
    "body": BODY,
    "nonce": NONCE,
}


def test_signature_is_the_one_made_by_hand() -> None:
    signed = sign(**GOOD)

    assert signed.headers == written()
    assert signed.signature_base == (
        '"@method": POST\n'
        '"@authority": api.example\n'
        '"@path": /orders/7\n'
        '"@query": ?dry=1\n'
        f'"content-digest": {digest()}\n'
        '"@signature-params": ("@method" "@authority" "@path" "@query" "content-digest")'
        f';created={NOW};expires={NOW + 60};nonce="{NONCE}";keyid="k3yOfACaller.1"'
        ';alg="hmac-sha256";tag="edge-sign/v1:eu-west-3"'
    )
    assert signed[2:] == ("k3yOfACaller.1", NONCE, NOW, NOW + 60, "edge-sign/v1:eu-west-3")


def test_body_that_is_elsewhere_is_signed_by_its_digest() -> None:
    assert sign(**{**GOOD, "body": None}, content_digest=digest()) == sign(**GOOD)


def test_digest_beside_sha_256_is_signed_as_it_is() -> None:
    stated = f"{digest(algorithm='sha-512')}, {digest()}"
    signed = sign(**{**GOOD, "body": None}, content_digest=stated)

    assert signed.headers["Content-Digest"] == stated
    assert checked(Letter(signed.headers)).nonce == NONCE


def test_nonce_is_128_random_bits_by_default() -> None:
    made = {sign(**{**GOOD, "nonce": None}).nonce for _ in range(100)}

    assert len(made) == 100
    assert {len(nonce) for nonce in made} == {22}
    assert sign(**{**GOOD, "nonce": None}, random=bytes).nonce == "A" * 22


@pytest.mark.parametrize(
    ("changed", "pointer", "reason"),
    [
        ({"method": "PO ST"}, "/method", "bad_method"),
        ({"method": "POST\r\n"}, "/method", "bad_method"),
        ({"url": "/orders"}, "/url", "bad_url"),
        ({"url": "https://user@api.example/"}, "/url", "bad_url"),
        ({"url": "https://exämple/"}, "/url", "bad_host"),
        ({"url": "https://api.example:0/"}, "/url", "bad_port"),
        ({"created": 0}, "/created", "out_of_range"),
        ({"created": -1}, "/created", "out_of_range"),
        ({"created": True}, "/created", "out_of_range"),
        ({"created": 2.0e9}, "/created", "out_of_range"),
        ({"created": 99_999_999_700}, "/created", "out_of_range"),
        ({"expires_in_seconds": 0}, "/expires_in_seconds", "out_of_range"),
        ({"expires_in_seconds": 301}, "/expires_in_seconds", "out_of_range"),
        ({"expires_in_seconds": True}, "/expires_in_seconds", "out_of_range"),
        ({"nonce": ""}, "/nonce", "malformed"),
        ({"nonce": "n" * 15}, "/nonce", "malformed"),
        ({"nonce": "n" * 65}, "/nonce", "malformed"),
        ({"nonce": 'n"' * 10}, "/nonce", "malformed"),
        ({"body": None}, "/content_digest", "body_or_content_digest"),
        ({"content_digest": digest()}, "/content_digest", "body_or_content_digest"),
        ({"body": None, "content_digest": ""}, "/content_digest", "malformed_content_digest"),
        ({"body": None, "content_digest": "md5=:AA==:"}, "/content_digest", "no_sha_256"),
        ({"body": None, "content_digest": digest() + "\n"}, "/content_digest", "malformed_content_digest"),
        ({"body": None, "content_digest": "x" * 513}, "/content_digest", "content_digest_too_large"),
    ],
)
def test_what_cannot_be_signed_is_named(changed: dict[str, Any], pointer: str, reason: str) -> None:
    with pytest.raises(InvalidValues) as refused:
        sign(**{**GOOD, **changed})

    assert refused.value.errors == [{"pointer": pointer, "reason": reason}]
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("created", [1, NOW, 99_999_999_699])
@pytest.mark.parametrize("life", [1, 300])
def test_what_is_signed_at_the_edges_of_time_verifies(created: int, life: int) -> None:
    signed = sign(**{**GOOD, "created": created, "expires_in_seconds": life})

    assert outcome(Letter(signed.headers), now=created) == "accepted"


def test_problems_are_what_the_api_promises() -> None:
    violation = SignatureRefused("profile_violation", "bad_nonce")
    problems: list[Problem] = [
        violation,
        SignatureRefused("expired"),
        Replayed(),
        RegionMismatch(CDG1),
        NonceStoreUnavailable(Lost()),
    ]

    assert [(problem.status, problem.reason) for problem in problems] == [
        (401, "profile_violation"),
        (401, "expired"),
        (409, "replayed"),
        (421, "region_mismatch"),
        (503, "nonce_store_unavailable"),
    ]
    assert violation.extensions() == violation.log_fields() == {"violation": "bad_nonce"}
    assert problems[1].extensions() == {}
    assert RegionMismatch(CDG1).log_fields() == {"home_region": "cdg1"}
    assert dict(violation.headers())[b"accept-signature"].startswith(b'edge=("@method" "@authority" ')
    assert b"www-authenticate" in dict(violation.headers())


PROBE = """
import json, sys
before = set(sys.modules)
import edge.signing.sign, edge.signing.verify, edge.signing.keys, edge.signing.memory
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_neither_end_loads_what_it_does_not_need() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={"PYTHONPATH": str(SHARED), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    never = ("cryptography", "boto3", "jwt", "hashlib", "hmac", "asyncio", "dataclasses", "urllib", "secrets")

    assert not loaded & set(never)
    assert "edge" in loaded


SIZE = 64 * 1024
HOSTILE = {
    "parentheses": "edge=" + "(" * SIZE,
    "quotes": 'edge=("' + '\\"' * (SIZE // 2),
    "spaces": "edge=(" + " " * SIZE,
    "semicolons": "edge=()" + ";a" * (SIZE // 2),
    "commas": "a=()," * (SIZE // 5),
    "digits": "edge=();created=" + "9" * SIZE,
    "base64": "edge=:" + "A" * SIZE,
    "padding": "edge=:" + "=" * SIZE,
    "letters": "e" * SIZE,
    "NUL": "\0" * SIZE,
    "surrogates": "\ud800" * SIZE,
}


@pytest.mark.parametrize("field", ["Signature-Input", "Signature", "Content-Digest", "Host", "X-Other"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_64_kb_of_anything_in_a_header_cost_less_than_5_ms(field: str, text: str) -> None:
    is_quick(Letter({**written(), field: text}))


@pytest.mark.parametrize(
    "says",
    [
        "edge=(" + '"a" ' * 250,
        "edge=(" + " " * 1_000,
        'edge=("' + "a" * 1_000,
        'edge=("' + '\\"' * 500,
        "edge=()" + ";a" * 500,
        "edge=()" + ";" + "a" * 1_000 + "!",
        "edge=()" + ";a=" + "1" * 1_000,
        "edge=()" + ";a=:" + "A" * 1_000,
        "a=()," * 200,
        ",".join(f"a{number}=()" for number in range(150)),
        'edge=("a"' + ";a" * 480 + "!",
    ],
)
def test_1_kb_that_reaches_the_grammar_costs_less_than_5_ms(says: str) -> None:
    is_quick(Letter({**written(), "Signature-Input": says[:1_024]}))


@pytest.mark.parametrize(
    "url",
    ["https://" + "a." * 32_000, "https://h/" + "%41" * 21_000, "https://[" + ":" * 64_000, "h" * 64_000],
)
def test_64_kb_of_url_cost_less_than_5_ms(url: str) -> None:
    is_quick(Letter(written(), url=url))


def test_many_small_headers_cost_less_than_5_ms() -> None:
    is_quick(Letter([*written().items(), *(("x", "y") for _ in range(32_000))]))
