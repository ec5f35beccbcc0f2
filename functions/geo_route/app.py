"""``POST /api/geo/route``: the best region for a client, the whole ranking, and why."""

from __future__ import annotations

from typing import Annotated

from edge.app import Depends, Request, Response, create_app, json_answer, make_handler
from edge.callers import Caller, client_network
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.limits import open_limits
from edge.composition.routing import open_router
from edge.geo.problems import LocationUnknown
from edge.geo.wire import RouteAnswer, RouteRequest, route_answer, route_outcome
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
callers = open_callers(settings, clock, limits=open_limits(settings, clock))
router = open_router()
app = create_app(settings)

Anybody = Annotated[Caller, Depends(callers.needs("geo:route"))]


@app.post("/api/geo/route", response_model=RouteAnswer)
async def route(asked: RouteRequest, request: Request, caller: Anybody) -> Response:
    """Rank the regions for a place, for what the client measured, or both; 422 where neither is known."""
    # Location headers are believed only from the CDN, which this stack does not have yet.
    location = asked.locate({}, headers_trusted=False)
    if location is None and not asked.measurements:
        raise LocationUnknown
    decision = asked.route(
        router,
        location,
        now_ms=clock.now_ms(),
        statuses={},  # until regions observe each other, all of them serve
        spread_key=caller.client_id or client_network(request.scope),
    )
    return json_answer(route_answer(decision, settings.endpoints), outcome=route_outcome(decision))


handler = make_handler(app)
