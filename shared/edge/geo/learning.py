"""
What a container knows of measured round trips: read now and then, added to rarely, gone on with when the store is gone.

A look is one Query of one page. While there are more pages the next look comes after a second, then it is minutes until
the next round; a table that an operator installed is asked for at the end of a round, and is read only if it is new. What
was taught here waits in memory and leaves it one cell at a time, the longest waiting first, at most once a minute: a
container writes one item a minute, however many callers teach. All of it happens in :meth:`Learning.sync_if_due`, which a
handler calls once a request and which nearly always has nothing to do.

Learning loses samples (a container that ends takes its last minutes with it, a lost race its samples) and never counts
one twice.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from edge.geo.cells import MOST_SAMPLES, Average, add_averages, cell_of, possible_ms
from edge.geo.slots import agreed, slot_name
from edge.geo.teaching import Teaching
from edge.problems import ServiceProblem
from edge.regions import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.clock import Clock
    from edge.geo.cell_store import CellStore, Measured
    from edge.geo.locations import Location

REFRESH_MS: Final = 300_000
"""Between rounds of looking, and after a failure."""

NEXT_PAGE_MS: Final = 1_000
FLUSH_MS: Final = 60_000
MOST_WAITING: Final = 256
"""Cells whose samples wait to be written; what is taught of further ones meanwhile is lost."""

MOST_AHEAD_MS: Final = 3_600_000
"""What claims to be from farther in the future than clocks differ is not believed: it would not fade until then."""

_EXACT: Final = ("body", "cloudfront")
_Averages = dict[str, Average]


class Learning:
    """
    The knowledge of one container; share one between threads.

    Args:
        store: of this region; called for no longer than its own budget.
        clock: of this container.
        teaching: who may teach.
        refresh_ms: between rounds of looking, > 0.
        flush_ms: between writes, > 0.
    """

    def __init__(
        self,
        store: CellStore,
        clock: Clock,
        *,
        teaching: Teaching | None = None,
        refresh_ms: int = REFRESH_MS,
        flush_ms: int = FLUSH_MS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._teaching = teaching or Teaching()
        self._refresh_ns = refresh_ms * 1_000_000
        self._flush_ns = flush_ms * 1_000_000
        self._syncing = Lock()
        self._look_at_ns = self._flush_at_ns = 0
        self._round: dict[int, _Averages] = {}
        self._after: str | None = None
        self._is_first_round = True
        self._read_at_ns: int | None = None
        self._shared: dict[int, _Averages] = {}
        self._waiting: dict[int, _Averages] = {}
        self._table: Mapping[int, Mapping[str, Measured]] = {}
        self._table_version = 0
        self._views: dict[int, _Averages | None] = {}
        self._left_out = 0
        self.unreadable = 0
        """Items that the last round of looking left out."""

    @property
    def age_ms(self) -> int | None:
        """Milliseconds since a round of looking was last complete; None if none was."""
        read_at_ns = self._read_at_ns
        return None if read_at_ns is None else (self._clock.monotonic_ns() - read_at_ns) // 1_000_000

    @property
    def waiting(self) -> int:
        """How many cells' samples wait to be written."""
        return len(self._waiting)

    def near(self, latitude: float, longitude: float) -> Mapping[str, Average] | None:
        """Return what is known of the place's cell, by region code; no I/O."""
        cell = cell_of(latitude, longitude)
        try:
            return self._views[cell]
        except KeyError:
            view = self._views[cell] = self._view(cell)
            return view

    def observe(self, location: Location, measurements: Mapping[str, float], *, client: str | None) -> bool:
        """
        Learn what a client measured, if it may teach; no I/O.

        Args:
            location: where it says it is; the middle of a country is nowhere, and teaches nothing.
            measurements: round-trip times in ms by region code, as :class:`edge.geo.wire.RouteRequest` takes them.
            client: the id of a caller that has proven who it is, None for any other.

        Returns:
            Whether it taught.
        """
        if not measurements or location.source not in _EXACT:
            return False
        cell, now_ms = cell_of(location.latitude, location.longitude), self._clock.now_ms()
        is_full = cell not in self._waiting and len(self._waiting) >= MOST_WAITING
        if client is None or is_full or not self._teaching.admits(client, cell, now_ms=now_ms):
            return False
        averages = self._waiting.setdefault(cell, {})
        for code, ms in measurements.items():
            region = BY_CODE.get(code)
            if region is None:
                continue
            name, possible = slot_name(code, client, cell), possible_ms(location, region, ms)
            known = averages.get(name)
            averages[name] = (
                Average(possible, 1.0, now_ms) if known is None else known.with_sample(possible, now_ms)
            )
        self._views.pop(cell, None)
        return True

    def sync_if_due(self) -> None:
        """Look or write if it is time and nobody else is at it: one of them, once; a store that is gone is no error."""
        now_ns = self._clock.monotonic_ns()
        looks, writes = now_ns >= self._look_at_ns, bool(self._waiting) and now_ns >= self._flush_at_ns
        if not (looks or writes) or not self._syncing.acquire(blocking=False):
            return
        try:
            # Whichever waits longer: where requests are rare both are always due, and neither may starve the other.
            if looks and not (writes and self._flush_at_ns < self._look_at_ns):
                self._look()
            else:
                self._write()
        finally:
            self._syncing.release()

    def _look(self) -> None:
        # First of all, so that a defect of the store meets one request in a while and not every one.
        self._look_at_ns = self._clock.monotonic_ns() + self._refresh_ns
        now_ms = self._clock.now_ms()
        try:
            page = self._store.page(self._after)
            for _, cell, averages in page.cells:
                fit = {name: one for name, one in averages.items() if one.at_ms <= now_ms + MOST_AHEAD_MS}
                self._left_out += len(fit) < len(averages)
                self._round[cell] = add_averages(self._round.get(cell, {}), fit, now_ms=now_ms)
            self._left_out += page.unreadable
            self._after = page.after
            if page.after is not None:
                self._look_at_ns = self._clock.monotonic_ns() + min(
                    NEXT_PAGE_MS * 1_000_000, self._refresh_ns
                )
                if self._is_first_round:  # half of it is more than nothing
                    self._shared = dict(self._round)
            else:
                self._end_round()
                table = self._store.newer_table(self._table_version)
                if table is not None:
                    self._table, self._table_version = table.cells, table.version
        except ServiceProblem:
            pass  # the age tells; the round goes on where it was
        self._views = {}  # weights fade

    def _end_round(self) -> None:
        self._shared, self._round = self._round, {}
        self.unreadable, self._left_out = self._left_out, 0
        self._is_first_round = False
        self._read_at_ns = self._clock.monotonic_ns()

    def _write(self) -> None:
        self._flush_at_ns = self._clock.monotonic_ns() + self._flush_ns
        now_ms = self._clock.now_ms()
        cell = next(iter(self._waiting))
        # Taken out before it is tried: a write that failed may have happened, and must not happen twice.
        learned = self._waiting.pop(cell)
        self._shared[cell] = add_averages(self._shared.get(cell, {}), learned, now_ms=now_ms)
        self._views.pop(cell, None)
        try:
            self._store.add(cell, learned, now_ms=now_ms)
        except ServiceProblem:
            self._flush_at_ns = self._clock.monotonic_ns() + max(self._flush_ns, self._refresh_ns)

    def _view(self, cell: int) -> _Averages | None:
        now_ms = self._clock.now_ms()
        shared, waiting = self._shared.get(cell, {}), self._waiting.get(cell)
        slots = shared if waiting is None else add_averages(shared, waiting, now_ms=now_ms)
        view = agreed(slots, now_ms=now_ms)
        for code, (ms, samples) in self._table.get(cell, {}).items():
            installed, learned = Average(ms, min(samples, MOST_SAMPLES), now_ms), view.get(code)
            view[code] = installed if learned is None else installed.plus(learned, now_ms)
        return view or None
