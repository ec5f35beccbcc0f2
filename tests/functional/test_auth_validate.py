"""``/api/auth/validate``: introspection by POST, forward-auth by GET, and tokens of every hostile kind."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast, get_args

import pytest

from edge.auth.roles import SCOPES, scope_text
from edge.auth.tokens.problems import RefusalReason
from edge.auth.tokens.strict_json import decode_object
from edge.versioned_secrets import new_versioned
from tests.functional.auth_setup import House, claims_of, later, open_house, reason, stopped_at
from tests.unit.auth.tokens import attacks, attacks_in_earnest
from tests.unit.auth.tokens.forge import AUDIENCE, ISSUER, NOW, Forge, forge_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from edge.auth.tokens.jwk import Algorithm
    from tests.http_events import Answer
    from tests.unit.auth.tokens.attacks import Attack

PATH: Final = "/api/auth/validate"
MOST_MS: Final = 50
EVERY: Final = 9
"""Of the frame's corpus, every ninth goes over HTTP: more than sixty for an algorithm."""

NO_ATTACK_HERE: Final = "confusion/key-of-an-algorithm-that-is-not-accepted"
"""The service accepts every algorithm that a key of its ring has, so this one is a good token."""

CORPUS: Final = [
    *attacks.none_attacks(),
    *attacks.confusion_attacks(),
    *attacks.kid_attacks(),
    *attacks.embedded_key_attacks(),
    *attacks.signature_attacks(),
    *attacks.framing_attacks(),
    *attacks.encoding_attacks(),
    *attacks_in_earnest.json_attacks(),
    *attacks_in_earnest.type_attacks(),
    *attacks_in_earnest.time_attacks(),
    *attacks_in_earnest.identity_attacks(),
    *attacks_in_earnest.party_attacks(),
    *attacks_in_earnest.role_attacks(),
    *attacks_in_earnest.size_attacks(),
]


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


@pytest.fixture(scope="module")
def token(house: House) -> str:
    return str(house.sign_in(house.make_key("USER", "pro").text)["access_token"])


def ask(house: House, body: object = None, **request: Any) -> dict[str, Any]:
    said = house.call("auth_validate", "POST", PATH, {} if body is None else body, **request)
    assert said.status == 200
    document: dict[str, Any] = said.json()
    return document


def inactive(why: str) -> dict[str, object]:
    return {"active": False, "role": "ANONYMOUS", "reason": why}


def test_good_token_is_told_with_every_member(house: House, token: str) -> None:
    claims = claims_of(token)

    document = ask(house, {"token": token})

    as_of = document.pop("revocation_as_of")
    assert document == {
        "active": True,
        "sub": claims["sub"],
        "client_id": claims["client_id"],
        "role": "USER",
        "scope": scope_text(SCOPES["USER"]),
        "iss": "kaizen-edge",
        "aud": "kaizen-edge-api",
        "exp": claims["exp"],
        "iat": claims["iat"],
        "jti": claims["jti"],
        "family": claims["family"],
        "permitted": True,
    }
    assert time.time() - as_of == pytest.approx(0, abs=5)
    assert house.last_line()["active"] is True


def test_token_of_the_header_is_meant_where_the_body_names_none(house: House, token: str) -> None:
    in_header = ask(house, {}, bearer=token)
    in_body = ask(house, {"token": token}, bearer="something else")

    assert in_header["jti"] == in_body["jti"] == claims_of(token)["jti"]
    assert ask(house, {"token": "x"}, bearer=token) == inactive("malformed"), "the body's token comes first"
    assert ask(house, {"token": ""}, bearer=token) == inactive("malformed"), "and an empty one is one"


def test_header_of_who_asks_is_not_in_the_way_of_the_body(house: House, token: str) -> None:
    headers = {"authorization": "Basic dXNlcjpwYXNz"}

    assert ask(house, {"token": token}, headers=headers)["active"]


def test_no_token_is_inactive(house: House) -> None:
    assert ask(house, {}) == inactive("missing")
    assert ask(house, {"token": None}) == inactive("missing")
    assert house.last_line()["active"] is False


def test_other_scheme_without_a_token_is_401(house: House) -> None:
    said = house.call("auth_validate", "POST", PATH, {}, headers={"authorization": "Basic e30="})

    assert (said.status, reason(said)) == (401, "unknown_scheme")


def test_refusal_tells_nothing_of_the_token(house: House, token: str) -> None:
    with later(86_401):
        assert ask(house, {"token": token}) == inactive("expired")
    with later(-3_600):
        assert ask(house, {"token": token}) == inactive("not_yet_valid")
    assert ask(house, {"token": token[:-4] + "AAAA"}) == inactive("bad_signature")
    assert ask(house, {"token": token, "audience": "others"}) == inactive("wrong_audience")
    assert ask(house, {"token": token, "audience": ""}) == inactive("wrong_audience")
    assert ask(house, {"token": token, "audience": "kaizen-edge-api"})["active"]


