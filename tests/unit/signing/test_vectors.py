"""RFC 9421's own examples: bases and MACs byte for byte; RFC 5869's for the derivation of keys."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from edge.signing.content_digest import check_content_digest, read_content_digest
from edge.signing.primitives import base64, hkdf_expand, hkdf_extract, hmac_sha256
from edge.signing.problems import SignatureRefused
from edge.signing.signature_base import profile_base, signature_base
from edge.signing.target import Target, read_target

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "rfc9421.json").read_text(encoding="utf-8")
)
HMAC_CASES = [case for case in VECTORS["cases"] if case["alg"] == "hmac-sha256"]
BASE_CASES = [
    case
    for case in VECTORS["cases"]
    if case["signature_base"] is not None
    and "method" in case["message"]
    and ";name=" not in case["signature_base"]
]
"""Of requests, and without component parameters, which the profile has none of."""


def values(case: dict[str, Any]) -> dict[str, str]:
    """Return the value of every component that the case's message has."""
    message = case["message"]
    target = read_target(
        message["method"], f"{message['scheme']}://{message['authority']}{message['target']}"
    )
    found = {f'"@{name}"': getattr(target, name) for name in ("method", "authority", "path", "query")}
    for name, value in message["headers"]:
        key = f'"{name.lower()}"'
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def base_of(case: dict[str, Any]) -> bytes:
    says: str = case["signature_params"]
    identifiers = says[1 : says.index(")")].split()
    known = values(case)
    return signature_base([(identifier, known[identifier]) for identifier in identifiers], says)


def test_the_vectors_are_all_there() -> None:
    assert [case["id"] for case in HMAC_CASES] == ["B.2.5"]
    assert [case["id"] for case in BASE_CASES] == [
        *("B.2.1", "B.2.3", "B.2.5", "B.2.6", "B.3", "B.4.1", "B.4.2", "B.4.3", "B.4.4", "4.3.proxy_sig"),
    ]


@pytest.mark.parametrize("case", BASE_CASES, ids=lambda case: case["id"])
def test_base_is_the_published_one(case: dict[str, Any]) -> None:
    assert base_of(case) == case["signature_base"].encode()


@pytest.mark.parametrize("case", HMAC_CASES, ids=lambda case: case["id"])
def test_mac_is_the_published_one(case: dict[str, Any]) -> None:
    secret = b64decode(VECTORS["keys"][case["keyid"]]["secret_b64"])

    assert base64(hmac_sha256(secret, base_of(case))) == case["signature_b64"]


@pytest.mark.parametrize(
    "example",
    [
        one
        for one in VECTORS["component_examples"]
        if one["id"].startswith(("2.2.7", "2.2.M", "2.2.A", "2.2.P"))
    ],
    ids=lambda one: one["id"],
)
def test_component_is_the_published_one(example: dict[str, Any]) -> None:
    request_line, host = example["message_text"].split("\n")
    method, path, _ = request_line.split(" ")
    target = read_target(method, f"https://{host.removeprefix('Host: ')}{path}")
    written = {f'"@{name}": {value}' for name, value in target._asdict().items()}

    assert set(example["base_lines"]) < written


def test_profile_base_is_the_general_one() -> None:
    target, says = Target("POST", "api.example", "/a", "?b", "https"), "(...);created=1"
    pairs = [(f'"@{name}"', value) for name, value in target._asdict().items() if name != "scheme"]

    assert profile_base(target, "sha-256=:x:", says) == signature_base(
        [*pairs, ('"content-digest"', "sha-256=:x:")], says
    )


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "é", "\x7f"])
def test_line_that_would_not_be_one_line_of_ascii_is_not_signed(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be signed"):
        signature_base([('"x"', value)], "()")


def test_component_is_not_covered_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        signature_base([('"x"', "1"), ('"x"', "2")], "()")


def test_digest_of_rfc_9530_appendix_b_is_right_and_that_of_another_body_is_not() -> None:
    stated = read_content_digest("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:")

    check_content_digest(stated, b'{"hello": "world"}')
    with pytest.raises(SignatureRefused) as refused:
        check_content_digest(stated, b'{"hello": "world"}\n')
    assert refused.value.reason == "digest_mismatch"


@pytest.mark.parametrize(
    ("secret", "salt", "info", "length", "pseudorandom", "material"),
    [
        (
            "0b" * 22,
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            42,
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)).hex(),
            bytes(range(0x60, 0xB0)).hex(),
            bytes(range(0xB0, 0x100)).hex(),
            82,
            "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            "0b" * 22,
            "",
            "",
            42,
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
    ids=["A.1", "A.2", "A.3"],
)
def test_hkdf_is_that_of_rfc_5869(
    secret: str, salt: str, info: str, length: int, pseudorandom: str, material: str
) -> None:
    key = hkdf_extract(bytes.fromhex(salt), bytes.fromhex(secret))

    assert key.hex() == pseudorandom
    assert hkdf_expand(key, bytes.fromhex(info), length).hex() == material


@pytest.mark.parametrize("length", [0, -1, 255 * 32 + 1])
def test_hkdf_gives_1_to_8160_bytes(length: int) -> None:
    assert len(hkdf_expand(bytes(32), b"", 255 * 32)) == 8_160
    with pytest.raises(ValueError, match="8160"):
        hkdf_expand(bytes(32), b"", length)
