"""``POST /api/auth/revoke``: ends an access token, or by a refresh token its whole session (RFC 7009)."""

from __future__ import annotations

from edge.app import Depends, Response, create_app, json_answer, make_handler
from edge.auth.wire import RevokeRequest
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.keys import open_house_keys
from edge.composition.limits import open_limits
from edge.composition.tokens import open_families, open_token_validator
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
keys = open_house_keys(settings, clock)
validator = open_token_validator(settings, clock, keys=keys)
callers = open_callers(settings, clock, limits=open_limits(settings, clock), keys=keys)
families = open_families(settings, clock, keys=keys)
app = create_app(settings)


@app.post("/api/auth/revoke", dependencies=[Depends(callers.needs("auth:revoke"))])
async def revoke(request: RevokeRequest) -> Response:
    """Whoever has a token may end it. 200 also for what is no token, or none any more: nothing is left to end."""
    revoked = request.revoke(families, validator, keys)
    return json_answer({}, outcome={"revoked": revoked})


handler = make_handler(app)
