"""``tokens``: sessions begun and ended by hand, and what is told of tokens, whatever they are."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from edge.auth.tokens.issuer import NotIssuable, issue
from edge.auth.tokens.keyring import KeyRing
from infra.operate.inputs import check_subject
from tests.functions import load_function
from tests.http_events import http_event, invoke
from tests.operate.conftest import NEW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.operate.conftest import Operator

    SecretOf = Callable[..., Any]


@pytest.fixture
def session(operate: Operator) -> Any:
    """Tokens of a new session of ``user-42``."""
    return operate.json("tokens", "issue", "--key-id", operate.json(*NEW)["id"], "--subject", "user-42")


def signed(ring: KeyRing, **changes: Any) -> str:
    """Return a token of the house, like those that functions issue but for *changes*."""
    now = int(time.time())
    return issue(
        ring,
        **{
            "subject": "user-7",
            "client_id": "000000000000",
            "audience": "kaizen-edge-api",
            "issued_at": now,
            "expires_at": now + 600,
            "jti": "t1",
            "role": "USER",
            "scopes": ["geo:route"],
            "family": None,
            **changes,
        },
    )


def test_issued_tokens_are_good_at_the_functions(session: Any, function_environment: dict[str, str]) -> None:
    validate = load_function("auth_validate", function_environment)
    refresh = load_function("auth_refresh", function_environment)

    said = invoke(
        validate.handler, http_event("POST", "/api/auth/validate", {"token": session["access_token"]})
    ).json()
    next_one = invoke(
        refresh.handler,
        http_event("POST", "/api/auth/refresh", {"refresh_token": session["refresh_token"]}),
    )

    assert (said["active"], said["sub"], said["role"]) == (True, "user-42", "USER")
    assert next_one.status == 200 and next_one.json()["refreshes_remaining"] == 4


@pytest.mark.parametrize("subject", ["a#b", "a b", "", "x" * 129, "é", "a\n"])
def test_subject_that_no_token_can_have_is_refused(
    operate: Operator, secret_of: SecretOf, subject: str
) -> None:
    assert operate.refused("tokens", "revoke-subject", subject) == "bad_subject"
    # The same rule as that of the claims.
    with pytest.raises(NotIssuable):
        signed(KeyRing.parse(json.dumps(secret_of(operate))), subject=subject)


def test_subject_that_a_token_can_have_is_taken(operate: Operator, secret_of: SecretOf) -> None:
    subject = "auth0|a.B_c~d:e@f+g-h"

    assert check_subject(subject) == subject
    assert signed(KeyRing.parse(json.dumps(secret_of(operate))), subject=subject)


def test_no_session_for_a_key_that_is_revoked_or_unknown(operate: Operator) -> None:
    key_id = operate.json(*NEW)["id"]
    operate.json("keys", "revoke", key_id)

    assert operate.refused("tokens", "issue", "--key-id", key_id) == "revoked_already"
    assert operate.refused("tokens", "issue", "--key-id", "000000000000") == "no_such_key"


def test_good_access_token_is_explained_from_standard_input(operate: Operator, session: Any) -> None:
    said = operate.json("tokens", "inspect", "-", stdin=f"  {session['access_token']}\n")

    assert (said["kind"], said["accepted"], said["reason"], said["authentic"]) == (
        "access_token",
        True,
        None,
        True,
    )
    assert said["header"]["typ"] == "at+jwt" and said["header"]["alg"] == "ES256"
    assert said["claims"]["sub"] == "user-42" and said["other_claims"] == []
    assert said["revocation"]["revoked"] is False
    text = operate.text("tokens", "inspect", "-", stdin=session["access_token"])
    assert "claim sub" in text and session["access_token"].rpartition(".")[2] not in text
    assert len({line.index(line.split("  ")[-1].strip()) for line in text.splitlines()}) == 1


def test_good_refresh_token_is_explained_and_not_used_up(operate: Operator, session: Any) -> None:
    first = operate.json("tokens", "inspect", session["refresh_token"])
    second = operate.json("tokens", "inspect", session["refresh_token"])

    assert first == second
    assert (first["kind"], first["accepted"], first["generation"]) == ("refresh_token", True, 0)
    assert (first["home"], first["session"]["subject"]) == ("iad1", "user-42")
    assert first["session"]["generation"] == 0
    assert session["refresh_token"][-20:] not in json.dumps(first)


def test_used_refresh_token_would_be_a_reuse_and_inspecting_it_ends_nothing(
    operate: Operator, session: Any, function_environment: dict[str, str]
) -> None:
    refresh = load_function("auth_refresh", function_environment)
    asked = http_event("POST", "/api/auth/refresh", {"refresh_token": session["refresh_token"]})
    successor = invoke(refresh.handler, asked).json()["refresh_token"]

    assert operate.json("tokens", "inspect", session["refresh_token"])["reason"] == "token_reuse_detected"
    assert operate.json("tokens", "inspect", successor)["accepted"] is True


def test_expired_token_is_explained_with_what_it_says(operate: Operator, secret_of: SecretOf) -> None:
    then = int(time.time()) - 7_200
    token = signed(
        KeyRing.parse(json.dumps(secret_of(operate))), issued_at=then, expires_at=then + 3_600, jti="old"
    )

    said = operate.json("tokens", "inspect", token)

    assert (said["accepted"], said["reason"], said["authentic"]) == (False, "expired", True)
    assert said["claims"]["exp"] == then + 3_600
    assert said["revocation"]["revoked"] is False
    assert operate.refused("tokens", "revoke", token) == "expired"


def test_token_for_another_audience_is_explained(operate: Operator, session: Any) -> None:
    said = operate.json("tokens", "inspect", session["access_token"], "--audience", "elsewhere")

    assert (said["reason"], said["authentic"]) == ("wrong_audience", True)


def segment(document: object) -> str:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


HEADER = {"alg": "ES256", "kid": "k", "typ": "at+jwt"}


def unsigned(payload: object, header: object = HEADER) -> str:
    return f"{segment(header)}.{segment(payload)}.AAAA"


HOSTILE = {
    "nothing": "",
    "a word": "hello",
    "dots": "..",
    "a megabyte": "a" * 1_000_000,
    "alg none": unsigned({"sub": "root"}, {"alg": "none"}),
    "not ascii": "é.é.é",
    "surrogates": unsigned({"sub": chr(0xD800)}),
    "escape sequences": unsigned({"sub": "\x1b[2Jgone", "\x1b]0;x": 1}),
    "infinite": unsigned(b'{"exp":1e999,"iat":-1e999}'),
    "huge number": unsigned(b'{"exp":' + b"9" * 2000 + b"}"),
    "deep": unsigned(b'{"sub":' + b"[" * 900 + b"]" * 900 + b"}"),
    "deeper": unsigned(b"[" * 1400),
    "twice": unsigned(b'{"sub":"a","sub":"b"}'),
    "time of a year far off": unsigned({"exp": 2**62, "iat": -(2**62)}),
    "with a key": unsigned({}, {**HEADER, "jwk": {"d": "S3CRETPART"}}),
    "lists": unsigned([2], [1]),
    "no refresh token": "rt1.1.cdg1.AAAAAAAAAAAAAAAAAAAAAA.0." + "A" * 43,
    "refresh with escapes": "rt1.\x1b[2J",
    "an API key": "ek_live_" + "A" * 61,
}


@pytest.mark.parametrize("token", HOSTILE.values(), ids=HOSTILE)
def test_hostile_token_is_refused_and_explained_on_lines_that_steer_no_terminal(
    operate: Operator, token: str
) -> None:
    said = operate.json("tokens", "inspect", "-", stdin=token)
    text = operate.text("tokens", "inspect", "-", stdin=token)

    assert said["accepted"] is False and said["authentic"] is False
    assert said["reason"] and said["detail"] in text
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text) < 4_000
    assert "S3CRETPART" not in text + json.dumps(said)


def test_broken_signature_is_told(operate: Operator, session: Any) -> None:
    head, _, signature = session["access_token"].rpartition(".")
    token = f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"

    said = operate.json("tokens", "inspect", token)

    assert (said["reason"], said["authentic"], said["revocation"]) == ("bad_signature", False, None)
    assert said["claims"]["sub"] == "user-42"


def test_revoked_access_token_leaves_its_session(operate: Operator, session: Any) -> None:
    assert operate.json("tokens", "revoke", session["access_token"])["revoked"] == "access_token"

    said = operate.json("tokens", "inspect", session["access_token"])
    assert (said["reason"], said["revocation"]["reason"]) == ("revoked", "token_revoked")
    assert operate.json("tokens", "inspect", session["refresh_token"])["accepted"] is True


@pytest.mark.parametrize("argv", [("access_token", "--session"), ("refresh_token",)])
def test_session_ends_with_all_its_tokens(operate: Operator, session: Any, argv: tuple[str, ...]) -> None:
    shown, *options = argv
    assert operate.json("tokens", "revoke", "-", *options, stdin=session[shown])["revoked"] == "session"

    access = operate.json("tokens", "inspect", session["access_token"])
    refresh = operate.json("tokens", "inspect", session["refresh_token"])
    assert (access["reason"], access["revocation"]["reason"]) == ("revoked", "family_revoked")
    assert (refresh["accepted"], refresh["reason"]) == (False, "family_revoked")


def test_subject_is_signed_out_everywhere_and_can_sign_in_again(operate: Operator) -> None:
    key_id = operate.json(*NEW)["id"]
    ask = ("tokens", "issue", "--key-id", key_id, "--subject")
    one, two, other = (operate.json(*ask, subject) for subject in ("user-9", "user-9", "user-8"))

    operate.json("tokens", "revoke-subject", "user-9", "--region", "hnd1")

    for tokens in (one, two):
        said = operate.json("tokens", "inspect", tokens["access_token"])
        assert (said["reason"], said["revocation"]["reason"]) == ("revoked", "subject_revoked")
        assert operate.json("tokens", "inspect", tokens["refresh_token"])["reason"] == "family_revoked"
    assert operate.json("tokens", "inspect", other["access_token"])["accepted"] is True
    time.sleep(1.1 - time.time() % 1)  # the second that it happened in is included
    again = operate.json(*ask, "user-9")
    assert operate.json("tokens", "inspect", again["access_token"])["accepted"] is True


def test_tokens_end_with_their_key(operate: Operator) -> None:
    key_id = operate.json(*NEW)["id"]
    tokens = operate.json("tokens", "issue", "--key-id", key_id)

    operate.json("keys", "revoke", key_id)

    said = operate.json("tokens", "inspect", tokens["access_token"])
    assert (said["claims"]["sub"], said["revocation"]["reason"]) == (key_id, "key_revoked")
    assert operate.json("tokens", "inspect", tokens["refresh_token"])["revocation"]["reason"] == "key_revoked"


@pytest.mark.parametrize(("token", "reason"), [("x.y.z", "malformed"), ("rt1.x", "invalid_refresh_token")])
def test_what_is_no_token_cannot_be_revoked(operate: Operator, token: str, reason: str) -> None:
    assert operate.refused("tokens", "revoke", token) == reason
