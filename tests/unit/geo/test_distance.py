"""Distance: the laws of a sphere, its hard places, and places whose distance is known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geo.distance import (
    EARTH_RADIUS_KM,
    HALF_CIRCUMFERENCE_KM,
    chord_km,
    haversine_km,
    unit_vector,
)

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
PLACES = st.tuples(LATITUDES, LONGITUDES)
Place = tuple[float, float]


@given(PLACES, PLACES)
def test_distance_is_symmetric_and_at_most_half_round_the_earth(a: Place, b: Place) -> None:
    km = haversine_km(*a, *b)

    assert 0 <= km <= HALF_CIRCUMFERENCE_KM
    assert math.isclose(km, haversine_km(*b, *a), rel_tol=1e-12, abs_tol=1e-9)


@given(PLACES)
def test_a_place_is_no_distance_from_itself(place: Place) -> None:
    assert haversine_km(*place, *place) == 0
    assert chord_km(unit_vector(*place), unit_vector(*place)) == 0


@given(PLACES, PLACES, PLACES)
def test_no_way_round_is_shorter(a: Place, b: Place, c: Place) -> None:
    # Near antipodes an arc sine is good to half its digits: a tenth of a metre.
    assert haversine_km(*a, *c) <= haversine_km(*a, *b) + haversine_km(*b, *c) + 1e-3


@given(PLACES, PLACES)
def test_chord_of_unit_vectors_is_the_same_distance(a: Place, b: Place) -> None:
    assert math.isclose(
        chord_km(unit_vector(*a), unit_vector(*b)), haversine_km(*a, *b), rel_tol=1e-9, abs_tol=1e-3
    )


@given(LATITUDES, LONGITUDES, LONGITUDES)
def test_at_a_pole_longitude_means_nothing(latitude: float, east: float, other: float) -> None:
    for pole in (-90.0, 90.0):
        assert math.isclose(
            haversine_km(pole, east, latitude, other),
            abs(pole - latitude) * HALF_CIRCUMFERENCE_KM / 180,
            rel_tol=1e-9,
            abs_tol=1e-3,
        )


@given(LATITUDES, LATITUDES, LONGITUDES)
def test_the_antimeridian_is_one_line(a: float, b: float, east: float) -> None:
    assert math.isclose(
        haversine_km(a, 180.0, b, east), haversine_km(a, -180.0, b, east), rel_tol=1e-9, abs_tol=1e-3
    )


def test_crossing_the_antimeridian_is_a_short_step() -> None:
    assert haversine_km(0.0, 179.5, 0.0, -179.5) == pytest.approx(EARTH_RADIUS_KM * math.pi / 180)


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ((90.0, 0.0), (-90.0, 0.0), 20015.11),
        ((0.0, 0.0), (0.0, 180.0), 20015.11),
        ((0.0, 0.0), (0.0, 90.0), 10007.56),
        ((51.5074, -0.1278), (48.8566, 2.3522), 343.6),  # London, Paris
        ((40.7128, -74.0060), (51.5074, -0.1278), 5570.2),  # New York, London
        ((36.12, -86.67), (33.94, -118.40), 2886.4),  # Nashville, Los Angeles: Rosetta Code's example
    ],
)
def test_known_distances(a: Place, b: Place, km: float) -> None:
    assert haversine_km(*a, *b) == pytest.approx(km, abs=0.5)
