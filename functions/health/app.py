"""``/api/monitoring/live``, ``/ready``, ``/health``, ``/drain``: can this region serve? Also answers unknown routes."""

from __future__ import annotations

from typing import Annotated

from edge.app import Depends, Request, Response, create_app, json_answer, make_handler
from edge.callers import Caller
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.drains import open_drains
from edge.composition.health import open_monitor
from edge.composition.limits import open_limits
from edge.health.wire import (
    DrainRequest,
    DrainStarted,
    HealthDetail,
    HealthReport,
    drain_started,
    health_report,
    health_status,
)
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
callers = open_callers(settings, clock, limits=open_limits(settings, clock))
monitor = open_monitor(settings, clock, callers=callers)
drains = open_drains(settings, clock)
app = create_app(settings)

admins = callers.needs("regions:admin")
Admin = Annotated[Caller, Depends(admins)]


@app.get("/api/monitoring/live", response_model=HealthReport)
async def live() -> Response:
    """The function runs; nothing else is asked."""
    return json_answer(health_report("healthy", region=settings.region.code, now_ms=clock.now_ms()))


@app.get("/api/monitoring/ready", response_model=HealthReport)
async def ready() -> Response:
    """The region should be sent clients: what it cannot do without answers, and nobody drains it. 503 if not."""
    report = monitor.ready()
    status, headers = health_status(report)
    return json_answer(report, status=status, headers=headers)


@app.get("/api/monitoring/health", response_model=HealthDetail | HealthReport)
async def health(request: Request) -> Response:
    """The region's state; for ``monitoring:read`` all that is known of it and of the others. 503 if it is unhealthy."""
    told = monitor.tell(request.scope)
    return json_answer(told.document, status=told.status, headers=told.headers, outcome=told.outcome)


@app.put("/api/monitoring/drain/{region}", response_model=DrainStarted)
async def drain(region: str, asked: DrainRequest, caller: Admin) -> Response:
    """Take a region out of service for a time; again, with another end. 409 if fewer than two others would stay."""
    return json_answer(drain_started(asked.start(drains, region, by=caller.client_id)))


@app.delete("/api/monitoring/drain/{region}", status_code=204, dependencies=[Depends(admins)])
async def end_drain(region: str) -> Response:
    """Put a region back before its time; one that is not drained, too."""
    drains.end(region)
    return Response(status_code=204)


handler = make_handler(app)
