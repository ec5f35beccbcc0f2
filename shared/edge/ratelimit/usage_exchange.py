"""
What a container knows of other regions' usage, and what it tells them: when to read, when to publish.

Reading: at most once a second for each subject while it matters, else once in five. Publishing starts when the
region has used a twentieth of the limit, or when any other has published; then what nobody was told yet is published

- once it is a twentieth of what is left of the limit: rarely far from it, each unit close to it;
- at most once a second, or as soon as it is a twentieth of the limit: so that a burst which ends within the second does
  not stay untold, for twenty publications a window at most.

Nothing is read or published for subjects that nobody asks for. The table may be gone: then what was known last goes
on to hold, and decays. A breaker of its own keeps a sick table from costing each check its timeout.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.problems import DependencyUnavailable
from edge.ratelimit.usage_store import Published
from edge.ratelimit.window import effective_now_ms, measure

if TYPE_CHECKING:
    from typing import TypeVar

    from edge.breaker import Breaker
    from edge.clock import Clock
    from edge.ratelimit.store import Counter
    from edge.ratelimit.usage_store import UsageStore
    from edge.ratelimit.window import Window
    from edge.regions import Region

    Answer = TypeVar("Answer")

PUBLISH_INTERVAL_MS: Final = 1_000
REFRESH_MS: Final = 1_000
IDLE_REFRESH_MS: Final = 5_000

FLOOR_PERCENT: Final = 5
"""Usage from which a region publishes although no other has."""

STEP_PARTS: Final = 20
"""What is untold is published from this part of what is left, and at once from this part of the limit."""

STALE_AFTER_MS: Final = 30_000
"""Reads or publications that fail for longer than this make an answer ``degraded``; reads are tried more often."""

MAX_SUBJECTS: Final = 10_000
"""Subjects whose usage elsewhere is remembered; forgetting one costs a read."""


def used_of(window: Window, counter: Counter | None, now_ms: int) -> int:
    """Return the units of *counter* that count at *now_ms*."""
    return measure(window, counter, effective_now_ms(window, counter, now_ms)).used


class _Moment(NamedTuple):
    wall_ms: int
    monotonic_ns: int


class _Knowledge:
    """Of one subject and tier; *lock* is held while the table is asked."""

    __slots__ = ("answered", "asked", "components", "lock", "put", "put_failing")

    def __init__(self) -> None:
        self.components: dict[str, Published] = {}
        self.asked: _Moment | None = None
        self.answered: _Moment | None = None
        self.put: _Moment | None = None
        self.put_failing: _Moment | None = None
        self.lock = Lock()

    def live(self, now_ms: int) -> dict[str, Published]:
        """Return, by component, what has not expired: a counter may have begun anew since."""
        return {
            code: published
            for code, published in list(self.components.items())
            if published.expires_at_seconds * 1000 > now_ms
        }

    def learn(self, published: Published, now_ms: int) -> None:
        """Remember *published* if it is newer than what is known of its component."""
        known = self.live(now_ms).get(published.component)
        if published.expires_at_seconds * 1000 > now_ms and (
            known is None or known.version < published.version
        ):
            self.components[published.component] = published


class UsageExchange:
    """
    Reads and publishes for one container; share one between its threads.

    Args:
        writer: the region of this container.
        store: this region's replica of the usage table.
        clock: of this container.
        breaker: of *store* alone.
        floor_percent: of the limit, 1 to 100; see the module.
        stale_after_ms: see :data:`STALE_AFTER_MS`.
        max_subjects: remembered; the least recently used is forgotten first.
    """

    def __init__(
        self,
        writer: Region,
        store: UsageStore,
        clock: Clock,
        *,
        breaker: Breaker,
        floor_percent: int = FLOOR_PERCENT,
        stale_after_ms: int = STALE_AFTER_MS,
        max_subjects: int = MAX_SUBJECTS,
    ) -> None:
        self._writer = writer
        self._store = store
        self._clock = clock
        self._breaker = breaker
        self._floor_percent = floor_percent
        self._stale_after_ms = stale_after_ms
        self._max_subjects = max_subjects
        self._known: OrderedDict[str, _Knowledge] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._known)

    def others(self, key: str, component: Region) -> list[Counter]:
        """Return the counters of all regions but *component*, as far as they are known; nothing is asked."""
        live = self._of(key).live(self._clock.now_ms())
        return [published.counter for code, published in live.items() if code != component.code]

    def component(self, key: str, component: Region) -> Counter | None:
        """Return the counter of *component* as it was last published, as far as it is known; nothing is asked."""
        published = self._of(key).live(self._clock.now_ms()).get(component.code)
        return None if published is None else published.counter

    def refresh(
        self, key: str, component: Region, window: Window, own: Counter | None, *, is_full: bool
    ) -> bool:
        """
        Read what others have published, if that is due; a table that is gone is no error.

        Args:
            key: of the subject and tier in the usage table.
            component: the region that will count.
            window: the limit.
            own: what is known of its counter.
            is_full: a denial is certain. Then only a reset could be news, and a flood must cost nothing.

        Returns:
            Whether there may be news.

        Raises:
            edge.problems.Unexpected: the table refused; a defect.
        """
        known = self._of(key)
        if not self._is_past(known.asked, REFRESH_MS):
            return False
        now_ms = self._clock.now_ms()
        matters = not is_full and (
            self._is_above_floor(window, used_of(window, own, now_ms))
            or any(used_of(window, counter, now_ms) for counter in self.others(key, component))
        )
        interval_ms = REFRESH_MS if matters else IDLE_REFRESH_MS
        # One thread asks and the others go on; only before the first answer they wait for it.
        if not self._is_past(known.asked, interval_ms) or not known.lock.acquire(
            blocking=known.asked is None
        ):
            return False
        try:
            if self._is_past(known.asked, interval_ms):
                self._read(key, known, now_ms)
        finally:
            known.lock.release()
        return True

    def _read(self, key: str, known: _Knowledge, now_ms: int) -> None:
        try:
            found = self._breaker.ask(lambda: self._store.read(key))
        except DependencyUnavailable:
            pass  # what was known goes on to hold
        else:
            known.answered = self._moment()
            for published in found:
                known.learn(published, now_ms)
        finally:
            known.asked = self._moment()

    def publish(self, key: str, component: Region, window: Window, own: Counter | None) -> None:
        """
        Tell the others of *own*, if that is due; a table that is gone is no error.

        Args:
            key: of the subject and tier in the usage table.
            component: the region whose counter *own* is.
            window: the limit.
            own: its newest known state.

        Raises:
            edge.problems.Unexpected: the table refused; a defect.
        """
        known = self._of(key)
        if own is None or not self._is_due(known, component, window, own):
            return
        if not known.lock.acquire(blocking=False):
            return
        try:
            published = self._record(component, window, own)
            # The next try waits whether this one succeeds or not.
            known.put = self._moment()
            try:
                known.learn(
                    self._breaker.ask(lambda: self._store.publish(key, published)), self._clock.now_ms()
                )
            except DependencyUnavailable:
                known.put_failing = known.put_failing or self._moment()
            else:
                known.put_failing = None
        finally:
            known.lock.release()

    def announce(self, key: str, component: Region, window: Window, own: Counter) -> None:
        """
        Tell the others of *own* now, because it was reset: whoever believes more than is left denies without need.

        Args:
            key: of the subject and tier in the usage table.
            component: the region whose counter *own* is.
            window: the limit.
            own: as it was left.

        Raises:
            edge.problems.DependencyUnavailable: the table cannot be had; it may or may not be told.
            edge.problems.Unexpected: the table refused; a defect.
        """
        known = self._of(key)
        with known.lock:
            published = self._record(component, window, own)
            known.put = self._moment()
            known.learn(self._breaker.ask(lambda: self._store.publish(key, published)), self._clock.now_ms())

    def is_stale(self, key: str) -> bool:
        """Return whether reads or publications have failed for so long that an answer is ``degraded``."""
        known = self._of(key)
        if self._is_past(known.answered, self._stale_after_ms):
            return True
        return known.put_failing is not None and self._is_past(known.put_failing, self._stale_after_ms)

    def _of(self, key: str) -> _Knowledge:
        with self._lock:
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = _Knowledge()
                if len(self._known) > self._max_subjects:
                    self._known.popitem(last=False)
            else:
                self._known.move_to_end(key)
            return known

    def _is_due(self, known: _Knowledge, component: Region, window: Window, own: Counter) -> bool:
        now_ms = self._clock.now_ms()
        live = known.live(now_ms)
        told = live.get(component.code)
        own_used = used_of(window, own, now_ms)
        told_used = 0 if told is None else used_of(window, told.counter, now_ms)
        is_told = told is not None and told.version >= (own.revision, own.total)
        # Units that were given back make it less: that is news as well.
        untold = 0 if is_told else abs(own_used - told_used)
        if not untold:
            known.put_failing = None
            return False
        is_step = untold * STEP_PARTS >= window.limit and known.put_failing is None
        is_recent = told is not None and abs(now_ms - told.published_at_ms) < PUBLISH_INTERVAL_MS
        if not is_step and (is_recent or not self._is_past(known.put, PUBLISH_INTERVAL_MS)):
            return False
        others_used = sum(
            [
                used_of(window, published.counter, now_ms)
                for code, published in live.items()
                if code != component.code
            ]
        )
        is_active = others_used or told_used or self._is_above_floor(window, own_used)
        if is_active and (is_step or untold * STEP_PARTS >= window.limit - own_used - others_used):
            return True
        known.put_failing = None
        return False

    def _is_above_floor(self, window: Window, used: int) -> bool:
        return used * 100 >= window.limit * self._floor_percent

    def _record(self, component: Region, window: Window, own: Counter) -> Published:
        now_ms = self._clock.now_ms()
        floor = max(own.floor, window.oldest_bucket(now_ms) - window.slack_buckets)
        boundaries = {bucket: before for bucket, before in own.boundaries.items() if bucket >= floor}
        # As long again as the slack: clocks disagree, and it must not be gone before its last unit is.
        last_bucket = max(boundaries, default=now_ms // window.bucket_ms)
        last_ms = window.leaves_at_ms(last_bucket + window.slack_buckets)
        counter = own._replace(boundaries=boundaries, floor=floor, horizon=0, limit=0)
        return Published(component.code, self._writer.code, counter, now_ms, -(-last_ms // 1000))

    def _moment(self) -> _Moment:
        return _Moment(self._clock.now_ms(), self._clock.monotonic_ns())

    def _is_past(self, since: _Moment | None, duration_ms: int) -> bool:
        """Say whether *duration_ms* passed by either clock: one stands still while a container is frozen, one may be set."""
        if since is None:
            return True
        wall_ms, monotonic_ns = self._moment()
        return (
            wall_ms - since.wall_ms >= duration_ms
            or monotonic_ns - since.monotonic_ns >= duration_ms * 1_000_000
        )