@pytest.mark.parametrize(
    ("asked", "permitted"),
    [
        ({"required_role": "USER"}, True),
        ({"required_role": "GUEST"}, True),
        ({"required_role": "ADMIN"}, False),
        ({"required_scopes": []}, True),
        ({"required_scopes": ["geo:route"]}, True),
        ({"required_scopes": ["geo:route", "sign:request"]}, True),
        ({"required_scopes": ["keys:admin"]}, False),
        ({"required_scopes": ["geo:route", "keys:admin"]}, False),
        ({"required_scopes": ["geo:route sign:request"]}, False),
        ({"required_scopes": [""]}, False),
        ({"required_scopes": ["GEO:ROUTE"]}, False),
        ({"required_scopes": ["geo:*"]}, False),
        ({"required_role": "ADMIN", "required_scopes": ["geo:route"]}, False),
        ({"required_role": "USER", "required_scopes": ["keys:admin"]}, False),
    ],
    ids=json.dumps,
)
def test_permitted(house: House, token: str, asked: dict[str, Any], *, permitted: bool) -> None:
    document = ask(house, {"token": token, **asked})

    assert (document["active"], document["permitted"]) == (True, permitted)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"required_role": "ANONYMOUS"}, "/required_role"),
        ({"required_role": "admin"}, "/required_role"),
        ({"required_scopes": "geo:route"}, "/required_scopes"),
        ({"required_scopes": [1]}, "/required_scopes/0"),
        ({"required_scopes": ["x"] * 65}, "/required_scopes"),
        ({"token": 1}, "/token"),
        ({"audience": ["a"]}, "/audience"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_question_that_is_none(house: House, body: object, pointer: str) -> None:
    said = house.call("auth_validate", "POST", PATH, body)

    assert (said.status, said.json()["errors"][0]["pointer"]) == (422, pointer)


def test_unknown_keys_come_with_a_known_role_alone(house: House, token: str) -> None:
    """A wrong key is refused by the guard: what is asked about is the token, who asks is the key."""
    said = house.call("auth_validate", "POST", PATH, {"token": token}, key="nonsense")

    assert (said.status, reason(said)) == (401, "malformed_key")
    assert ask(house, {"token": token}, key=house.make_key("GUEST").text)["active"]


@pytest.fixture(scope="module")
def misused(house: House) -> dict[str, ModuleType]:
    """Containers whose keys the attacker of the corpus has got hold of, one for each algorithm."""
    containers = {}
    for alg in ("HS256", "RS256", "ES256", "EdDSA"):
        forge = forge_of(alg)
        text = json.dumps({**decode_object(forge.document.encode()), "refresh_keys": [new_versioned(1)]})
        containers[alg] = house.load(
            "auth_validate",
            AUTH_SECRET=house.new_secret(f"forge-{alg}", text=text),
            TOKEN_ISSUER=ISSUER,
            TOKEN_AUDIENCE=AUDIENCE,
        )
    return containers


def timed(ask: Callable[[], Answer]) -> tuple[Answer, float]:
    started = time.thread_time()
    said = ask()
    return said, time.thread_time() - started


@pytest.mark.parametrize("alg", ["HS256", "RS256", "ES256", "EdDSA"])
def test_hostile_tokens_are_inactive_for_their_own_reason_and_soon(
    house: House, misused: dict[str, ModuleType], alg: Algorithm
) -> None:
    forge = forge_of(alg)
    corpus = [(attack, text) for attack in CORPUS if (text := built(attack, forge)) is not None][::EVERY]
    assert len(corpus) >= 60
    slowest = 0.0
    with stopped_at(NOW):
        good = house.call(misused[alg], "POST", PATH, {"token": forge.token()})
        assert good.json()["active"], "the keys are good, so what follows is refused for what it is"
        for attack, text in corpus:
            ask = partial(house.call, misused[alg], "POST", PATH, {"token": text})
            said, took = timed(ask)
            if took * 1_000 >= MOST_MS:  # it may have imported an algorithm, or met the garbage collector
                said, took = timed(ask)
            slowest = max(slowest, took)
            assert said.status == 200, attack.name
            document = said.json()
            assert document == inactive(document["reason"]), attack.name
            assert document["reason"] in attack.reasons, attack.name
            assert document["reason"] in get_args(RefusalReason)
    assert slowest * 1_000 < MOST_MS


def test_hostile_tokens_open_no_door(house: House, misused: dict[str, ModuleType]) -> None:
    forge = forge_of("ES256")
    texts = [text for attack in CORPUS if (text := built(attack, forge)) is not None][:: EVERY * 2]
    with stopped_at(NOW):
        good = house.call(misused["ES256"], "GET", PATH, bearer=forge.token())
        assert (good.status, good.headers["x-auth-subject"]) == (200, "user-42")
        for text in texts:
            said = house.call(misused["ES256"], "GET", PATH, bearer=text)
            assert said.status == 401
            assert not any(name.startswith("x-auth-") for name in said.headers)


def built(attack: Attack, forge: Forge) -> str | None:
    """The token of *attack*, if JSON in UTF-8 can carry it."""
    if forge.alg not in attack.algorithms or attack.name == NO_ATTACK_HERE:
        return None
    text = attack.build(forge)
    if not isinstance(text, str) or any("\ud800" <= letter <= "\udfff" for letter in text):
        return None
    return text if len(text) < 60_000 else None


def forward(house: House, query: str = "", **shown: Any) -> Answer:
    return house.call("auth_validate", "GET", PATH, query=query, **shown)


def test_forward_auth_tells_the_service_behind_who_it_is(house: House, token: str) -> None:
    key = house.make_key("GUEST", "free")
    by_key, by_token = forward(house, key=key.text), forward(house, bearer=token)

    assert (by_key.status, by_key.body) == (by_token.status, by_token.body) == (200, b"")
    for said, subject, role, kind in (
        (by_key, key.id, "GUEST", "key"),
        (by_token, claims_of(token)["sub"], "USER", "token"),
    ):
        told = {name: value for name, value in said.headers.items() if name.startswith("x-auth-")}
        assert told == {
            "x-auth-subject": subject,
            "x-auth-client": subject,
            "x-auth-role": role,
            "x-auth-scope": scope_text(SCOPES[cast("Any", role)]),
            "x-auth-kind": kind,
        }
        assert "no-store" in said.headers["cache-control"], "a proxy that keeps it lets in who was revoked"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("required_role=USER", 200),
        ("required_role=GUEST", 200),
        ("required_role=ADMIN", 403),
        ("required_scopes=geo:route", 200),
        ("required_scopes=geo%3Aroute", 200),
        ("required_scopes=geo:route+sign:request", 200),
        ("required_scopes=geo:route%20sign:request", 200),
        ("required_scopes=geo:route,sign:request", 403),
        ("required_scopes=keys:admin", 403),
        ("required_scopes=geo:route%20keys:admin", 403),
        ("required_scopes=%00", 403),
        ("required_scopes=geo:route%00", 403),
        ("required_scopes=" + "x%20" * 5_000, 422),
        ("required_scopes=" + "x" * 1_025, 422),
        ("required_role=ANONYMOUS", 422),
        ("required_role=admin", 422),
        ("required_role=", 422),
        ("required_role=ADMIN%00", 422),
        ("required_role=%F0%28%8C%28", 422),
        ("required_role=%ED%A0%80", 422),
        ("required_role[]=ADMIN", 422),
        ("required_scope=keys:admin", 422),
        ("Required_Role=ADMIN", 422),
        ("x=1", 422),
        ("&".join(f"a{number}=1" for number in range(3_000)), 422),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_the_route_requires(house: House, token: str, query: str, status: int) -> None:
    said = forward(house, query, bearer=token)

    assert said.status == status
    assert any(name.startswith("x-auth-") for name in said.headers) == (status == 200)


@pytest.mark.parametrize(
    "query",
    [
        "required_role=ADMIN&required_role=GUEST",
        "required_role=GUEST&required_role=ADMIN",
        "required_scopes=keys:admin&required_scopes=geo:route",
        "required_scopes=geo:route&required_scopes=keys:admin",
    ],
)
def test_requirement_that_is_stated_twice_is_not_met_by_one_of_them(
    house: House, token: str, query: str
) -> None:
    """A proxy that adds its requirement to a query that a client wrote must not be talked out of it."""
    assert forward(house, query, bearer=token).status in (403, 422)


def test_nobody_is_401_whatever_is_required(house: House) -> None:
    for query in ("", "required_role=GUEST", "required_scopes=geo:route", "required_scopes="):
        said = forward(house, query)
        assert (said.status, reason(said)) == (401, "not_authenticated")


def test_headers_of_the_asker_do_not_come_back(house: House, token: str) -> None:
    said = house.call(
        "auth_validate",
        "GET",
        PATH,
        headers={"authorization": f"Bearer {token}", "x-auth-role": "ADMIN", "x-auth-subject": "root"},
    )

    assert (said.headers["x-auth-role"], said.headers["x-auth-subject"]) == ("USER", claims_of(token)["sub"])
