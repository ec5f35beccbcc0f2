"""A server on this machine: our dashboard function as Lambda runs it, and beside it an API that says what it is told."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from tests.functions import load_function
from tests.http_events import http_event, invoke

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.browser.situations import Situation

KEY = "ek_development_operator_0123456789abcdefghijklmnopqrstuvwxyz"
API = "/api/monitoring/"


class Said(NamedTuple):
    """An answer of the API in place of the situation's."""

    status: int
    headers: Mapping[str, str] = {}
    body: str | None = None
    """None for a problem document."""


class Asked(NamedTuple):
    """A request to the API."""

    path: str
    query: str
    key: str | None


class FakeApi:
    """
    What the API says, and what it was asked.

    Attributes:
        url: of the server.
        situation: what is told.
        said: by route (``summary``), what is answered in place of it; under ``*`` by every route.
        headers: on every answer of the API.
        asked: every request to the API, in order.
        key: the one that is accepted.
        held: cleared, answers of the API wait until it is set.
    """

    def __init__(self, url: str, situation: Situation, assets: Iterable[str]) -> None:
        self.url = url
        self._assets = sorted(assets)
        self.held = threading.Event()
        self.reset(situation)

    def reset(self, situation: Situation) -> None:
        """Begin anew."""
        self.situation = situation
        self.said: dict[str, Said] = {}
        self.headers: dict[str, str] = {}
        self.asked: list[Asked] = []
        self.key = KEY
        self.held.set()

    def module(self, stem: str) -> str:
        """Return the path of the page's module *stem*."""
        (name,) = [name for name in self._assets if name.split(".")[0] == stem and name.endswith(".js")]
        return f"/monitoring-dashboard/assets/{name}"

    def count(self, name: str) -> int:
        """Return how often the route *name* was asked."""
        return sum(asked.path == API + name for asked in self.asked)

    def answer(self, asked: Asked) -> Said:
        """Return the answer to *asked*."""
        self.asked.append(asked)
        self.held.wait(5)
        name = asked.path.removeprefix(API)
        said = self.said.get(name) or self.said.get("*")
        if said is not None:
            return said
        if asked.key != self.key:
            return Said(401)
        document = getattr(self.situation, name, None)
        if document is None:
            return Said(404)
        unhealthy = name == "health" and document["status"] == "unhealthy"
        return Said(
            503 if unhealthy else 200,
            {"content-type": "application/json", **self.headers},
            json.dumps(document),
        )


@contextlib.contextmanager
def serve(situation: Situation) -> Iterator[FakeApi]:
    """Yield the API, served until the block ends."""
    function = load_function("dashboard", {"EDGE_STAGE": "development", "LOG_LEVEL": "critical"})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            target = urlsplit(self.path)
            if target.path.startswith(API):
                self._api(Asked(target.path, target.query, self.headers.get("x-api-key")))
            else:
                self._function(target.path)

        def _api(self, asked: Asked) -> None:
            said = api.answer(asked)
            headers = {"content-type": "application/problem+json", **said.headers}
            body = said.body if said.body is not None else json.dumps({"status": said.status})
            self._send(said.status, {"x-request-id": "req-77", **headers}, body.encode())

        def _function(self, path: str) -> None:
            sent = {name.lower(): value for name, value in self.headers.items()}
            found = invoke(function.handler, http_event("GET", path, headers=sent))
            self._send(found.status, found.headers, found.body)

        def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name != "content-length":
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # pages are closed while they load
    api = FakeApi(f"http://127.0.0.1:{server.server_port}", situation, function.page.assets)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.held.set()
        server.shutdown()
        thread.join()
        server.server_close()
