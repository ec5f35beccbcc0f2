"""A measured table as CSV: what is taken, and what is told of every line that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geo.cells import cell_of
from edge.geo.countries import PLACES
from infra.geo.measured_csv import DEFAULT_SAMPLES, MOST_TOLD, MeasuredRow, parse_table
from infra.geo.report import gathered, loss
from infra.geo.table_commands import gridded
from infra.operate.failures import Failure

LONG = "place,latitude,longitude,region,ms,samples\n"


def parsed(text: str) -> list[MeasuredRow]:
    return parse_table(text, refuse_impossible=True)


def told(text: str) -> str:
    with pytest.raises(Failure) as refused:
        parsed(text)
    assert refused.value.reason == "bad_table"
    return refused.value.message


def test_a_line_for_each_region() -> None:
    rows = parsed(LONG + "Berlin,52.52,13.41,cdg1,21.5,60\n\nBerlin,52.52,13.41,us-east-1,95,\n")

    assert [(row.line, row.place, row.region.code, row.ms, row.samples) for row in rows] == [
        (2, "Berlin", "cdg1", 21.5, 60.0),
        (4, "Berlin", "iad1", 95.0, DEFAULT_SAMPLES),
    ]
    assert (rows[0].latitude, rows[0].longitude) == (52.52, 13.41)


def test_a_column_for_each_region_with_other_columns_passed_over() -> None:
    rows = parsed("note,CDG1,hnd1,latitude,longitude\nx,21,,52.52,13.41\ny,,240,52.52,13.41\n")

    assert [(row.region.code, row.ms, row.place) for row in rows] == [
        ("cdg1", 21.0, "52.52 13.41"),
        ("hnd1", 240.0, "52.52 13.41"),
    ]


@pytest.mark.parametrize(
    "text",
    ["country,region,ms\nde,cdg1,21\n", "place,region,ms\nDE,cdg1,21\n", "\ufeffcountry,cdg1\r\nDE,21\r\n"],
)
def test_a_country_is_its_middle(text: str) -> None:
    (row,) = parsed(text)

    assert (row.latitude, row.longitude) == PLACES["DE"]


def test_city_names_are_not_looked_up_and_it_says_what_to_do() -> None:
    message = told("place,region,ms\nBerlin,cdg1,21\n")

    assert message == (
        "Nothing was done. line 2: place: names are not looked up; give latitude and longitude, or country."
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Berlin,91,13.41,cdg1,21,", "latitude: no number from -90 to 90"),
        ("Berlin,52.52,,cdg1,21,", "longitude: no number from -180 to 180"),
        ("Berlin,52.52,x,cdg1,21,", "longitude: no number"),
        ("Berlin,nan,13.41,cdg1,21,", "latitude: no number"),
        ("Berlin,52.52,13.41,lhr1,21,", "region: none of iad1, sfo1"),
        ("Berlin,52.52,13.41,cdg1,,", "ms: no number from 0 to 2000"),
        ("Berlin,52.52,13.41,cdg1,-1,", "ms: no number"),
        ("Berlin,52.52,13.41,cdg1,inf,", "ms: no number"),
        ("Berlin,52.52,13.41,cdg1,2001,", "ms: no number"),
        ("Berlin,52.52,13.41,cdg1,21,0", "samples: no number from 1 to 200"),
        ("Berlin,52.52,13.41,cdg1,21,201", "samples: no number"),
        ("Berlin,52.52,13.41,hnd1,21,", "ms: light takes 59"),
        ("Berlin,52.52,13.41,cdg1,21", "has 5 values, not 6"),
        ("Berlin,52.52,13.41,cdg1,21,,", "has 7 values, not 6"),
    ],
)
def test_a_line_that_is_wrong_is_told_with_its_number(line: str, fault: str) -> None:
    good = "Rome,41.9,12.5,cdg1,30,\n"

    assert told(LONG + good + line + "\n" + good).startswith(f"Nothing was done. line 3: {fault}")


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("", "needs latitude and longitude, or country, or place"),
        ("latitude,region,ms", "needs latitude and longitude"),
        ("country,region", "needs ms"),
        ("country,ms", "needs region and ms, or columns that are region codes"),
        ("country,country,cdg1", "a column comes twice"),
        ("country,cdg1", "no values follow"),
    ],
)
def test_a_header_that_cannot_do_is_told(header: str, fault: str) -> None:
    assert told(f"{header}\n").startswith(f"Nothing was done. line 1: {fault}")


def test_all_wrong_lines_are_told_up_to_a_bound_and_nothing_in_them_is() -> None:
    message = told("country,cdg1\n" + "DE,sesame\n" * 50)

    assert message.count("line ") == MOST_TOLD
    assert message.endswith(f"; and {50 - MOST_TOLD} more.")
    assert "sesame" not in message


def test_a_quote_that_is_not_closed_is_told() -> None:
    assert "no CSV" in told('country,cdg1\nDE,"21\n')


def test_the_impossible_is_kept_for_a_comparison() -> None:
    (row,) = parse_table(LONG + "Berlin,52.52,13.41,hnd1,21,\n", refuse_impossible=False)

    assert row.ms == 21.0


@given(st.text(max_size=200))
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    for start in ("", LONG, "country,cdg1\n"):
        try:
            rows = parsed(start + text)
        except Failure:
            continue
        assert rows


def test_values_of_one_cell_are_weighed_together() -> None:
    grid = gridded(
        parsed(LONG + "a,52,13,cdg1,20,30\nb,53,14,cdg1,50,60\nc,53,14,iad1,99,200\nd,54,14,iad1,99,9\n")
    )

    assert grid == {cell_of(52, 13): {"cdg1": (40.0, 90.0), "iad1": (99.0, 200.0)}}


def test_a_place_is_what_was_measured_there_and_loses_what_its_region_is_worse() -> None:
    (place,) = gathered(parsed("place,latitude,longitude,cdg1,iad1\na,52,13,20,99\na,52,13,40,99\n"))

    assert place.ms == {"cdg1": 30.0, "iad1": 99.0}
    assert loss(place, {"cdg1", "iad1"}, "iad1").ms == 69.0
    assert loss(place, {"cdg1", "iad1"}, "cdg1")[1:] == ("cdg1", "cdg1", 0.0)
