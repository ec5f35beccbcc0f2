"""
What was measured: one running average per region and cell of five degrees.

An average forgets: a sample weighs half after seven days, so that a route that changed is believed in time (Dubai to
Singapore took 83 ms in 2018 and 339 in 2020). It is believed from :data:`ENOUGH_SAMPLES` on. A sample is clamped
between what light needs and :data:`~edge.geo.latency.MOST_MS`; one liar among twenty moves little, and who may teach at
all is for the caller to say.

The cells are kept in memory, the least recently used given up first, and can be carried away as rows.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

from edge.geo.distance import haversine_km
from edge.geo.latency import MOST_MS, least_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge.geo.locations import Location
    from edge.regions import Region

CELL_DEGREES: Final = 5
ROWS: Final = 180 // CELL_DEGREES
COLUMNS: Final = 360 // CELL_DEGREES
HALF_LIFE_MS: Final = 7 * 24 * 3_600_000
ENOUGH_SAMPLES: Final = 20.0
MOST_SAMPLES: Final = 200.0
"""An average never weighs more than this many samples: it stays teachable."""


class Average(NamedTuple):
    """
    A running average of round-trip times.

    Attributes:
        ms: the average.
        samples: how many samples it weighed at *at_ms*, > 0.
        at_ms: epoch milliseconds of the last sample.
    """

    ms: float
    samples: float
    at_ms: int

    def samples_at(self, now_ms: int) -> float:
        """Return how many samples it weighs now. A time ahead of now has not aged: so is a table installed."""
        age_ms = now_ms - self.at_ms
        return self.samples * 2.0 ** (-age_ms / HALF_LIFE_MS) if age_ms > 0 else self.samples

    def with_sample(self, ms: float, now_ms: int) -> Average:
        """Return the average after one more sample."""
        weight = min(self.samples_at(now_ms), MOST_SAMPLES - 1)
        return Average((self.ms * weight + ms) / (weight + 1), weight + 1, max(now_ms, self.at_ms))

    def plus(self, other: Average, now_ms: int) -> Average:
        """Return the average of both's samples, as of now: from here on they fade as one, which changes nothing."""
        weight, other_weight = self.samples_at(now_ms), other.samples_at(now_ms)
        total = weight + other_weight
        if total <= 0:  # both are so old that they weigh nothing
            return other
        ms = (self.ms * weight + other.ms * other_weight) / total
        return Average(ms, min(total, MOST_SAMPLES), now_ms)


def add_averages(
    known: Mapping[str, Average], learned: Mapping[str, Average], *, now_ms: int
) -> dict[str, Average]:
    """Return *known* with the samples of *learned*, name by name."""
    added = dict(known)
    for name, average in learned.items():
        there = added.get(name)
        added[name] = average if there is None else there.plus(average, now_ms)
    return added


class CellRow(TypedDict):
    """One average as it is stored or exported; plain JSON."""

    cell: int
    region: str
    ms: float
    samples: float
    at_ms: int


class BadCellRow(ValueError):
    """A row cannot be an average: a value is missing, of the wrong type, not finite, or out of range."""


def cell_of(latitude: float, longitude: float) -> int:
    """
    Return the number of the cell: rows from the south pole, columns eastwards from the antimeridian.

    The north pole belongs to the last row, and 180° east is 180° west.

    Example:
        >>> cell_of(-90.0, -180.0), cell_of(90.0, 180.0)
        (0, 2520)
    """
    row = min(int((latitude + 90.0) // CELL_DEGREES), ROWS - 1)
    return row * COLUMNS + int((longitude + 180.0) // CELL_DEGREES) % COLUMNS


def possible_ms(location: Location, region: Region, ms: float) -> float:
    """
    Return *ms*, clamped between what light needs from *location* to *region* and :data:`~edge.geo.latency.MOST_MS`.

    Raises:
        ValueError: *ms* is not finite.
    """
    if not isfinite(ms):
        raise ValueError("ms must be finite")
    km = haversine_km(location.latitude, location.longitude, region.latitude, region.longitude)
    return min(max(ms, least_ms(km)), MOST_MS)


class LearnedCells:
    """
    Averages by cell and region, in memory.

    Args:
        max_cells: how many cells are kept, >= 1; the earth has 2,592.
    """

    def __init__(self, *, max_cells: int = ROWS * COLUMNS) -> None:
        if max_cells < 1:
            raise ValueError("max_cells must be at least 1")
        self._max_cells = max_cells
        self._cells: dict[int, dict[str, Average]] = {}

    def __len__(self) -> int:
        return len(self._cells)

    def near(self, latitude: float, longitude: float) -> dict[str, Average] | None:
        """Return what is known of the place's cell, by region code, enough or not; it is not to be changed."""
        cell = cell_of(latitude, longitude)
        found = self._cells.pop(cell, None)
        if found is not None:
            self._cells[cell] = found  # the most recently used is last
        return found

    def observe(self, location: Location, region: Region, ms: float, *, now_ms: int) -> None:
        """
        Learn that a round trip from *location* to *region* took *ms*.

        Args:
            location: where the client is.
            region: where the region is.
            ms: as measured, a finite number; clamped to what can be.
            now_ms: epoch milliseconds.

        Raises:
            ValueError: *ms* is not finite.
        """
        possible = possible_ms(location, region, ms)
        averages = self._use(cell_of(location.latitude, location.longitude))
        known = averages.get(region.code)
        averages[region.code] = (
            Average(possible, 1.0, now_ms) if known is None else known.with_sample(possible, now_ms)
        )

    def rows(self) -> Iterator[CellRow]:
        """Yield every average, the least recently used cell first: loading them in order restores the order."""
        for cell, averages in self._cells.items():
            for region, (ms, samples, at_ms) in averages.items():
                yield CellRow(cell=cell, region=region, ms=ms, samples=samples, at_ms=at_ms)

    def load(self, rows: Iterable[CellRow]) -> None:
        """
        Take averages that were kept elsewhere; of two for one cell and region the one with the later sample stays.

        Raises:
            BadCellRow: a row cannot be an average; those before it are taken.
        """
        for row in rows:
            cell, region, average = checked_row(row)
            averages = self._use(cell)
            known = averages.get(region)
            if known is None or average.at_ms >= known.at_ms:
                averages[region] = average

    def _use(self, cell: int) -> dict[str, Average]:
        averages = self._cells.pop(cell, None)
        if averages is None:
            averages = {}
            if len(self._cells) >= self._max_cells:
                del self._cells[next(iter(self._cells))]
        self._cells[cell] = averages
        return averages


_NUMBERS: Final = (int, float)  # by exact type: a bool is no number


def checked_row(row: CellRow) -> tuple[int, str, Average]:
    """
    Return the cell, the name and the average of a row from outside.

    Raises:
        BadCellRow: it cannot be one.
    """
    try:
        cell, region, ms, samples, at_ms = (
            row["cell"],
            row["region"],
            row["ms"],
            row["samples"],
            row["at_ms"],
        )
        types = (type(cell), type(region), type(at_ms)) == (int, str, int)
        types = types and type(ms) in _NUMBERS and type(samples) in _NUMBERS
        good = types and 0 <= cell < ROWS * COLUMNS and 0 < len(region) <= 16
        good = good and 0 < ms <= MOST_MS and 0 < samples <= MOST_SAMPLES and at_ms >= 0
    except (KeyError, TypeError):
        raise BadCellRow from None
    if not good:  # a NaN is in no range
        raise BadCellRow
    return cell, region, Average(float(ms), float(samples), at_ms)
