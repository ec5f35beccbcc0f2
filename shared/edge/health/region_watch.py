"""
What a container knows of the regions: read now and then, judged at every second, gone on with when the store is gone.

The last knowledge stays, whatever happens to the store, and its age is told. It fades by itself: observations go stale
after half a minute and drains end, so that a container without a store comes to route by place alone, and says that it
fails open.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from edge.health.region_store import Stored
from edge.health.verdicts import judge
from edge.moments import Moment
from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.clock import Clock
    from edge.health.region_store import RegionReads
    from edge.health.verdicts import Judgement

REFRESH_MS: Final = 3_000
"""
How long knowledge is used without asking again, whether the last attempt was good or not: detection takes up to 30 s, the
probe's time limit and replication come to it, and 40 s is the aim.
"""

_JUDGED_MS: Final = 1_000
"""A judgement is of the second: nothing in it is finer, and a request shall not pay for it."""

Source = Literal["table", "memory", "none"]
"""Where knowledge comes from: the store as it was just now, what was read while it could be, or nowhere."""


class Known(NamedTuple):
    """
    What is held of the regions.

    Attributes:
        judgement: of this second.
        age_ms: since the store was last read; None if it never was.
        source: ``memory`` where the last attempt to read failed, ``none`` where none has been good.
    """

    judgement: Judgement
    age_ms: int | None
    source: Source


class RegionWatch:
    """
    The knowledge of one container; share one between threads.

    One thread reads while the others go on with what there is; only before the first attempt is over do they wait.

    Args:
        store: read for no longer than its own budget; None where regions do not observe each other: then nothing is
            known, which is no failure.
        clock: of this container.
        regions: codes of the regions that are deployed.
        refresh_ms: how long knowledge is used without asking again, > 0.
    """

    def __init__(
        self, store: RegionReads | None, clock: Clock, *, regions: Sequence[str], refresh_ms: int = REFRESH_MS
    ) -> None:
        self._store = store
        self._clock = clock
        self._regions = tuple(regions)
        self._refresh_ms = refresh_ms
        self._stored = Stored()
        self._read_at: Moment | None = None
        self._tried_at: Moment | None = None
        self._reading = Lock()
        self._judged: tuple[Stored, int, Judgement] | None = None

    @property
    def unreadable(self) -> int:
        """Items that the last read left out."""
        return self._stored.unreadable

    def look(self) -> Known:
        """Return what is held now; a store that is gone is no error."""
        store = self._store
        if store is None:
            return Known(self._judgement()._replace(basis="nobody_observes"), None, "none")
        if self._is_due() and self._reading.acquire(blocking=self._tried_at is None):
            try:
                if self._is_due():  # whoever waited here finds it done
                    self._read(store)
            finally:
                self._reading.release()
        judgement, read_at = self._judgement(), self._read_at
        if read_at is None:
            return Known(judgement, None, "none")
        # An attempt later than the last good one was none.
        source: Source = "table" if self._tried_at is read_at else "memory"
        return Known(judgement, read_at.elapsed_ms(self._clock), source)

    def _is_due(self) -> bool:
        tried_at = self._tried_at
        return tried_at is None or tried_at.elapsed_ms(self._clock) >= self._refresh_ms

    def _read(self, store: RegionReads) -> None:
        is_read = False
        try:
            self._stored = store.read(latest=False)
            is_read = True
        except ServiceProblem:
            pass  # the source and the age tell
        finally:
            now = Moment.now(self._clock)
            if is_read:
                self._read_at = now
            self._tried_at = now

    def _judgement(self) -> Judgement:
        stored, now_ms = self._stored, self._clock.now_ms()
        second = now_ms // _JUDGED_MS
        judged = self._judged
        if judged is None or judged[0] is not stored or judged[1] != second:
            judgement = judge(stored.reports, stored.drains, regions=self._regions, now_ms=now_ms)
            judged = self._judged = (stored, second, judgement)
        return judged[2]
