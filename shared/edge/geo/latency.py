"""
Round-trip time from distance.

A robust line through 239 cities and six regions, two epochs (WonderNetwork, 2018 and 2020): 9.65 ms + 0.01622 ms/km.
Its median error is 13 ms; half the speed of light in fibre, which is what a ruler gives, errs by 48 ms. A line through
the AWS backbone (2024) has 8.1 + 0.01534.

Where the way over land and sea is much longer than the great circle, :mod:`edge.geo.cables` gives its length.
"""

from __future__ import annotations

from typing import Final

BASE_MS: Final = 9.6
"""What the last mile and the first routers take."""

MS_PER_KM: Final = 0.0162
"""Out and back; light in glass alone takes 0.0098."""

RELAY_MS: Final = 20.0
"""
What changing from one cable to another at a landing takes: backhaul, and a carrier that meets the next one elsewhere.

The value, of 0 to 20 in steps of 5, with which the measured cities of both epochs lost least.
"""

LIGHT_KM_PER_MS: Final = 299.792458
MOST_MS: Final = 2_000.0
"""A measurement above this says no more than that: it was a timeout, a sleeping radio, or a lie."""


def estimate_ms(km: float, *, relays: int = 0) -> float:
    """
    Return the estimated round-trip time in ms.

    Args:
        km: length of the way, >= 0.
        relays: how often it changes cables where it need not if cables were straight.

    Example:
        >>> round(estimate_ms(6185.0), 1)
        109.8
    """
    return BASE_MS + MS_PER_KM * km + RELAY_MS * relays


def least_ms(km: float) -> float:
    """Return the round-trip time in ms that no network undercuts: light in vacuum, out and back along the surface."""
    return 2 * km / LIGHT_KM_PER_MS
