"""
Where the client is, from the best source there is.

The client's own coordinates come first: it knows, and can harm nobody but itself. Then what the CDN makes of its
address, then its country, by its own word or the CDN's.

The CDN's headers are read only when the caller vouches for them. That ``CloudFront-Viewer-Latitude`` is there proves
nothing: anybody who finds the API behind the CDN can send it. What proves it is a secret that CloudFront adds to every
request to its origin: see :func:`came_through_cdn`.
"""

from __future__ import annotations

import re
from _operator import _compare_digest as compare_digest  # as hmac has it, without the cost of hashlib
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Source = Literal["body", "cloudfront", "country", "cloudfront-country"]

LATITUDE_HEADER: Final = "cloudfront-viewer-latitude"
LONGITUDE_HEADER: Final = "cloudfront-viewer-longitude"
COUNTRY_HEADER: Final = "cloudfront-viewer-country"

_DEGREES: Final = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,16})?", re.ASCII)


class Location(NamedTuple):
    """
    A place and how it is known.

    Attributes:
        latitude: degrees north, -90 to 90.
        longitude: degrees east, -180 to 180.
        source: who says so.
    """

    latitude: float
    longitude: float
    source: Source


def came_through_cdn(presented: str | None, secret: str) -> bool:
    """
    Tell whether a request carries the secret that only the CDN knows.

    Args:
        presented: the header that the CDN adds, as received.
        secret: what it adds; empty if no CDN is set up, and then nothing came through it.
    """
    if not presented or not secret:
        return False
    return compare_digest(presented.encode("utf-8", "replace"), secret.encode())


def locate(
    *,
    coordinates: tuple[float, float] | None,
    country: str | None,
    headers: Mapping[str, str],
    headers_trusted: bool,
) -> Location | None:
    """
    Return where the client is.

    Args:
        coordinates: degrees north and east from the body, checked already.
        country: ISO 3166-1 alpha-2 code from the body.
        headers: of the request, names in lower case.
        headers_trusted: whether the CDN's headers cannot have been forged; see :func:`came_through_cdn`.

    Returns:
        The place of the first source that has one: body, CDN, country of the body, country of the CDN; None if none.
    """
    if coordinates is not None:
        # Adding zero turns -0.0 into 0.0.
        return Location(coordinates[0] + 0.0, coordinates[1] + 0.0, "body")
    if headers_trusted:
        latitude = _degrees(headers.get(LATITUDE_HEADER), 90.0)
        longitude = _degrees(headers.get(LONGITUDE_HEADER), 180.0)
        if latitude is not None and longitude is not None:
            return Location(latitude, longitude, "cloudfront")
    place = place_of_country(country)
    if place is not None:
        return Location(*place, "country")
    if headers_trusted:
        place = place_of_country(headers.get(COUNTRY_HEADER))
        if place is not None:
            return Location(*place, "cloudfront-country")
    return None


def place_of_country(code: str | None) -> tuple[float, float] | None:
    """Return the middle of a country's people, degrees north and east; None if no country has this code."""
    if code is None:
        return None
    from edge.geo.countries import PLACES  # deferred: most clients say where they are

    return PLACES.get(code)


def _degrees(text: str | None, most: float) -> float | None:
    if text is None or _DEGREES.fullmatch(text) is None:
        return None
    degrees = float(text) + 0.0
    return degrees if -most <= degrees <= most else None
