"""The key document is taken whole or not at all, and no error, text or pickle shows a key."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from edge.auth.tokens.keyring import MAX_DOCUMENT_CHARS, MAX_KEYS, KeyRing
from edge.auth.tokens.problems import KeysRefused
from tests.unit.auth.tokens.forge import ALGORITHMS, ISSUER, b64, forge_of, unb64

if TYPE_CHECKING:
    from edge.auth.tokens.jwk import Algorithm
    from edge.auth.tokens.problems import KeyFault

PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "k")


def entry_of(alg: Algorithm, /, **key_changes: object) -> dict[str, Any]:
    """The forge's entry with changed members of its key; None removes one."""
    entry: dict[str, Any] = json.loads(json.dumps(forge_of(alg).entry))
    for name, value in key_changes.items():
        if value is None:
            del entry["key"][name]
        else:
            entry["key"][name] = value
    return entry


def secrets_of(alg: Algorithm) -> list[str]:
    found = [text for name, text in forge_of(alg).jwk.items() if name in PRIVATE]
    assert found
    return found


def parse(*entries: object) -> KeyRing:
    return KeyRing.parse(json.dumps({"token_keys": list(entries)}))


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def fault_of(*entries: object) -> KeyFault:
    with pytest.raises(KeysRefused) as refused:
        parse(*entries)
    assert refused.value.position == len(entries) - 1
    return refused.value.fault


def test_first_signs_and_all_are_found_by_kid() -> None:
    ring = parse(*(forge_of(alg).entry for alg in ALGORITHMS))

    assert ring.signing_key is ring.keys[0]
    assert list(ring.by_kid) == [f"{alg}-1" for alg in ALGORITHMS]
    assert [key.issuer for key in ring.keys] == [ISSUER] * len(ALGORITHMS)


def test_issuer_is_a_name_or_a_url() -> None:
    for issuer in ("kaizen-edge", "https://edge.example/tokens?v=1", "i" * 256):
        assert parse({**forge_of("HS256").entry, "issuer": issuer}).signing_key.issuer == issuer


def test_members_of_others_are_left_alone() -> None:
    document = {"refresh_keys": [{"k": 1}], "token_keys": [forge_of("HS256").entry], "signing_master": "x"}

    assert KeyRing.parse(json.dumps(document)).signing_key.kid == "HS256-1"


def test_public_set_has_the_asymmetric_keys_and_no_private_member() -> None:
    ring = parse(*(forge_of(alg).entry for alg in ALGORITHMS))
    keys = ring.public_jwks()["keys"]

    assert [key["kid"] for key in keys] == ["RS256-1", "ES256-1", "EdDSA-1", "Ed25519-1"]
    assert [sorted(key) for key in keys] == [
        ["alg", "e", "kid", "kty", "n", "use"],
        ["alg", "crv", "kid", "kty", "use", "x", "y"],
        ["alg", "crv", "kid", "kty", "use", "x"],
        ["alg", "crv", "kid", "kty", "use", "x"],
    ]
    for alg in ALGORITHMS:
        assert not [secret for secret in secrets_of(alg) if secret in json.dumps(ring.public_jwks())]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_keys_do_not_show_themselves(alg: Algorithm) -> None:
    key = forge_of(alg).ring.keys[0]
    shown = f"{key!r} {key} {key.material!r} {key.material} {[key]} {forge_of(alg).ring!r}"

    assert not [secret for secret in secrets_of(alg) if secret in shown]
    for hidden in (key, key.material):
        with pytest.raises(TypeError):
            pickle.dumps(hidden)


@pytest.mark.parametrize("alg", ALGORITHMS[1:])
def test_public_part_alone_checks_and_does_not_sign(alg: Algorithm) -> None:
    private = {name: None for name in PRIVATE if name in forge_of(alg).jwk}
    ring = parse(entry_of(alg, **private))

    assert ring.public_jwks() == KeyRing([forge_of(alg).ring.keys[0]]).public_jwks()
    with pytest.raises(KeysRefused) as refused:
        _ = ring.signing_key
    assert refused.value.fault == "no_signing_key"


@pytest.mark.parametrize(
    ("alg", "operations", "signs"),
    [
        ("HS256", ["sign", "verify"], True),
        ("HS256", ["verify"], False),
        ("ES256", ["sign"], True),
        ("ES256", ["verify"], False),
    ],
)
def test_key_ops_say_what_a_key_may(alg: Algorithm, operations: list[str], *, signs: bool) -> None:
    assert parse(entry_of(alg, key_ops=operations)).keys[0].material.can_sign is signs


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not_json"),
        ("[]", "not_json"),
        ("null", "not_json"),
        ("{", "not_json"),
        ('{"token_keys":NaN}', "not_json"),
        ('{"token_keys":[],"token_keys":[]}', "not_json"),
        ('{"token_keys":[{"kid":"a","kid":"b"}]}', "not_json"),
        ('{"refresh_keys":{"a":1,"a":2},"token_keys":[]}', "not_json"),
        ("[" * 60_000, "not_json"),
        ('{"token_keys":"\ud800"}', "not_json"),
        ("{}", "no_keys"),
        ('{"token_keys":[]}', "no_keys"),
        ('{"token_keys":{}}', "no_keys"),
        (" " * (MAX_DOCUMENT_CHARS + 1), "oversize"),
    ],
)
def test_document_that_is_none_is_refused(text: str, fault: KeyFault) -> None:
    with pytest.raises(KeysRefused) as refused:
        KeyRing.parse(text)

    assert (refused.value.fault, refused.value.position) == (fault, None)
    assert refused.value.__cause__ is None


