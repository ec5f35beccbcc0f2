"""``POST /api/ratelimit/check``: may this subject spend this much now?"""

from __future__ import annotations

from edge.app import Response, create_app, json_answer, make_handler
from edge.clock import SystemClock
from edge.ratelimit.dynamo import open_store
from edge.ratelimit.headers import rate_limit_headers
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.tiers import TIERS
from edge.ratelimit.wire import CheckAnswer, CheckRequest, check_answer, check_status
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
limiter = Limiter(open_store(settings, clock), clock)
app = create_app(settings)


@app.post("/api/ratelimit/check", response_model=CheckAnswer, responses={429: {"model": CheckAnswer}})
async def check(request: CheckRequest) -> Response:
    """One decision: 200 if the cost was charged, 429 if it does not fit."""
    decision = request.decide(limiter, TIERS)
    return json_answer(
        check_answer(decision, region=settings.region.code),
        status=check_status(decision),
        headers=rate_limit_headers(decision, clock.now_ms()),
    )


handler = make_handler(app)
