"""Callers and tokens while tables, regions or the secret are gone: answered in time, and nothing half-written."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.auth.roles import SCOPES
from edge.breaker import FAILURES_TO_OPEN
from infra.local.emulator import free_port
from tests import faults
from tests.functional.auth_setup import OTHER_REGION, House, Weather, claims_of, later, open_house, reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.http_events import Answer

VALIDATE: Final = "/api/auth/validate"
TOKEN: Final = "/api/auth/token"
REFRESH: Final = "/api/auth/refresh"
REVOKE: Final = "/api/auth/revoke"
CHECK: Final = "/api/ratelimit/check"

NOISE_SECONDS: Final = 0.7
"""How much longer an answer may take on a busy machine before the test says that the budget did not hold."""


@pytest.fixture(scope="module")
def weather(ministack_environment: dict[str, str]) -> Iterator[Weather]:
    with Weather(ministack_environment["AWS_ENDPOINT_URL"]) as weather:
        yield weather


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str, weather: Weather) -> Iterator[House]:
    """Its functions are behind the weather; its own client is not."""
    for house in open_house(ministack_environment, admin_key):
        house.environ["AWS_ENDPOINT_URL"] = weather.url
        yield house


def nowhere() -> dict[str, str]:
    return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}


def unavailable(said: Answer, why: str = "dependency_unavailable") -> bool:
    return (said.status, reason(said)) == (503, why) and int(said.headers["retry-after"]) >= 1


def active(house: House, token: str, function: ModuleType | None = None) -> dict[str, Any]:
    said = house.call(function or house.load("auth_validate"), "POST", VALIDATE, {"token": token})
    assert said.status == 200
    document: dict[str, Any] = said.json()
    return document


# Tokens


def test_token_is_judged_by_its_signature_while_revocations_are_unknown(
    house: House, weather: Weather
) -> None:
    function = house.load("auth_validate")
    session = house.sign_in()
    known, unknown = session["access_token"], house.sign_in()["access_token"]
    as_of = active(house, known, function)["revocation_as_of"]

    with weather.storm(faults.RESET, b"DynamoDB"), later(60):
        old, never = active(house, known, function), active(house, unknown, function)
        bad = active(house, unknown[:-4] + "AAAA", function)
        by_header = house.call(function, "GET", VALIDATE, bearer=unknown)

    assert (old["active"], old["revocation_as_of"]) == (True, as_of), "as old as it is"
    assert (never["active"], never["revocation_as_of"]) == (True, None), "never read"
    assert bad == {"active": False, "role": "ANONYMOUS", "reason": "bad_signature"}
    assert (by_header.status, by_header.headers["x-auth-role"]) == (200, "ADMIN")


def test_what_was_revoked_stays_revoked_without_the_table(house: House, weather: Weather) -> None:
    function = house.load("auth_validate")
    token = house.sign_in()["access_token"]
    house.call("auth_revoke", "POST", REVOKE, {"token": token}, key=house.admin_key)
    assert active(house, token, function)["reason"] == "revoked"

    with weather.storm(faults.RESET, b"DynamoDB"), later(3_600):
        assert active(house, token, function)["reason"] == "revoked"


def test_closed_to_doubt_it_answers_503(house: House, weather: Weather) -> None:
    function = house.load("auth_validate", REVOCATION_FAIL_CLOSED="true")
    session = house.sign_in()
    assert active(house, session["access_token"], function)["active"]

    with weather.storm(faults.RESET, b"DynamoDB"), later(60):
        asked = house.call(function, "POST", VALIDATE, {"token": session["access_token"]})
        shown = house.call(function, "GET", VALIDATE, bearer=session["access_token"])
        bad = house.call(function, "POST", VALIDATE, {"token": "x"})
    assert unavailable(asked)
    assert unavailable(shown)
    assert not any(name.startswith("x-auth-") for name in shown.headers)
    assert (bad.status, bad.json()["reason"]) == (200, "malformed"), "this needs nobody"


@pytest.mark.parametrize("fault", [faults.HANG, faults.THROTTLE, faults.CLOSE], ids=lambda fault: fault.name)
def test_sick_table_is_not_waited_for_again_and_again(
    house: House, weather: Weather, fault: faults.Fault
) -> None:
    function = house.load("auth_validate")
    tokens = [house.sign_in()["access_token"] for _ in range(FAILURES_TO_OPEN + 3)]
    active(house, tokens[0], function)

    with weather.storm(fault, b"BatchGetItem"):
        for token in tokens[1:-2]:
            assert active(house, token, function)["active"]
        asked = len(weather.seen)
        marks = [active(house, token, function)["revocation_as_of"] for token in tokens[-2:]]
        assert marks == [None, None]
        assert not any(b"BatchGetItem" in seen for seen in weather.seen[asked:]), "the circuit is open"


# API keys


def test_key_that_is_known_goes_on_for_as_long_as_is_set(house: House, weather: Weather) -> None:
    key, stranger = house.make_key(), house.make_key()
    function = house.load("auth_validate", KEY_STALE_SECONDS="300")
    assert house.call(function, "GET", VALIDATE, key=key.text).status == 200
    wrong = key.text.replace(key.id, stranger.id)

    with weather.storm(faults.RESET, b"kaizen-edge-global-keys"):
        with later(290):
            assert house.call(function, "GET", VALIDATE, key=key.text).status == 200
            assert unavailable(house.call(function, "GET", VALIDATE, key=stranger.text))
            assert house.call(function, "GET", VALIDATE, key=wrong).status == 401
        with later(301):
            assert unavailable(house.call(function, "GET", VALIDATE, key=key.text))


def test_none_goes_on_where_that_is_not_wanted(house: House, weather: Weather) -> None:
    key = house.make_key()
    function = house.load("auth_validate", KEY_STALE_SECONDS="0")
    assert house.call(function, "GET", VALIDATE, key=key.text).status == 200

    with weather.storm(faults.RESET, b"kaizen-edge-global-keys"), later(2.001):
        assert unavailable(house.call(function, "GET", VALIDATE, key=key.text))


def test_stranger_to_a_cold_container_is_told_to_come_back_and_not_that_he_is_wrong(house: House) -> None:
    function = house.load("auth_validate", **nowhere())

    said = house.call(function, "GET", VALIDATE, key=house.admin_key)

    assert unavailable(said)
    assert house.call(function, "GET", VALIDATE, key="nonsense").status == 401


def test_note_of_last_use_that_fails_fails_nothing(house: House, weather: Weather) -> None:
    key = house.make_key()
    function = house.load("auth_validate")

    with weather.storm(faults.RESET, b"UpdateItem", b"PutItem"):
        assert house.call(function, "GET", VALIDATE, key=key.text).status == 200


# What writes


def test_sign_in_without_the_table_gives_nothing(house: House, weather: Weather) -> None:
    function = house.load("auth_token")
    house.sign_in(function=function)

    with weather.storm(faults.RESET, b"kaizen-edge-global-sessions"):
        said = house.call(function, "POST", TOKEN, key=house.admin_key)

    assert unavailable(said)
    assert b"token" not in said.body.replace(b"/problems/", b"")


def test_sign_in_whose_first_answer_is_lost_is_one(house: House, weather: Weather) -> None:
    function = house.load("auth_token")
    house.sign_in(function=function)
    before = len(weather.seen)

    with weather.storm(weather.lost_answer, b"DynamoDB_20120810.PutItem"):
        said = house.call(function, "POST", TOKEN, key=house.admin_key)

    assert unavailable(said), "both of its answers were lost"
    bodies = [seen.partition(b"\r\n\r\n")[2] for seen in weather.seen[before:] if b".PutItem" in seen]
    puts = {body for body in bodies if b"-sessions" in body}
    assert len(puts) == 1, "tried again, it is the same family"
    assert house.sign_in(function=function)["refreshes_remaining"] == 5


def refresh(house: House, function: ModuleType, token: str) -> Answer:
    return house.call(function, "POST", REFRESH, {"refresh_token": token})


def test_refresh_without_the_home_is_503_and_has_not_happened(house: House, weather: Weather) -> None:
    function = house.load("auth_refresh", REFRESH_GRACE_SECONDS="0")
    session = house.sign_in()
    family = claims_of(session["access_token"])["family"]
    before = house.family_item(family)

    with weather.storm(faults.RESET, b"kaizen-edge-global-sessions"):
        said = refresh(house, function, session["refresh_token"])

    assert unavailable(said, "home_unavailable")
    assert house.last_line()["home"] == "cdg1"
    assert house.family_item(family) == before
    assert refresh(house, function, session["refresh_token"]).status == 200


def test_refresh_elsewhere_tells_which_home_is_gone(house: House, weather: Weather) -> None:
    function = house.load("auth_refresh", AWS_REGION=OTHER_REGION)
    at_home = house.sign_in()
    here = house.sign_in(function=house.load("auth_token", AWS_REGION=OTHER_REGION))

    with weather.storm(faults.RESET, b"/eu-west-3/dynamodb/"):
        gone = refresh(house, function, at_home["refresh_token"])
        alive = refresh(house, function, here["refresh_token"])
        still = house.call("auth_jwks", "GET", "/.well-known/jwks.json")

    assert unavailable(gone, "home_unavailable")
    assert (alive.status, still.status) == (200, 200)
    validate = house.load("auth_validate", AWS_REGION=OTHER_REGION)
    with weather.storm(faults.RESET, b"/eu-west-3/dynamodb/"):
        assert active(house, at_home["access_token"], validate)["active"], "valid everywhere"


def test_refresh_whose_answers_were_lost_can_be_asked_again(house: House, weather: Weather) -> None:
    function = house.load("auth_refresh")
    session = house.sign_in()
    family = claims_of(session["access_token"])["family"]

    with weather.storm(weather.lost_answer, b"DynamoDB_20120810.UpdateItem"):
        lost = refresh(house, function, session["refresh_token"])
    moved = house.family_item(family)
    again = refresh(house, function, session["refresh_token"])

    assert unavailable(lost, "home_unavailable")
    assert moved is not None
    assert moved["gen"] == {"N": "1"}, "it had happened"
    assert (again.status, again.json()["refreshes_remaining"]) == (200, 4)
    assert house.family_item(family) == moved


def test_marks_that_cannot_be_read_keep_the_successor_back(house: House, weather: Weather) -> None:
    """It might be revoked; the same request later tells."""
    function = house.load("auth_refresh")
    session = house.sign_in()

    with weather.storm(faults.RESET, b"BatchGetItem"):
        said = refresh(house, function, session["refresh_token"])

    assert unavailable(said, "home_unavailable")
    assert refresh(house, function, session["refresh_token"]).status == 200


def test_revocation_that_cannot_be_written_is_not_called_done(house: House, weather: Weather) -> None:
    function = house.load("auth_revoke")
    session = house.sign_in()
    assert house.call(function, "POST", REVOKE, {"token": "x"}, key=house.admin_key).status == 200

    with weather.storm(faults.RESET, b"kaizen-edge-global-sessions"):
        for token in (session["access_token"], session["refresh_token"]):
            assert unavailable(house.call(function, "POST", REVOKE, {"token": token}, key=house.admin_key))
    assert active(house, session["access_token"])["active"]
    assert (
        house.call(function, "POST", REVOKE, {"token": session["refresh_token"]}, key=house.admin_key).status
        == 200
    )
    assert active(house, session["access_token"])["reason"] == "revoked"


def test_keys_are_not_managed_without_their_table(house: House, weather: Weather) -> None:
    function = house.load("keys")
    made = house.make_key()

    def manage(method: str, path: str = "", body: object = None) -> Answer:
        return house.call(function, method, f"/api/keys{path}", body, key=house.admin_key)

    assert manage("GET").status == 200
    ask: list[tuple[str, str, object]] = [
        ("POST", "", {"name": "n", "role": "GUEST", "plan": "free"}),
        ("GET", "", None),
        ("GET", f"/{made.id}", None),
        ("DELETE", f"/{made.id}", None),
        ("POST", f"/{made.id}/rotate", {}),
    ]
    with weather.storm(faults.RESET, b"kaizen-edge-global-keys"):
        for method, path, body in ask:
            assert unavailable(manage(method, path, body))
    document = manage("GET", f"/{made.id}").json()
    assert (document["version"], document["revoked_at"]) == (1, None)


def test_rotation_whose_answers_were_lost_leaves_the_old_secret_good(house: House, weather: Weather) -> None:
    function = house.load("keys")
    made = house.make_key()
    path = f"/api/keys/{made.id}"
    assert house.call(function, "GET", path, key=house.admin_key).status == 200

    with weather.storm(weather.lost_answer, b"DynamoDB_20120810.PutItem"):
        said = house.call(function, "POST", f"{path}/rotate", {}, key=house.admin_key)

    assert said.status in (200, 503)
    assert house.call(house.load("auth_validate"), "GET", VALIDATE, key=made.text).status == 200


# The secret


@pytest.mark.parametrize("function", ["auth_jwks", "auth_validate", "auth_refresh", "auth_token"])
def test_secret_that_is_gone_before_its_first_use(house: House, weather: Weather, function: str) -> None:
    token = house.sign_in()
    requests: dict[str, dict[str, Any]] = {
        "auth_jwks": {"method": "GET", "path": "/.well-known/jwks.json"},
        "auth_validate": {"method": "POST", "path": VALIDATE, "body": {"token": token["access_token"]}},
        "auth_refresh": {
            "method": "POST",
            "path": REFRESH,
            "body": {"refresh_token": token["refresh_token"]},
        },
        "auth_token": {"method": "POST", "path": TOKEN, "key": house.admin_key},
    }
    cold = house.load(function)

    with weather.storm(faults.RESET, b"secretsmanager"):
        for _ in range(2):
            said = house.call(cold, **requests[function])
            assert unavailable(said, "keys_unavailable")
    with later(6):
        assert house.call(cold, **requests[function]).status == 200, "and it is over when it is over"


def test_secret_that_is_gone_later_is_remembered_for_a_day(house: House, weather: Weather) -> None:
    function = house.load("auth_token")
    house.sign_in(function=function)

    with weather.storm(faults.RESET, b"secretsmanager"):
        with later(86_000):
            assert house.sign_in(function=function)["refreshes_remaining"] == 5
        with later(86_500):
            assert unavailable(house.call(function, "POST", TOKEN, key=house.admin_key), "keys_unavailable")


GARBAGE: Final = {
    "not-json": "LEAK-ME-NOT {",
    "empty": " ",
    "no-keys": '{"token_keys":[],"x":"LEAK-ME-NOT"}',
    "duplicate": '{"token_keys":[],"token_keys":["LEAK-ME-NOT"]}',
    "not-an-object": '["LEAK-ME-NOT"]',
    "bad-entry": '{"token_keys":[{"kid":"LEAK-ME-NOT"}]}',
    "short": '{"token_keys":[{"kid":"LEAK-ME-NOT","alg":"HS256","issuer":"kaizen-edge",'
    '"key":{"kty":"oct","k":"TEVBSy1NRS1OT1Q"}}]}',
    "deep": '{"LEAK-ME-NOT":' * 5_000,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_secret_that_is_garbage_is_503_and_is_not_told(house: House, name: str) -> None:
    client = house.secrets_client()
    client.create_secret(Name=f"garbage-{name}", SecretString=GARBAGE[name])
    for function, method, path, key in (
        ("auth_jwks", "GET", "/.well-known/jwks.json", None),
        ("auth_token", "POST", TOKEN, house.admin_key),
    ):
        cold = house.load(function, AUTH_SECRET=f"garbage-{name}")
        said = house.call(cold, method, path, key=key)
        assert unavailable(said, "keys_unavailable")
        for leak in (b"LEAK-ME-NOT", b"TEVBSy1NRS1OT1Q"):
            assert leak not in said.body
            assert leak not in house.lines[-1].encode()


def test_secret_that_is_not_there(house: House) -> None:
    cold = house.load("auth_jwks", AUTH_SECRET="no-such-secret")

    said = house.call(cold, "GET", "/.well-known/jwks.json")

    assert unavailable(said, "keys_unavailable")
    assert b"no-such-secret" not in said.body
    assert "no-such-secret" not in house.lines[-1]


def test_secret_without_refresh_keys_validates_all_the_same(house: House) -> None:
    client = house.secrets_client()
    text = client.get_secret_value(SecretId=house.environ["AUTH_SECRET"])["SecretString"]
    document = json.loads(text)
    del document["refresh_keys"]
    client.create_secret(Name="no-refresh-keys", SecretString=json.dumps(document))
    token = house.sign_in()["access_token"]

    validate = house.load("auth_validate", AUTH_SECRET="no-refresh-keys")

    assert active(house, token, validate)["active"]


# In time


def test_rate_check_is_answered_in_time_while_every_store_hangs(house: House, weather: Weather) -> None:
    """The key's table, its plan's, the subject's: each alone has 600 ms."""
    key, pro = house.make_key(), house.make_key("USER", "pro")
    token = house.sign_in(key.text)["access_token"]
    callers: list[dict[str, Any]] = [{"key": pro.text}, {"key": key.text}, {"bearer": token}]
    took: list[list[float]] = [[], [], []]
    for _ in range(2):
        function = house.load("ratelimit_check")
        for shown in callers:
            assert house.call(function, "POST", CHECK, {"subject": "warm"}, **shown).status == 200
        with weather.storm(faults.HANG), later(30):
            for times, shown in zip(took, callers, strict=True):
                started = time.monotonic()
                said = house.call(function, "POST", CHECK, {"subject": "hanging"}, **shown)
                times.append(time.monotonic() - started)
                assert (said.status, said.json()["degraded"]) == (200, True)

    assert max(max(times) for times in took) < 0.8 + NOISE_SECONDS
    assert max(min(times) for times in took) < 0.8, "of two attempts one was not disturbed by the machine"


