"""
What a token is, told to an operator: whatever text it is, this explains it and does not fail.

A token comes from outside. Of its header and payload only members that ours have are shown, others by name alone, and never
the signature: what is printed cannot be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.auth.sessions.family_id import started_at
from edge.auth.sessions.problems import RefreshRefused
from edge.auth.sessions.refresh_token import MAX_ROTATIONS
from edge.auth.sessions.revocations import Revocations
from edge.auth.sessions.store import Names, Rotated, Rotation
from edge.auth.sessions.verdicts import verdict
from edge.auth.tokens import base64url
from edge.auth.tokens.claims import ALLOWED
from edge.auth.tokens.frame import MAX_TOKEN_CHARS, verify
from edge.auth.tokens.jwk import ALGORITHMS
from edge.auth.tokens.problems import REFUSALS, TokenRefused
from edge.auth.tokens.strict_json import decode_object
from infra.operate.answers import Answer, fields, moment

if TYPE_CHECKING:
    from collections.abc import Collection

    from edge.auth.house_keys import HouseKeys
    from edge.auth.sessions.problems import RefusalReason
    from edge.auth.sessions.refresh_token import RefreshToken
    from edge.auth.sessions.store import Family
    from edge.auth.tokens.claims import AccessToken
    from infra.operate.place import Place

REFRESH_PREFIX: Final = "rt1."

_HEADER: Final = ("alg", "typ", "kid")
_SHOWN_CHARS: Final = 256
_SHOWN_NAMES: Final = 20

_REASONS: Final = list(REFUSALS)
_BEFORE_SIGNATURE: Final = frozenset(_REASONS[: _REASONS.index("bad_signature") + 1])
"""Whoever is refused for one of these may have written anything into the token."""

_OF_TIME: Final = frozenset({"expired", "not_yet_valid"})


def verified(place: Place, keys: HouseKeys, token: str, *, now_seconds: int | None = None) -> AccessToken:
    """
    Return what an access token says, revoked or not.

    Args:
        place: whose issuer and audience are taken.
        keys: of the house.
        token: as it came.
        now_seconds: in place of now.

    Raises:
        TokenRefused: the frame does not take it.
    """
    return verify(
        token,
        keys.ring.current(),
        algorithms=ALGORITHMS,
        issuer=place.names.issuer,
        audience=place.names.audience,
        now_seconds=place.now_seconds() if now_seconds is None else now_seconds,
    )


def inspect_token(place: Place, token: str) -> Answer:
    """Return all that is to be told of *token*, access or refresh."""
    keys = place.house_keys()
    if token.startswith(REFRESH_PREFIX):
        return _refresh(place, keys, token)
    return _access(place, keys, token)


def _access(place: Place, keys: HouseKeys, token: str) -> Answer:
    header, claims = _parts(token)
    refused: TokenRefused | None = None
    said: AccessToken | None = None
    try:
        said = verified(place, keys, token)
    except TokenRefused as refusal:
        refused = refusal
        if refusal.reason in _OF_TIME and claims is not None:
            said = _at_its_time(place, keys, token, claims["iat"])
    status = None
    if said is not None:
        status = Revocations(place.sessions(place.region), place.clock, fresh_ms=0).status(
            jti=said.jti,
            family=said.family,
            subject=said.subject,
            client_id=said.client_id,
            issued_at=said.issued_at,
            fail_closed=True,
        )
        if status.revoked and refused is None:
            refused = TokenRefused("revoked")
    reason = None if refused is None else refused.reason
    detail = _detail(token, refused)
    document: dict[str, object] = {
        "kind": "access_token",
        "accepted": refused is None,
        "reason": reason,
        "detail": detail,
        "authentic": reason not in _BEFORE_SIGNATURE,
        "header": None if header is None else _chosen(header, _HEADER),
        "other_header_members": None if header is None else _others(header, _HEADER),
        "claims": None if claims is None else _chosen(claims, sorted(ALLOWED)),
        "other_claims": None if claims is None else _others(claims, ALLOWED),
        "revocation": None
        if status is None
        else {
            "revoked": status.revoked,
            "reason": status.reason,
            "as_of": None if status.as_of_ms is None else status.as_of_ms // 1000,
        },
    }
    pairs: list[tuple[str, object]] = [
        ("kind", "access token"),
        ("accepted", refused is None),
        ("reason", reason),
        ("detail", detail),
        ("authentic", document["authentic"]),
        ("revoked", "unknown" if status is None else status.reason or False),
    ]
    if header is not None:
        pairs += [(f"header {name}", value) for name, value in _chosen(header, _HEADER).items()]
        pairs += [("header others", names) for names in [_others(header, _HEADER)] if names]
    if claims is not None:
        pairs += [
            (f"claim {name}", _for_people(name, value))
            for name, value in _chosen(claims, sorted(ALLOWED)).items()
        ]
        pairs += [("claim others", names) for names in [_others(claims, ALLOWED)] if names]
    return Answer(document, fields(pairs))


def _refresh(place: Place, keys: HouseKeys, text: str) -> Answer:
    try:
        token = keys.refresh_keys().read(text)
    except RefreshRefused as refused:
        return _refresh_answer(None, None, refused, None)
    store = place.sessions(token.home)
    now_ms = place.clock.now_ms()
    # Under no limit that any generation is below: the store's answer is the family as it is, and nothing is written.
    attempt = Rotation(
        family=token.family,
        parent=token.generation,
        limit=0,
        rotated_at_ms=now_ms,
        issued_at=now_ms // 1000,
        request_id="inspect",
        idempotency="",
    )
    outcome = store.rotate(attempt)
    family = None if isinstance(outcome, Rotated) else outcome.family
    if family is None:
        return _refresh_answer(token, None, RefreshRefused("unknown_family"), None)
    marks = store.marks(Names(None, family.family, family.subject, family.client_id))
    revoked = (
        "family_revoked"
        if marks.family or family.state != "A"
        else "subject_revoked"
        if started_at(family.family) < marks.not_before
        else "key_revoked"
        if marks.client
        else None
    )
    reason = _refresh_reason(token, attempt, family, revoked)
    return _refresh_answer(token, family, None if reason is None else RefreshRefused(reason), revoked)


def _refresh_reason(
    token: RefreshToken, attempt: Rotation, family: Family, revoked: str | None
) -> RefusalReason | None:
    """Return what the token would be refused with, in the order of a refresh; None if it would be taken."""
    if token.generation >= MAX_ROTATIONS:
        return "refresh_limit_reached"
    if family.generation > token.generation or family.state != "A" or family.expires_at <= attempt.issued_at:
        found = verdict(attempt, family, grace_ms=0)
        if found != "same_successor":
            return found
    return None if revoked is None else "family_revoked"


def _refresh_answer(
    token: RefreshToken | None, family: Family | None, refused: RefreshRefused | None, revoked: str | None
) -> Answer:
    began = None if token is None else started_at(token.family)
    document: dict[str, object] = {
        "kind": "refresh_token",
        "accepted": refused is None,
        "reason": None if refused is None else refused.reason,
        "detail": "A refresh would take this token." if refused is None else refused.detail,
        "authentic": token is not None,
        "key_version": None if token is None else token.key_version,
        "home": None if token is None else token.home.code,
        "generation": None if token is None else token.generation,
        "family": None if token is None else token.family,
        "began_at": began,
        "session": None
        if family is None
        else {
            "subject": family.subject,
            "client_id": family.client_id,
            "role": family.role,
            "scope": family.scope,
            "plan": family.plan,
            "generation": family.generation,
            "expires_at": family.expires_at,
        },
        "revocation": None if family is None else {"revoked": revoked is not None, "reason": revoked},
    }
    pairs: list[tuple[str, object]] = [
        ("kind", "refresh token"),
        *((name, document[name]) for name in ("accepted", "reason", "detail", "authentic")),
    ]
    if token is not None:
        pairs += [(name, document[name]) for name in ("key_version", "home", "generation", "family")]
        pairs += [("began", moment(began))]
    if family is not None:
        pairs += [
            ("revoked", revoked or False),
            ("subject", family.subject),
            ("client", family.client_id),
            ("role", family.role),
            ("scopes", family.scope),
            ("newest generation", family.generation),
            ("session until", moment(family.expires_at)),
        ]
    return Answer(document, fields(pairs))


def _parts(token: str) -> tuple[dict[str, object] | None, dict[str, object] | None]:
    """Return header and payload as far as they can be read; nothing of them is verified."""
    segments = token.split(".")
    if len(token) > MAX_TOKEN_CHARS or len(segments) != 3:  # header, payload, signature
        return None, None
    return _object(segments[0]), _object(segments[1])


def _object(segment: str) -> dict[str, object] | None:
    try:
        return decode_object(base64url.decode(segment.encode("ascii")))
    except ValueError:  # a UnicodeEncodeError is one
        return None


def _at_its_time(place: Place, keys: HouseKeys, token: str, issued_at: object) -> AccessToken | None:
    """Return what a token that is only too old or too young says."""
    try:
        return verified(place, keys, token, now_seconds=issued_at if isinstance(issued_at, int) else 0)
    except TokenRefused:
        return None


def _detail(token: str, refused: TokenRefused | None) -> str:
    if refused is None:
        return "A function would take this token."
    if token.startswith("ek_"):
        return "This is no token; it looks like an API key: see `keys show`."
    return refused.detail


def _chosen(members: dict[str, object], names: Collection[str]) -> dict[str, object]:
    """Return the members that are ours, each cut to a length that fits a screen."""
    return {name: _cut(members[name]) for name in names if name in members}


def _cut(value: object) -> object:
    if isinstance(value, (dict, list)):
        return f"<{type(value).__name__} of {len(value)}>"
    if isinstance(value, str) and len(value) > _SHOWN_CHARS:
        return f"{value[:_SHOWN_CHARS]}... ({len(value)} characters)"
    if isinstance(value, int) and abs(value) >= 2**63:
        return "<huge number>"
    return value


def _others(members: dict[str, object], known: Collection[str]) -> list[str]:
    """Return the names of what is not ours: a foreign header may bring a key along."""
    return [str(_cut(name)) for name in members if name not in known][:_SHOWN_NAMES]


def _for_people(name: str, value: object) -> object:
    return moment(value) if name in ("iat", "exp", "nbf") and type(value) is int else value
