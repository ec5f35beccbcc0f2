"""
Drains: regions that an operator takes out, until a time that is always stated.

Each is one item of a global table, and two operators in two regions can each start one that the other does not see yet.
No condition on a write can forbid that (there is no consistency across regions to ask), so the rule that
:data:`LEAST_SERVING` regions stay is kept twice: :meth:`Drains.start` refuses by what its own region knows, and every reader
honours, of the drains that it finds, the older ones as far as the rule allows (:func:`honoured`). Readers that know the
same drains leave out the same; one that was left out comes into force when an older one ends before it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from edge.health.problems import LastRegions, RegionUnknown
from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edge.clock import Clock
    from edge.health.region_store import RegionStore, Stored

LEAST_SERVING: Final = 2
MAX_DRAIN_SECONDS: Final = 86_400
MAX_BY_CHARS: Final = 128

DrainReason = Literal["maintenance", "deployment", "incident", "capacity", "exercise"]
"""A closed set: what is typed in a hurry would end in a log, a metric's label or a page."""


class Drain(NamedTuple):
    """
    A region out of service.

    Attributes:
        region: its code.
        reason: why.
        at: epoch seconds when it began; renewing does not change it.
        until: epoch seconds when it is over, by itself.
        by: client id of who asked for it.
    """

    region: str
    reason: DrainReason
    at: int
    until: int
    by: str


def honoured(drains: Iterable[Drain], *, regions: Sequence[str], now_ms: int) -> dict[str, Drain]:
    """
    Return the drains in force, by region code: not over, and the oldest as many as leave :data:`LEAST_SERVING` regions.

    Args:
        drains: as they are stored.
        regions: codes of the regions that are deployed; drains of others are nothing.
        now_ms: epoch milliseconds.
    """
    active = [drain for drain in drains if drain.region in regions and now_ms < drain.until * 1000]
    active.sort(key=lambda drain: (drain.at, drain.region))
    return {drain.region: drain for drain in active[: max(0, len(regions) - LEAST_SERVING)]}


class Drains:
    """
    Starts and ends drains.

    Args:
        store: of this region's replica.
        clock: of this container.
        regions: codes of the regions that are deployed.
        serving: of what is stored, the codes of the regions that serve now: ``judge(...).serving``. Sick ones do not
            count among those that stay.
    """

    def __init__(
        self,
        store: RegionStore,
        clock: Clock,
        *,
        regions: Sequence[str],
        serving: Callable[[Stored], Sequence[str]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._regions = tuple(regions)
        self._serving = serving

    def start(self, region: str, *, reason: DrainReason, duration_seconds: int, by: str) -> Drain:
        """
        Take *region* out, or set another end and reason where it is out already.

        Args:
            region: its code.
            reason: why.
            duration_seconds: from now, 1 to :data:`MAX_DRAIN_SECONDS`.
            by: client id of who asks, 1 to :data:`MAX_BY_CHARS` characters.

        Raises:
            RegionUnknown: it is not deployed.
            LastRegions: fewer than :data:`LEAST_SERVING` others would serve.
            ValueError: *duration_seconds* or *by* is out of range.
            edge.problems.ServiceProblem: the store cannot be had. What it may have stored by then is taken back, if it
                can be had for that; the same call again is as good as once.
        """
        if region not in self._regions:
            raise RegionUnknown
        if not 1 <= duration_seconds <= MAX_DRAIN_SECONDS or not 1 <= len(by) <= MAX_BY_CHARS:
            raise ValueError("duration_seconds or by is out of range")
        stored = self._store.read(latest=True)
        if len([code for code in self._serving(stored) if code != region]) < LEAST_SERVING:
            raise LastRegions
        now = self._clock.now_ms() // 1000
        current = self._in_force(stored).get(region)
        drain = Drain(region, reason, now if current is None else current.at, now + duration_seconds, by)
        try:
            self._store.put_drain(drain)
            stored = self._store.read(latest=True)
        except ServiceProblem:
            self._take_back(drain, current)
            raise
        if drain in stored.drains and region not in self._in_force(stored):
            # Somebody drained another region in the same moment, and theirs comes first.
            self._store.end_drain(region, only=drain)
            raise LastRegions
        return drain

    def end(self, region: str) -> None:
        """
        Put *region* back, drained or not.

        Raises:
            RegionUnknown: it is not deployed.
            edge.problems.ServiceProblem: the store cannot be had.
        """
        if region not in self._regions:
            raise RegionUnknown
        self._store.end_drain(region, only=None)

    def _take_back(self, drain: Drain, before: Drain | None) -> None:
        """Leave the region as it was, after a failure that nobody can tell the outcome of."""
        with suppress(ServiceProblem):
            if before is None:
                self._store.end_drain(drain.region, only=drain)
            else:
                self._store.put_drain(before)

    def _in_force(self, stored: Stored) -> dict[str, Drain]:
        return honoured(stored.drains, regions=self._regions, now_ms=self._clock.now_ms())
