"""``POST /api/auth/refresh`` and ``/revoke``: a session from its beginning to its end, and thieves on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.auth.sessions.families import LIFETIME_SECONDS
from edge.auth.sessions.refresh_token import RefreshKeys
from tests.functional.auth_setup import (
    OTHER_REGION,
    House,
    claims_of,
    house_document,
    later,
    open_house,
    reason,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from infra.local.provision import Provision
    from tests.http_events import Answer

PATH = "/api/auth/refresh"
REVOKE = "/api/auth/revoke"
VALIDATE = "/api/auth/validate"


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


@pytest.fixture(scope="module")
def strict(house: House) -> ModuleType:
    """A container that forgives no second use."""
    return house.load("auth_refresh", REFRESH_GRACE_SECONDS="0")


def refresh(house: House, token: str, *, at: ModuleType | None = None, key: str | None = None) -> Answer:
    headers = {} if key is None else {"idempotency-key": key}
    return house.call(at or "auth_refresh", "POST", PATH, {"refresh_token": token}, headers=headers)


def pair(said: Answer) -> tuple[str, str | None]:
    """The tokens of an answer; the seconds beside them count down."""
    document = said.json()
    return document["access_token"], document["refresh_token"]


def active(house: House, token: str) -> dict[str, Any]:
    """What a container says that has never seen the token."""
    said = house.call(house.load("auth_validate"), "POST", VALIDATE, {"token": token})
    assert said.status == 200
    document: dict[str, Any] = said.json()
    return document


def test_session_from_sign_in_to_its_fifth_refresh(house: House) -> None:
    key = house.make_key("USER", "pro")
    said = house.sign_in(key.text)
    first = claims_of(said["access_token"])
    names = {first["jti"]}

    for remaining in (4, 3, 2, 1, 0):
        answer = refresh(house, said["refresh_token"])
        said = answer.json()
        claims = claims_of(said["access_token"])
        assert answer.status == 200
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        assert said["refreshes_remaining"] == remaining
        assert (said["refresh_token"] is None) == (remaining == 0)
        assert 0 < LIFETIME_SECONDS - 60 <= said["refresh_expires_in"] <= LIFETIME_SECONDS
        assert said["expires_in"] in (86_399, 86_400)
        same = ("sub", "client_id", "role", "scope", "plan", "family", "iss", "aud")
        assert [claims[name] for name in same] == [first[name] for name in same]
        names.add(claims["jti"])
        assert active(house, said["access_token"])["active"]
    assert len(names) == 6


def test_sixth_refresh_is_over_the_limit(house: House, provision: Provision) -> None:
    """The fifth gives no token to ask with, so this one is made with the house's own keys."""
    said = house.sign_in()
    tokens: list[str] = []
    while said["refresh_token"]:
        tokens.append(said["refresh_token"])
        said = refresh(house, tokens[-1]).json()
    assert len(tokens) == 5
    assert pair(refresh(house, tokens[-1])) == (said["access_token"], None), "the fifth, within its grace"

    keys = RefreshKeys.parse(house_document(provision)["refresh_keys"])
    sixth = keys.write(keys.read(tokens[-1])._replace(generation=5))
    over = refresh(house, sixth)

    assert (over.status, reason(over)) == (401, "refresh_limit_reached")
    assert active(house, said["access_token"])["active"]


def test_lost_answer_is_given_again_byte_for_byte(house: House) -> None:
    token = house.sign_in()["refresh_token"]

    answers = [refresh(house, token, at=house.load("auth_refresh")) for _ in range(3)]

    assert [answer.status for answer in answers] == [200] * 3
    assert len({pair(answer) for answer in answers}) == 1


def test_idempotency_key_outlasts_the_grace(house: House, strict: ModuleType) -> None:
    token = house.sign_in()["refresh_token"]
    first = refresh(house, token, at=strict, key="phone-17")

    with later(500):
        again = refresh(house, token, at=strict, key="phone-17")
    assert (again.status, pair(again)) == (200, pair(first))
    with later(500):
        thief = refresh(house, token, at=strict, key="phone-18")
    assert (thief.status, reason(thief)) == (401, "token_reuse_detected")


def test_idempotency_key_does_not_last_for_ever(house: House, strict: ModuleType) -> None:
    token = house.sign_in()["refresh_token"]
    refresh(house, token, at=strict, key="phone-17")

    with later(601):
        said = refresh(house, token, at=strict, key="phone-17")

    assert (said.status, reason(said)) == (401, "token_reuse_detected")


