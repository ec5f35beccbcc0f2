"""``POST /api/ratelimit/check``: may this subject spend this much now? ``/reset`` forgets what it has spent."""

from __future__ import annotations

from typing import Annotated

from edge.app import Depends, Response, create_app, json_answer, make_handler
from edge.callers import Caller
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.limits import open_admission, open_limits
from edge.ratelimit.headers import verdict_headers
from edge.ratelimit.wire import (
    CheckAnswer,
    CheckRequest,
    ChecksAnswer,
    ResetRequest,
    check_answer,
    check_outcome,
    check_status,
)
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
limits = open_limits(settings, clock)
admission = open_admission(settings, clock, limits)
callers = open_callers(settings, clock, limits=limits)
app = create_app(settings, budget_ms=700)  # an answer within 800 ms, whatever breaks

Answer = CheckAnswer | ChecksAnswer
Checker = Annotated[Caller, Depends(callers.needs("ratelimit:check"))]


@app.post("/api/ratelimit/check", response_model=Answer, responses={429: {"model": Answer}})
async def check(request: CheckRequest, caller: Checker) -> Response:
    """One decision: 200 if everything asked for was charged, 429 if something does not fit and nothing was."""
    if request.sets_limits:
        caller.require(role=None, scopes=["ratelimit:admin"])
    ruling = request.rule(admission, limits.tiers)
    return json_answer(
        check_answer(request, ruling),
        status=check_status(ruling),
        headers=verdict_headers(ruling.told, clock.now_ms()),
        outcome=check_outcome(ruling),
    )


@app.post("/api/ratelimit/reset", status_code=204, dependencies=[Depends(callers.needs("ratelimit:admin"))])
async def reset(request: ResetRequest) -> Response:
    """Forget what a subject has used of a tier. A container that has denied it just now may go on until it said."""
    request.reset(limits.scopes, limits.tiers)
    return Response(status_code=204)


handler = make_handler(app)
