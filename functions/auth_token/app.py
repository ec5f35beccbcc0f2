"""``POST /api/auth/token``: an API key for an access token and a refresh token."""

from __future__ import annotations

from typing import Annotated

from edge.app import Depends, Response, create_app, json_answer, make_handler
from edge.auth.wire import NO_STORE, TokenAnswer, token_answer
from edge.callers import KEY_ONLY, Caller
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

KeyHolder = Annotated[Caller, Depends(callers.needs("auth:token", shown_in=KEY_ONLY))]


@app.post("/api/auth/token", response_model=TokenAnswer)
async def token(caller: KeyHolder) -> Response:
    """Begin a session for the key: an access token of 24 hours, which can be refreshed five times."""
    grant = families.begin(
        subject=caller.subject,
        client_id=caller.client_id,
        role=caller.role,
        scopes=caller.scopes,
        plan=caller.plan,
        ends_by=caller.expires_at,
    )
    answer = token_answer(grant, keys, audience=settings.token_audience, now_ms=clock.now_ms())
    return json_answer(answer, headers=NO_STORE)


handler = make_handler(app)
