"""
The global endpoint: one port that stands for the latency-routed name and forwards to the best region for a client.

The order of the regions is ``geo_route``'s (:mod:`infra.local.ranking`). A region that refuses the connection is passed
over at once; one that takes a request and dies with it is no reason to ask another, unless the request is one that may
be repeated (RFC 9110, section 9.2.2: safe methods).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.regions import BY_CODE
from infra.local.emulator import HOST
from infra.local.leash import hold_leash
from infra.local.messages import BAD_GATEWAY, HOP_BY_HOP, SERVICE_UNAVAILABLE, HttpRequest, HttpResponse
from infra.local.ranking import Place, Rankings, place_of
from infra.local.region import fastest_event_loop, leave, serve_until_signal, tell
from infra.local.server import Server
from infra.local.upstream import Broken, Refused, Upstream

if TYPE_CHECKING:
    from collections.abc import Mapping

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Front:
    """
    Forwards requests.

    Args:
        regions: connection pool by region code, in catalogue order.
        rankings: which of them is the best for a place.
        default_place: where clients are who do not say.
    """

    def __init__(self, regions: Mapping[str, Upstream], rankings: Rankings, *, default_place: Place) -> None:
        self._regions = regions
        self._rankings = rankings
        self._default_place = default_place

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Forward one request; ask the next region while nothing was sent, or what was sent may be repeated."""
        headers = forwarded_headers(request)
        answer = SERVICE_UNAVAILABLE
        for code in await self._rankings.order(place_of(request, self._default_place)):
            try:
                return await self._regions[code].send(request, headers)
            except Refused:
                continue
            except Broken:
                answer = BAD_GATEWAY
                if request.method not in SAFE_METHODS:
                    break
        return answer


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
    parser.add_argument(
        "--key-file", type=Path, help="of the API key that regions are asked for a route with"
    )
    parser.add_argument("--status-fd", type=int, required=True)
    options = parser.parse_args()
    hold_leash()
    ports = dict(item.split("=", 1) for item in options.region)
    regions = {code: Upstream(HOST, int(port)) for code, port in ports.items()}
    first = BY_CODE[next(iter(regions))]
    front = Front(
        regions,
        Rankings(regions, key_path=options.key_file),
        default_place=Place(first.latitude, first.longitude),
    )
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
