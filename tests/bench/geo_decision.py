"""
What a routing decision costs, what it loses against measured round trips, and what learning costs.

``GEO_MEASURED=table.csv`` adds the second table. The file has a header and the columns ``place,latitude,longitude`` and
one per region code with the measured round-trip time in ms, empty where unknown. Regret is the time of the region
chosen less that of the best; failover regret that of the next choice with each region down in turn. No measured table
is part of this repository: those that exist have no licence for it.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
import tracemalloc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge.aws.dynamo import DynamoDB, Page
from edge.clock import ManualClock
from edge.geo.cell_memory import CellMemory, MemoryCellStore
from edge.geo.cells import COLUMNS, ROWS, Average, LearnedCells
from edge.geo.cells_dynamo import PAGE_CELLS, DynamoCellStore, averages_text
from edge.geo.distance import haversine_km
from edge.geo.learning import NEXT_PAGE_MS, Learning
from edge.geo.locations import Location
from edge.geo.router import Router
from edge.geo.wire import RouteRequest, route_answer
from edge.regions import BY_CODE, DEPLOYED, ROUTABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.aws.wire import Item, Request
    from edge.geo.decisions import Status
    from edge.regions import Region

ROUNDS = 7
CALLS = 20_000
NOW_MS = 2_000_000_000_000
HEALTHY: dict[str, Status] = {region.code: "healthy" for region in ROUTABLE}
ENDPOINTS = {region.code: f"https://{region.code}.example.net" for region in ROUTABLE}
NAIROBI = Location(-1.29, 36.82, "body")
BERLIN = Location(52.52, 13.41, "body")


def main() -> None:
    """Print microseconds of processor a call, milliseconds of import, and with ``GEO_MEASURED`` the regret."""
    print(f"{'':44}{'us':>8}")
    for name, work in _works():
        print(f"{name:44}{_best_us(work):8.2f}")
    print(f"\n{'':44}{'ms':>8}")
    for module in ("edge.geo.router", "edge.geo.countries"):
        print(f"{'import ' + module:44}{_import_ms(module):8.2f}")
    _print_learning()
    path = os.environ.get("GEO_MEASURED")
    if path:
        _print_regret(_read(Path(path)))


def _works() -> list[tuple[str, Callable[[], object]]]:
    cells = LearnedCells()
    for region in ROUTABLE:
        for second in range(30):
            cells.observe(BERLIN, region, 90.0, now_ms=NOW_MS + second)
    four, six = Router(DEPLOYED), Router(ROUTABLE)
    learned = Router(ROUTABLE, cells=cells, penalties_ms={"iad1": 5.0})
    clock = ManualClock(now_ms=NOW_MS)
    container = Learning(MemoryCellStore(CellMemory(), writer="cdg1"), clock)
    for region in ROUTABLE:
        for number in range(40):
            container.observe(BERLIN, {region.code: 90.0}, client=f"key:{number}")
    shared = Router(ROUTABLE, cells=container, penalties_ms={"iad1": 5.0})
    measured = {region.code: 80.0 for region in ROUTABLE}
    sick: dict[str, Status] = {**HEALTHY, "cdg1": "unhealthy"}
    body = b'{"latitude":52.52,"longitude":13.41,"measurements":{"iad1":80.5}}'
    decision = six.decide(BERLIN, now_ms=NOW_MS, statuses=HEALTHY)
    return [
        ("decide, 4 regions", lambda: four.decide(BERLIN, now_ms=NOW_MS, statuses=HEALTHY)),
        ("decide, 6 regions", lambda: six.decide(BERLIN, now_ms=NOW_MS, statuses=HEALTHY)),
        ("decide, 6 regions, detours", lambda: six.decide(NAIROBI, now_ms=NOW_MS, statuses=HEALTHY)),
        (
            "decide, 6, learned, measured, sick, spread",
            lambda: learned.decide(
                BERLIN, now_ms=NOW_MS, statuses=sick, measurements=measured, exclude=["sin1"], spread_key="k"
            ),
        ),
        (
            "the same from what a container learned",
            lambda: shared.decide(
                BERLIN, now_ms=NOW_MS, statuses=sick, measurements=measured, exclude=["sin1"], spread_key="k"
            ),
        ),
        ("the answer's document", lambda: route_answer(decision, ENDPOINTS)),
        ("the request, validated from JSON", lambda: RouteRequest.model_validate_json(body)),
    ]


def _print_learning() -> None:
    """Print what a container's knowledge of the whole grid takes, and what looking and writing do."""
    text = averages_text(_every_slot(), at_ms=NOW_MS)
    item_bytes = len(text) + 75
    items: list[Item] = [
        {"pk": {"S": "CELLS"}, "sk": {"S": f"C#iad1#{cell:04}"}, "a": {"S": text}, "at": {"N": str(NOW_MS)}}
        for cell in range(ROWS * COLUMNS)
    ]
    looks = -(-len(items) // PAGE_CELLS)
    clock = ManualClock(now_ms=NOW_MS)
    tracemalloc.start()
    learning = Learning(DynamoCellStore(_Canned(items), "T", writer="cdg1"), clock)
    _finish_round(learning, clock)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    start = time.process_time()
    _finish_round(Learning(DynamoCellStore(_Canned(items), "T", writer="cdg1"), clock), clock)
    look_ms = (time.process_time() - start) / looks * 1e3
    figures: list[tuple[str, float]] = [
        ("memory of a container, MB", held / 1e6),
        ("looks (Query) in a round, each writer", looks),
        ("bytes of a look as DynamoDB counts", PAGE_CELLS * item_bytes),
        ("read units of a look, eventually consistent", -(-PAGE_CELLS * item_bytes // 4096) / 2),
        ("processor of a look without the wire, ms", look_ms),
        ("bytes of an item: one write unit", item_bytes),
        ("sync_if_due with nothing to do, us", _best_us(learning.sync_if_due)),
        ("near, us", _best_us(lambda: learning.near(52.52, 13.41))),
    ]
    print("\nlearning, with five callers' slots for every cell and region")
    for name, figure in figures:
        print(f"{name:44}{figure:8.{0 if figure == int(figure) else 2}f}")


class _Canned(DynamoDB):
    """Answers each query with the next page of *items*, without a wire."""

    def __init__(self, items: list[Item]) -> None:
        self._items = items
        self._next = 0

    def query(self, request: Request, *, budget_ms: int | None = None) -> Page:  # noqa: ARG002
        page = self._items[self._next : self._next + PAGE_CELLS]
        self._next += PAGE_CELLS
        return Page(page, page[-1] if self._next < len(self._items) else None)


def _every_slot() -> dict[str, Average]:
    return {f"{region.code}.{slot}": Average(100.0, 5.0, NOW_MS) for region in ROUTABLE for slot in range(5)}


def _finish_round(learning: Learning, clock: ManualClock) -> None:
    while learning.age_ms is None:
        learning.sync_if_due()
        clock.advance(NEXT_PAGE_MS)


def _best_us(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(CALLS):
            work()
        best = min(best, time.process_time() - start)
    return best / CALLS * 1e6


def _import_ms(module: str) -> float:
    script = f"import time, typing, edge.regions; s = time.perf_counter(); import {module}; print(time.perf_counter() - s)"
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        for _ in range(ROUNDS)
    ]
    return min(map(float, runs)) * 1e3


class Place(NamedTuple):
    """A row of the measured table."""

    name: str
    location: Location
    ms: dict[str, float]


def _read(path: Path) -> list[Place]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Place(
                row["place"],
                Location(float(row["latitude"]), float(row["longitude"]), "body"),
                {code: float(row[code]) for code in BY_CODE if row.get(code)},
            )
            for row in csv.DictReader(file)
        ]


def _print_regret(places: list[Place]) -> None:
    print(f"\n{'':22}{'n':>6}{'top-1 %':>9}{'mean ms':>9}{'p95':>7}{'max':>7}{'failover':>10}")
    for name, regions in (("four deployed", DEPLOYED), ("six routable", ROUTABLE)):
        codes = {region.code for region in regions}
        known = [place for place in places if codes <= place.ms.keys()]
        router = Router(regions)
        choosers: list[tuple[str, Callable[[Place, str], str]]] = [
            ("great circle", partial(_nearest, regions)),
            ("router", partial(_routed, router)),
        ]
        for chooser, choose in choosers:
            regrets = sorted(_regret(place, codes, choose(place, "")) for place in known)
            failovers = [
                _regret(place, codes - {down}, choose(place, down)) for place in known for down in codes
            ]
            print(
                f"{name + ', ' + chooser:22}"[:28].ljust(28)
                + f"{len(known)}{100 * sum(ms <= 1 for ms in regrets) / len(known):9.1f}"
                f"{sum(regrets) / len(known):9.2f}{regrets[int(0.95 * len(known))]:7.1f}{regrets[-1]:7.1f}"
                f"{sum(failovers) / len(failovers):10.2f}"
            )


def _nearest(regions: Sequence[Region], place: Place, down: str) -> str:
    latitude, longitude, _ = place.location
    return min(
        (region for region in regions if region.code != down),
        key=lambda region: haversine_km(latitude, longitude, region.latitude, region.longitude),
    ).code


def _routed(router: Router, place: Place, down: str) -> str:
    statuses: dict[str, Status] = {**HEALTHY, down: "unhealthy"} if down else HEALTHY
    return router.decide(place.location, now_ms=NOW_MS, statuses=statuses).best.region.code


def _regret(place: Place, codes: set[str], chosen: str) -> float:
    return place.ms[chosen] - min(place.ms[code] for code in codes)


if __name__ == "__main__":
    main()