def test_too_many_keys_are_refused() -> None:
    entries = [{**entry_of("HS256", kid=None), "kid": f"k{n}"} for n in range(MAX_KEYS + 1)]
    with pytest.raises(KeysRefused, match="too_many_keys"):
        parse(*entries)

    assert len(parse(*entries[1:]).keys) == MAX_KEYS


def test_kid_twice_is_refused() -> None:
    assert fault_of(forge_of("HS256").entry, forge_of("HS256").entry) == "duplicate_kid"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"kid": ""}, "bad_kid"),
        ({"kid": "a/b"}, "bad_kid"),
        ({"kid": "k" * 65}, "bad_kid"),
        ({"kid": None}, "bad_kid"),
        ({"kid": 7}, "bad_kid"),
        ({"kid": "k\n"}, "bad_kid"),
        ({"kid": "other"}, "kid_mismatch"),
        ({"alg": "HS512"}, "unknown_algorithm"),
        ({"alg": "none"}, "unknown_algorithm"),
        ({"alg": ["HS256"]}, "unknown_algorithm"),
        ({"alg": "RS256"}, "algorithm_mismatch"),
        ({"issuer": ""}, "bad_issuer"),
        ({"issuer": "i" * 257}, "bad_issuer"),
        ({"issuer": "https://édge.example"}, "bad_issuer"),
        ({"issuer": "https://edge.example/ x"}, "bad_issuer"),
        ({"issuer": "https://edge.example\n"}, "bad_issuer"),
        ({"issuer": None}, "bad_issuer"),
        ({"created_at": -1}, "bad_created_at"),
        ({"created_at": 1.5}, "bad_created_at"),
        ({"created_at": True}, "bad_created_at"),
        ({"created_at": 2**33}, "bad_created_at"),
        ({"extra": 1}, "bad_entry"),
        ({"key": "AAAA"}, "bad_entry"),
        ({"key": None}, "bad_entry"),
        ({"key": {}}, "wrong_key_type"),
    ],
)
def test_entry_out_of_form_is_refused(changes: dict[str, object], fault: KeyFault) -> None:
    assert fault_of({**forge_of("HS256").entry, **changes}) == fault


@pytest.mark.parametrize("name", ["kid", "alg", "issuer", "key"])
def test_entry_without_a_member_is_refused(name: str) -> None:
    entry = {**forge_of("HS256").entry}
    del entry[name]

    assert fault_of(forge_of("ES256").entry, entry) == "bad_entry"
    assert fault_of(forge_of("ES256").entry, [name]) == "bad_entry"


