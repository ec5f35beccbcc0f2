"""No hostile token is taken; each is refused for its own reason, by our exception alone, and quickly."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast, get_args

import pytest

from edge.auth.tokens.frame import MAX_TOKEN_CHARS, verify
from edge.auth.tokens.keyring import KeyRing
from edge.auth.tokens.problems import REFUSALS, RefusalReason, TokenRefused
from tests.unit.auth.tokens import attacks, attacks_in_earnest
from tests.unit.auth.tokens.forge import (
    ALGORITHMS,
    AUDIENCE,
    CLAIMS,
    ISSUER,
    NOW,
    P256_ORDER,
    b64,
    compact,
    forge_of,
    unb64,
)

if TYPE_CHECKING:
    from edge.auth.tokens.jwk import Algorithm
    from tests.unit.auth.tokens.attacks import Attack
    from tests.unit.auth.tokens.forge import Forge

MOST_MS = 50
ATTEMPTS = 4

CORPUS = [
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
FAMILIES = tuple(dict.fromkeys(attack.name.partition("/")[0] for attack in CORPUS))


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_untouched_token_is_taken(alg: Algorithm) -> None:
    token = forge_of(alg).verify(forge_of(alg).token())

    assert (token.subject, token.role, token.key_id) == ("user-42", "USER", f"{alg}-1")
    assert token.scopes == {"geo:route", "sign:request"}
    assert (token.issued_at, token.expires_at) == (NOW - 10, NOW + 3_590)


def test_corpus_is_as_large_as_it_claims_and_every_case_has_a_name() -> None:
    names = [attack.name for attack in CORPUS]

    assert len(set(names)) == len(names)
    for alg in ALGORITHMS:
        assert sum(alg in attack.algorithms for attack in CORPUS) >= 600
    assert set(REFUSALS) == set(get_args(RefusalReason))


def outcome(forge: Forge, attack: Attack) -> str:
    """Return what is wrong with how *attack* ends, nothing if it is refused as it should be."""
    token = cast("str", attack.build(forge))
    assert token != forge.token()
    took_ms = float(MOST_MS)
    for _ in range(ATTEMPTS):  # the first may import an algorithm, or meet the garbage collector
        begun_ns = time.thread_time_ns()
        try:
            forge.verify(token)
        except TokenRefused as refused:
            took_ms = min(took_ms, (time.thread_time_ns() - begun_ns) / 1e6)
            if refused.reason not in attack.reasons:
                return f"{attack.name}: refused as {refused.reason}"
        else:
            return f"{attack.name}: taken"
        if took_ms < MOST_MS:
            return ""
    return f"{attack.name}: took {took_ms:.0f} ms"


@pytest.mark.parametrize(
    "attack", [one for one in CORPUS if "HS256" in one.algorithms], ids=lambda one: one.name
)
def test_attack_is_refused_for_its_reason(attack: Attack) -> None:
    assert outcome(forge_of("HS256"), attack) == ""


@pytest.mark.parametrize("alg", ALGORITHMS[1:])
@pytest.mark.parametrize("family", FAMILIES)
def test_attacks_on_asymmetric_keys_are_refused_for_their_reasons(alg: Algorithm, family: str) -> None:
    forge = forge_of(alg)
    corpus = [one for one in CORPUS if alg in one.algorithms and one.name.startswith(f"{family}/")]
    assert corpus

    assert [wrong for one in corpus if (wrong := outcome(forge, one))] == []


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_refusal_says_nothing_of_the_token(alg: Algorithm) -> None:
    forge = forge_of(alg)
    with pytest.raises(TokenRefused) as refused:
        forge.verify(forge.with_claims(sub="MARK#ER"))

    problem = refused.value
    assert (
        "MARK" not in f"{problem!r} {problem} {problem.detail} {problem.extensions()} {problem.log_fields()}"
    )
    assert problem.headers() == [(b"www-authenticate", b'Bearer error="invalid_token"')]
    assert problem.__cause__ is None


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_key_of_another_issuer_does_not_sign_for_this_one(alg: Algorithm) -> None:
    forge = forge_of(alg)
    other = KeyRing.parse(forge.document.replace(ISSUER, "https://other.example"))

    for claimed in (ISSUER, "https://other.example"):
        with pytest.raises(TokenRefused, match="wrong_issuer"):
            verify(
                forge.with_claims(iss=claimed),
                other,
                algorithms=frozenset({alg}),
                issuer=ISSUER,
                audience=AUDIENCE,
                now_seconds=NOW,
            )


def accepted(forge: Forge) -> list[tuple[str, str]]:
    """Unusual tokens that are valid all the same."""
    header, payload, signature = forge.token().split(".")
    found = [
        ("header-members-in-another-order", forge.token(header=dict(reversed(forge.header.items())))),
        ("white-space-in-json", forge.token(claims=compact(CLAIMS).replace(b",", b" ,\r\n "))),
        ("escapes-in-json", forge.token(claims=compact(CLAIMS).replace(b"user-42", b"\\u0075ser-42"))),
        ("no-family", forge.without_claim("family")),
        ("nbf", forge.with_claims(nbf=NOW - 10)),
        ("iat-60-seconds-ahead", forge.with_claims(iat=NOW + 60)),
        ("nbf-60-seconds-ahead", forge.with_claims(nbf=NOW + 60)),
        ("last-second", forge.with_claims(exp=NOW + 1)),
        ("lifetime-of-a-day", forge.with_claims(iat=NOW - 10, exp=NOW + 86_390)),
        ("scopes-in-another-order", forge.with_claims(scope="sign:request geo:route")),
        (
            "longest-names",
            forge.with_claims(sub="u" * 128, client_id="c" * 128, jti="j" * 128, family="f" * 64),
        ),
        ("every-character-of-a-name", forge.with_claims(sub="aZ09._~:@|+-")),
    ]
    if forge.alg == "ES256":
        raw = unb64(signature)
        s = (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
        found.append(("es256-other-s", f"{header}.{payload}.{b64(raw[:32] + s)}"))
    return found


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_unusual_and_valid_is_taken(alg: Algorithm) -> None:
    forge = forge_of(alg)
    for name, token in accepted(forge):
        assert forge.verify(token).issuer == CLAIMS["iss"], name


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_longest_token_is_taken(alg: Algorithm) -> None:
    forge = forge_of(alg)
    spaces = 1
    while len(token := forge.token(claims=compact(CLAIMS) + b" " * spaces)) < MAX_TOKEN_CHARS - 1:
        spaces += max(1, (MAX_TOKEN_CHARS - len(token)) * 3 // 4 - 2)

    assert MAX_TOKEN_CHARS - 1 <= len(token) <= MAX_TOKEN_CHARS
    assert forge.verify(token).subject == "user-42"