def test_idempotency_key_of_another_family_proves_nothing(house: House, strict: ModuleType) -> None:
    mine, yours = house.sign_in()["refresh_token"], house.sign_in()["refresh_token"]
    refresh(house, mine, at=strict, key="same")
    refresh(house, yours, at=strict)

    assert reason(refresh(house, yours, at=strict, key="same")) == "token_reuse_detected"


def test_correlation_id_is_no_proof_of_a_retry(house: House, strict: ModuleType) -> None:
    """A request id that clients choose would let a thief pass for one."""
    token = house.sign_in()["refresh_token"]
    headers = {"x-correlation-id": "same", "x-request-id": "same", "x-amzn-trace-id": "Root=1-0-0"}
    body = {"refresh_token": token}

    said = [house.call(strict, "POST", PATH, body, headers=headers) for _ in range(2)]

    assert [answer.status for answer in said] == [200, 401]
    assert reason(said[1]) == "token_reuse_detected"


def test_reuse_ends_the_family_with_all_its_tokens(house: House, strict: ModuleType) -> None:
    signed_in = house.sign_in()
    stolen = signed_in["refresh_token"]
    renewed = refresh(house, stolen, at=strict).json()
    assert active(house, renewed["access_token"])["active"]

    thief = refresh(house, stolen, at=strict)

    assert (thief.status, reason(thief)) == (401, "token_reuse_detected")
    for token in (signed_in["access_token"], renewed["access_token"]):
        assert active(house, token) == {"active": False, "role": "ANONYMOUS", "reason": "revoked"}
    owner = refresh(house, renewed["refresh_token"], at=strict)
    assert (owner.status, reason(owner)) == (401, "family_revoked")


def test_grandparent_is_reuse_within_the_grace(house: House) -> None:
    token = house.sign_in()["refresh_token"]
    child = refresh(house, token).json()["refresh_token"]
    assert refresh(house, child).status == 200

    assert reason(refresh(house, token)) == "token_reuse_detected"


def test_access_token_that_is_over_is_not_in_the_way(house: House) -> None:
    """It is why one refreshes, and clients send it by habit."""
    said = house.sign_in()
    body = {"refresh_token": said["refresh_token"]}

    with later(86_401):
        answer = house.call("auth_refresh", "POST", PATH, body, bearer=said["access_token"])

    assert (answer.status, answer.json()["refreshes_remaining"]) == (200, 4)


def test_session_ends_with_its_time(house: House) -> None:
    token = house.sign_in()["refresh_token"]

    with later(LIFETIME_SECONDS + 1):
        said = refresh(house, token)

    assert (said.status, reason(said)) == (401, "refresh_expired")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "rt1.",
        "rt1.1.cdg1.AAAAAAAAAAAAAAAAAAAAAA.0." + "A" * 43,
        "rt1.9.cdg1.AAAAAAAAAAAAAAAAAAAAAA.0." + "A" * 43,
        "rt1.1.mars.AAAAAAAAAAAAAAAAAAAAAA.0." + "A" * 43,
        "rt1.1.cdg1.AAAAAAAAAAAAAAAAAAAAAA.6." + "A" * 43,
        "ü" * 80,
        "\x00" * 80,
        "A" * 60_000,
    ],
    ids=lambda token: repr(token[:20]),
)
def test_text_that_is_no_token(house: House, token: str) -> None:
    said = refresh(house, token)

    assert (said.status, reason(said)) == (401, "invalid_refresh_token")


@pytest.mark.parametrize("position", [4, 8, 12, 35, 37, -1])
def test_changed_token_is_none(house: House, position: int) -> None:
    token = house.sign_in()["refresh_token"]
    other = "B" if token[position] == "A" else "A"
    changed = token[:position] + other + (token[position + 1 :] if position != -1 else "")

    assert reason(refresh(house, changed)) == "invalid_refresh_token"
    assert refresh(house, token).status == 200


def test_access_token_refreshes_nothing_and_refresh_token_opens_nothing(house: House) -> None:
    said = house.sign_in()

    assert reason(refresh(house, said["access_token"])) == "invalid_refresh_token"
    assert active(house, said["refresh_token"])["active"] is False


def test_idempotency_key_is_bounded(house: House) -> None:
    token = house.sign_in()["refresh_token"]

    said = refresh(house, token, key="x" * 257)

    assert said.status == 422
    assert refresh(house, token, key="ü€" * 10).status == 200


