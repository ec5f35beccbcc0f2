"""
A measured table as CSV: which place takes how long to which region.

The first line names the columns, in any order; others than these are passed over:

- where: ``latitude`` and ``longitude`` in degrees, or ``country`` (ISO 3166-1 alpha-2), or ``place`` holding such a
  code. With coordinates ``place`` is only a name. City names are not looked up: no gazetteer comes with the product.
- which region, either ``region`` (a code as ``iad1`` or AWS's name) and ``ms`` in lines of their own, or one column of
  times for each region, headed by its code; an empty cell is unknown
- ``samples``: how many samples of the learned kind a line weighs, 1 to 200; 40 where it is not given
- ``continent``: for the report

All faults are told, each with its line; a table with one is refused whole. Messages repeat nothing that is in the file.
"""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.geo.cells import MOST_SAMPLES
from edge.geo.distance import haversine_km
from edge.geo.latency import MOST_MS, least_ms
from edge.geo.locations import place_of_country
from edge.regions import BY_AWS_REGION, BY_CODE
from infra.operate.failures import Failure

if TYPE_CHECKING:
    from edge.regions import Region

DEFAULT_SAMPLES: Final = 40.0
"""Four times what the model weighs."""

SLACK_MS: Final = 5.0
"""A city is not a point, nor is a region: this much faster than light is an error of the map, more one of the table."""

MOST_TOLD: Final = 20


class MeasuredRow(NamedTuple):
    """
    One value of the table.

    Attributes:
        line: of the file, from 1.
        place: a name for people; coordinates where there is none.
        continent: as given, or empty.
        latitude: degrees north.
        longitude: degrees east.
        region: measured to.
        ms: round trip, > 0; not less than light takes unless the impossible is kept.
        samples: how many it weighs.
    """

    line: int
    place: str
    continent: str
    latitude: float
    longitude: float
    region: Region
    ms: float
    samples: float


class _Fault(Exception):
    """What is wrong with a line: a column, and what it should be."""


def parse_table(text: str, *, refuse_impossible: bool) -> list[MeasuredRow]:
    """
    Return the values of a table, in the file's order.

    Args:
        text: of the file.
        refuse_impossible: take what is faster than light for a fault: the server is not where the table says, which is
            what such tables most often get wrong. A comparison rather keeps it.

    Raises:
        Failure: ``bad_table``, with the lines that are wrong.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[MeasuredRow] = []
    faults: list[str] = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        wide = _check_header(header)
        for cells in reader:
            if not any(cells):
                continue
            try:
                rows += _line(reader.line_num, header, cells, wide=wide, refuse=refuse_impossible)
            except _Fault as fault:
                faults.append(f"line {reader.line_num}: {fault}")
    except _Fault as fault:
        faults.append(f"line 1: {fault}")
    except csv.Error:
        faults.append(f"line {reader.line_num}: no CSV: a quote is not closed or stands where none may")
    if not faults and not rows:
        faults.append("line 1: no values follow")
    if faults:
        more = [f"and {len(faults) - MOST_TOLD} more"] if len(faults) > MOST_TOLD else []
        raise Failure("bad_table", "Nothing was done. " + "; ".join(faults[:MOST_TOLD] + more) + ".")
    return rows


def _check_header(header: list[str]) -> list[str]:
    """Return the columns that are regions; none if a column says which region a line is of."""
    if len(set(header)) < len(header):
        raise _Fault("a column comes twice")
    if not ({"latitude", "longitude"} <= set(header) or {"country", "place"} & set(header)):
        raise _Fault("needs latitude and longitude, or country, or place")
    if "region" in header:
        if "ms" not in header:
            raise _Fault("needs ms")
        return []
    wide = [name for name in header if name in BY_CODE]
    if not wide:
        raise _Fault("needs region and ms, or columns that are region codes")
    return wide


def _line(
    line: int, header: list[str], cells: list[str], *, wide: list[str], refuse: bool
) -> list[MeasuredRow]:
    if len(cells) != len(header):
        raise _Fault(f"has {len(cells)} values, not {len(header)}")
    values = {name: value.strip() for name, value in zip(header, cells, strict=True)}
    latitude, longitude, is_exact = _where(values)
    name = values.get("place") or values.get("country") or f"{latitude:.2f} {longitude:.2f}"
    samples = _number(values, "samples", 1, MOST_SAMPLES) if values.get("samples") else DEFAULT_SAMPLES
    pairs = [(code, code) for code in wide if values[code]] or [("region", "ms")] * (not wide)
    rows = []
    for region_column, ms_column in pairs:
        region = BY_CODE[region_column] if wide else _region(values["region"])
        ms = _number(values, ms_column, 0, MOST_MS)
        km = haversine_km(latitude, longitude, region.latitude, region.longitude)
        if refuse and is_exact and ms + SLACK_MS < least_ms(km):
            raise _Fault(f"{ms_column}: light takes {least_ms(km):.1f}")
        possible = max(ms, least_ms(km) if refuse and is_exact else 0.0, 0.1)
        rows.append(
            MeasuredRow(
                line, name, values.get("continent", ""), latitude, longitude, region, possible, samples
            )
        )
    return rows


def _where(values: dict[str, str]) -> tuple[float, float, bool]:
    if values.get("latitude") or values.get("longitude"):
        return _number(values, "latitude", -90, 90), _number(values, "longitude", -180, 180), True
    if values.get("country"):
        place = place_of_country(values["country"].upper())
        if place is None:
            raise _Fault("country: no such ISO 3166-1 alpha-2 code")
        return *place, False
    place = place_of_country(values.get("place", "").upper())
    if place is None:
        raise _Fault("place: names are not looked up; give latitude and longitude, or country")
    return *place, False


def _region(text: str) -> Region:
    region = BY_CODE.get(text) or BY_AWS_REGION.get(text)
    if region is None:
        raise _Fault(f"region: none of {', '.join(BY_CODE)}")
    return region


def _number(values: dict[str, str], column: str, least: float, most: float) -> float:
    try:
        value = float(values.get(column, ""))
    except ValueError:
        value = math.nan
    if not least <= value <= most:  # a NaN is in no range
        raise _Fault(f"{column}: no number from {least:g} to {most:g}")
    return value
