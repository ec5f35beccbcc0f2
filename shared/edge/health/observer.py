"""
One region's observer: carries its opinions from round to round, through the store and a container's memory.

It neither probes nor waits: whoever does hands over the outcomes of a round. A store that is gone for a while costs no
opinion; what was seen meanwhile is in the first report that is stored again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.health.observations import is_from_wrong_clock, observe
from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.health.observations import Outcome, Report
    from edge.health.region_store import RegionStore


class Observer:
    """
    Keeps and publishes what one region sees of the others.

    Args:
        store: of that region's replica.
        region: its code; nobody else writes its report.
    """

    def __init__(self, store: RegionStore, *, region: str) -> None:
        self._store = store
        self._region = region
        self._last: Report | None = None
        self._has_read = False

    def note(self, outcomes: Mapping[str, Outcome], *, round_ms: int) -> Report | None:
        """
        Add a round and store the report.

        Args:
            outcomes: by region code, as for :func:`~edge.health.observations.observe`.
            round_ms: epoch milliseconds when the round was due, not when it was over: then two runs that overlap make
                one report.

        Returns:
            The report; None where it could not be stored.
        """
        try:
            self._catch_up()
        except ServiceProblem:
            if not self._has_read:  # what it held before is not known, and must not be written over
                return None
        if self._last is not None and is_from_wrong_clock(self._last, round_ms=round_ms):
            self._last = None  # streaks of such times are none
        if self._last is None or self._last.at < round_ms // 1000:
            self._last = observe(self._last, outcomes, observer=self._region, now_ms=round_ms)
        try:
            self._store.put_report(self._last)
        except ServiceProblem:
            return None
        return self._last

    def _catch_up(self) -> None:
        """Take over what another container of this region has stored since."""
        for report in self._store.read(latest=True).reports:
            if report.observer == self._region and (self._last is None or self._last.at < report.at):
                self._last = report
        self._has_read = True