def test_unknown_callers_are_answered_in_time_as_well(house: House, weather: Weather) -> None:
    function = house.load("ratelimit_check")
    house.call(function, "POST", CHECK, {"subject": "warm"}, key=house.admin_key)

    with weather.storm(faults.HANG, b"DynamoDB"):
        for key in (house.make_key().text, house.make_key().text, None):
            started = time.monotonic()
            said = house.call(function, "POST", CHECK, {"subject": "s"}, key=key)
            assert time.monotonic() - started < 0.8 + NOISE_SECONDS
            assert said.status == (401 if key is None else 503)


def test_nobody_is_counted_by_each_container_alone_while_the_table_is_gone(
    house: House, weather: Weather
) -> None:
    """A fault is no way to guess without a limit."""
    function = house.load("auth_validate", EXPECTED_CONTAINERS="4")
    active(house, house.sign_in()["access_token"], function)

    with weather.storm(faults.RESET, b"rate-windows"):
        statuses = [
            house.call(function, "GET", VALIDATE, key="nonsense", address="192.0.2.200").status
            for _ in range(30)
        ]

    assert statuses == [401] * 25 + [429] * 5


def test_roles_are_as_told_in_a_storm(house: House, weather: Weather) -> None:
    """Nothing that fails gives anybody more than he has."""
    function = house.load("ratelimit_check")
    guest = house.make_key("GUEST")
    petty = house.make_key("ADMIN", scopes=SCOPES["ADMIN"] - {"ratelimit:admin"})
    for key in (guest, petty):
        house.call(function, "POST", CHECK, {"subject": "s"}, key=key.text)

    with weather.storm(faults.RESET), later(60):
        assert house.call(function, "POST", CHECK, {"subject": "s"}, key=guest.text).status == 403
        reset = house.call(
            function, "POST", "/api/ratelimit/reset", {"subject": "s", "tier": "strict"}, key=petty.text
        )
        assert reset.status == 403
