"""
What a container knows of the regions: read now and then, judged at every second, gone on with when the store is gone.

The last knowledge stays, whatever happens to the store, and its age is told. It fades by itself: observations go stale
after half a minute and drains end, so that a container without a store comes to route by place alone, and says that it
fails open.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.health.region_store import Stored
from edge.health.verdicts import judge
from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.clock import Clock
    from edge.health.region_store import RegionStore
    from edge.health.verdicts import Judgement

REFRESH_MS: Final = 3_000
"""
How long knowledge is used without asking again, whether the last attempt was good or not: detection takes up to 30 s, the
probe's time limit and replication come to it, and 40 s is the aim.
"""

_JUDGED_MS: Final = 1_000
"""A judgement is of the second: nothing in it is finer, and a request shall not pay for it."""


class Known(NamedTuple):
    """
    What is held of the regions.

    Attributes:
        judgement: of this second.
        age_ms: since the store was last read, by monotonic time; None if it never was.
    """

    judgement: Judgement
    age_ms: int | None


class RegionWatch:
    """
    The knowledge of one container; share one between threads.

    One thread reads while the others go on with what there is; only before the first attempt is over do they wait.

    Args:
        store: read for no longer than its own budget.
        clock: of this container.
        regions: codes of the regions that are deployed.
        refresh_ms: how long knowledge is used without asking again, > 0.
    """

    def __init__(
        self, store: RegionStore, clock: Clock, *, regions: Sequence[str], refresh_ms: int = REFRESH_MS
    ) -> None:
        self._store = store
        self._clock = clock
        self._regions = tuple(regions)
        self._refresh_ns = refresh_ms * 1_000_000
        self._stored = Stored()
        self._read_at_ns: int | None = None
        self._due_at_ns: int | None = None
        self._reading = Lock()
        self._judged: tuple[Stored, int, Judgement] | None = None

    @property
    def unreadable(self) -> int:
        """Items that the last read left out."""
        return self._stored.unreadable

    def look(self) -> Known:
        """Return what is held now; a store that is gone is no error."""
        if self._is_due() and self._reading.acquire(blocking=self._due_at_ns is None):
            try:
                if self._is_due():  # whoever waited here finds it done
                    self._read()
            finally:
                self._reading.release()
        read_at_ns = self._read_at_ns
        age_ms = None if read_at_ns is None else (self._clock.monotonic_ns() - read_at_ns) // 1_000_000
        return Known(self._judgement(), age_ms)

    def _is_due(self) -> bool:
        return self._due_at_ns is None or self._clock.monotonic_ns() >= self._due_at_ns

    def _read(self) -> None:
        try:
            self._stored = self._store.read(latest=False)
            self._read_at_ns = self._clock.monotonic_ns()
        except ServiceProblem:
            pass  # the age tells
        finally:
            self._due_at_ns = self._clock.monotonic_ns() + self._refresh_ns

    def _judgement(self) -> Judgement:
        stored, now_ms = self._stored, self._clock.now_ms()
        second = now_ms // _JUDGED_MS
        judged = self._judged
        if judged is None or judged[0] is not stored or judged[1] != second:
            judgement = judge(stored.reports, stored.drains, regions=self._regions, now_ms=now_ms)
            judged = self._judged = (stored, second, judgement)
        return judged[2]
