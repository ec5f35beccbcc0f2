"""``/api/auth/validate``: is this token good? POST answers in JSON, GET by its status, for proxies that ask ahead."""

from __future__ import annotations

from typing import Annotated

from edge.app import Depends, Query, Request, Response, create_app, json_answer, make_handler
from edge.auth.wire import (
    ActiveAnswer,
    AskedRole,
    InactiveAnswer,
    ValidateRequest,
    check_query,
    validate_answer,
)
from edge.callers import ANYBODY, KEY_ONLY, Caller, bearer_token
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.keys import open_house_keys
from edge.composition.limits import open_limits
from edge.composition.tokens import open_token_validator
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
keys = open_house_keys(settings, clock)
validator = open_token_validator(settings, clock, keys=keys)
callers = open_callers(settings, clock, limits=open_limits(settings, clock), keys=keys, validator=validator)
app = create_app(settings)

Shown = Annotated[Caller, Depends(callers.needs(ANYBODY))]
Answer = ActiveAnswer | InactiveAnswer


# Here the Authorization header is what is asked about, not who asks.
@app.post(
    "/api/auth/validate",
    response_model=Answer,
    dependencies=[Depends(callers.needs(ANYBODY, shown_in=KEY_ONLY))],
)
async def introspect(asked: ValidateRequest, request: Request) -> Response:
    """Introspection (RFC 7662): 200 whether the token is good or not."""
    shown = bearer_token(request.scope) if asked.token is None else None
    answer = validate_answer(asked, shown, validator)
    return json_answer(answer, outcome={"active": answer["active"]})


@app.get("/api/auth/validate")
async def forward_auth(
    caller: Shown,
    request: Request,
    required_role: Annotated[AskedRole | None, Query(description="This or a higher one.")] = None,
    required_scopes: Annotated[
        str, Query(max_length=1024, description="All of them; separated by spaces.")
    ] = "",
) -> Response:
    """200 with who calls in ``X-Auth-*``, 401 for nobody, 403 for one who has not got what the route requires."""
    check_query(name for name, _ in request.query_params.multi_items())
    caller.require(role=required_role, scopes=required_scopes.split())
    return Response(status_code=200, headers=caller.auth_headers())


handler = make_handler(app)
