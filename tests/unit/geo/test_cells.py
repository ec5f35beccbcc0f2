"""Learned averages: when they are believed, how they forget, what they cost in memory, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.geo.cells import (
    COLUMNS,
    ENOUGH_SAMPLES,
    HALF_LIFE_MS,
    MOST_SAMPLES,
    ROWS,
    Average,
    BadCellRow,
    LearnedCells,
    cell_of,
)
from edge.geo.distance import haversine_km
from edge.geo.latency import MOST_MS, least_ms
from edge.geo.locations import Location
from edge.regions import CDG1, HND1, IAD1

if TYPE_CHECKING:
    from edge.geo.cells import CellRow

NOW_MS = 2_000_000_000_000
BERLIN = Location(52.52, 13.41, "body")
GOOD_ROW: CellRow = {"cell": 7, "region": "iad1", "ms": 80.0, "samples": 30.0, "at_ms": NOW_MS}


def learned(cells: LearnedCells, place: Location, code: str) -> Average:
    found = cells.near(place.latitude, place.longitude)
    assert found is not None
    return found[code]


@given(st.floats(-90, 90), st.floats(-180, 180))
@example(0.0, 179.99999999999997)  # so near that the sum rounds to 360: it is 180 degrees west
def test_every_place_has_a_cell_and_its_neighbour_shares_it(latitude: float, longitude: float) -> None:
    cell = cell_of(latitude, longitude)

    assert 0 <= cell < ROWS * COLUMNS
    row, column = divmod(cell, COLUMNS)
    assert row * 5 - 90 - 1e-9 <= latitude <= row * 5 - 85
    assert column * 5 - 180 - 1e-9 <= longitude <= column * 5 - 175 or (
        column == 0 and longitude > 180 - 1e-9
    )


def test_cells_meet_at_the_antimeridian_and_end_at_the_poles() -> None:
    assert cell_of(10.0, 180.0) == cell_of(10.0, -180.0)
    assert cell_of(90.0, 0.0) == cell_of(89.0, 0.0)
    assert cell_of(0.0, -0.1) != cell_of(0.0, 0.1)
    assert cell_of(-0.1, 0.0) != cell_of(0.1, 0.0)


@given(st.lists(st.floats(80, 500), min_size=1, max_size=40))
def test_average_of_one_moment_is_the_mean(samples: list[float]) -> None:
    cells = LearnedCells()
    for ms in samples:
        cells.observe(BERLIN, IAD1, ms, now_ms=NOW_MS)

    average = learned(cells, BERLIN, "iad1")
    assert average.samples == pytest.approx(len(samples))
    assert average.ms == pytest.approx(sum(samples) / len(samples))


def test_samples_weigh_half_after_a_half_life() -> None:
    average = Average(100.0, 40.0, NOW_MS)

    assert average.samples_at(NOW_MS + HALF_LIFE_MS) == pytest.approx(20.0)
    assert average.samples_at(NOW_MS - HALF_LIFE_MS) == 40.0
    later = average.with_sample(160.0, NOW_MS + HALF_LIFE_MS)
    assert later.samples == pytest.approx(21.0)
    assert later.ms == pytest.approx((100 * 20 + 160) / 21)


def test_an_average_of_many_samples_stays_teachable() -> None:
    cells = LearnedCells()
    for number in range(2_000):
        cells.observe(BERLIN, IAD1, 90.0 if number < 1_000 else 190.0, now_ms=NOW_MS)

    average = learned(cells, BERLIN, "iad1")
    assert average.samples == MOST_SAMPLES
    assert average.ms > 185


def test_a_liar_cannot_teach_what_light_cannot_do() -> None:
    cells = LearnedCells()
    cells.observe(BERLIN, IAD1, -1e308, now_ms=NOW_MS)
    cells.observe(BERLIN, HND1, 1e308, now_ms=NOW_MS)

    km = haversine_km(BERLIN.latitude, BERLIN.longitude, IAD1.latitude, IAD1.longitude)
    assert learned(cells, BERLIN, "iad1").ms == pytest.approx(least_ms(km))
    assert least_ms(km) > 40
    assert learned(cells, BERLIN, "hnd1").ms == MOST_MS


@pytest.mark.parametrize("ms", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_not_learned(ms: float) -> None:
    cells = LearnedCells()

    with pytest.raises(ValueError, match="finite"):
        cells.observe(BERLIN, IAD1, ms, now_ms=NOW_MS)
    assert len(cells) == 0


def test_the_least_recently_used_cell_goes_first() -> None:
    cells = LearnedCells(max_cells=2)
    places = [Location(52.0, east, "body") for east in (1.0, 11.0, 21.0)]
    for place in places[:2]:
        cells.observe(place, CDG1, 20.0, now_ms=NOW_MS)
    assert cells.near(52.0, 1.0) is not None
    cells.observe(places[2], CDG1, 20.0, now_ms=NOW_MS)

    assert len(cells) == 2
    assert cells.near(52.0, 11.0) is None
    assert cells.near(52.0, 1.0) is not None
    with pytest.raises(ValueError, match="at least 1"):
        LearnedCells(max_cells=0)


def test_rows_survive_json_and_restore_averages_and_order() -> None:
    cells = LearnedCells()
    for place in (BERLIN, Location(35.7, 139.7, "body")):
        for region in (CDG1, HND1):
            cells.observe(place, region, 250.5, now_ms=NOW_MS)
    restored = LearnedCells()
    restored.load(json.loads(json.dumps(list(cells.rows()))))

    assert list(restored.rows()) == list(cells.rows())
    assert learned(restored, BERLIN, "cdg1") == Average(250.5, 1.0, NOW_MS)


def test_of_two_averages_the_later_stays() -> None:
    cells = LearnedCells()
    cells.load([GOOD_ROW, {**GOOD_ROW, "ms": 10.0, "at_ms": NOW_MS - 1}])
    assert next(cells.rows())["ms"] == 80.0
    cells.load([{**GOOD_ROW, "ms": 10.0, "at_ms": NOW_MS + 1}])
    assert next(cells.rows())["ms"] == 10.0


@pytest.mark.parametrize(
    "change",
    [
        {"cell": -1}, {"cell": ROWS * COLUMNS}, {"cell": True}, {"cell": "7"}, {"cell": 7.0}, {"region": ""},
        {"region": "x" * 17}, {"region": 5}, {"ms": float("nan")}, {"ms": float("inf")}, {"ms": 0.0}, {"ms": -5.0},
        {"ms": MOST_MS + 1}, {"ms": "80"}, {"ms": None}, {"ms": True}, {"samples": True}, {"samples": 0.0}, {"samples": float("nan")},
        {"samples": MOST_SAMPLES + 1}, {"samples": []}, {"at_ms": -1}, {"at_ms": 1.5}, {"at_ms": True},
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_an_average_is_refused(change: dict[str, object]) -> None:
    cells = LearnedCells()

    with pytest.raises(BadCellRow):
        cells.load([cast("CellRow", {**GOOD_ROW, **change})])
    assert len(cells) == 0


@pytest.mark.parametrize("member", list(GOOD_ROW))
def test_a_row_that_lacks_a_member_is_refused(member: str) -> None:
    row = cast("CellRow", {name: value for name, value in GOOD_ROW.items() if name != member})

    with pytest.raises(BadCellRow):
        LearnedCells().load([row])


def test_enough_is_what_the_design_says() -> None:
    assert ENOUGH_SAMPLES == 20
    assert HALF_LIFE_MS == 604_800_000
