"""``/api/monitoring/live``, ``/ready`` and ``/health``: can this region serve? Also answers routes that nobody has."""

from __future__ import annotations

from edge.app import Response, create_app, json_answer, make_handler
from edge.clock import SystemClock
from edge.health.dynamo import open_probe
from edge.health.readiness import Readiness
from edge.health.wire import HealthReport, health_report, health_status
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
readiness = Readiness(open_probe(settings, clock), clock)
app = create_app(settings)


@app.get("/api/monitoring/live", response_model=HealthReport)
async def live() -> Response:
    """The function runs; nothing else is asked."""
    return answer(ready=True)


@app.get("/api/monitoring/ready", response_model=HealthReport)
async def ready() -> Response:
    """The region's critical dependency answers; 503 if not."""
    return answer(ready=readiness.is_ready())


@app.get("/api/monitoring/health", response_model=HealthReport)
async def health() -> Response:
    """The region's state in one word; 503 if it is unhealthy."""
    return answer(ready=readiness.is_ready())


def answer(*, ready: bool) -> Response:
    report = health_report(ready=ready, region=settings.region.code, now_ms=clock.now_ms())
    status, headers = health_status(report)
    return json_answer(report, status=status, headers=headers)


handler = make_handler(app)
