"""``/api/monitoring/metrics``, ``/summary`` and ``/errors``: what was counted, for scrapers and for the dashboard."""

from __future__ import annotations

from typing import Annotated, Literal

from edge.app import Depends, Query, Request, Response, create_app, json_answer, make_handler
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.limits import open_limits
from edge.composition.monitoring import open_monitoring
from edge.optimize.middleware import OptimizeMiddleware
from edge.settings import Settings
from edge.telemetry.error_wire import DEFAULT_LIMIT, MAX_LIMIT, ErrorsAnswer
from edge.telemetry.summary_shapes import Summary

settings = Settings.from_env()
clock = SystemClock()
callers = open_callers(settings, clock, limits=open_limits(settings, clock))
monitoring = open_monitoring(settings, clock)
app = create_app(settings)
app.add_middleware(OptimizeMiddleware, strategy=None, clock=clock)

readers = [Depends(callers.needs("monitoring:read"))]
Scope = Annotated[Literal["region", "all"], Query(description="This region, or all of them.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Groups that are listed, the newest first.")]
SHORTLY = {"Cache-Control": "private, max-age=4", "Vary": "Authorization, X-API-Key"}


@app.get("/api/monitoring/metrics", dependencies=readers, response_class=Response)
async def metrics(request: Request) -> Response:
    """This region's counters, gauges, histograms and summaries, as Prometheus text or OpenMetrics by ``Accept``."""
    told = monitoring.scrape(request.headers.get("accept"))
    headers = {"Content-Type": told.content_type, "Vary": told.vary, "Cache-Control": "no-store"}
    return Response(told.body, headers=headers)


@app.get("/api/monitoring/summary", dependencies=readers, response_model=Summary)
async def summary(scope: Scope = "region") -> Response:
    """What the dashboard shows; a region that cannot be read is ``unknown``, never zero."""
    return json_answer(monitoring.summary(scope), headers=SHORTLY)


@app.get("/api/monitoring/errors", dependencies=readers, response_model=ErrorsAnswer)
async def errors(scope: Scope = "region", limit: Limit = DEFAULT_LIMIT) -> Response:
    """Groups of errors with samples that hold no secret; the request id of each leads to the log."""
    return json_answer(monitoring.errors(scope, limit=limit), headers=SHORTLY)


handler = make_handler(app)
