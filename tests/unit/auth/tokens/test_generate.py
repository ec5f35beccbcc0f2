"""New keys are good ones, and rotation never drops a key whose tokens may be alive."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from edge.auth.tokens.claims import MAX_LIFETIME_SECONDS
from edge.auth.tokens.generate import HANDOVER_SECONDS, new_document, new_entry, rotated, without_key
from edge.auth.tokens.keyring import KeyRing
from edge.auth.tokens.problems import KeysRefused
from tests.unit.auth.tokens.forge import ALGORITHMS, ISSUER, NOW

if TYPE_CHECKING:
    from edge.auth.tokens.jwk import Algorithm

SPENT = HANDOVER_SECONDS + MAX_LIFETIME_SECONDS
FOR_EVER = 10**9


def entry(kid: str, created_at: int) -> dict[str, object]:
    return new_entry("HS256", issuer=ISSUER, created_at=created_at, random=os.urandom, kid=kid)


def kids(document: str) -> list[str]:
    return [key.kid for key in KeyRing.parse(document).keys]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_new_key_is_taken_and_signs(alg: Algorithm) -> None:
    made = new_entry(alg, issuer=ISSUER, created_at=NOW, random=os.urandom)
    ring = KeyRing.parse(new_document([made]))

    assert ring.signing_key.alg == alg
    assert ring.signing_key.kid.startswith(f"{alg.lower()}-{NOW}-")


def test_two_new_keys_differ_in_name_and_material() -> None:
    first, second = (new_entry("HS256", issuer=ISSUER, created_at=NOW, random=os.urandom) for _ in range(2))

    assert first["kid"] != second["kid"]
    assert first["key"] != second["key"]


def test_secret_is_a_block_of_the_hash() -> None:
    key: Any = new_entry("HS256", issuer=ISSUER, created_at=NOW, random=lambda size: bytes(range(size)))[
        "key"
    ]
    assert len(key["k"]) == 86  # 64 bytes


def test_rotation_puts_the_new_key_first_and_leaves_other_members() -> None:
    document = json.dumps(
        {"refresh_keys": [1], **json.loads(new_document([entry("a", NOW - 5)])), "z": {"y": None}}
    )
    after = rotated(document, entry("b", NOW), now_seconds=NOW, keep_keys=5, max_age_seconds=FOR_EVER)

    assert kids(after) == ["b", "a"]
    assert list(json.loads(after)) == ["refresh_keys", "token_keys", "z"]
    assert json.loads(after)["refresh_keys"] == [1]


def test_key_beyond_the_count_stays_until_its_tokens_have_expired() -> None:
    document = new_document([entry("b", NOW), entry("a", NOW - 100)])

    def after(seconds: int) -> list[str]:
        new = entry("c", NOW + seconds)
        return kids(rotated(document, new, now_seconds=NOW + seconds, keep_keys=1, max_age_seconds=FOR_EVER))

    assert after(SPENT - 1) == ["c", "b", "a"]
    assert after(SPENT) == ["c", "b"]  # b was the one that signed until now


def test_key_beyond_the_age_goes_under_the_same_condition() -> None:
    document = new_document([entry("b", NOW), entry("a", NOW - 100)])

    def after(seconds: int, max_age_seconds: int) -> list[str]:
        new = entry("c", NOW + seconds)
        return kids(
            rotated(document, new, now_seconds=NOW + seconds, keep_keys=9, max_age_seconds=max_age_seconds)
        )

    assert after(SPENT, SPENT + 100) == ["c", "b", "a"]
    assert after(SPENT, SPENT + 99) == ["c", "b"]
    assert after(SPENT - 1, 1) == ["c", "b", "a"]


def test_rotation_to_a_kid_that_exists_is_refused() -> None:
    document = new_document([entry("a", NOW)])
    with pytest.raises(KeysRefused, match="duplicate_kid"):
        rotated(document, entry("a", NOW + 1), now_seconds=NOW + 1, keep_keys=2, max_age_seconds=FOR_EVER)


def test_rotation_keeps_at_least_one_key() -> None:
    with pytest.raises(ValueError, match="keep_keys"):
        rotated(
            new_document([entry("a", NOW)]), entry("b", NOW), now_seconds=NOW, keep_keys=0, max_age_seconds=1
        )


def test_rotation_of_a_document_that_is_none_is_refused() -> None:
    with pytest.raises(KeysRefused):
        rotated("{}", entry("a", NOW), now_seconds=NOW, keep_keys=1, max_age_seconds=1)


def test_leaked_key_goes_at_once() -> None:
    document = new_document([entry("b", NOW), entry("a", NOW)])

    assert kids(without_key(document, "b")) == ["a"]
    with pytest.raises(KeyError, match="no such key"):
        without_key(document, "c")
    with pytest.raises(KeysRefused, match="no_keys"):
        without_key(without_key(document, "b"), "a")


def test_document_whose_first_key_cannot_sign_is_not_written() -> None:
    made: Any = new_entry("ES256", issuer=ISSUER, created_at=NOW, random=os.urandom)
    del made["key"]["d"]
    with pytest.raises(KeysRefused, match="no_signing_key"):
        new_document([made])
