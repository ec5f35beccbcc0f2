"""
Ways that cables take instead of the great circle.

Distance is nearly right for most of the world. It is wrong where the cables go round something: no cable runs from
Kenya to Brazil, little from the Gulf to Japan but by way of Europe. Each area below lists regions that it reaches
through a place, and how far the region is from that place; the estimate is then that of the longer way, with
:data:`edge.geo.latency.RELAY_MS` on top. The areas were drawn by hand
from where cables run (Africa's to Lisbon and Marseille, India's mostly from Mumbai, East Asia's to Europe through
Singapore and Suez, Russia's overland), with lengths by sea rounded to 500 km, while looking at where distance failed in
round trips measured in 2018 and 2020: those are no independent test of them. docs/geo.md tells what is left of the gain
when the areas are chosen by one year and tested on the other. No measured table is in here; ``python -m infra.geo
report`` tells what the areas gain against a table of yours.

The first area that contains a place counts.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from edge.geo.distance import Vector, haversine_km, unit_vector
from edge.regions import BY_CODE

_LISBON: Final = (38.72, -9.14)
_MARSEILLE: Final = (43.30, 5.37)
_FRANKFURT: Final = (50.11, 8.68)
_MOSCOW: Final = (55.75, 37.62)
_KARACHI: Final = (24.86, 67.01)
_MUMBAI: Final = (19.08, 72.88)
_SINGAPORE: Final = (1.29, 103.85)
_SYDNEY: Final = (-33.87, 151.21)
_MIAMI: Final = (25.77, -80.19)
_HONG_KONG: Final = (22.28, 114.17)
_TOKYO: Final = (35.69, 139.69)
_CALGARY: Final = (51.05, -114.09)
_SANTIAGO: Final = (-33.46, -70.65)
_BUENOS_AIRES: Final = (-34.61, -58.38)

_MARSEILLE_SINGAPORE_KM: Final = 13_000.0
"""By sea: Suez, the Red Sea, south of Ceylon, Malacca. The great circle has 10,800."""
_MUMBAI_SINGAPORE_KM: Final = 4_500.0
_KARACHI_SINGAPORE_KM: Final = 5_500.0
_MOSCOW_TOKYO_KM: Final = 11_000.0
"""Along the Trans-Siberian railway, then under the Sea of Japan. The great circle has 7,500."""


class Detour(NamedTuple):
    """
    The way to one region.

    Attributes:
        through: the place where the way changes cables.
        onward_km: from there to the region.
    """

    through: Vector
    onward_km: float


Detours = dict[str, Detour]


class Area(NamedTuple):
    """
    A part of the world whose cables go the same ways.

    Attributes:
        name: for people.
        south: degrees north, as are all four bounds; they belong to the area.
        north: as above.
        west: degrees east; an area does not cross the antimeridian.
        east: as above.
        detours: region code to the way there; great circles to all others.
    """

    name: str
    south: float
    north: float
    west: float
    east: float
    detours: Detours


def _on(place: tuple[float, float], code: str) -> float:
    region = BY_CODE[code]
    return haversine_km(*place, region.latitude, region.longitude)


def _by(place: tuple[float, float], onward_km: float) -> Detour:
    return Detour(unit_vector(*place), onward_km)


_SINGAPORE_BY_SUEZ: Final = _by(_MARSEILLE, _MARSEILLE_SINGAPORE_KM)
_TOKYO_BY_SUEZ: Final = _by(_MARSEILLE, _MARSEILLE_SINGAPORE_KM + _on(_SINGAPORE, "hnd1"))
_PARIS_BY_SUEZ: Final = _by(_SINGAPORE, _MARSEILLE_SINGAPORE_KM + _on(_MARSEILLE, "cdg1"))
_TOKYO_BY_RAIL: Final = _by(_MOSCOW, _MOSCOW_TOKYO_KM)
_AMERICA_BY_EUROPE: Final = {code: _by(_FRANKFURT, _on(_FRANKFURT, code)) for code in ("iad1", "sfo1")}
_SAO_PAULO_BY_MIAMI: Final = {"gru1": _by(_MIAMI, _on(_MIAMI, "gru1"))}
_SAO_PAULO_BY_CHILE: Final = _by(
    _SANTIAGO, haversine_km(*_SANTIAGO, *_BUENOS_AIRES) + _on(_BUENOS_AIRES, "gru1")
)
_CHINA: Final = {"cdg1": _PARIS_BY_SUEZ, "sin1": _by(_TOKYO, _on(_TOKYO, "sin1"))}
_TOKYO_BY_SYDNEY: Final = {"hnd1": _by(_SYDNEY, _on(_SYDNEY, "hnd1"))}

AREAS: Final[tuple[Area, ...]] = (
    Area("Siberia", 49, 75, 60, 125, {"hnd1": _TOKYO_BY_RAIL, **_AMERICA_BY_EUROPE}),
    Area("Vladivostok", 42.5, 46, 130.5, 136, _AMERICA_BY_EUROPE),
    Area("Russian Far East", 46, 75, 130, 180, _AMERICA_BY_EUROPE),
    Area("Russia west of the Urals", 49, 75, 28, 60, {"hnd1": _TOKYO_BY_RAIL}),
    Area("Central Asia", 40, 49, 50, 90, {"hnd1": _TOKYO_BY_RAIL}),
    Area(
        "Africa south of the Sahara",
        -36,
        15,
        -26,
        60,
        {"gru1": _by(_LISBON, _on(_LISBON, "gru1")), "sin1": _SINGAPORE_BY_SUEZ, "hnd1": _TOKYO_BY_SUEZ},
    ),
    Area("North Africa", 15, 36, -18, 34.5, {"sin1": _SINGAPORE_BY_SUEZ, "hnd1": _TOKYO_BY_SUEZ}),
    Area("Near East, Gulf, Caucasus", 12, 45, 34.5, 60, {"hnd1": _TOKYO_BY_SUEZ}),
    Area(
        "Pakistan",
        23.5,
        37,
        60,
        74.6,
        {
            "sin1": _by(_KARACHI, _KARACHI_SINGAPORE_KM),
            "hnd1": _by(_KARACHI, _KARACHI_SINGAPORE_KM + _on(_SINGAPORE, "hnd1")),
        },
    ),
    # Chennai, Kolkata and Dhaka have cables of their own to Singapore, and the south of India is Chennai's.
    Area(
        "India but its east and south",
        18,
        36,
        68,
        79.5,
        {"hnd1": _by(_MUMBAI, _MUMBAI_SINGAPORE_KM + _on(_SINGAPORE, "hnd1"))},
    ),
    # Carriers of the mainland hand over in Tokyo and California; what goes to Singapore often crosses an ocean twice.
    Area("Mainland China", 22.48, 54, 97.5, 114.6, _CHINA),
    Area("Mainland China, its coast", 25.4, 42, 114.6, 124, _CHINA),
    Area("Mainland China, Fujian", 23.2, 25.4, 114.6, 119.6, _CHINA),
    Area("Manchuria", 42, 54, 114.6, 130.4, _CHINA),
    # Its cables land in La Union and come from Hong Kong; those to Singapore land south of Manila.
    Area(
        "Northern Luzon",
        15.3,
        19,
        119.5,
        122.6,
        {"cdg1": _PARIS_BY_SUEZ, "sin1": _by(_HONG_KONG, _on(_HONG_KONG, "sin1"))},
    ),
    Area("East Asia, Australia", -45, 54, 92, 155, {"cdg1": _PARIS_BY_SUEZ}),
    Area("New Zealand, Melanesia", -50, -12, 160, 180, _TOKYO_BY_SYDNEY),
    Area("Polynesia", -30, 0, -180, -140, _TOKYO_BY_SYDNEY),
    Area("Ecuador, Colombia", -5, 13, -82, -69.5, _SAO_PAULO_BY_MIAMI),
    Area("Venezuela, the Guyanas", 1, 13, -70, -51, _SAO_PAULO_BY_MIAMI),
    # No cable crosses the Amazon: along the Pacific to Chile, over the Andes, and up the Atlantic.
    Area("Peru", -18.4, -3.4, -81.5, -69, {"gru1": _SAO_PAULO_BY_CHILE}),
    # The prairies' networks run west; the way east goes back through Calgary.
    Area("Canadian prairies", 49, 60, -120, -95, {"iad1": _by(_CALGARY, _on(_CALGARY, "iad1"))}),
)

_COLUMN_DEGREES: Final = 10
_COLUMNS: Final[tuple[tuple[Area, ...], ...]] = tuple(
    tuple(area for area in AREAS if area.west <= west + _COLUMN_DEGREES and area.east >= west)
    for west in range(-180, 190, _COLUMN_DEGREES)
)
"""The areas of each strip of longitudes: most of the world need not ask them all. The last strip is 180° alone."""

_NONE: Final[Detours] = {}


def detours(latitude: float, longitude: float) -> Detours:
    """
    Return the regions that a place reaches by a detour, by code; empty where great circles do.

    Args:
        latitude: degrees north, -90 to 90.
        longitude: degrees east, -180 to 180.

    Example:
        >>> sorted(detours(-1.29, 36.82))
        ['gru1', 'hnd1', 'sin1']
    """
    for _, south, north, west, east, ways in _COLUMNS[int((longitude + 180.0) / _COLUMN_DEGREES)]:
        if south <= latitude <= north and west <= longitude <= east:
            return ways
    return _NONE
