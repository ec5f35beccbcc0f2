"""Ways round: where they apply, and that they are never shorter than straight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geo.cables import AREAS, Area, detours
from edge.geo.distance import chord_km, haversine_km, unit_vector
from edge.geo.latency import BASE_MS, RELAY_MS, estimate_ms, least_ms
from edge.regions import BY_CODE
from tests.unit.geo.cities import CITIES


def first_containing(latitude: float, longitude: float) -> Area | None:
    for area in AREAS:
        if area.south <= latitude <= area.north and area.west <= longitude <= area.east:
            return area
    return None


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_place_has_the_detours_of_the_first_area_around_it(latitude: float, longitude: float) -> None:
    area = first_containing(latitude, longitude)

    assert detours(latitude, longitude) == ({} if area is None else area.detours)


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_corners_belong_to_the_strips_that_are_asked(area: Area) -> None:
    for latitude in (area.south, area.north):
        for longitude in (area.west, area.east):
            found = first_containing(latitude, longitude)
            assert found is not None
            assert detours(latitude, longitude) == found.detours


@pytest.mark.parametrize("longitude", [-180.0, -179.999, 179.999, 180.0])
def test_both_sides_of_the_antimeridian_can_be_asked(longitude: float) -> None:
    assert "hnd1" in detours(-17.0, longitude)
    assert detours(90.0, longitude) == {}


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_areas_are_well_formed_and_lead_to_regions(area: Area) -> None:
    assert -90 <= area.south < area.north <= 90
    assert -180 <= area.west < area.east <= 180
    assert area.detours
    assert area.detours.keys() <= BY_CODE.keys()


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_the_way_onward_is_no_shorter_than_straight_so_no_detour_is(area: Area) -> None:
    for code, (through, onward_km) in area.detours.items():
        region = BY_CODE[code]
        assert onward_km >= chord_km(through, unit_vector(region.latitude, region.longitude)) - 1e-6


@pytest.mark.parametrize("city", CITIES, ids=lambda city: f"{city[0]}")
def test_a_detour_is_no_short_cut(city: tuple[str, str, str, float, float, str]) -> None:
    _, _, _, latitude, longitude, _ = city
    for code, (through, onward_km) in detours(latitude, longitude).items():
        region = BY_CODE[code]
        straight_km = haversine_km(latitude, longitude, region.latitude, region.longitude)
        assert chord_km(unit_vector(latitude, longitude), through) + onward_km >= straight_km - 1


def test_estimate_is_slower_than_light_and_a_relay_costs() -> None:
    for km in (0.0, 100.0, 20_000.0):
        assert estimate_ms(km) > least_ms(km)
    assert estimate_ms(0.0) == BASE_MS
    assert estimate_ms(10_000.0) == pytest.approx(171.6)
    assert estimate_ms(10_000.0, relays=1) == pytest.approx(171.6 + RELAY_MS)
