"""``/openapi.json`` and ``/docs``: this API as one document and as a page; both are made by ``python -m infra.openapi``."""

from __future__ import annotations

from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from edge.app import Response, create_app, make_handler
from edge.clock import SystemClock
from edge.optimize.codecs import encoder
from edge.optimize.middleware import OptimizeMiddleware
from edge.settings import Settings
from edge.telemetry.page import CONTENT_TYPES, IMMUTABLE, Page, PageFile

if TYPE_CHECKING:
    from edge.optimize.codecs import Encode
    from edge.optimize.negotiation import Coding

# The page has no script: it may load its own style and icon, and nothing else.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
REVALIDATED = "public, no-cache"


@cache
def remembering_encoder(coding: Coding) -> Encode | None:
    """Files are few and never change: each is encoded once."""
    encode = encoder(coding)
    return None if encode is None else cache(encode)


def file(name: str, cache_control: str, **headers: str) -> PageFile:
    body = (FilePath(__file__).with_name("assets") / name).read_bytes()
    content_type = {**CONTENT_TYPES, "json": "application/json"}[name.rpartition(".")[2]]
    lines = {"content-type": content_type, "cache-control": cache_control, **headers}
    return PageFile(body, tuple((key.replace("_", "-"), value) for key, value in lines.items()))


settings = Settings.from_env()
document = file("openapi.json", REVALIDATED)
page = Page(
    file("reference.html", REVALIDATED, content_security_policy=POLICY),
    {
        path.name: file(path.name, IMMUTABLE, cdn_cache_control=IMMUTABLE)
        for path in FilePath(__file__).with_name("assets").iterdir()
        if path.suffix in (".css", ".svg")
    },
)
app = create_app(settings)
app.add_middleware(OptimizeMiddleware, strategy=None, clock=SystemClock(), encoder_of=remembering_encoder)


@app.get("/openapi.json")
async def openapi() -> Response:
    """One OpenAPI 3.1 document of every function; nobody needs credentials to read it."""
    return answer(document)


@app.get("/docs")
async def reference() -> Response:
    """The same for people, without a script: routes, what they need, what they take and answer, every error."""
    return answer(page.html)


@app.get("/docs/assets/{name}")
async def asset(name: str) -> Response:
    """A style or icon of the page; its name changes with its content, so it may be kept for ever."""
    return answer(page.asset(name))


def answer(told: PageFile) -> Response:
    return Response(told.body, headers=dict(told.headers))


handler = make_handler(app)
