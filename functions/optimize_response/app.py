"""``POST /api/optimize/response``: a plain answer in its smallest correct form, with headers for caches, or a 304."""

from __future__ import annotations

from edge.app import Depends, Response, create_app, json_answer, make_handler
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.limits import open_limits
from edge.optimize.wire import OptimizeAnswer, OptimizeRequest, optimize_answer, optimize_outcome
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
callers = open_callers(settings, clock, limits=open_limits(settings, clock))
app = create_app(settings)


@app.post(
    "/api/optimize/response",
    response_model=OptimizeAnswer,
    dependencies=[Depends(callers.needs("optimize:response"))],
)
async def optimize(request: OptimizeRequest) -> Response:
    """Minify, tag and compress a body as the client accepts it; what caches may do follows the strategy."""
    optimised = request.optimise(now_ms=clock.now_ms())
    return json_answer(optimize_answer(request, optimised), outcome=optimize_outcome(optimised))


handler = make_handler(app)
