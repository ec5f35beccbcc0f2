"""``POST /api/ratelimit/check``: may this subject spend this much now?"""

from __future__ import annotations

from edge.app import Response, create_app, json_answer, make_handler
from edge.clock import SystemClock
from edge.ratelimit.dynamo import open_scopes
from edge.ratelimit.headers import verdict_headers
from edge.ratelimit.tiers import configured_tiers
from edge.ratelimit.wire import (
    CheckAnswer,
    CheckRequest,
    ChecksAnswer,
    check_answer,
    check_outcome,
    check_status,
)
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
tiers = configured_tiers(settings.rate_tiers)
scopes = open_scopes(settings, clock, tiers)
app = create_app(settings)

Answer = CheckAnswer | ChecksAnswer


@app.post("/api/ratelimit/check", response_model=Answer, responses={429: {"model": Answer}})
async def check(request: CheckRequest) -> Response:
    """One decision: 200 if everything asked for was charged, 429 if something does not fit and nothing was."""
    located = request.decide(scopes, tiers)
    return json_answer(
        check_answer(request, located),
        status=check_status(located.verdict),
        headers=verdict_headers(located.verdict, clock.now_ms()),
        outcome=check_outcome(located),
    )


handler = make_handler(app)
