"""``POST /api/geo/route``: the best region for a client, the whole ranking, and why."""

from __future__ import annotations

from typing import Annotated

from edge.app import Depends, Request, Response, create_app, json_answer, make_handler
from edge.callers import Caller, client_network
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.limits import open_limits
from edge.composition.routing import (
    health_answer,
    open_cdn_proof,
    open_learning,
    open_region_watch,
    open_router,
)
from edge.geo.cdn_secrets import PROOF_HEADER
from edge.geo.problems import LocationUnknown
from edge.geo.wire import RouteAnswer, RouteRequest, route_answer, route_outcome
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
callers = open_callers(settings, clock, limits=open_limits(settings, clock))
learning = open_learning(settings, clock)
router = open_router(learning)
cdn = open_cdn_proof(settings, clock)
watch = open_region_watch(settings, clock)
app = create_app(settings)

Anybody = Annotated[Caller, Depends(callers.needs("geo:route"))]


@app.post("/api/geo/route", response_model=RouteAnswer)
async def route(asked: RouteRequest, request: Request, caller: Anybody) -> Response:
    """Rank the regions for a place, for what the client measured, or both; 422 where neither is known."""
    through_cdn = cdn is not None and cdn.holds(request.headers.get(PROOF_HEADER))
    location = asked.locate(request.headers, headers_trusted=through_cdn)
    if location is None and not asked.measurements:
        raise LocationUnknown
    if learning is not None:
        learning.sync_if_due()
    known = watch.look()
    decision = asked.route(
        router,
        location,
        now_ms=clock.now_ms(),
        statuses=known.judgement.statuses,
        spread_key=caller.client_id or client_network(request.scope),
        statuses_believed=known.judgement.statuses_believed,
    )
    if learning is not None and location is not None:
        learning.observe(location, asked.measurements, client=caller.client_id or None)
    health = health_answer(known)
    return json_answer(
        route_answer(decision, settings.endpoints, health=health),
        outcome=route_outcome(decision, health=health),
    )


handler = make_handler(app)
