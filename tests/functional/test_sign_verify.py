"""``POST /api/sign/verify``: right, for this region, by a key that is still good, and for the first time."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.breaker import FAILURES_TO_OPEN
from edge.settings import SettingsError
from tests import faults
from tests.functional.auth_setup import House, Weather, later, open_house, reason, stopped_at
from tests.functional.sign_setup import BODY, VERIFY, ask_to_verify, encoded, nonce_items, signed_headers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http_events import Answer


@pytest.fixture(scope="module")
def weather(ministack_environment: dict[str, str]) -> Iterator[Weather]:
    with Weather(ministack_environment["AWS_ENDPOINT_URL"]) as weather:
        yield weather


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str, weather: Weather) -> Iterator[House]:
    """Its functions are behind the weather."""
    for house in open_house(ministack_environment, admin_key):
        house.environ["AWS_ENDPOINT_URL"] = weather.url
        yield house


@pytest.fixture(scope="module")
def key(house: House) -> Any:
    """Whoever signs."""
    return house.make_key("USER")


def verdict(said: Answer) -> tuple[int, str]:
    return said.status, "valid" if said.status == 200 else reason(said)


def asked_of(weather: Weather, since: int, name: str) -> int:
    """How many requests since have asked for a table or a secret."""
    return sum(name.encode() in request for request in weather.seen[since:])


# Right


def test_answer_says_who_signed_what_when(house: House, key: Any) -> None:
    before = int(time.time())
    headers = signed_headers(house, key.text)

    said = ask_to_verify(house, headers)

    document = said.json()
    assert said.status == 200
    assert document.keys() == {"valid", "key_id", "created", "expires", "nonce"}
    assert document["valid"] is True
    assert document["key_id"] == f"{key.id}.1"
    assert before <= document["created"] <= int(time.time())
    assert document["expires"] == document["created"] + 60
    assert f'nonce="{document["nonce"]}"' in headers["Signature-Input"]
    assert said.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("shape", ["object", "pairs", "pairs in lower case", "among others"])
def test_headers_as_object_or_pairs(house: House, key: Any, shape: str) -> None:
    headers = signed_headers(house, key.text)
    shown: object = {
        "object": headers,
        "pairs": [[name, value] for name, value in headers.items()],
        "pairs in lower case": [[name.lower(), f" {value}\t"] for name, value in headers.items()],
        "among others": {**headers, "Host": "shop.example", "Cookie": "c=ü", "X-Empty": ""},
    }[shape]

    assert verdict(ask_to_verify(house, shown)) == (200, "valid")


def test_request_without_a_body(house: House, key: Any) -> None:
    headers = signed_headers(house, key.text, method="GET", body_base64=...)

    assert verdict(ask_to_verify(house, headers, method="GET", body_base64=...)) == (200, "valid")


def test_claim_is_kept_until_the_signature_is_over_and_has_the_request_id(house: House, key: Any) -> None:
    known = {item["pk"]["S"] for item in nonce_items(house)}
    said = ask_to_verify(house, signed_headers(house, key.text))

    (item,) = [item for item in nonce_items(house) if item["pk"]["S"] not in known]
    assert int(item["ttl"]["N"]) == said.json()["expires"] + 60
    assert item["r"]["S"].startswith(said.headers["x-request-id"])
    assert said.json()["nonce"] not in json.dumps(item), "a hash is enough"


# Once


def test_second_time_is_a_replay(house: House, key: Any) -> None:
    headers = signed_headers(house, key.text)

    verdicts = [verdict(ask_to_verify(house, headers)) for _ in range(3)]

    assert verdicts == [(200, "valid"), (409, "replayed"), (409, "replayed")]


def test_replay_at_another_container_by_another_caller(house: House, key: Any) -> None:
    headers = signed_headers(house, key.text)
    first, second = house.load("sign_verify"), house.load("sign_verify")

    assert verdict(ask_to_verify(house, headers, function=first)) == (200, "valid")
    said = ask_to_verify(house, headers, function=second, key=house.make_key("USER").text)
    assert verdict(said) == (409, "replayed")


def test_refused_request_uses_no_nonce_up(house: House, key: Any) -> None:
    headers = signed_headers(house, key.text)

    assert verdict(ask_to_verify(house, headers, body_base64=encoded(b"other"))) == (401, "digest_mismatch")
    assert verdict(ask_to_verify(house, headers, method="PUT")) == (401, "signature_invalid")
    assert verdict(ask_to_verify(house, headers)) == (200, "valid")


def test_lost_answer_of_the_store_is_our_own_retry(house: House, key: Any, weather: Weather) -> None:
    headers = signed_headers(house, key.text)
    function = house.load("sign_verify")
    assert ask_to_verify(house, signed_headers(house, key.text), function=function).status == 200
    lost = [weather.lost_answer]

    def once(request: bytes) -> bool:
        return house.environ["NONCES_TABLE"].encode() in request and bool(lost) and bool(lost.pop())

    with weather.storm(weather.lost_answer):
        weather._concerns = once
        said = ask_to_verify(house, headers, function=function)

    assert verdict(said) == (200, "valid")
    assert verdict(ask_to_verify(house, headers)) == (409, "replayed")


# Here


def test_other_region_is_told_home_and_asks_no_table_and_no_secret(
    house: House, key: Any, weather: Weather
) -> None:
    headers = signed_headers(house, key.text)
    function = house.load("sign_verify", AWS_REGION="us-east-1")
    ask_to_verify(house, {}, function=function)  # the receiver's own key is known now
    since = len(weather.seen)

    said = ask_to_verify(house, headers, function=function)

    assert verdict(said) == (421, "region_mismatch")
    assert said.json()["home_region"] == "cdg1"
    assert said.headers["x-edge-region"] == "iad1"
    assert weather.seen[since:] == []
    assert verdict(ask_to_verify(house, headers)) == (200, "valid"), "at home it is good as ever"


def test_used_request_is_refused_in_another_region_too(house: House, key: Any, weather: Weather) -> None:
    headers = signed_headers(house, key.text)
    assert ask_to_verify(house, headers).status == 200
    since = len(weather.seen)

    for region in ("us-east-1", "us-west-1", "ap-northeast-1"):
        function = house.load("sign_verify", AWS_REGION=region)
        assert verdict(ask_to_verify(house, headers, function=function)) == (421, "region_mismatch")
    assert asked_of(weather, since, house.environ["NONCES_TABLE"]) == 0


def test_region_that_the_tag_is_made_to_name_does_not_know_the_signature(house: House, key: Any) -> None:
    headers = signed_headers(house, key.text)
    moved = {**headers, "Signature-Input": headers["Signature-Input"].replace("eu-west-3", "us-east-1")}

    said = ask_to_verify(house, moved, function=house.load("sign_verify", AWS_REGION="us-east-1"))

    assert verdict(said) == (401, "signature_invalid")


# Refused


def changed(headers: dict[str, str], name: str, old: str, new: str) -> dict[str, str]:
    assert old in headers[name]
    return {**headers, name: headers[name].replace(old, new)}


def test_each_reason_and_what_it_says(house: House, key: Any) -> None:
    headers = signed_headers(house, key.text)
    input_, mac = headers["Signature-Input"], headers["Signature"]
    other = signed_headers(house, key.text)
    cases: list[tuple[Any, dict[str, Any], str, str | None]] = [
        ({**headers, "Signature": other["Signature"]}, {}, "signature_invalid", None),
        (headers, {"url": "https://shop.example/orders/8?dry=1"}, "signature_invalid", None),
        (headers, {"url": "https://shop.example/orders/7?dry=0"}, "signature_invalid", None),
        (headers, {"url": "https://other.example/orders/7?dry=1"}, "signature_invalid", None),
        (headers, {"body_base64": encoded(BODY + b" ")}, "digest_mismatch", None),
        (headers, {"body_base64": ...}, "digest_mismatch", None),
        (changed(headers, "Signature-Input", f"{key.id}.1", f"{key.id}.9"), {}, "unknown_key", None),
        ({}, {}, "profile_violation", "no_signature_input"),
        ({"Signature-Input": input_}, {}, "profile_violation", "no_signature"),
        ({"Signature-Input": input_, "Signature": mac}, {}, "profile_violation", "no_content_digest"),
        ({**headers, "Host": "evil.example"}, {}, "profile_violation", "host_mismatch"),
        (headers, {"url": "/orders/7"}, "profile_violation", "bad_url"),
        (headers, {"method": ""}, "profile_violation", "bad_method"),
        (changed(headers, "Signature-Input", "sha256", "sha512"), {}, "profile_violation", "wrong_algorithm"),
        ({**headers, "a b": "x"}, {}, "profile_violation", "bad_header"),
        ([["a", "b"]] * 257, {}, "profile_violation", "too_many_headers"),
        (
            {**headers, "Signature-Input": "edge=(" * 500},
            {},
            "profile_violation",
            "signature_input_too_large",
        ),
    ]

    for shown, members, why, violation in cases:
        said = ask_to_verify(house, shown, **members)
        assert verdict(said) == (401, why), (members, said.body)
        assert said.json().get("violation") == violation
        assert said.json()["type"] == "/problems/signature-refused"
        assert said.headers["www-authenticate"] == 'Signature realm="edge-sign/v1"', "the token was good"
        assert said.headers["accept-signature"].startswith("edge=(")
    assert verdict(ask_to_verify(house, headers)) == (200, "valid")


def test_time(house: House, key: Any) -> None:
    headers = signed_headers(house, key.text)
    created = int(headers["Signature-Input"].split("created=")[1].split(";")[0])

    with stopped_at(created - 301):
        assert verdict(ask_to_verify(house, headers)) == (401, "not_yet_valid")
    with stopped_at(created + 60):
        assert verdict(ask_to_verify(house, headers)) == (401, "expired")
    with stopped_at(created + 59):
        assert verdict(ask_to_verify(house, headers)) == (200, "valid")
    with stopped_at(created - 300):
        assert verdict(ask_to_verify(house, headers)) == (409, "replayed")


def test_key_of_a_made_up_id_is_unknown_although_its_signature_could_be_right(house: House) -> None:
    """A signing key is there for every id; only the table says whether anybody has it."""
    from edge.regions import CDG1
    from edge.signing.keys import SigningKeys
    from edge.signing.sign import sign
    from tests.functional.sign_setup import URL

    secret = house.secrets_client().get_secret_value(SecretId=house.environ["AUTH_SECRET"])["SecretString"]
    keys = SigningKeys.parse(json.loads(secret)["signing_master"])
    signed = sign(
        method="POST",
        url=URL,
        body=BODY,
        key=keys.key_of("nobodyAtAll0", CDG1),
        created=int(time.time()),
        expires_in_seconds=60,
    )

    assert verdict(ask_to_verify(house, signed.headers)) == (401, "unknown_key")


def test_revoked_key_no_longer_counts_within_two_seconds(house: House) -> None:
    key = house.make_key("USER")
    first, second, third = (signed_headers(house, key.text) for _ in range(3))
    function = house.load("sign_verify")
    assert ask_to_verify(house, first, function=function).status == 200

    assert house.call("keys", "DELETE", f"/api/keys/{key.id}", key=house.admin_key).status == 204

    assert verdict(ask_to_verify(house, second, function=house.load("sign_verify"))) == (
        401,
        "signer_revoked",
    )
    with later(2.001):
        assert verdict(ask_to_verify(house, third, function=function)) == (401, "signer_revoked")


def test_expired_key_no_longer_counts(house: House) -> None:
    key = house.make_key("USER", expires_in=30)
    headers = signed_headers(house, key.text)

    with later(31):
        assert verdict(ask_to_verify(house, headers)) == (401, "signer_expired")


# Who may ask


def test_who_may(house: House, key: Any) -> None:
    statuses = {}
    for role in ("ADMIN", "USER", "GUEST"):
        headers = signed_headers(house, key.text)
        statuses[role] = ask_to_verify(house, headers, key=house.make_key(role).text).status
    without = house.make_key("USER", scopes=frozenset({"sign:request"}))
    nobody = house.call("sign_verify", "POST", VERIFY, {})

    assert statuses == {"ADMIN": 200, "USER": 200, "GUEST": 403}
    assert ask_to_verify(house, {}, key=without.text).status == 403
    assert (nobody.status, reason(nobody)) == (401, "not_authenticated")
    assert nobody.headers["www-authenticate"] == "Bearer"


def test_token_may_ask(house: House, key: Any) -> None:
    token = house.sign_in(key.text)["access_token"]
    document = {
        "method": "GET",
        "url": "https://shop.example/",
        "headers": signed_headers(
            house, key.text, method="GET", url="https://shop.example/", body_base64=...
        ),
    }
    assert house.call("sign_verify", "POST", VERIFY, document, bearer=token).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_405(house: House, method: str) -> None:
    said = house.call("sign_verify", method, VERIFY, key=house.admin_key)
    assert (said.status, said.headers["allow"]) == (405, "POST")


# What is no request

WRONG: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"headers": ...}, "/headers", "missing"),
    ({"headers": None}, "/headers", "not_headers"),
    ({"headers": "secret"}, "/headers", "not_headers"),
    ({"headers": {"secret": 1}}, "/headers", "not_headers"),
    ({"headers": {"secret": ["secret"]}}, "/headers", "not_headers"),
    ({"headers": [["secret"]]}, "/headers", "not_headers"),
    ({"headers": [["secret", "secret", "secret"]]}, "/headers", "not_headers"),
    ({"headers": [{"secret": "secret"}]}, "/headers", "not_headers"),
    ({"method": ...}, "/method", "missing"),
    ({"method": ["secret"]}, "/method", "string_type"),
    ({"url": ...}, "/url", "missing"),
    ({"url": 1}, "/url", "string_type"),
    ({"body_base64": "secret!"}, "/body_base64", "not_base64"),
    ({"body_base64": None}, "/body_base64", "not_base64"),
    ({"body_base64": [1]}, "/body_base64", "not_base64"),
    ({"secret": 1}, "", "unknown_member"),
]


@pytest.mark.parametrize(("members", "pointer", "why"), WRONG, ids=str)
def test_what_is_no_request_is_named_and_not_told_back(
    house: House, members: dict[str, Any], pointer: str, why: str
) -> None:
    said = ask_to_verify(
        house, members.get("headers", {}), **{k: v for k, v in members.items() if k != "headers"}
    )

    assert said.status == 422
    assert [(error["pointer"], error["reason"]) for error in said.json()["errors"]] == [(pointer, why)]
    assert b"secret" not in said.body


@pytest.mark.parametrize(
    "text", ["\x00", "\ud800", "ü", "\u202e", "\r\n", "a" * 30_000, "(" * 30_000, '"' * 30_000, "=,;" * 9_000]
)
def test_hostile_texts_are_refused_quickly_in_every_place(house: House, key: Any, text: str) -> None:
    headers = signed_headers(house, key.text)
    refused = {400} if text == "\ud800" else {401}  # half a character is in no JSON of ours
    for name in ("Signature-Input", "Signature", "Content-Digest", "Host"):
        for value in (text, headers.get(name, "shop.example") + text):
            began = time.process_time()
            said = ask_to_verify(house, {**headers, name: value})
            assert said.status in refused, (name, said.body)
            assert time.process_time() - began < 0.5
    shown: list[dict[str, Any]] = [{"method": text}, {"url": text}, {"url": f"https://shop.example/{text}"}]
    for members in shown:
        assert ask_to_verify(house, headers, **members).status in refused
    named = ask_to_verify(house, {**headers, text: "v"})
    assert named.status in ({200} if text.isalpha() and text.isascii() else refused), "long, and a name"


# How much


def test_rate_of_a_signer_is_limited_before_its_nonce_is_claimed(house: House) -> None:
    key = house.make_key("USER")
    function = house.load("sign_verify", RATE_TIERS="two=2/60", SIGNER_TIER="two")
    letters = [signed_headers(house, key.text) for _ in range(3)]
    said = [ask_to_verify(house, headers, function=function) for headers in letters]

    assert [answer.status for answer in said] == [200, 200, 429]
    assert reason(said[2]) == "too_many_requests"
    assert said[2].json()["violated_policies"] == ["two"]
    assert said[2].headers["ratelimit-policy"] == '"two";q=2;w=60'
    assert 1 <= int(said[2].headers["retry-after"]) <= 62
    assert verdict(ask_to_verify(house, letters[2])) == (200, "valid"), "nothing was claimed"


def test_wrong_signatures_do_not_count_against_whom_they_name(house: House) -> None:
    key = house.make_key("USER")
    function = house.load("sign_verify", RATE_TIERS="two=2/60", SIGNER_TIER="two")
    headers = signed_headers(house, key.text)
    forged = {**headers, "Signature": f"edge=:{'A' * 43}=:"}

    for _ in range(5):
        assert ask_to_verify(house, forged, function=function).status == 401
    assert verdict(ask_to_verify(house, headers, function=function)) == (200, "valid")


def test_signers_count_is_not_one_that_a_rate_check_can_name(house: House) -> None:
    key = house.make_key("USER")
    body = {"subject": f"signer:{key.id}", "tier": "two", "cost": 2}
    check = house.load("ratelimit_check", RATE_TIERS="two=2/60")
    assert house.call(check, "POST", "/api/ratelimit/check", body, key=house.admin_key).status == 200

    function = house.load("sign_verify", RATE_TIERS="two=2/60", SIGNER_TIER="two")
    assert ask_to_verify(house, signed_headers(house, key.text), function=function).status == 200


def test_tier_that_is_none_stops_the_start(house: House) -> None:
    with pytest.raises(SettingsError, match="SIGNER_TIER"):
        house.load("sign_verify", SIGNER_TIER="nosuch")


# While something is gone


@pytest.mark.parametrize("fault", [faults.RESET, faults.THROTTLE], ids=lambda fault: fault.name)
def test_without_the_nonce_store_nothing_is_accepted(
    house: House, key: Any, weather: Weather, fault: faults.Fault
) -> None:
    function = house.load("sign_verify")
    letters = [signed_headers(house, key.text) for _ in range(FAILURES_TO_OPEN + 2)]
    with weather.storm(fault, house.environ["NONCES_TABLE"].encode()):
        said = [ask_to_verify(house, headers, function=function) for headers in letters]

    assert {verdict(answer) for answer in said} == {(503, "nonce_store_unavailable")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in said)
    assert house.last_line()["fault"] == "circuit_open", "and is not waited for each time"
    fresh = ask_to_verify(house, signed_headers(house, key.text), function=house.load("sign_verify"))
    assert verdict(fresh) == (200, "valid")


def test_store_that_hangs_is_not_waited_for_long(house: House, key: Any, weather: Weather) -> None:
    function = house.load("sign_verify")
    assert ask_to_verify(house, signed_headers(house, key.text), function=function).status == 200
    headers = signed_headers(house, key.text)

    with weather.storm(faults.HANG, house.environ["NONCES_TABLE"].encode()):
        began = time.monotonic()
        said = ask_to_verify(house, headers, function=function)
        took = time.monotonic() - began

    assert verdict(said) == (503, "nonce_store_unavailable")
    assert took < 2.5


def test_known_signer_goes_on_without_the_table_of_keys_and_an_unknown_one_waits(
    house: House, key: Any, weather: Weather
) -> None:
    function = house.load("sign_verify")
    other = house.make_key("USER")
    letters = [signed_headers(house, one.text, expires_in_seconds=300) for one in (key, key, other)]
    assert ask_to_verify(house, letters[0], function=function).status == 200

    with weather.storm(faults.RESET, house.environ["KEYS_TABLE"].encode()), later(10):
        known = ask_to_verify(house, letters[1], function=function)
        unknown = ask_to_verify(house, letters[2], function=function)

    assert verdict(known) == (200, "valid")
    assert verdict(unknown) == (503, "dependency_unavailable")
    assert verdict(ask_to_verify(house, letters[2])) == (200, "valid"), "it can come again"


def test_without_the_secret_there_is_no_verdict(house: House, key: Any) -> None:
    function = house.load("sign_verify", AUTH_SECRET="kaizen-edge-no-such-secret")

    said = ask_to_verify(house, signed_headers(house, key.text), function=function)

    assert said.status == 503
    assert ask_to_verify(house, {}, function=function).status == 401, "what needs no key has one"


# What stays


def test_log_has_no_signature_nonce_or_target(house: House, key: Any) -> None:
    headers = signed_headers(house, key.text)
    said = ask_to_verify(house, headers)
    ask_to_verify(house, headers)

    mac = headers["Signature"].removeprefix("edge=:").rstrip(":")
    for line in house.lines[-2:]:
        for secret in (mac, said.json()["nonce"], "shop.example", encoded(BODY)):
            assert secret not in line
    assert house.last_line()["reason"] == "replayed"


def test_master_secret_is_in_no_answer_and_no_line(house: House, key: Any) -> None:
    secret = house.secrets_client().get_secret_value(SecretId=house.environ["AUTH_SECRET"])["SecretString"]
    master = json.loads(secret)["signing_master"][0]["secret"]
    said = ask_to_verify(house, signed_headers(house, key.text))

    assert master.encode() not in said.body
    assert not [line for line in house.lines if master in line]
