"""
Distance over the earth's surface.

The Haversine formula (R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68, 1984) on a sphere of the
earth's mean radius. The error against the ellipsoid is at most 0.56 %, far under what cables add.

The haversine of an angle is a quarter of the squared chord, so a router that knows unit vectors needs one arc sine and
no other trigonometry: :func:`chord_km` is the same formula for such vectors.
"""

from __future__ import annotations

from math import asin, cos, pi, radians, sin, sqrt
from typing import Final

EARTH_RADIUS_KM: Final = 6371.0088
"""The mean radius of the IUGG: (2a + b) / 3 of the WGS 84 ellipsoid."""

HALF_CIRCUMFERENCE_KM: Final = pi * EARTH_RADIUS_KM
"""Nothing on the earth is farther than this."""

Vector = tuple[float, float, float]

_DIAMETER_KM: Final = 2 * EARTH_RADIUS_KM


def haversine_km(latitude_a: float, longitude_a: float, latitude_b: float, longitude_b: float) -> float:
    """
    Return the great-circle distance in km between a and b, all in degrees.

    Example:
        >>> round(haversine_km(38.95, -77.45, 49.01, 2.55))
        6197
    """
    phi_a, phi_b = radians(latitude_a), radians(latitude_b)
    across = sin((phi_b - phi_a) / 2) ** 2
    along = sin(radians(longitude_b - longitude_a) / 2) ** 2
    # Rounding between antipodes must not carry it out of the domain of the arc sine.
    return _DIAMETER_KM * asin(min(1.0, sqrt(across + cos(phi_a) * cos(phi_b) * along)))


def unit_vector(latitude: float, longitude: float) -> Vector:
    """Return the point of the unit sphere at these degrees: towards 0° 0°, towards 0° 90° E, towards the north pole."""
    phi, lam = radians(latitude), radians(longitude)
    ring = cos(phi)
    return ring * cos(lam), ring * sin(lam), sin(phi)


def chord_km(a: Vector, b: Vector) -> float:
    """Return the great-circle distance in km between two points of the unit sphere."""
    x, y, z = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    half_chord = sqrt(x * x + y * y + z * z) / 2
    return _DIAMETER_KM * asin(half_chord if half_chord < 1.0 else 1.0)