P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
KEY_FAULTS: list[tuple[Algorithm, dict[str, object], KeyFault]] = [
    ("HS256", {"kty": "RSA"}, "wrong_key_type"),
    ("HS256", {"k": b64(b"x" * 31)}, "short_secret"),
    ("HS256", {"k": ""}, "bad_encoding"),
    ("HS256", {"k": b64(b"x" * 32) + "="}, "bad_encoding"),
    ("HS256", {"k": "!" * 43}, "bad_encoding"),
    ("HS256", {"k": "ü" * 43}, "bad_encoding"),
    ("HS256", {"k": "A" * 42 + "B"}, "bad_encoding"),
    ("HS256", {"k": 5}, "bad_encoding"),
    ("HS256", {"k": None}, "missing_member"),
    ("HS256", {"alg": "HS512"}, "algorithm_mismatch"),
    ("HS256", {"kid": "another"}, "kid_mismatch"),
    ("HS256", {"use": "enc"}, "wrong_use"),
    ("HS256", {"key_ops": ["sign"]}, "wrong_use"),
    ("HS256", {"key_ops": ["encrypt"]}, "wrong_use"),
    ("HS256", {"key_ops": ["verify", "verify"]}, "wrong_use"),
    ("HS256", {"key_ops": []}, "wrong_use"),
    ("HS256", {"key_ops": "verify"}, "wrong_use"),
    ("HS256", {"key_ops": [["verify"]]}, "wrong_use"),
    ("HS256", {"x5u": "https://evil.example"}, "unknown_member"),
    ("HS256", {"d": "AAAA"}, "unknown_member"),
    ("RS256", {"kty": "oct"}, "wrong_key_type"),
    ("RS256", {"e": number(1)}, "bad_exponent"),
    ("RS256", {"e": number(3)}, "bad_exponent"),
    ("RS256", {"e": number(65_538)}, "bad_exponent"),
    ("RS256", {"e": number(2**32 + 1)}, "bad_exponent"),
    ("RS256", {"n": number(2**2047)}, "weak_modulus"),
    ("RS256", {"n": number(2**1024 + 1)}, "weak_modulus"),
    ("RS256", {"n": number(2**2046 + 1)}, "weak_modulus"),
    ("RS256", {"n": number(2**4096 + 1)}, "weak_modulus"),
    ("RS256", {"d": None}, "missing_member"),
    ("RS256", {"qi": None}, "missing_member"),
    ("RS256", {"oth": []}, "unknown_member"),
    ("RS256", {"x5c": ["MIIB"]}, "unknown_member"),
    ("RS256", {"key_ops": ["decrypt"]}, "wrong_use"),
    ("RS256", {"d": number(5)}, "bad_private_part"),
    ("RS256", {"p": number(5)}, "bad_private_part"),
    ("RS256", {"q": number(5)}, "bad_private_part"),
    ("RS256", {"dp": number(5)}, "bad_private_part"),
    ("RS256", {"dq": number(5)}, "bad_private_part"),
    ("RS256", {"qi": number(5)}, "bad_private_part"),
    ("ES256", {"crv": "P-384"}, "wrong_curve"),
    ("ES256", {"crv": "secp256k1"}, "wrong_curve"),
    ("ES256", {"crv": None}, "wrong_curve"),
    ("ES256", {"kty": "OKP"}, "wrong_key_type"),
    ("ES256", {"y": b64(b"\1" * 32)}, "bad_point"),
    ("ES256", {"x": b64(b"\0" * 32), "y": b64(b"\0" * 32)}, "bad_point"),
    ("ES256", {"x": b64(b"\1" * 31)}, "bad_encoding"),
    ("ES256", {"x": b64(b"\0" + b"\1" * 32)}, "bad_encoding"),
    ("ES256", {"d": b64(b"\0" * 32)}, "bad_private_part"),
    ("ES256", {"d": b64(b"\xff" * 32)}, "bad_private_part"),
    ("ES256", {"d": b64(b"\1" * 31)}, "bad_encoding"),
    ("ES256", {"alg": "ES384"}, "algorithm_mismatch"),
    ("EdDSA", {"crv": "Ed448"}, "wrong_curve"),
    ("EdDSA", {"crv": "X25519"}, "wrong_curve"),
    ("EdDSA", {"alg": "Ed25519"}, "algorithm_mismatch"),
    ("Ed25519", {"alg": "EdDSA"}, "algorithm_mismatch"),
    ("EdDSA", {"x": b64(b"\1" * 33)}, "bad_encoding"),
    ("EdDSA", {"d": b64(b"\1" * 31)}, "bad_encoding"),
    ("EdDSA", {"y": b64(b"\1" * 32)}, "unknown_member"),
]


@pytest.mark.parametrize(("alg", "changes", "fault"), KEY_FAULTS)
def test_bad_key_is_refused_without_showing_it(
    alg: Algorithm, changes: dict[str, object], fault: KeyFault
) -> None:
    with pytest.raises(KeysRefused) as refused:
        parse(forge_of("HS256" if alg != "HS256" else "ES256").entry, entry_of(alg, **changes))

    assert (refused.value.fault, refused.value.position) == (fault, 1)
    told = f"{refused.value!r} {refused.value} {refused.value.log_fields()} {refused.value.detail}"
    assert str(refused.value) == f"token_keys[1]: {fault}"
    assert refused.value.__cause__ is None
    assert not [secret for secret in secrets_of(alg) if secret in told]


def test_number_with_leading_zero_is_refused() -> None:
    n = forge_of("RS256").jwk["n"]
    assert fault_of(entry_of("RS256", n=b64(b"\0" + int.to_bytes(_number(n), 256, "big")))) == "bad_encoding"


def test_coordinate_beyond_the_field_is_refused() -> None:
    # x + p is the same residue: on the curve by its equation, and not a canonical coordinate
    for x in range(2, 40):
        y = pow(x**3 - 3 * x + B, (P256_P + 1) // 4, P256_P)
        if (y * y - x**3 + 3 * x - B) % P256_P == 0:
            break
    else:
        raise AssertionError
    fields = {"y": b64(y.to_bytes(32, "big")), "d": None}

    assert parse(entry_of("ES256", x=b64(x.to_bytes(32, "big")), **fields)).keys[0].kid == "ES256-1"
    assert fault_of(entry_of("ES256", x=b64((x + P256_P).to_bytes(32, "big")), **fields)) == "bad_point"


B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def _number(text: str) -> int:
    return int.from_bytes(unb64(text), "big")


def test_material_of_cryptography_s_own_keys_is_taken() -> None:
    """A generator other than ours writes the same members."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    fields = {"x": b64(numbers.x.to_bytes(32, "big")), "y": b64(numbers.y.to_bytes(32, "big")), "d": None}
    public = rsa.generate_private_key(65_537, 2048).public_key().public_numbers()
    private = {name: None for name in PRIVATE if name in forge_of("RS256").jwk}

    ring = parse(entry_of("ES256", **fields), entry_of("RS256", n=number(public.n), **private))
    assert not [key for key in ring.keys if key.material.can_sign]


def test_ring_of_no_keys_is_refused() -> None:
    with pytest.raises(KeysRefused, match="no_keys"):
        KeyRing([])
