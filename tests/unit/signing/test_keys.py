"""Keys: derived as documented, from a document that is taken as it should be or not at all; none shows in a text."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge.regions import CDG1, HND1, ROUTABLE, Region
from edge.signing.keys import FixedKeys, SigningKey, SigningKeys
from edge.signing.primitives import base64url, read_base64url
from edge.versioned_secrets import VersionedSecretsInvalid, new_versioned

MASTER = bytes(range(32))
ENTRY = {"version": 3, "secret": base64url(MASTER)}
KEYS = SigningKeys.parse([ENTRY, {"version": 2, "secret": base64url(bytes(32))}])


@pytest.mark.parametrize("region", ROUTABLE, ids=lambda region: region.code)
def test_key_is_the_hkdf_that_is_documented(region: Region) -> None:
    info = b"edge-sign/v1\0" + region.aws_region.encode() + b"\0k3yOfACaller\0" + b"3"
    expected = HKDF(algorithm=SHA256(), length=32, salt=b"edge-sign/v1", info=info).derive(MASTER)

    assert KEYS.key_of("k3yOfACaller", region) == SigningKey("k3yOfACaller.3", region, expected)


def test_key_of_cdg1_is_this_one_forever() -> None:
    """A change of the derivation makes every signature in flight invalid, and every key that somebody holds."""
    assert (
        hashlib.sha256(KEYS.key_of("k3yOfACaller", CDG1).secret).hexdigest()
        == hashlib.sha256(
            hmac.digest(
                hmac.digest(b"edge-sign/v1", MASTER, "sha256"),
                b"edge-sign/v1\0eu-west-3\0k3yOfACaller\x003\1",
                "sha256",
            )
        ).hexdigest()
    )


def test_first_signs_and_all_verify() -> None:
    assert KEYS.signing_version == 3
    assert KEYS.key_of("a", CDG1).key_id == "a.3"
    old = KEYS.find("a.2", CDG1)
    assert old is not None
    assert old == SigningKeys.parse([{"version": 2, "secret": base64url(bytes(32))}]).key_of("a", CDG1)


@pytest.mark.parametrize("key_id", ["a.1", "a.4", "a", "", "a.3.3", "a.03", ".3", "a.3\n", "ä.3", "a.30000"])
def test_unknown_id_has_no_key(key_id: str) -> None:
    assert KEYS.find(key_id, CDG1) is None


@pytest.mark.parametrize("api_key_id", ["", "a.b", "a b", "ä", "a\0", "a" * 65])
def test_only_the_id_of_an_api_key_has_a_key(api_key_id: str) -> None:
    with pytest.raises(ValueError, match="no id of an API key"):
        KEYS.key_of(api_key_id, CDG1)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (None, "signing_master: not_a_list_of_1_to_16"),
        ([], "signing_master: not_a_list_of_1_to_16"),
        ({"version": 1}, "signing_master: not_a_list_of_1_to_16"),
        ([{"version": n, "secret": base64url(bytes([n]) * 32)} for n in range(1, 18)], "signing_master: not_a_list_of_1_to_16"),
        (["x"], "signing_master[0]: not_a_version_and_a_secret"),
        ([{"version": 1}], "signing_master[0]: not_a_version_and_a_secret"),
        ([{**ENTRY, "kid": "x"}], "signing_master[0]: not_a_version_and_a_secret"),
        ([{**ENTRY, "version": 0}], "signing_master[0]: version_out_of_range"),
        ([{**ENTRY, "version": 10_000}], "signing_master[0]: version_out_of_range"),
        ([{**ENTRY, "version": True}], "signing_master[0]: version_out_of_range"),
        ([{**ENTRY, "version": "1"}], "signing_master[0]: version_out_of_range"),
        ([{**ENTRY, "secret": 1}], "signing_master[0]: secret_not_32_bytes_base64url"),
        ([{**ENTRY, "secret": "A" * 42}], "signing_master[0]: secret_not_32_bytes_base64url"),
        ([{**ENTRY, "secret": "A" * 43 + "="}], "signing_master[0]: secret_not_32_bytes_base64url"),
        ([{**ENTRY, "secret": "A" * 42 + "B"}], "signing_master[0]: secret_not_32_bytes_base64url"),
        ([{**ENTRY, "secret": "A" * 42 + "+"}], "signing_master[0]: secret_not_32_bytes_base64url"),
        ([{**ENTRY, "secret": "ä" * 43}], "signing_master[0]: secret_not_32_bytes_base64url"),
        ([ENTRY, {**ENTRY, "secret": "A" * 43}], "signing_master[1]: version_or_secret_twice"),
        ([ENTRY, {**ENTRY, "version": 4}], "signing_master[1]: version_or_secret_twice"),
    ],
)  # fmt: skip
def test_document_that_is_not_of_its_form_is_refused_and_not_quoted(entries: object, message: str) -> None:
    with pytest.raises(VersionedSecretsInvalid) as refused:
        SigningKeys.parse(entries)

    assert str(refused.value) == message


def test_new_master_is_taken_and_is_random() -> None:
    keys = SigningKeys.parse([new_versioned(1)])

    assert keys.signing_version == 1
    assert new_versioned(1) != new_versioned(1)
    assert new_versioned(9, random_bytes=lambda size: bytes(range(size))) == {
        "version": 9,
        "secret": base64url(MASTER),
    }


def test_no_text_shows_a_secret() -> None:
    key = KEYS.key_of("a", CDG1)
    shown = f"{KEYS!r} {key!r} {key} {FixedKeys([key])!r} {[key]}"

    assert shown.count("SigningKey(key_id='a.3', region='cdg1')") == 4
    for secret in (MASTER, key.secret):
        assert base64url(secret) not in shown
        assert secret.hex() not in shown
        assert repr(secret) not in shown


def test_fixed_keys_are_found_by_id_and_region() -> None:
    paris, tokyo = KEYS.key_of("a", CDG1), KEYS.key_of("a", HND1)
    fixed = FixedKeys([paris])

    assert fixed.find("a.3", CDG1) == paris
    assert fixed.find("a.3", HND1) is None
    assert fixed.find("b.3", CDG1) is None
    assert FixedKeys([paris, tokyo]).find("a.3", HND1) == tokyo


@pytest.mark.parametrize("text", ["A", "AB", "AA=", "A A", "AA\n", "é", "AA==", "AAB"])
def test_base64url_has_one_spelling(text: str) -> None:
    assert read_base64url(text) is None


def test_base64url_reads_what_it_writes() -> None:
    for size in range(70):
        raw = bytes(range(255, 255 - size, -1))
        assert read_base64url(base64url(raw)) == raw
