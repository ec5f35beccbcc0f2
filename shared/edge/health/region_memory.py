"""The store in memory: for tests and one process that wants no engine."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from edge.health.observations import is_from_wrong_clock
from edge.health.region_store import Stored

if TYPE_CHECKING:
    from edge.health.drains import Drain
    from edge.health.observations import Report


class MemoryRegionStore:
    """Two dictionaries under a lock; it forgets nothing by itself."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._reports: dict[str, Report] = {}
        self._drains: dict[str, Drain] = {}

    def read(self, *, latest: bool) -> Stored:  # noqa: ARG002 - it has one replica
        """Return all that is stored."""
        with self._lock:
            return Stored(
                tuple(report for _, report in sorted(self._reports.items())),
                tuple(drain for _, drain in sorted(self._drains.items())),
            )

    def put_report(self, report: Report) -> None:
        """Store *report*, unless the last one of its observer is of the same round or a later one that can be."""
        with self._lock:
            last = self._reports.get(report.observer)
            if last is None or last.at < report.at or is_from_wrong_clock(last, round_ms=report.at * 1000):
                self._reports[report.observer] = report

    def put_drain(self, drain: Drain) -> None:
        """Store *drain* in the place of the one that its region may have."""
        with self._lock:
            self._drains[drain.region] = drain

    def end_drain(self, region: str, *, only: Drain | None) -> None:
        """Forget the drain of *region*, or *only* that one."""
        with self._lock:
            if only is None or self._drains.get(region) == only:
                self._drains.pop(region, None)
