"""A region that serves snapshots to who brings its key, and remembers how it was asked."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from edge.telemetry.negotiation import rendered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.telemetry.snapshot import Snapshot

PATH: Final = "/api/monitoring/metrics"
KEY: Final = "ek_test_of_the_scraper"


class Exporter:
    """
    One region.

    Attributes:
        accepted: ``Accept`` of each scrape.
        answered: content type of each answer.
        address: ``host:port``.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.accepted: list[str] = []
        self.answered: list[str] = []


@contextlib.contextmanager
def run_exporter(snapshot: Callable[[], Snapshot], *, only_text: bool) -> Iterator[Exporter]:
    """
    Serve what *snapshot* returns at each scrape.

    Args:
        snapshot: called for each.
        only_text: whether the scraper's ``Accept`` is overheard, so that a modern one reads the older format.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers["Authorization"] != f"ApiKey {KEY}" or self.path != PATH:
                self.send_error(401)
                return
            accept = self.headers["Accept"]
            answer = rendered(snapshot(), None if only_text else accept, created=False)
            exporter.accepted.append(accept)
            exporter.answered.append(answer.content_type)
            self.send_response(200)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Vary", answer.vary)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        exporter = Exporter(f"127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield exporter
        finally:
            server.shutdown()
            thread.join()
