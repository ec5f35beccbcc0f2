"""
The global endpoint: one port that stands for the latency-routed name and forwards to a living region.

On AWS, Route 53 and CloudFront do this with a health check per region. Here a region counts as gone while it refuses
connections; it is asked again with the next request, so it is back as soon as it listens.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from infra.local.emulator import HOST
from infra.local.leash import hold_leash
from infra.local.messages import HOP_BY_HOP, SERVICE_UNAVAILABLE, HttpRequest, HttpResponse, gateway_message
from infra.local.region import fastest_event_loop, leave, serve_until_signal, tell
from infra.local.server import Server
from infra.local.upstream import Broken, Refused, Upstream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet


def choose_region(codes: Sequence[str], refused: AbstractSet[str]) -> str | None:
    """
    Return the region that a request goes to, or None if none is left.

    Args:
        codes: all regions, in catalogue order.
        refused: those that refused this request's connection.

    Example:
        >>> choose_region(["iad1", "sfo1"], {"iad1"})
        'sfo1'
    """
    # Distance means nothing on one machine: the order of the catalogue decides.
    return next((code for code in codes if code not in refused), None)


class Front:
    """
    Forwards requests.

    Args:
        regions: connection pool by region code, in catalogue order.
    """

    def __init__(self, regions: Mapping[str, Upstream]) -> None:
        self._regions = regions

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Forward one request; ask the next region only while nothing was sent."""
        headers = forwarded_headers(request)
        codes = tuple(self._regions)
        refused: set[str] = set()
        while (code := choose_region(codes, refused)) is not None:
            try:
                return await self._regions[code].send(request, headers)
            except Refused:
                refused.add(code)
            except Broken:
                return gateway_message(502, "Bad Gateway")
        return SERVICE_UNAVAILABLE


def forwarded_headers(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    """Return the fields that are passed on, with the client's address at the end of ``x-forwarded-for``."""
    passed = [pair for pair in request.headers if pair[0] not in HOP_BY_HOP and pair[0] != b"content-length"]
    chain = [value for name, value in passed if name == b"x-forwarded-for"]
    chain.append(request.client_host.encode("ascii"))
    others = [pair for pair in passed if pair[0] != b"x-forwarded-for"]
    return [*others, (b"x-forwarded-for", b", ".join(chain))]


def main() -> None:
    """Run the global endpoint from command-line arguments; see the launcher for who calls it."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.front")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", action="append", required=True, metavar="CODE=PORT")
    parser.add_argument("--status-fd", type=int, required=True)
    options = parser.parse_args()
    hold_leash()
    ports = dict(item.split("=", 1) for item in options.region)
    front = Front({code: Upstream(HOST, int(port)) for code, port in ports.items()})
    new_event_loop = fastest_event_loop()
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            server = Server(front.handle)
            runner.run(serve_until_signal(server, port=options.port, status_fd=options.status_fd))
    except OSError as error:
        tell(options.status_fd, f"failed: {error}")
        leave(1)
    leave(0)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # typeshed: TextIO has no reconfigure
    main()