def test_refresh_in_another_region_goes_home(house: House) -> None:
    elsewhere = house.load("auth_refresh", AWS_REGION=OTHER_REGION)
    said = house.sign_in()

    away = refresh(house, said["refresh_token"], at=elsewhere)
    back = refresh(house, away.json()["refresh_token"])

    assert (away.status, away.headers["x-edge-region"]) == (200, "iad1")
    assert (back.status, back.headers["x-edge-region"]) == (200, "cdg1")
    assert back.json()["refresh_token"].startswith("rt1.1.cdg1.")
    assert claims_of(back.json()["access_token"])["family"] == claims_of(said["access_token"])["family"]


def test_two_regions_at_once_agree(house: House) -> None:
    elsewhere = house.load("auth_refresh", AWS_REGION=OTHER_REGION)
    token = house.sign_in()["refresh_token"]

    assert pair(refresh(house, token, at=elsewhere)) == pair(refresh(house, token))


def test_session_of_another_region_is_at_home_there(house: House) -> None:
    there = house.load("auth_token", AWS_REGION=OTHER_REGION)

    said = house.sign_in(house.admin_key, function=there)

    assert said["refresh_token"].startswith("rt1.1.iad1.")
    assert refresh(house, said["refresh_token"]).status == 200
    assert active(house, said["access_token"])["active"]


def test_revoked_access_token_is_over_and_its_session_goes_on(house: House) -> None:
    said = house.sign_in()

    answer = house.call("auth_revoke", "POST", REVOKE, {"token": said["access_token"]}, key=house.admin_key)

    assert (answer.status, answer.json()) == (200, {})
    assert active(house, said["access_token"])["reason"] == "revoked"
    renewed = refresh(house, said["refresh_token"])
    assert renewed.status == 200
    assert active(house, renewed.json()["access_token"])["active"]


def test_revoked_refresh_token_ends_the_session(house: House) -> None:
    said = house.sign_in()
    body = {"token": said["refresh_token"], "token_type_hint": "refresh_token"}

    answer = house.call("auth_revoke", "POST", REVOKE, body, bearer=said["access_token"])

    assert (answer.status, answer.json()) == (200, {})
    assert house.last_line()["revoked"] is True
    assert active(house, said["access_token"])["reason"] == "revoked"
    assert reason(refresh(house, said["refresh_token"])) == "family_revoked"


def test_container_that_knew_the_token_learns_of_it_within_two_seconds(house: House) -> None:
    said = house.sign_in()
    validate = house.load("auth_validate")
    ask = {"token": said["access_token"]}
    assert house.call(validate, "POST", VALIDATE, ask).json()["active"]
    house.call("auth_revoke", "POST", REVOKE, {"token": said["access_token"]}, key=house.admin_key)

    with later(2.001):
        assert house.call(validate, "POST", VALIDATE, ask).json()["reason"] == "revoked"
    assert house.call(validate, "POST", VALIDATE, ask).json()["reason"] == "revoked", "never back"


def test_wrong_hint_is_forgiven_and_revoking_again_is_as_good_as_once(house: House) -> None:
    said = house.sign_in()
    body = {"token": said["refresh_token"], "token_type_hint": "access_token"}

    answers = [house.call("auth_revoke", "POST", REVOKE, body, key=house.admin_key) for _ in range(3)]

    assert [(answer.status, answer.json()) for answer in answers] == [(200, {})] * 3
    assert reason(refresh(house, said["refresh_token"])) == "family_revoked"


@pytest.mark.parametrize("token", ["", "x", "rt1.x", "a.b.c", "ü" * 50, "ek_dev_x", "A" * 60_000])
def test_what_is_no_token_needs_no_revocation(house: House, token: str) -> None:
    said = house.call("auth_revoke", "POST", REVOKE, {"token": token}, key=house.admin_key)

    assert (said.status, said.json()) == (200, {})
    assert house.last_line()["revoked"] is False


def test_generation_before_the_newest_can_end_the_session_too(house: House) -> None:
    """Whoever has any token of a session may end it: that can only help."""
    old = house.sign_in()["refresh_token"]
    new = refresh(house, old).json()["refresh_token"]

    house.call("auth_revoke", "POST", REVOKE, {"token": old}, key=house.admin_key)

    assert reason(refresh(house, new)) == "family_revoked"


def test_hint_of_no_kind_is_refused(house: House) -> None:
    body = {"token": "x", "token_type_hint": "cookie"}

    said = house.call("auth_revoke", "POST", REVOKE, body, key=house.admin_key)

    assert (said.status, said.json()["errors"][0]["pointer"]) == (422, "/token_type_hint")
