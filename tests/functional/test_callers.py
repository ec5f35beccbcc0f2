"""The guard, from the gateway's event: who is let in where, who is counted against what, and who is refused how."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.auth.apikeys.text import checksum, generate
from edge.auth.roles import SCOPES, Role
from tests.functional.auth_setup import OTHER_REGION, House, Weather, an_address, later, open_house, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.http_events import Answer

VALIDATE: Final = "/api/auth/validate"
CHECK: Final = "/api/ratelimit/check"
RESET: Final = "/api/ratelimit/reset"

# As the table in design/api.md has it: what is shown, and the status. 404 is what an administrator sees of no key.
EVERYBODY: Final = {"ADMIN": 200, "USER": 200, "GUEST": 200, "ANONYMOUS": 200}
MATRIX: Final[list[tuple[str, str, str, dict[str, Any] | None, dict[str, int]]]] = [
    ("auth_jwks", "GET", "/.well-known/jwks.json", None, EVERYBODY),
    ("auth_token", "POST", "/api/auth/token", None, {**EVERYBODY, "ANONYMOUS": 401}),
    ("auth_validate", "POST", VALIDATE, {}, EVERYBODY),
    ("auth_validate", "GET", VALIDATE, None, {**EVERYBODY, "ANONYMOUS": 401}),
    ("auth_refresh", "POST", "/api/auth/refresh", {"refresh_token": "x"}, dict.fromkeys(EVERYBODY, 401)),
    ("auth_revoke", "POST", "/api/auth/revoke", {"token": "x"}, {**EVERYBODY, "ANONYMOUS": 401}),
    ("ratelimit_check", "POST", CHECK, {"subject": "m"}, {**EVERYBODY, "GUEST": 403, "ANONYMOUS": 401}),
    *(
        (function, method, path, body, {"ADMIN": ok, "USER": 403, "GUEST": 403, "ANONYMOUS": 401})
        for function, method, path, body, ok in (
            ("ratelimit_check", "POST", RESET, {"subject": "m", "tier": "strict"}, 204),
            ("keys", "GET", "/api/keys", None, 200),
            ("keys", "POST", "/api/keys", {"name": "m", "role": "GUEST", "plan": "free"}, 201),
            ("keys", "GET", "/api/keys/0123456789ab", None, 404),
            ("keys", "DELETE", "/api/keys/0123456789ab", None, 404),
            ("keys", "POST", "/api/keys/0123456789ab/rotate", {}, 404),
        )
    ),
]


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


@pytest.fixture(scope="module")
def shown(house: House) -> dict[str, dict[str, Any]]:
    """Credentials of each role, by key and by token."""
    texts = {role: house.make_key(role).text for role in ("ADMIN", "USER", "GUEST")}
    tokens = {role: house.sign_in(text)["access_token"] for role, text in texts.items()}
    return {
        **{f"{role} by key": {"key": text} for role, text in texts.items()},
        **{f"{role} by token": {"bearer": token} for role, token in tokens.items()},
        "ANONYMOUS": {},
    }


@pytest.fixture(scope="module")
def who(house: House) -> Callable[..., Answer]:
    """Asks who a caller is."""

    def ask(**request: Any) -> Answer:
        return house.call("auth_validate", "GET", VALIDATE, **request)

    return ask


WHO: Final = (
    "ADMIN by key",
    "ADMIN by token",
    "USER by key",
    "USER by token",
    "GUEST by key",
    "GUEST by token",
)


@pytest.mark.parametrize("name", [*WHO, "ANONYMOUS"])
@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row[1]} {row[2]}")
def test_roles(house: House, shown: dict[str, dict[str, Any]], row: tuple[Any, ...], name: str) -> None:
    function, method, path, body, statuses = row
    expected = statuses[name.partition(" ")[0]]
    if path == "/api/auth/token" and name.endswith("token"):
        expected = 401
    if path == VALIDATE and method == "POST" and name.endswith("token"):
        expected = 200

    said = house.call(function, method, path, body, **shown[name])

    assert said.status == expected
    if expected == 403:
        assert reason(said) == "not_allowed"


@pytest.mark.parametrize("scope", sorted(SCOPES["ADMIN"]))
def test_key_of_one_scope_can_do_what_that_is_for_alone(house: House, scope: str) -> None:
    key = house.make_key("ADMIN", scopes=frozenset({scope})).text
    needs = [
        ("auth_token", "/api/auth/token", "auth:token"),
        ("auth_revoke", "/api/auth/revoke", "auth:revoke"),
        ("ratelimit_check", CHECK, "ratelimit:check"),
        ("ratelimit_check", RESET, "ratelimit:admin"),
        ("keys", "/api/keys", "keys:admin"),
    ]
    for function, path, needed in needs:
        said = house.call(function, "POST", path, {}, key=key)
        assert (said.status == 403) == (scope != needed)


def test_token_keeps_the_scopes_of_its_key(house: House) -> None:
    key = house.make_key("ADMIN", scopes=frozenset({"auth:token", "ratelimit:check"}))
    token = house.sign_in(key.text)["access_token"]

    assert house.call("ratelimit_check", "POST", CHECK, {"subject": "s"}, bearer=token).status == 200
    assert house.call("keys", "GET", "/api/keys", bearer=token).status == 403


def test_own_limits_need_the_right_to_set_them(house: House) -> None:
    for body in ({"subject": "s", "limit": 3}, {"subject": "s", "checks": [{"tier": "strict", "limit": 3}]}):
        said = house.call("ratelimit_check", "POST", CHECK, body, key=house.make_key("USER").text)
        assert (said.status, reason(said)) == (403, "not_allowed")
        assert house.call("ratelimit_check", "POST", CHECK, body, key=house.admin_key).status == 200


def retold(text: str, *, key_id: str | None = None, secret: str | None = None) -> str:
    """A key with another id or secret and the checksum that belongs to it: no secret, so anybody can make it."""
    prefix, env, old_id, rest = text.split("_")
    body = f"{prefix}_{env}_{key_id or old_id}_{secret or rest[:-6]}"
    return body + checksum(body.encode())


def test_each_reason_to_refuse_a_key(house: House, who: Callable[..., Answer]) -> None:
    good, other = house.make_key(), house.make_key()
    revoked = house.make_key()
    house.call("keys", "DELETE", f"/api/keys/{revoked.id}", key=house.admin_key)
    cases = {
        "": "malformed_key",
        "x": "malformed_key",
        good.text[:-1]: "malformed_key",
        good.text + "0": "malformed_key",
        good.text + " ": "malformed_key",
        " " + good.text: "malformed_key",
        f"{good.text}, {good.text}": "malformed_key",
        f"{good.text}\n": "malformed_key",
        good.text.swapcase(): "malformed_key",
        good.text[:-10] + ("0" if good.text[-10] != "0" else "1") + good.text[-9:]: "malformed_key",
        "ü" * 70: "malformed_key",
        "e" * 1_000_000: "malformed_key",
        retold(good.text, key_id="0" * 12): "unknown_key",
        retold(good.text, secret="0" * 43): "unknown_key",
        retold(good.text, secret=other.text.split("_")[3][:-6]): "unknown_key",
        retold(good.text, key_id=other.id): "unknown_key",
        retold(revoked.text, secret="0" * 43): "unknown_key",
        revoked.text: "key_revoked",
        house.make_key(expires_in=-1).text: "key_expired",
        house.make_key(env="live").text: "wrong_environment",
        generate("test", os.urandom).text: "wrong_environment",
        generate("dev", os.urandom).text: "unknown_key",
    }

    for text, why in cases.items():
        said = who(key=text)
        assert (said.status, reason(said)) == (401, why), text[:80]
        assert said.headers["www-authenticate"] == "Bearer"
        assert not any(name.startswith("x-auth-") for name in said.headers)
    assert who(key=good.text).status == 200


def test_production_takes_no_key_of_development(house: House) -> None:
    production = house.load("auth_validate", EDGE_STAGE="production")

    said = house.call(production, "GET", VALIDATE, key=house.admin_key)
    live = house.call(production, "GET", VALIDATE, key=house.make_key(env="live").text)

    assert (said.status, reason(said)) == (401, "wrong_environment")
    assert live.status == 200


def test_revoked_key_is_refused_within_two_seconds_where_it_was_known(
    house: House, who: Callable[..., Answer]
) -> None:
    key = house.make_key()
    assert who(key=key.text).status == 200

    assert house.call("keys", "DELETE", f"/api/keys/{key.id}", key=house.admin_key).status == 204

    with later(2.001):
        assert reason(who(key=key.text)) == "key_revoked"
    assert reason(who(key=key.text)) == "key_revoked", "never back"


def test_key_expires_while_it_is_known(house: House, who: Callable[..., Answer]) -> None:
    key = house.make_key(expires_in=60)
    assert who(key=key.text).status == 200

    with later(61):
        assert reason(who(key=key.text)) == "key_expired"


def test_what_an_authorization_header_may_say(house: House, who: Callable[..., Answer]) -> None:
    token = house.sign_in()["access_token"]
    header, payload, signature = token.split(".")
    cases = {
        f"Bearer {token}": None,
        f"bearer {token}": None,
        f"BEARER {token}": None,
        "Bearer": "malformed",
        "Bearer ": "malformed",
        f"Bearer  {token}": "malformed",
        f"Bearer {token} ": "malformed",
        f"Bearer {token}\t": "malformed",
        f"Bearer {token}\n": "malformed",
        f"Bearer {token}, Bearer {token}": "malformed",
        f"Bearer {token},": "malformed",
        f'Bearer "{token}"': "malformed",
        f"Bearer {header}.{payload}": "malformed",
        f"Bearer {header}.{payload}.": "malformed",
        f"Bearer {header}.{payload}.{'A' * len(signature)}": "bad_signature",
        f"Bearer {house.admin_key}": "malformed",
        "Bearer " + "A" * 1_000_000: "oversize",
        "Bearer ü.ü.ü": "malformed",
        f"Bearer\t{token}": "unknown_scheme",
        f"Bearer:{token}": "unknown_scheme",
        f" Bearer {token}": "unknown_scheme",
        token: "unknown_scheme",
        "": "unknown_scheme",
        "Basic dXNlcjpwYXNz": "unknown_scheme",
        "Digest username=x": "unknown_scheme",
        f"ApiKey {house.admin_key}": None,
        f"apikey {house.admin_key}": None,
        f"ApiKey  {house.admin_key}": "malformed_key",
        f"ApiKey {token}": "malformed_key",
        "ApiKey": "malformed_key",
        f"ApiKey:{house.admin_key}": "unknown_scheme",
        "ſBearer x": "unknown_scheme",
        "Basic e30=, Bearer " + token: "unknown_scheme",
    }

    for value, why in cases.items():
        said = who(headers={"authorization": value})
        if why is None:
            assert said.status == 200, value[:40]
        else:
            assert said.status == 401, value[:40]
            assert said.headers["www-authenticate"].startswith("Bearer")
            assert reason(said) == why, value[:40]


def test_refused_token_is_told_as_rfc_6750_says(who: Callable[..., Answer]) -> None:
    assert who(bearer="x").headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert who().headers["www-authenticate"] == "Bearer"


def test_two_credentials_are_none(house: House, who: Callable[..., Answer]) -> None:
    token = house.sign_in()["access_token"]
    both = who(key=house.admin_key, bearer=token)
    spelt_twice = who(headers={"x-api-key": house.admin_key, "X-API-Key": house.admin_key})
    tokens = who(headers={"authorization": f"Bearer {token}", "Authorization": f"Bearer {token}"})
    with_empty = who(key="", bearer=token)

    for said in (both, spelt_twice, tokens, with_empty):
        assert (said.status, reason(said)) == (401, "ambiguous_credentials")


def test_header_that_is_no_http_is_400(house: House) -> None:
    for headers in ({"x-api-key": "\ud800"}, {"authorization": "Bearer \udfff"}):
        said = house.call("auth_validate", "GET", VALIDATE, headers=headers)
        assert (said.status, reason(said)) == (400, "malformed_request")


SPOOFS: Final = [
    {"x-forwarded-for": "203.0.113.{n}"},
    {"x-forwarded-for": "203.0.113.{n}, 203.0.113.{n}"},
    {"x-real-ip": "203.0.113.{n}"},
    {"forwarded": "for=203.0.113.{n};proto=https"},
    {"forwarded": 'for="[2001:db8::{n}]"'},
    {"cloudfront-viewer-address": "203.0.113.{n}:443"},
    {"true-client-ip": "203.0.113.{n}"},
    {"x-client-ip": "203.0.113.{n}", "cf-connecting-ip": "203.0.113.{n}"},
    {"host": "h{n}.example", "user-agent": "{n}", "x-amzn-trace-id": "Root={n}", "cookie": "s={n}"},
    {"x-correlation-id": "{n}", "x-auth-subject": "{n}", "x-auth-role": "ADMIN"},
]


def left(said: Answer) -> int:
    return int(said.headers["x-ratelimit-remaining"])


def test_no_header_changes_whom_nobody_is_counted_against(house: House) -> None:
    address = an_address()

    remaining = [
        left(
            house.call(
                "auth_validate",
                "POST",
                VALIDATE,
                {},
                address=address,
                headers={name: value.format(n=number) for name, value in spoof.items()},
            )
        )
        for number, spoof in enumerate(SPOOFS)
    ]

    assert remaining == list(range(99, 99 - len(SPOOFS), -1))


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("198.51.100.7", "198.51.100.7", True),
        ("198.51.100.8", "198.51.100.9", False),
        ("2001:db8:1:1::1", "2001:db8:1:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:DB8:0001:0002::", True),
        ("2001:db8:1:3::1", "2001:db8:1:4::1", False),
        ("::ffff:198.51.100.10", "198.51.100.10", True),
        ("::ffff:c633:640b", "198.51.100.11", True),
        ("::ffff:198.51.100.12", "::ffff:198.51.100.13", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_network_is_what_is_counted(house: House, one: str, other: str, *, is_same: bool) -> None:
    first = left(house.call("auth_validate", "POST", VALIDATE, {}, address=one))
    second = left(house.call("auth_validate", "POST", VALIDATE, {}, address=other))

    assert second == (first - 1 if is_same else 99)


@pytest.mark.parametrize("source", ["not an address", "1.2.3", ":::", "::1::", "\x1fclient:x", "x" * 5_000])
def test_address_that_is_none_is_counted_all_the_same(house: House, source: str) -> None:
    """The gateway would not say such a thing; if it does, nobody gets in uncounted and nothing breaks."""
    said = house.call("auth_validate", "POST", VALIDATE, {}, address=source)

    assert said.status == 200
    assert left(said) <= 99


def test_hundred_and_first_call_of_nobody_is_429(house: House) -> None:
    address = an_address()
    statuses = [house.call("auth_validate", "POST", VALIDATE, {}, address=address).status for _ in range(101)]

    over = house.call("auth_validate", "POST", VALIDATE, {}, address=address)

    assert statuses == [200] * 100 + [429]
    assert over.json()["violated_policies"] == ["default"]
    assert over.headers["ratelimit-policy"] == '"default";q=100;w=60'
    assert 0 < int(over.headers["retry-after"]) <= 62, "a window and two of its grains"
    assert house.call("auth_validate", "POST", VALIDATE, {}).status == 200, (
        "other addresses are not concerned"
    )


@pytest.mark.parametrize("kind", ["key", "token", "scheme", "both", "nothing"])
def test_guessing_is_limited_by_address_and_good_callers_are_not(house: House, kind: str) -> None:
    address = an_address()

    def guess() -> Answer:
        ways: dict[str, dict[str, Any]] = {
            "key": {"key": generate("dev", os.urandom).text},
            "token": {"bearer": "a.b.c"},
            "scheme": {"headers": {"authorization": "Basic e30="}},
            "both": {"key": house.admin_key, "bearer": "x"},
            "nothing": {},
        }
        return house.call("ratelimit_check", "POST", CHECK, {"subject": "s"}, address=address, **ways[kind])

    statuses = [guess().status for _ in range(101)]
    over = guess()
    good = house.call(
        "ratelimit_check", "POST", CHECK, {"subject": "s"}, address=address, key=house.admin_key
    )

    assert statuses == [401] * 100 + [429]
    assert (reason(over), over.json()["violated_policies"]) == ("too_many_requests", ["default"])
    assert int(over.headers["retry-after"]) >= 1
    assert good.status == 200


def test_free_plan_ends_with_its_hundredth_call_however_it_is_spent(
    house: House, who: Callable[..., Answer]
) -> None:
    key = house.make_key("USER", "free")
    token = house.sign_in(key.text)["access_token"]
    seen = []
    for number in range(99):
        shown = {"key": key.text} if number % 3 else {"bearer": token}
        said = who(**shown)
        assert said.status == 200
        seen.append(left(said))
    assert seen == list(range(98, -1, -1)), "the sign-in was the first"

    for shown in ({"key": key.text}, {"bearer": token}):
        over = who(**shown)
        assert (over.status, reason(over)) == (429, "too_many_requests")
        assert over.json()["violated_policies"] == ["plan:free"]
        assert over.headers["ratelimit-policy"] == '"plan:free";q=100;w=86400'
        assert over.headers["ratelimit"].startswith('"plan:free";r=0;t=')
        assert (over.headers["x-ratelimit-limit"], over.headers["x-ratelimit-remaining"]) == ("100", "0")
        assert 80_000 < int(over.headers["retry-after"]) <= 86_400 + 2 * 3_600
        assert not any(name.startswith("x-auth-") for name in over.headers)
    refused = house.call("auth_token", "POST", "/api/auth/token", key=key.text)
    assert refused.status == 429, "a new token is no way around"


def test_call_that_the_key_may_not_make_counts_against_its_plan(house: House) -> None:
    key = house.make_key("GUEST", "free")

    statuses = [
        house.call("ratelimit_check", "POST", "/api/ratelimit/check", {"subject": "s"}, key=key.text).status
        for _ in range(102)
    ]

    assert statuses == [403] * 100 + [429] * 2


def test_plan_that_one_region_has_used_up_is_over_in_another(
    house: House, who: Callable[..., Answer]
) -> None:
    text, _ = exhausted(house, who)
    elsewhere = house.load("auth_validate", AWS_REGION=OTHER_REGION)

    with later(1.1):
        said = [house.call(elsewhere, "GET", VALIDATE, key=text).status for _ in range(30)]

    assert said.count(200) <= 5, "what was not published yet, a twentieth of the limit"
    assert said[-1] == 429


@pytest.mark.parametrize(("plan", "limit"), [("free", 100), ("pro", 1_000), ("team", 10_000)])
def test_answers_tell_the_plan(house: House, who: Callable[..., Answer], plan: Any, limit: int) -> None:
    said = who(key=house.make_key("GUEST", plan).text)

    assert said.headers["ratelimit-policy"] == f'"plan:{plan}";q={limit};w=86400'
    assert (said.headers["x-ratelimit-limit"], left(said)) == (str(limit), limit - 1)


def test_two_keys_have_two_quotas(house: House, who: Callable[..., Answer]) -> None:
    for _ in range(2):
        assert left(who(key=house.make_key("USER", "free").text)) == 99


def test_enterprise_is_unlimited_and_costs_no_write_to_count(house: House) -> None:
    key = house.make_key("USER", "enterprise")
    with Weather(house.environ["AWS_ENDPOINT_URL"]) as weather:
        function = house.load("auth_validate", AWS_ENDPOINT_URL=weather.url)
        for _ in range(105):
            said = house.call(function, "GET", VALIDATE, key=key.text)
            assert said.status == 200
            assert "x-ratelimit-limit" not in said.headers
        rate = [seen for seen in weather.seen if b"rate-windows" in seen or b"rate-usage" in seen]
        assert rate == []
        assert len(weather.seen) <= 4, "the key every two seconds, its last use once a minute"


def exhausted(house: House, who: Callable[..., Answer]) -> tuple[str, str]:
    """A free key that has nothing left, and its id."""
    key = house.make_key("USER", "free")
    for _ in range(100):
        assert who(key=key.text).status == 200
    assert who(key=key.text).status == 429
    return key.text, key.id


def test_no_subject_reaches_a_quota(house: House, who: Callable[..., Answer]) -> None:
    text, key_id = exhausted(house, who)
    fresh = house.make_key("USER", "free")
    names = [
        name
        for known in (key_id, fresh.id)
        for name in (
            f"\x1fclient:{known}",
            f"client:{known}",
            f"\u241fclient:{known}",
            f"\\x1fclient:{known}",
            f"=\x1fclient:{known}",
            f"%1Fclient:{known}",
            f" client:{known}",
            known,
        )
    ]

    for name in names:
        for scope in ("global", "region"):
            spend = {"subject": name, "tier": "plan:free", "cost": 100, "scope": scope}
            look = {"subject": name, "tier": "plan:free", "peek": True, "scope": scope}
            forged = "\x1f" in name
            peeked = house.call("ratelimit_check", "POST", CHECK, look, key=house.admin_key)
            spent = house.call("ratelimit_check", "POST", CHECK, spend, key=house.admin_key)
            if forged:
                assert peeked.status == spent.status == 422
                assert spent.json()["errors"][0]["reason"] == "subject_control_character"
            else:
                assert (peeked.status, peeked.json()["remaining"], spent.status) == (200, 100, 200)
        reset = house.call(
            "ratelimit_check", "POST", RESET, {"subject": name, "tier": "plan:free"}, key=house.admin_key
        )
        assert reset.status == (422 if "\x1f" in name else 204)
    nested = {"subject": "s", "checks": [{"tier": "plan:free", "subject": f"\x1fclient:{fresh.id}"}]}
    assert house.call("ratelimit_check", "POST", CHECK, nested, key=house.admin_key).status == 422

    another = house.load("auth_validate")
    assert house.call(another, "GET", VALIDATE, key=text).status == 429, "nothing was given back"
    assert left(house.call(another, "GET", VALIDATE, key=fresh.text)) == 99, "and nothing was taken"


def test_no_subject_reaches_the_count_of_an_address(house: House) -> None:
    address = f"10.99.{uuid.uuid4().bytes[0]}.{uuid.uuid4().bytes[0]}"
    first = left(house.call("auth_validate", "POST", VALIDATE, {}, address=address))

    for name in (f"address:{address}", address, f"\x1faddress:{address}"):
        body = {"subject": name, "cost": 100}
        house.call("ratelimit_check", "POST", CHECK, body, key=house.admin_key)
        house.call(
            "ratelimit_check", "POST", RESET, {"subject": name, "tier": "default"}, key=house.admin_key
        )

    assert left(house.call("auth_validate", "POST", VALIDATE, {}, address=address)) == first - 1


@pytest.mark.parametrize("role", ["ADMIN", "USER", "GUEST"])
def test_last_use_is_noted(house: House, who: Callable[..., Answer], role: Role) -> None:
    key = house.make_key(role)
    who(key=key.text)

    document = house.call("keys", "GET", f"/api/keys/{key.id}", key=house.admin_key).json()

    assert document["last_used_at"] is not None
    assert document["last_used_at"] % 60 == 0


def test_refused_key_is_not_noted_as_used(house: House, who: Callable[..., Answer]) -> None:
    key = house.make_key()
    who(key=retold(key.text, secret="0" * 43))

    assert (
        house.call("keys", "GET", f"/api/keys/{key.id}", key=house.admin_key).json()["last_used_at"] is None
    )
