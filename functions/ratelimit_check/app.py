"""``POST /api/ratelimit/check``: may this subject spend this much now?"""

from __future__ import annotations

from edge.app import Response, create_app, json_answer, make_handler
from edge.clock import SystemClock
from edge.ratelimit.dynamo import open_store
from edge.ratelimit.headers import verdict_headers
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.tiers import configured_tiers
from edge.ratelimit.wire import CheckAnswer, CheckRequest, ChecksAnswer, check_answer, check_status
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
tiers = configured_tiers(settings.rate_tiers)
limiter = Limiter(
    open_store(settings, clock), clock, longest_window_ms=max(t.window.window_ms for t in tiers.values())
)
app = create_app(settings)

Answer = CheckAnswer | ChecksAnswer


@app.post("/api/ratelimit/check", response_model=Answer, responses={429: {"model": Answer}})
async def check(request: CheckRequest) -> Response:
    """One decision: 200 if everything asked for was charged, 429 if something does not fit and nothing was."""
    verdict = request.decide(limiter, tiers)
    return json_answer(
        check_answer(request, verdict, region=settings.region.code),
        status=check_status(verdict),
        headers=verdict_headers(verdict, clock.now_ms()),
    )


handler = make_handler(app)
