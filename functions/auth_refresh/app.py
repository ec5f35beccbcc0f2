"""``POST /api/auth/refresh``: the newest refresh token of a session for the next pair of tokens."""

from __future__ import annotations

from os import urandom
from typing import Annotated

from edge.app import Depends, Header, Response, create_app, json_answer, make_handler
from edge.auth.wire import NO_STORE, RefreshRequest, TokenAnswer, token_answer
from edge.callers import ANYBODY, KEY_ONLY
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.keys import open_house_keys
from edge.composition.limits import open_limits
from edge.composition.tokens import open_families
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
keys = open_house_keys(settings, clock)
callers = open_callers(settings, clock, limits=open_limits(settings, clock), keys=keys)
families = open_families(settings, clock, keys=keys)
app = create_app(settings)

IdempotencyKey = Annotated[
    str | None, Header(max_length=256, description="Names a request that may be repeated.")
]


# Clients send the Authorization header by habit, and come here because the token in it is over.
@app.post(
    "/api/auth/refresh",
    response_model=TokenAnswer,
    dependencies=[Depends(callers.needs(ANYBODY, shown_in=KEY_ONLY))],
)
async def refresh(request: RefreshRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """
    Replace a refresh token; the token is the proof, so no caller is asked for.

    The same token gets the same answer for ten seconds, with an Idempotency-Key for ten minutes. After that it is a
    reuse, and ends the session.
    """
    # A name of our own for this call: one that a client could choose would let a thief pass for a retry.
    grant = families.rotate(
        request.refresh_token, request_id=urandom(16).hex(), idempotency_key=idempotency_key
    )
    answer = token_answer(grant, keys, audience=settings.token_audience, now_ms=clock.now_ms())
    return json_answer(answer, headers=NO_STORE)


handler = make_handler(app)
