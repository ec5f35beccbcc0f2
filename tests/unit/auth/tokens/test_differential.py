"""The frame beside PyJWT: what we issue both take and read alike; what PyJWT refuses, the frame never takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.auth.roles import SCOPES
from edge.auth.tokens import base64url, strict_json
from edge.auth.tokens.claims import AccessToken, payload_of
from edge.auth.tokens.issuer import issue
from edge.auth.tokens.problems import TokenRefused
from tests.unit.auth.tokens.forge import ALGORITHMS, AUDIENCE, CLAIMS, ISSUER, NOW, b64, compact, forge_of

if TYPE_CHECKING:
    from edge.auth.roles import Role
    from edge.auth.tokens.jwk import Algorithm

PYJWT: tuple[Algorithm, ...] = ALGORITHMS[:4]
"""PyJWT does not know the name Ed25519."""

names = st.from_regex(r"[A-Za-z0-9._~:@|+-]{1,128}", fullmatch=True)
ROLES: tuple[Role, ...] = ("ADMIN", "USER", "GUEST")
roles = st.sampled_from(ROLES)


def json_of(numbers: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | numbers,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=5,
    )


json_values = json_of(st.floats())
finite_json = json_of(st.floats(allow_nan=False, allow_infinity=False))


def by_pyjwt(alg: Algorithm, token: str) -> dict[str, Any] | None:
    material = forge_of(alg).ring.keys[0].material
    try:
        return jwt.decode(
            token,
            jwt.PyJWK(dict(material.public_jwk or material.jwk), alg),
            algorithms=[alg],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except (jwt.PyJWTError, UnicodeError):
        return None


def by_us(alg: Algorithm, token: str) -> AccessToken | None:
    try:
        return forge_of(alg).verify(token)
    except TokenRefused:
        return None


@pytest.mark.parametrize("alg", PYJWT)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_issued_tokens_read_alike(alg: Algorithm, data: st.DataObject) -> None:
    role = data.draw(roles)
    token = issue(
        forge_of(alg).ring,
        subject=data.draw(names),
        client_id=data.draw(names),
        audience=AUDIENCE,
        issued_at=NOW - data.draw(st.integers(0, 3_600)),
        expires_at=NOW + data.draw(st.integers(1, 82_800)),
        jti=data.draw(names),
        role=role,
        scopes=data.draw(st.sets(st.sampled_from(sorted(SCOPES[role])), min_size=1)),
        family=data.draw(st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)),
    )
    ours = by_us(alg, token)

    assert ours is not None
    assert by_pyjwt(alg, token) == payload_of(ours)


@pytest.mark.parametrize("alg", ALGORITHMS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_changed_byte_is_taken(alg: Algorithm, data: st.DataObject) -> None:
    token = forge_of(alg).token()
    position = data.draw(st.integers(0, len(token) - 1))
    replacement = data.draw(st.characters(max_codepoint=255) | st.sampled_from("=+/-_.AZ09"))
    changed = token[:position] + replacement + token[position + 1 :]

    assert (by_us(alg, changed) is not None) is (changed == token)


@pytest.mark.parametrize("alg", ALGORITHMS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_cut_or_insertion_is_taken(alg: Algorithm, data: st.DataObject) -> None:
    token = forge_of(alg).token()
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 4)))
    changed = token[:start] + data.draw(st.text(max_size=3)) + token[end:]

    assert (by_us(alg, changed) is not None) is (changed == token)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from([*CLAIMS, "nbf", "cnf"]), value=json_values)
def test_what_the_frame_takes_pyjwt_takes_and_reads_alike(name: str, value: object) -> None:
    token = forge_of("HS256").token(claims={**CLAIMS, name: value})
    ours = by_us("HS256", token)

    if ours is not None:
        theirs = by_pyjwt("HS256", token)
        assert theirs is not None
        theirs.pop("nbf", None)
        assert {**payload_of(ours), "scope": theirs["scope"]} == theirs


@settings(max_examples=150, deadline=None)
@given(header=st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "jwk", "b64"]), json_values))
def test_no_other_header_is_taken(header: dict[str, object]) -> None:
    forge = forge_of("HS256")
    taken = by_us("HS256", forge.token(header=header))

    assert (taken is not None) is (header == forge.header)


@settings(max_examples=200, deadline=None)
@given(
    token=st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: f"{b64(raw)}.{b64(raw)}.{b64(raw)}")
)
def test_noise_is_refused_by_our_exception(token: str) -> None:
    assert by_us("HS256", token) is None


@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=120))
def test_any_signed_payload_is_read_or_refused(raw: bytes) -> None:
    assert by_us("HS256", forge_of("HS256").token(claims=raw or b"{}")) is None


@given(raw=st.binary(max_size=64))
def test_base64url_returns_and_has_one_spelling(raw: bytes) -> None:
    text = base64url.encode(raw)

    assert text == b64(raw).encode()
    assert base64url.decode(text) == raw


@given(text=st.binary(max_size=12) | st.text("AQgw_-+/= ", max_size=12).map(str.encode))
def test_base64url_decodes_nothing_that_it_would_not_write(text: bytes) -> None:
    try:
        raw = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(raw) == text


@given(document=st.dictionaries(st.text(max_size=5), finite_json, max_size=4))
def test_strict_json_reads_what_json_writes(document: dict[str, object]) -> None:
    assert strict_json.decode_object(compact(document)) == document
