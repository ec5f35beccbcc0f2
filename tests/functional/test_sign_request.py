"""``POST /api/sign/request``: a caller's own signature of a request, and nobody else's."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.clock import SystemClock
from edge.problems import Unexpected
from edge.regions import CDG1
from edge.signing.keys import SigningKeys
from edge.signing.memory import MemoryNonceStore
from edge.signing.verify import verify
from infra.auth_secret import put_auth_secret
from infra.local.provision import Provision
from tests.functional.auth_setup import House, house_document, later, open_house, reason
from tests.functional.sign_setup import BODY, SIGN, URL, ask_to_sign, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


MEMBERS: Final = {"headers", "signature_base", "key_id", "nonce", "created", "expires", "tag"}


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


@pytest.fixture(scope="module")
def key(house: House) -> Any:
    return house.make_key("USER")


def pointers(said: Any) -> list[tuple[str, str]]:
    assert said.status == 422, said.body
    return [(error["pointer"], error["reason"]) for error in said.json()["errors"]]


def test_answer_is_the_signature_and_what_it_says(house: House, key: Any) -> None:
    before = int(time.time())
    said = ask_to_sign(house, key.text)

    document = said.json()
    assert said.status == 200
    assert document.keys() == MEMBERS
    assert document["headers"].keys() == {"Content-Digest", "Signature-Input", "Signature"}
    assert document["key_id"] == f"{key.id}.1"
    assert before <= document["created"] <= int(time.time())
    assert document["expires"] == document["created"] + 60
    assert document["tag"] == "edge-sign/v1:eu-west-3"
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert document["headers"]["Content-Digest"] == f"sha-256=:{digest}:"
    assert document["signature_base"].splitlines()[:4] == [
        '"@method": POST',
        '"@authority": shop.example',
        '"@path": /orders/7',
        '"@query": ?dry=1',
    ]
    assert document["signature_base"].endswith(document["headers"]["Signature-Input"].removeprefix("edge="))
    assert said.headers["cache-control"] == "no-store"


def test_service_of_the_house_verifies_it_with_the_library(
    house: House, key: Any, provision: Provision
) -> None:
    document = ask_to_sign(house, key.text).json()
    clock = SystemClock()

    verified = verify(
        method="POST",
        url=URL,
        headers=document["headers"],
        body=BODY,
        keys=SigningKeys.parse(house_document(provision)["signing_master"]),
        region=CDG1,
        now_seconds=clock.now_ms() // 1000,
        nonces=MemoryNonceStore(clock),
        request_id="r",
    )

    assert (verified.key_id, verified.nonce) == (document["key_id"], document["nonce"])


def test_two_signatures_of_one_request_differ(house: House, key: Any) -> None:
    first, second = (ask_to_sign(house, key.text).json() for _ in range(2))

    assert first["nonce"] != second["nonce"]
    assert first["headers"]["Signature"] != second["headers"]["Signature"]


def test_body_digest_member_and_digest_header_come_to_one(house: House, key: Any) -> None:
    digest = ask_to_sign(house, key.text).json()["headers"]["Content-Digest"]

    by_member = ask_to_sign(house, key.text, body_base64=..., content_digest=digest)
    by_header = ask_to_sign(house, key.text, body_base64=..., headers=[["content-digest", digest]])

    for said in (by_member, by_header):
        assert said.json()["headers"]["Content-Digest"] == digest


def test_no_body_is_the_empty_one(house: House, key: Any) -> None:
    absent = ask_to_sign(house, key.text, method="GET", body_base64=...).json()
    empty = ask_to_sign(house, key.text, method="GET", body_base64="").json()

    assert absent["headers"]["Content-Digest"] == empty["headers"]["Content-Digest"]
    assert "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" in absent["headers"]["Content-Digest"]


@pytest.mark.parametrize("seconds", [1, 60, 300])
def test_lifetime_is_the_callers_choice(house: House, key: Any, seconds: int) -> None:
    document = ask_to_sign(house, key.text, expires_in_seconds=seconds).json()

    assert document["expires"] - document["created"] == seconds


def test_key_id_may_name_the_callers_own_key(house: House, key: Any) -> None:
    for named in (key.id, f"{key.id}.1", None):
        said = ask_to_sign(house, key.text, key_id=named)
        assert (said.status, said.json()["key_id"]) == (200, f"{key.id}.1")


def test_nobody_signs_as_another(house: House, key: Any) -> None:
    other = house.make_key("USER")

    for named in (other.id, f"{other.id}.1", f"{key.id}.2", f"{key.id}.", "", "x" * 1_000, f"{key.id}\n"):
        for shown in (key.text, house.admin_key):
            said = ask_to_sign(house, shown, key_id=named)
            assert (said.status, reason(said)) == (403, "not_allowed"), named


def test_token_signs_as_the_key_that_it_was_issued_to(house: House, key: Any) -> None:
    token = house.sign_in(key.text)["access_token"]
    document = {"method": "GET", "url": URL}

    said = house.call("sign_request", "POST", SIGN, document, bearer=token)
    named = house.call("sign_request", "POST", SIGN, {**document, "key_id": key.id}, bearer=token)
    other = house.call("sign_request", "POST", SIGN, {**document, "key_id": "0" * 12}, bearer=token)

    assert (said.status, said.json()["key_id"]) == (200, f"{key.id}.1")
    assert named.status == 200
    assert other.status == 403


def test_who_may(house: House) -> None:
    document = {"method": "GET", "url": URL}
    statuses = {
        role: house.call("sign_request", "POST", SIGN, document, key=house.make_key(role).text).status
        for role in ("ADMIN", "USER", "GUEST")
    }
    without = house.make_key("USER", scopes=frozenset({"sign:verify"}))
    nobody = house.call("sign_request", "POST", SIGN, document)

    assert statuses == {"ADMIN": 200, "USER": 200, "GUEST": 403}
    assert ask_to_sign(house, without.text).status == 403
    assert (nobody.status, nobody.headers["www-authenticate"]) == (401, "Bearer")
    assert house.call("sign_request", "POST", SIGN, raw_body=b"{", key=without.text).status == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_405(house: House, method: str) -> None:
    said = house.call("sign_request", method, SIGN, key=house.admin_key)
    assert (said.status, said.headers["allow"]) == (405, "POST")


WRONG: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"method": ...}, "/method", "missing"),
    ({"method": 1}, "/method", "string_type"),
    ({"method": ""}, "/method", "bad_method"),
    ({"method": "G ET"}, "/method", "bad_method"),
    ({"method": "GET\n"}, "/method", "bad_method"),
    ({"method": "M" * 33}, "/method", "bad_method"),
    ({"method": "GËT"}, "/method", "bad_method"),
    ({"url": ...}, "/url", "missing"),
    ({"url": None}, "/url", "string_type"),
    ({"url": ""}, "/url", "bad_url"),
    ({"url": "/orders"}, "/url", "bad_url"),
    ({"url": "ftp://shop.example/"}, "/url", "bad_url"),
    ({"url": "https://user@shop.example/"}, "/url", "bad_url"),
    ({"url": "https://shop.example/#f"}, "/url", "bad_url"),
    ({"url": "https://shop.example/a b"}, "/url", "bad_url"),
    ({"url": "https://shop.example/\r\nx: y"}, "/url", "bad_url"),
    ({"url": "https://shop.example/ü"}, "/url", "bad_url"),
    ({"url": "https://shop.example/%zz"}, "/url", "bad_url"),
    ({"url": "https://shop..example/"}, "/url", "bad_host"),
    ({"url": "https://shop.example:99999/"}, "/url", "bad_port"),
    ({"url": "https://shop.example/" + "a" * 8_192}, "/url", "bad_url"),
    ({"url": "https://shop..example/", "headers": {"Host": "shop.example"}}, "/url", "bad_host"),
    ({"body_base64": 1}, "/body_base64", "not_base64"),
    ({"body_base64": "*"}, "/body_base64", "not_base64"),
    ({"body_base64": "QQ"}, "/body_base64", "not_base64"),
    ({"body_base64": "QR=="}, "/body_base64", "not_base64"),
    ({"body_base64": "QQ==\n"}, "/body_base64", "not_base64"),
    ({"body_base64": "QQ==QQ=="}, "/body_base64", "not_base64"),
    ({"body_base64": "-_8="}, "/body_base64", "not_base64"),
    ({"body_base64": "ü"}, "/body_base64", "not_base64"),
    ({"content_digest": "sha-256=:AAAA:", "body_base64": ...}, "/content_digest", "malformed_content_digest"),
    ({"content_digest": "", "body_base64": ...}, "/content_digest", "malformed_content_digest"),
    ({"content_digest": "md5=:AAAA:", "body_base64": ...}, "/content_digest", "no_sha_256"),
    ({"content_digest": "x" * 600, "body_base64": ...}, "/content_digest", "content_digest_too_large"),
    ({"content_digest": "sha-256=:AAAA:"}, "/content_digest", "body_or_content_digest"),
    ({"headers": {"Content-Digest": "sha-256=:AAAA:"}}, "/headers", "content_digest_twice"),
    ({"headers": {"Host": "other.example"}}, "/headers", "host_mismatch"),
    ({"headers": {"Host": "shop.example:443x"}}, "/headers", "bad_port"),
    ({"headers": {"Host": "a, b"}}, "/headers", "bad_host"),
    ({"headers": {"se cret": "v"}}, "/headers", "bad_header"),
    ({"headers": {"secret": "a\nb"}}, "/headers", "bad_header"),
    ({"headers": {"secret": 1}}, "/headers", "not_headers"),
    ({"headers": "secret"}, "/headers", "not_headers"),
    ({"headers": [["secret"]]}, "/headers", "not_headers"),
    ({"headers": [["secret", "b", "c"]]}, "/headers", "not_headers"),
    ({"headers": [["secret", None]]}, "/headers", "not_headers"),
    ({"headers": ["ab"]}, "/headers", "not_headers"),
    ({"headers": None}, "/headers", "not_headers"),
    ({"headers": [["a", "b"]] * 257}, "/headers", "too_many_headers"),
    ({"expires_in_seconds": 0}, "/expires_in_seconds", "greater_than_equal"),
    ({"expires_in_seconds": 301}, "/expires_in_seconds", "less_than_equal"),
    ({"expires_in_seconds": 10**30}, "/expires_in_seconds", "less_than_equal"),
    ({"expires_in_seconds": 1.5}, "/expires_in_seconds", "int_type"),
    ({"expires_in_seconds": True}, "/expires_in_seconds", "int_type"),
    ({"key_id": 1}, "/key_id", "string_type"),
    ({"nonce": "0123456789abcdef"}, "", "unknown_member"),
    ({"region": "us-east-1"}, "", "unknown_member"),
]


@pytest.mark.parametrize(("members", "pointer", "why"), WRONG, ids=lambda value: str(value)[:50])
def test_what_cannot_be_signed_is_named_and_not_told_back(
    house: House, key: Any, members: dict[str, Any], pointer: str, why: str
) -> None:
    said = ask_to_sign(house, key.text, **members)

    assert pointers(said) == [(pointer, why)]
    assert b"secret" not in said.body
    assert b"se cret" not in said.body


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"method":"GET","method":"GET"}', b"\xff"])
def test_what_is_no_document(house: House, key: Any, raw: bytes) -> None:
    said = house.call("sign_request", "POST", SIGN, raw_body=raw, key=key.text)
    assert said.status in (400, 422)


def test_body_over_the_limit_is_413_and_its_digest_is_the_way(house: House, key: Any) -> None:
    large = b"x" * 60_000
    digest = f"sha-256=:{encoded(hashlib.sha256(large).digest())}:"

    assert ask_to_sign(house, key.text, body_base64=encoded(large)).status == 413
    assert ask_to_sign(house, key.text, body_base64=..., content_digest=digest).status == 200


def test_host_and_other_headers_may_be_shown(house: House, key: Any) -> None:
    said = ask_to_sign(house, key.text, headers={"host": "SHOP.example:443", "X-Other": "v"})
    assert said.status == 200


def test_revoked_key_signs_no_more(house: House) -> None:
    key = house.make_key("USER")
    assert ask_to_sign(house, key.text).status == 200
    assert house.call("keys", "DELETE", f"/api/keys/{key.id}", key=house.admin_key).status == 204

    with later(2.001):
        said = ask_to_sign(house, key.text)
    assert (said.status, reason(said)) == (401, "key_revoked")


def test_log_has_nothing_of_what_was_signed(house: House, key: Any) -> None:
    document = ask_to_sign(house, key.text).json()

    line = json.dumps(house.last_line())
    mac = document["headers"]["Signature"].removeprefix("edge=:").rstrip(":")
    for secret in (mac, document["nonce"], "shop.example", "orders", encoded(BODY)):
        assert secret not in line
    assert house.last_line()["client_id"] == key.id


def test_secret_of_an_earlier_release_says_so_and_tells_nothing(
    house: House, key: Any, provision: Provision
) -> None:
    document = house_document(provision)
    del document["signing_master"]
    name = house.new_secret("kaizen-edge-without-signing", text=json.dumps(document))

    said = ask_to_sign(house, key.text, function=house.load("sign_request", AUTH_SECRET=name))

    assert said.status == 503
    assert reason(said) == "signing_keys_missing"


def test_kept_secret_of_an_earlier_release_is_completed_and_nothing_else_of_it_changes(
    provision: Provision, tmp_path: Path
) -> None:
    kept = tmp_path / "auth-secret.json"
    old = house_document(provision)
    del old["signing_master"]
    kept.write_text(json.dumps(old) + "\n")
    again = Provision(provision.emulator_url, tmp_path)

    first = json.loads(again._auth_secret())
    second = json.loads(again._auth_secret())

    assert {name: first[name] for name in old} == old
    assert SigningKeys.parse(first["signing_master"]).signing_version == 1
    assert first == second == json.loads(kept.read_text("utf-8"))
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["auth-secret.json"]


@pytest.mark.parametrize("member", [None, [], {}, [{"version": 1}], [{"version": 1, "secret": "short"}]])
def test_secret_with_bad_signing_keys_is_not_written(
    house: House, provision: Provision, member: object
) -> None:
    document = house_document(provision) | {"signing_master": member}
    client = house.secrets_client()

    with pytest.raises(Unexpected):
        put_auth_secret(client, "kaizen-edge-bad-signing", json.dumps(document))
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_secret_value(SecretId="kaizen-edge-bad-signing")
