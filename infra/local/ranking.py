"""
Which region the global endpoint sends a client to: what the regions' own ``geo_route`` answers, kept for a second.

On AWS, Route 53 and CloudFront choose by latency and health checks of their own. Here our function is asked for the
ranking of a client's place, so that a region that its peers see fail, or that was drained, loses its clients as it
would lose those who ask for a route. A client waits for an answer only while there is none for its place; afterwards it
is renewed beside the requests, and the last one stays in use while no region answers.
"""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING, Final, NamedTuple

from infra.local.messages import HttpRequest
from infra.local.upstream import Broken, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from infra.local.upstream import Upstream

FRESH_SECONDS: Final = 1.0
ASK_SECONDS: Final = 1.0
"""How long one region may take to answer before the next one is asked."""

MOST_PLACES: Final = 256

_LATITUDE: Final = b"cloudfront-viewer-latitude"
_LONGITUDE: Final = b"cloudfront-viewer-longitude"
_TARGET: Final = b"/api/geo/route"


class Place(NamedTuple):
    """Degrees north and east, to a tenth: as near as an address tells."""

    latitude: float
    longitude: float


def place_of(request: HttpRequest, default: Place) -> Place:
    """
    Return where a client is: what it says in the headers that CloudFront would add, else *default*.

    On one machine everybody is at the same place; these headers let a developer be elsewhere.
    """
    headers = dict(request.headers)
    try:
        latitude, longitude = float(headers[_LATITUDE]), float(headers[_LONGITUDE])
    except (KeyError, ValueError):
        return default
    if not (math.isfinite(latitude + longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        return default
    return Place(round(latitude, 1), round(longitude, 1))


class Rankings:
    """
    The order of the regions for each place.

    Args:
        regions: connection pool by region code, in catalogue order, which is the order while nobody answers.
        key_path: file with the API key to ask with, read when it is needed; None to ask as anybody.
    """

    def __init__(self, regions: Mapping[str, Upstream], *, key_path: Path | None) -> None:
        self._regions = regions
        self._key_path = key_path
        self._known: dict[Place, tuple[float, tuple[str, ...]]] = {}
        self._asking: dict[Place, asyncio.Task[None]] = {}
        self._ask_first = tuple(regions)

    async def order(self, place: Place) -> Sequence[str]:
        """Return the codes of all regions, best first."""
        now = asyncio.get_running_loop().time()
        known = self._known.get(place)
        if known is None or now - known[0] > FRESH_SECONDS:
            asking = self._asking.get(place)
            if asking is None:
                asking = self._asking[place] = asyncio.create_task(self._renew(place))
                asking.add_done_callback(lambda _: self._asking.pop(place, None))
            if known is None:
                await asyncio.shield(asking)
                known = self._known[place]
        return known[1]

    async def _renew(self, place: Place) -> None:
        """Ask the regions one after another until one answers; what nobody knows stays as it was."""
        last = self._known.pop(place, (0.0, tuple(self._regions)))
        order = last[1]
        try:
            for code in self._ask_first:
                answered = await self._ask(self._regions[code], place)
                if answered is not None:
                    self._ask_first = (code, *[other for other in self._ask_first if other != code])
                    order = (*answered, *[other for other in self._regions if other not in answered])
                    break
        finally:
            while len(self._known) >= MOST_PLACES:
                del self._known[next(iter(self._known))]
            self._known[place] = (asyncio.get_running_loop().time(), order)

    async def _ask(self, region: Upstream, place: Place) -> tuple[str, ...] | None:
        body = json.dumps(place._asdict()).encode()
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        if self._key_path is not None and self._key_path.exists():
            headers.append((b"x-api-key", self._key_path.read_text("ascii").strip().encode()))
        request = HttpRequest("POST", _TARGET, (), body, "127.0.0.1", 0)
        try:
            response = await asyncio.wait_for(region.send(request, headers), ASK_SECONDS)
            if response.status != 200:
                return None
            codes = tuple(str(ranked["region"]) for ranked in json.loads(response.body)["ranking"])
        except (Refused, Broken, TimeoutError, ValueError, LookupError, TypeError):
            return None
        return codes if codes and set(codes) <= set(self._regions) else None
