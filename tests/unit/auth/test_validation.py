"""A token is good if the frame says so and nothing revoked it; what was asked of it is another question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.auth.roles import RANKS, Role
from edge.auth.sessions.revocations import Revocations
from edge.auth.sessions.store import Marks, Names
from edge.auth.tokens.key_source import CachedKeyRing
from edge.auth.tokens.problems import TokenRefused
from edge.auth.tokens.verifier import TokenVerifier
from edge.auth.validation import TokenValidator
from edge.auth.wire import RevokeRequest, ValidateRequest, check_query, validate_answer
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, InvalidValues
from tests.unit.auth.tokens.forge import AUDIENCE, CLAIMS, ISSUER, NOW, forge_of

if TYPE_CHECKING:
    from edge.auth.tokens.jwk import Algorithm

FORGE = forge_of("HS256")
CLEAR = Marks(token=False, family=False, client=False, not_before=0)


class Source:
    def read(self) -> str:
        return FORGE.document


class Reads:
    """What is known against a token, and what was asked."""

    def __init__(self) -> None:
        self.known: Marks | None = CLEAR
        self.asked: list[Names] = []

    def marks(self, names: Names) -> Marks:
        self.asked.append(names)
        if self.known is None:
            raise DependencyUnavailable(1)
        return self.known


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=NOW * 1_000)


def make(reads: Reads, clock: ManualClock, *, fail_closed: bool) -> TokenValidator:
    algorithms: frozenset[Algorithm] = frozenset({"HS256"})
    verifier = TokenVerifier(
        CachedKeyRing(Source(), clock), clock, algorithms=algorithms, issuer=ISSUER, audience=AUDIENCE
    )
    return TokenValidator(verifier, Revocations(reads, clock), fail_closed=fail_closed)


@pytest.fixture
def validator(reads: Reads, clock: ManualClock) -> TokenValidator:
    return make(reads, clock, fail_closed=False)


def why(validator: TokenValidator, token: str, audience: str | None = None) -> str | None:
    try:
        validator.validate(token, audience=audience)
    except TokenRefused as refused:
        return refused.reason
    return None


def test_good_token_is_asked_about_by_all_its_names(validator: TokenValidator, reads: Reads) -> None:
    validated = validator.validate(FORGE.token())

    assert (validated.token.subject, validated.revocation_as_of_ms) == ("user-42", NOW * 1_000)
    assert reads.asked == [Names(str(CLAIMS["jti"]), "fam_0123456789", "user-42", "web")]


def test_token_that_the_frame_refuses_costs_no_read(validator: TokenValidator, reads: Reads) -> None:
    for token in ("", "x", "a.b.c", FORGE.with_claims(exp=NOW), FORGE.with_header(alg="none")):
        assert why(validator, token) is not None
    assert why(validator, FORGE.token(), audience="other") == "wrong_audience"
    assert reads.asked == []


@pytest.mark.parametrize(
    "marks",
    [
        CLEAR._replace(token=True),
        CLEAR._replace(family=True),
        CLEAR._replace(client=True),
        CLEAR._replace(not_before=NOW),
    ],
)
@pytest.mark.parametrize("fail_closed", [False, True])
def test_each_mark_revokes(reads: Reads, clock: ManualClock, marks: Marks, *, fail_closed: bool) -> None:
    reads.known = marks

    assert why(make(reads, clock, fail_closed=fail_closed), FORGE.token()) == "revoked"


def test_not_before_of_the_past_revokes_nothing(validator: TokenValidator, reads: Reads) -> None:
    reads.known = CLEAR._replace(not_before=NOW - 10)

    assert why(validator, FORGE.token()) is None


def test_without_the_store_a_known_token_is_as_good_as_it_was(
    validator: TokenValidator, reads: Reads, clock: ManualClock
) -> None:
    validator.validate(FORGE.token())
    reads.known = None
    clock.advance(600_000)

    assert validator.validate(FORGE.token()).revocation_as_of_ms == NOW * 1_000
    assert validator.validate(FORGE.with_claims(jti="another")).revocation_as_of_ms is None


def test_fail_closed_does_not_answer_then(reads: Reads, clock: ManualClock) -> None:
    validator = make(reads, clock, fail_closed=True)
    validator.validate(FORGE.token())
    reads.known = None
    clock.advance(600_000)

    with pytest.raises(DependencyUnavailable):
        validator.validate(FORGE.token())
    assert why(validator, "x") == "malformed", "what is wrong by itself needs no store"


def test_revoked_is_told_without_the_store_once_it_is_known(reads: Reads, clock: ManualClock) -> None:
    for fail_closed in (False, True):
        validator = make(reads, clock, fail_closed=fail_closed)
        reads.known = CLEAR._replace(token=True)
        assert why(validator, FORGE.token()) == "revoked"
        reads.known = None
        clock.advance(60_000)
        assert why(validator, FORGE.token()) == "revoked"


def test_reading_a_token_does_not_ask_whether_it_was_revoked(validator: TokenValidator, reads: Reads) -> None:
    reads.known = CLEAR._replace(token=True)

    assert validator.read(FORGE.token()).jti == CLAIMS["jti"]
    assert reads.asked == []


@pytest.mark.parametrize("asked", ["ADMIN", "USER", "GUEST", None])
def test_permits(validator: TokenValidator, asked: Role | None) -> None:
    validated = validator.validate(FORGE.token())
    is_high = asked is None or RANKS["USER"] >= RANKS[asked]

    assert validated.permits(role=asked, scopes=[]) == is_high
    assert validated.permits(role=asked, scopes=["geo:route", "sign:request"]) == is_high
    assert not validated.permits(role=asked, scopes=["geo:route", "auth:token"]), "USER may, this token not"


def test_answer_about_a_token_without_a_family_names_none(validator: TokenValidator) -> None:
    answer = validate_answer(ValidateRequest(token=FORGE.without_claim("family")), None, validator)

    assert answer["active"]
    assert "family" not in answer


def test_body_comes_before_header_and_empty_is_not_missing(validator: TokenValidator) -> None:
    good = FORGE.token()

    assert validate_answer(ValidateRequest(), good, validator)["active"]
    assert validate_answer(ValidateRequest(token=good), "x", validator)["active"]
    assert not validate_answer(ValidateRequest(token=""), good, validator)["active"]
    assert validate_answer(ValidateRequest(), None, validator) == {
        "active": False,
        "role": "ANONYMOUS",
        "reason": "missing",
    }


@pytest.mark.parametrize("names", [[], ["required_role"], ["required_scopes", "required_role"]])
def test_query_of_forward_auth(names: list[str]) -> None:
    check_query(names)


@pytest.mark.parametrize(
    ("names", "pointer", "reason"),
    [
        (["required_scope"], "/query", "unknown_member"),
        (["required_role", "x"], "/query", "unknown_member"),
        (["Required_role"], "/query", "unknown_member"),
        ([""], "/query", "unknown_member"),
        (["required_role", "required_role"], "/query/required_role", "twice"),
        (["required_role", "required_scopes", "required_scopes"], "/query/required_scopes", "twice"),
    ],
)
def test_requirement_that_would_not_be_met_is_refused(names: list[str], pointer: str, reason: str) -> None:
    with pytest.raises(InvalidValues) as raised:
        check_query(names)
    assert raised.value.errors == [{"pointer": pointer, "reason": reason}]


def test_revoke_request_takes_no_hint_that_it_does_not_know() -> None:
    assert RevokeRequest(token="x", token_type_hint="access_token").token == "x"
    with pytest.raises(ValueError, match="token_type_hint"):
        RevokeRequest(token="x", token_type_hint="cookie")  # type: ignore[arg-type]
