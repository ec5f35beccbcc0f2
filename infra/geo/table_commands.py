"""``import``, ``remove`` and ``export``: tables of measured round trips, and what was learned."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Final

from edge.geo.cell_store import InstalledTable, LearnedCell, Measured
from edge.geo.cells import CELL_DEGREES, COLUMNS, MOST_SAMPLES, Average, add_averages, cell_of
from edge.geo.cells_dynamo import DynamoCellStore
from edge.geo.slots import agreed
from edge.regions import ROUTABLE
from infra.geo.measured_csv import parse_table
from infra.operate.answers import Answer, table
from infra.operate.failures import Failure
from infra.operate.inputs import read_text

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Mapping

    from infra.geo.measured_csv import MeasuredRow
    from infra.operate.place import Place

CALL_BUDGET_MS: Final = 10_000
MINUTES: Final = "Containers read it within minutes."
EXPORTED: Final = ("latitude", "longitude", "region", "ms", "samples", "callers")


def install(open_place: Callable[[], Place], arguments: Namespace) -> Answer:
    """Check a table and install it as the newest, or write it to a file."""
    rows = parse_table(read_text(arguments.file), refuse_impossible=True)
    cells = gridded(rows)
    values = sum(len(regions) for regions in cells.values())
    if arguments.output is not None:
        listed = [
            {"cell": cell, "region": region, "ms": round(one.ms, 1), "samples": one.samples}
            for cell, regions in sorted(cells.items())
            for region, one in sorted(regions.items())
        ]
        try:
            arguments.output.write_text(json.dumps(listed, indent=1) + "\n", "utf-8")
        except OSError as error:
            raise Failure("unwritable_file", f"The file cannot be written: {error.strerror}.") from None
        return Answer(
            {"installed": False, "lines": _lines(rows), "cells": len(cells), "values": values},
            f"{values} values in {len(cells)} cells, from {_lines(rows)} lines, are written. Nothing is installed.",
        )
    version = _install(open_place(), cells)
    return Answer(
        {"installed": True, "version": version, "lines": _lines(rows), "cells": len(cells), "values": values},
        f"{values} values in {len(cells)} cells, from {_lines(rows)} lines, are installed as version {version}. "
        + MINUTES,
    )


def remove(open_place: Callable[[], Place], arguments: Namespace) -> Answer:  # noqa: ARG001 - as every command
    """Install an empty table."""
    version = _install(open_place(), {})
    return Answer(
        {"installed": True, "version": version}, f"The table is taken away (version {version}). {MINUTES}"
    )


def export(open_place: Callable[[], Place], arguments: Namespace) -> Answer:
    """Tell what was learned and is believed, as a table that ``import`` takes, in the order of cells and regions."""
    place = open_place()
    store, after = _store(place), None
    learned: list[LearnedCell] = []
    unreadable = 0
    while True:
        page = store.page(after)
        learned += page.cells
        unreadable += page.unreadable
        after = page.after
        if after is None:
            break
    rows = learned_rows(learned, now_ms=place.clock.now_ms())
    document = {"rows": [dict(zip(EXPORTED, row, strict=True)) for row in rows], "unreadable": unreadable}
    if arguments.format == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(EXPORTED)
        writer.writerows(rows)
        return Answer(document, out.getvalue().rstrip("\n"))
    return Answer(document, table(EXPORTED, rows) if rows else "Nothing was learned yet.")


def gridded(rows: Iterable[MeasuredRow]) -> dict[int, dict[str, Measured]]:
    """Return the values by cell and region; of several the mean by samples."""
    cells: dict[int, dict[str, Measured]] = {}
    for row in rows:
        regions = cells.setdefault(cell_of(row.latitude, row.longitude), {})
        known = regions.get(row.region.code, Measured(0.0, 0.0))
        total = known.samples + row.samples
        regions[row.region.code] = Measured((known.ms * known.samples + row.ms * row.samples) / total, total)
    return {
        cell: {code: Measured(ms, min(samples, MOST_SAMPLES)) for code, (ms, samples) in regions.items()}
        for cell, regions in cells.items()
    }


def learned_rows(
    learned: Iterable[LearnedCell], *, now_ms: int
) -> list[tuple[float, float, str, float, float, int]]:
    """Return a line for each cell and region that callers agree on: its middle, region, ms, samples, slots."""
    cells: dict[int, dict[str, Average]] = {}
    for _, cell, averages in learned:
        cells[cell] = add_averages(cells.get(cell, {}), averages, now_ms=now_ms)
    order = {region.code: number for number, region in enumerate(ROUTABLE)}
    rows = []
    for cell, averages in sorted(cells.items()):
        row, column = divmod(cell, COLUMNS)
        middle = row * CELL_DEGREES - 90 + CELL_DEGREES / 2, column * CELL_DEGREES - 180 + CELL_DEGREES / 2
        for code, one in sorted(agreed(averages, now_ms=now_ms).items(), key=lambda pair: order[pair[0]]):
            slots = sum(name.startswith(f"{code}.") for name in averages)
            rows.append((*middle, code, round(one.ms, 1), round(max(one.samples, 1), 1), slots))
    return rows


def _install(place: Place, cells: Mapping[int, Mapping[str, Measured]]) -> int:
    store = _store(place)
    last = store.newer_table(0)
    # A clock that is behind the last operator's must not hide the new table under the old one.
    version = max(place.clock.now_ms(), last.version + 1 if last is not None else 0)
    if not store.install(InstalledTable(version, cells)):
        raise Failure("installed_meanwhile", "Nothing was done: another table was installed meanwhile.")
    return version


def _store(place: Place) -> DynamoCellStore:
    return DynamoCellStore(
        place.dynamo(place.region),
        f"{place.names.global_stack}-region-health",
        writer=place.region.code,
        call_budget_ms=CALL_BUDGET_MS,
    )


def _lines(rows: Iterable[MeasuredRow]) -> int:
    return len({row.line for row in rows})
