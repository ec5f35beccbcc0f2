"""Real places: who serves each city, who does when that region is gone, and countries by their middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.geo.countries import PLACES
from edge.geo.locations import Location
from edge.geo.router import Router
from edge.regions import BY_CODE, DEPLOYED, ROUTABLE
from tests.unit.geo.cities import CITIES

if TYPE_CHECKING:
    from edge.geo.decisions import Status

WHERE = {name: Location(latitude, longitude, "body") for name, _, _, latitude, longitude, _ in CITIES}


def best(router: Router, place: Location, *, down: str = "") -> str:
    statuses: dict[str, Status] = {down: "unhealthy"} if down else {}
    return router.decide(place, now_ms=0, statuses=statuses).best.region.code


def test_the_table_is_of_the_whole_world() -> None:
    counted: dict[str, int] = {}
    for _, _, continent, _, _, _ in CITIES:
        counted[continent] = counted.get(continent, 0) + 1

    assert len(WHERE) == len(CITIES) >= 120
    assert counted.keys() == {"AF", "AS", "EU", "NA", "OC", "SA"}
    assert min(counted.values()) >= 9


@pytest.mark.parametrize("city", CITIES, ids=lambda city: f"{city[0]}")
def test_city_is_served_by_the_region_its_cables_lead_to(
    city: tuple[str, str, str, float, float, str],
) -> None:
    name, _, _, _, _, code = city

    assert best(Router(DEPLOYED), WHERE[name]) == code


@pytest.mark.parametrize(
    ("down", "code", "names"),
    [
        (
            "cdg1",
            "iad1",
            "London Moscow Cairo Beirut Dubai Riyadh Nairobi Lagos Johannesburg Kampala Tbilisi",
        ),
        ("hnd1", "sfo1", "Seoul Taipei Shanghai Manila Hanoi Sydney Brisbane Sapporo Tokyo"),
        ("hnd1", "cdg1", "Vladivostok Khabarovsk Kolkata Dhaka"),
        ("sfo1", "iad1", "Denver Phoenix Calgary Tijuana"),
        ("iad1", "sfo1", "Chicago Houston Toronto Lima Santiago"),
        ("iad1", "cdg1", "Fortaleza Recife"),
    ],
)
def test_when_its_region_is_down_a_city_is_served_over_the_next_cables(
    down: str, code: str, names: str
) -> None:
    router = Router(DEPLOYED)

    assert {name: best(router, WHERE[name], down=down) for name in names.split()} == dict.fromkeys(
        names.split(), code
    )


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("cdg1", "Johannesburg Durban Luanda Lagos Nairobi Antananarivo Lahore"),
        ("iad1", "Bogotá Medellín Quito Guayaquil Lima Caracas Paramaribo Georgetown Miami"),
        ("gru1", "Montevideo Asunción Recife Salvador"),
        ("sin1", "Singapore Jakarta Mumbai Bangkok Kolkata Chennai Dhaka Perth Darwin Bengaluru Manila"),
        ("hnd1", "Tokyo Seoul Shanghai Taipei Vladivostok Beijing Shenzhen Guangzhou Chengdu"),
    ],
)
def test_with_six_regions_the_near_one_across_an_ocean_without_cables_is_not_taken(
    code: str, names: str
) -> None:
    router = Router(ROUTABLE)

    assert {name: best(router, WHERE[name]) for name in names.split()} == dict.fromkeys(names.split(), code)


@pytest.mark.parametrize("code", list(BY_CODE))
def test_next_door_to_a_region_it_serves(code: str) -> None:
    here = BY_CODE[code]
    decision = Router(ROUTABLE).decide(Location(here.latitude, here.longitude, "body"), now_ms=0, statuses={})

    assert decision.best.region is here
    assert decision.best.distance_km == 0
    assert (decision.method, decision.confidence, decision.reason) == ("haversine", "clear", "nearest")


def test_middles_of_countries_are_places_on_earth() -> None:
    assert len(PLACES) >= 240
    for code, (latitude, longitude) in PLACES.items():
        assert len(code) == 2 and code.isupper()
        assert -90 <= latitude <= 90 and -180 <= longitude <= 180


def test_a_country_is_served_as_most_of_its_cities_are() -> None:
    router = Router(DEPLOYED)
    cities: dict[str, list[str]] = {}
    for _, country, _, _, _, code in CITIES:
        cities.setdefault(country, []).append(code)
    wrong = {
        country
        for country, codes in cities.items()
        if best(router, Location(*PLACES[country], "country")) not in codes
    }

    assert wrong == set()
