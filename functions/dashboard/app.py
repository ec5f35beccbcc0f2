"""``/monitoring-dashboard``: the operators' page and its assets; its data come from ``/api/monitoring/*``."""

from __future__ import annotations

from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from edge.app import Response, create_app, make_handler
from edge.clock import SystemClock
from edge.optimize.codecs import encoder
from edge.optimize.middleware import OptimizeMiddleware
from edge.settings import Settings
from edge.telemetry.page import PageFile, make_page

if TYPE_CHECKING:
    from edge.optimize.codecs import Encode
    from edge.optimize.negotiation import Coding


@cache
def remembering_encoder(coding: Coding) -> Encode | None:
    """Files are few and never change: each is encoded once."""
    encode = encoder(coding)
    return None if encode is None else cache(encode)


settings = Settings.from_env()
clock = SystemClock()
page = make_page({path.name: path.read_bytes() for path in FilePath(__file__).with_name("assets").iterdir()})
app = create_app(settings)
app.add_middleware(OptimizeMiddleware, strategy=None, clock=clock, encoder_of=remembering_encoder)


@app.get("/monitoring-dashboard")
async def dashboard() -> Response:
    """The page; it asks for an API key that may read monitoring data, and is empty without."""
    return answer(page.html)


@app.get("/monitoring-dashboard/assets/{name}")
async def asset(name: str) -> Response:
    """A script, style or icon of the page; its name changes with its content, so it may be kept for ever."""
    return answer(page.asset(name))


def answer(file: PageFile) -> Response:
    return Response(file.body, headers=dict(file.headers))


handler = make_handler(app)
