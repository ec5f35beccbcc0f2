"""Refresh tokens: one text each, refused without a single call to a store unless we wrote them."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.auth.sessions.families import Families
from edge.auth.sessions.family_id import family_id, started_at
from edge.auth.sessions.memory import MemorySessionStore
from edge.auth.sessions.problems import RefreshRefused
from edge.auth.sessions.refresh_token import RefreshKeys, RefreshToken
from edge.clock import ManualClock
from edge.regions import CDG1, IAD1, ROUTABLE
from edge.versioned_secrets import VersionedSecret, VersionedSecretsInvalid, new_versioned
from tests.unit.auth.sessions.stores import KEYS, NOW, START_MS, ScriptedStore

OTHER: VersionedSecret = {"version": 2, "secret": "B" * 42 + "A"}
ONE: VersionedSecret = {"version": 1, "secret": "A" * 43}
FAMILY = family_id(NOW, b"\xfb\xff" * 6)
TOKEN = RefreshToken(1, CDG1, FAMILY, 2)
TEXT = KEYS.write(TOKEN)
HEAD, MAC = TEXT.rsplit(".", 1)

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def with_part(index: int, part: str) -> str:
    parts = TEXT.split(".")
    parts[index] = part
    return ".".join(parts)


def padding_alias(part: str) -> str:
    """Return *part* with its unused low bits set: lax decoders read the same bytes."""
    return part[:-1] + ALPHABET[ALPHABET.index(part[-1]) + 1]


HOSTILE = {
    "empty": "",
    "space": " ",
    "huge": "A" * 6_000_000,
    "huge mac": f"{HEAD}.{MAC * 100_000}",
    "mac of zeros": f"{HEAD}.{'A' * 43}",
    "no mac": HEAD,
    "empty mac": f"{HEAD}.",
    "truncated": TEXT[:-1],
    "padded": f"{TEXT}=",
    "trailing newline": f"{TEXT}\n",
    "trailing space": f"{TEXT} ",
    "leading space": f" {TEXT}",
    "nul": f"{TEXT}\0",
    "twice": f"{TEXT}{TEXT}",
    "seventh part": f"{TEXT}.x",
    "upper case": TEXT.upper(),
    "mac of the next generation": with_part(4, "3"),
    "mac of the last generation": with_part(4, "1"),
    "generation 00": with_part(4, "00"),
    "generation 02": with_part(4, "02"),
    "generation +2": with_part(4, "+2"),
    "generation 6": with_part(4, "6"),
    "generation -1": with_part(4, "-1"),
    "generation empty": with_part(4, ""),
    "generation in Arabic": with_part(4, "\u0662"),
    "generation in full width": with_part(4, "\uff12"),
    "generation superscript": with_part(4, "\u00b2"),
    "other region": with_part(2, "iad1"),
    "region unknown": with_part(2, "xyz9"),
    "region upper case": with_part(2, "CDG1"),
    "region homoglyph": with_part(2, "\u0441dg1"),
    "other family": with_part(3, family_id(NOW, bytes(12))),
    "family empty": with_part(3, ""),
    "family padded": with_part(3, f"{FAMILY}=="),
    "family in other base64": with_part(3, FAMILY.replace("-", "+").replace("_", "/")),
    "family alias": with_part(3, padding_alias(FAMILY)),
    "mac alias": f"{HEAD}.{padding_alias(MAC)}",
    "mac in other base64": f"{HEAD}.{MAC.replace('-', '+').replace('_', '/')}!",
    "version unknown": with_part(1, "2"),
    "version 01": with_part(1, "01"),
    "version 0": with_part(1, "0"),
    "version empty": with_part(1, ""),
    "version huge": with_part(1, "9" * 5_000),
    "other kind": with_part(0, "rt2"),
    "access token": "eyJhbGciOiJub25lIn0.e30.",
    "lone surrogate": with_part(4, "\ud800"),
    "bidi": f"\u202e{TEXT}",
    "generation 6 with its mac": KEYS.write(TOKEN._replace(generation=6)),
    "generation 10 with its mac": KEYS.write(TOKEN._replace(generation=10)),
    "region unknown with its mac": KEYS.write(TOKEN._replace(home=CDG1._replace(code="xyz9"))),
    "other key": RefreshKeys.parse([{**OTHER, "version": 1}]).write(TOKEN),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_token_is_refused_without_a_call(text: str) -> None:
    store = ScriptedStore(MemorySessionStore())
    families = Families(
        own=CDG1, store_of=lambda _: store, keys_of=lambda: KEYS, clock=ManualClock(now_ms=START_MS)
    )

    with pytest.raises(RefreshRefused) as refused:
        families.rotate(text, request_id="r", idempotency_key=None)

    assert refused.value.reason == "invalid_refresh_token"
    assert store.calls == []
    assert refused.value.args == ()
    assert refused.value.__cause__ is None


def test_token_of_the_limit_is_refused_without_a_call() -> None:
    store = ScriptedStore(MemorySessionStore())
    families = Families(
        own=CDG1, store_of=lambda _: store, keys_of=lambda: KEYS, clock=ManualClock(now_ms=START_MS)
    )

    with pytest.raises(RefreshRefused) as refused:
        families.rotate(KEYS.write(TOKEN._replace(generation=5)), request_id="r", idempotency_key=None)

    assert (refused.value.reason, store.calls) == ("refresh_limit_reached", [])


def test_mac_is_hmac_sha256_of_the_head_for_this_purpose() -> None:
    expected = hmac.new(bytes(32), b"kaizen-edge/refresh/1\0" + HEAD.encode(), hashlib.sha256).digest()

    assert base64.urlsafe_b64decode(f"{MAC}=") == expected
    assert f"rt1.1.cdg1.{FAMILY}.2" == HEAD


def test_jti_is_another_mac_and_follows_from_the_token() -> None:
    expected = hmac.new(bytes(32), f"kaizen-edge/jti/1\0cdg1.{FAMILY}.2".encode(), hashlib.sha256).digest()[
        :16
    ]

    assert KEYS.jti_of(TOKEN) == base64.urlsafe_b64encode(expected).decode().rstrip("=")
    others = [
        TOKEN._replace(generation=3),
        TOKEN._replace(home=IAD1),
        TOKEN._replace(family=family_id(NOW, bytes(12))),
    ]
    assert len({KEYS.jti_of(token) for token in (TOKEN, *others)}) == 4


@given(
    home=st.sampled_from(ROUTABLE),
    random=st.binary(min_size=12, max_size=12),
    began=st.integers(0, 2**32 - 1),
    generation=st.integers(0, 5),
)
def test_what_is_written_is_read(home: object, random: bytes, began: int, generation: int) -> None:
    region = next(region for region in ROUTABLE if region == home)
    token = RefreshToken(1, region, family_id(began, random), generation)

    assert KEYS.read(KEYS.write(token)) == token
    assert started_at(token.family) == began


@given(position=st.integers(0, len(TEXT) - 1), character=st.characters())
def test_no_other_character_anywhere(position: int, character: str) -> None:
    text = TEXT[:position] + character + TEXT[position + 1 :]
    if text == TEXT:
        assert KEYS.read(text) == TOKEN
    else:
        with pytest.raises(RefreshRefused):
            KEYS.read(text)


def test_first_key_signs_and_all_verify() -> None:
    staged, rotated = RefreshKeys.parse([ONE, OTHER]), RefreshKeys.parse([OTHER, ONE])

    assert (staged.signing_version, rotated.signing_version) == (1, 2)
    newer = rotated.write(TOKEN._replace(key_version=2))
    assert staged.read(newer) == TOKEN._replace(key_version=2)
    assert rotated.read(TEXT) == TOKEN
    with pytest.raises(RefreshRefused):
        KEYS.read(newer)


def test_removed_key_does_not_verify() -> None:
    with pytest.raises(RefreshRefused):
        RefreshKeys.parse([OTHER]).read(TEXT)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (None, "refresh_keys: not_a_list_of_1_to_16"),
        ({}, "refresh_keys: not_a_list_of_1_to_16"),
        ([], "refresh_keys: not_a_list_of_1_to_16"),
        ([{"version": n, "secret": "x"} for n in range(1, 18)], "refresh_keys: not_a_list_of_1_to_16"),
        ([ONE, "x"], "refresh_keys[1]: not_a_version_and_a_secret"),
        ([{"version": 1}], "refresh_keys[0]: not_a_version_and_a_secret"),
        ([{**ONE, "kid": "x"}], "refresh_keys[0]: not_a_version_and_a_secret"),
        ([{**ONE, "version": 0}], "refresh_keys[0]: version_out_of_range"),
        ([{**ONE, "version": 10_000}], "refresh_keys[0]: version_out_of_range"),
        ([{**ONE, "version": True}], "refresh_keys[0]: version_out_of_range"),
        ([{**ONE, "version": "1"}], "refresh_keys[0]: version_out_of_range"),
        ([{**ONE, "secret": 7}], "refresh_keys[0]: secret_not_32_bytes_base64url"),
        ([{**ONE, "secret": "A" * 42}], "refresh_keys[0]: secret_not_32_bytes_base64url"),
        ([{**ONE, "secret": "A" * 44}], "refresh_keys[0]: secret_not_32_bytes_base64url"),
        ([{**ONE, "secret": "A" * 42 + "B"}], "refresh_keys[0]: secret_not_32_bytes_base64url"),
        ([{**ONE, "secret": "A" * 42 + "="}], "refresh_keys[0]: secret_not_32_bytes_base64url"),
        ([{**ONE, "secret": "!" + "A" * 42}], "refresh_keys[0]: secret_not_32_bytes_base64url"),
        ([{**ONE, "secret": "\u00fc" * 43}], "refresh_keys[0]: secret_not_32_bytes_base64url"),
        ([ONE, {**OTHER, "version": 1}], "refresh_keys[1]: version_or_secret_twice"),
        ([ONE, {**ONE, "version": 2}], "refresh_keys[1]: version_or_secret_twice"),
    ],
)
def test_unusable_keys_are_named_by_place_alone(entries: object, message: str) -> None:
    with pytest.raises(VersionedSecretsInvalid) as invalid:
        RefreshKeys.parse(entries)
    assert str(invalid.value) == message


def test_new_keys_can_be_used_and_differ() -> None:
    entries = [new_versioned(version) for version in (9_999, 1)]

    assert RefreshKeys.parse(entries).signing_version == 9_999
    assert new_versioned(4, random_bytes=bytes) == {"version": 4, "secret": "A" * 43}


def test_keys_do_not_show_their_secrets() -> None:
    keys = RefreshKeys.parse([OTHER, ONE])

    assert repr(keys) == str(keys) == "RefreshKeys(versions=[2, 1])"


@pytest.mark.parametrize("text", ["", "x", "A" * 21, "A" * 23])
def test_name_of_no_family_tells_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="not the name of a family"):
        started_at(text)
