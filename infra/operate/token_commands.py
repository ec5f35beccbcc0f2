"""``tokens``: sessions that an operator begins or ends, and what a token is (see :mod:`infra.operate.inspection`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from edge.auth.apikeys.problems import KeyConflict
from edge.auth.sessions.problems import RefreshRefused
from edge.auth.tokens.problems import TokenRefused
from edge.auth.wire import token_answer
from infra.operate.answers import Answer, fields, moment, span
from infra.operate.failures import Failure
from infra.operate.inputs import check_subject, read_key_id, read_token
from infra.operate.inspection import REFRESH_PREFIX, inspect_token, verified

if TYPE_CHECKING:
    from argparse import Namespace

    from infra.operate.place import Place

ONCE: Final = "These tokens are shown once; `tokens revoke` ends them."


def issue(place: Place, arguments: Namespace) -> Answer:
    """Begin a session for a key that exists, as its holder would at ``POST /api/auth/token``."""
    record = place.api_keys().read(read_key_id(arguments.key_id))
    now = place.now_seconds()
    if record.revoked_at is not None:
        raise KeyConflict("revoked_already")
    if record.expires_at is not None and record.expires_at <= now:
        raise KeyConflict("expired_already")
    subject = check_subject(arguments.subject or record.id)
    keys = place.house_keys()
    grant = place.families(keys).begin(
        subject=subject,
        client_id=record.id,
        role=record.role,
        scopes=record.scopes,
        plan=record.plan,
        ends_by=record.expires_at,
    )
    answer = token_answer(grant, keys, audience=place.names.audience, now_ms=place.clock.now_ms())
    text = fields(
        [
            ("subject", subject),
            ("role", answer["role"]),
            ("scopes", answer["scope"]),
            ("access token for", span(answer["expires_in"])),
            ("session until", moment(grant.refresh_expires_at)),
            ("access token", answer["access_token"]),
            ("refresh token", answer["refresh_token"]),
        ]
    )
    return Answer(cast("dict[str, object]", answer), f"{text}\n{ONCE}")


def inspect(place: Place, arguments: Namespace) -> Answer:
    """Tell what a token says, whether it is taken, and why not."""
    return inspect_token(place, read_token(arguments.token))


def revoke(place: Place, arguments: Namespace) -> Answer:
    """End an access token, or with ``--session``, or for a refresh token, the whole session."""
    token = read_token(arguments.token)
    keys = place.house_keys()
    families = place.families(keys)
    try:
        if token.startswith(REFRESH_PREFIX):
            refresh = keys.refresh_keys().read(token)
            families.revoke_family(refresh.family, home=refresh.home, why="operator")
            return _revoked("session", refresh.family)
        access = verified(place, keys, token)
    except (RefreshRefused, TokenRefused) as refused:
        raise Failure(str(refused.reason), f"Nothing was revoked. {refused.detail}") from None
    if arguments.session and access.family is not None:
        # Where it is at home only its refresh token tells; the tombstone alone does.
        families.revoke_family(access.family, home=None, why="operator")
        return _revoked("session", access.family)
    families.revoke_token(access.jti, expires_at=access.expires_at)
    return _revoked("access_token", access.jti)


def revoke_subject(place: Place, arguments: Namespace) -> Answer:
    """End all that was issued to a subject until now."""
    subject = check_subject(arguments.subject)
    # A token tells whole seconds: the present one is included by the next.
    not_before = place.now_seconds() + 1
    families = place.families(place.house_keys())
    families.revoke_subject(subject, not_before=not_before)
    return Answer(
        {"revoked": "subject", "subject": subject, "not_before": not_before},
        f"All that was issued to {subject} before {moment(not_before)} is revoked; a session's refreshes too.",
    )


def _revoked(what: str, name: str) -> Answer:
    return Answer(
        {"revoked": what, "id": name},
        f"Revoked: {what.replace('_', ' ')} {name}. At once in this region, elsewhere within seconds.",
    )
