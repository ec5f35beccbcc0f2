"""
The errors of one execution environment: noted in memory, written now and then.

Noting is cheap and bounded, so that a storm of errors is no second storm:

- at most :data:`MAX_GROUPS` groups; what comes later is counted in one called ``other``. Groups that only a message tells
  apart are at most :data:`MAX_TEXT_GROUPS` of them, and ``other`` is one more: whoever can choose messages cannot crowd out the others.
- of each group the first :data:`FIRST_SAMPLES` occurrences are kept as samples, and the last :data:`LAST_SAMPLES` of those
  that were at least :data:`SAMPLE_INTERVAL_SECONDS` apart: how it began, and how it is now. Only they cost a look at the message.
- a flush every :data:`FLUSH_INTERVAL_MS` at most, of at most :data:`MAX_WRITES` groups, a new one before those that were
  written longest ago, and each at most every :data:`WRITE_INTERVAL_MS`. Ten thousand errors of one kind within a minute
  are five writes, of absolute values.

Neither noting nor flushing ever raises: what went wrong with an error must not hide the error. Like metrics, what an
environment notes after its last flush is lost with it.
"""

from __future__ import annotations

import os
from collections import deque
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.deadline import within
from edge.moments import Moment
from edge.problems import ServiceProblem, Unexpected
from edge.telemetry.error_groups import HOUR_SECONDS, MAX_SAMPLES, TREND_HOURS, ErrorRecord, Sample
from edge.telemetry.grouping import (
    Shape,
    group_key,
    kind_of,
    overflow_key,
    shape_of,
    shape_of_answer,
    title_of,
)

if TYPE_CHECKING:
    from edge.breaker import Breaker
    from edge.clock import Clock
    from edge.telemetry.error_store import ErrorStore

MAX_GROUPS: Final = 50
MAX_TEXT_GROUPS: Final = 20
FIRST_SAMPLES: Final = 3
LAST_SAMPLES: Final = MAX_SAMPLES - FIRST_SAMPLES
SAMPLE_INTERVAL_SECONDS: Final = 1
FLUSH_INTERVAL_MS: Final = 10_000
WRITE_INTERVAL_MS: Final = 15_000
MAX_WRITES: Final = 4
FLUSH_BUDGET_MS: Final = 150

_MAX_KEYS: Final = 256
_MAX_ID_CHARS: Final = 128


class FailedRequest(NamedTuple):
    """
    The request that an error ended.

    Attributes:
        request_id: as the log has it.
        route: its template; a path is input.
        status: that is answered.
    """

    request_id: str
    route: str
    status: int


class ErrorLedger:
    """
    Keeps one environment's errors; safe for threads.

    Args:
        function: its short name, of a closed set.
        store: of the region, or None to only count.
        clock: both its times: one may stand still while an environment is frozen, the other may be set.
        breaker: of *store* alone.
        budget_ms: a flush may take, whatever breaks.
    """

    def __init__(
        self,
        function: str,
        store: ErrorStore | None,
        clock: Clock,
        *,
        breaker: Breaker,
        budget_ms: int = FLUSH_BUDGET_MS,
    ) -> None:
        self._function = function
        self._store = store
        self._clock = clock
        self._breaker = breaker
        self._budget_ms = budget_ms
        self._lock = Lock()
        self._flushing = Lock()
        # Drawn at the first error: what is drawn while a function starts would be the same in every SnapStart clone.
        self._environment = ""
        self._groups: dict[str, _Group] = {}
        self._text_groups = self._other_groups = 0
        self._keys: dict[Shape, str] = {}
        self._last_flush: Moment | None = None
        self._dirty = False
        self.defects = 0
        """Errors that could not be noted, and flushes that ended in something nobody foresaw."""

    def note(self, error: BaseException | None, request: FailedRequest) -> None:
        """
        Count an error; one that the caller can mend (a status below 500) is none.

        Args:
            error: as it was caught, with its traceback; None for an answer that is an error without one.
            request: that it ended.
        """
        if request.status < Unexpected.status:
            return
        try:
            with self._lock:
                self._note(error, request)
        except Exception:  # it belongs to a stranger: its text, its fields, its traceback may do anything
            self.defects += 1

    def flush_if_due(self) -> None:
        """Write what is due; never waits for another thread."""
        if (
            not self._dirty
            or self._store is None
            or not self._is_due()
            or not self._flushing.acquire(blocking=False)
        ):
            return
        try:
            self._last_flush = Moment.now(self._clock)
            with within(self._budget_ms, self._clock):
                self._flush(self._store)
        except ServiceProblem:
            pass  # the next flush writes the same, and more
        except Exception:  # the request is answered, and shall be
            self.defects += 1
        finally:
            self._flushing.release()

    def records(self) -> list[ErrorRecord]:
        """Return everything that is known, for a look from inside."""
        with self._lock:
            return [group.record(self._function, self._environment) for group in self._groups.values()]

    def _note(self, error: BaseException | None, request: FailedRequest) -> None:
        if error is None:
            shape = shape_of_answer(request.status, request.route)
        else:
            shape = shape_of(error, function=self._function)
        kind: str | None = None
        key = self._keys.get(shape)
        if key is None:
            kind = kind_of(error) if error is not None and shape.needs_message else ""
            key = group_key(shape, kind)
            if not shape.needs_message:
                if len(self._keys) >= _MAX_KEYS:
                    self._keys.clear()
                self._keys[shape] = key
                kind = None
        group = self._groups.get(key) or self._new_group(key, shape, kind, error)
        now_seconds = self._clock.now_ms() // 1000
        if group.count_one(now_seconds):
            message = (kind_of(error) if error is not None else "") if kind is None else kind
            group.keep(
                Sample(
                    now_seconds,
                    request.request_id[:_MAX_ID_CHARS],
                    request.route[:_MAX_ID_CHARS],
                    request.status,
                    message,
                )
            )
        self._dirty = True

    def _new_group(self, key: str, shape: Shape, kind: str | None, error: BaseException | None) -> _Group:
        if not self._environment:
            self._environment = os.urandom(8).hex()
        if shape.needs_message:
            has_room = self._text_groups < MAX_TEXT_GROUPS
            self._text_groups += has_room
        else:
            has_room = self._other_groups < MAX_GROUPS - MAX_TEXT_GROUPS
            self._other_groups += has_room
        if has_room:
            message = (kind_of(error) if error is not None else "") if kind is None else kind
            group = _Group(key, shape, title_of(shape, message))
        else:
            key = overflow_key()
            shape = Shape("other", (), (), "", shape.severity)
            known = self._groups.get(key)
            if known is not None:
                return known
            group = _Group(key, shape, "More kinds of errors than one environment tells apart")
        self._groups[key] = group
        return group

    def _flush(self, store: ErrorStore) -> None:
        now = Moment.now(self._clock)
        with self._lock:
            dirty = [group for group in self._groups.values() if group.count > group.written]
            due = [
                group
                for group in dirty
                if group.written_at is None or group.written_at.elapsed_ms(self._clock) >= WRITE_INTERVAL_MS
            ]
            due.sort(key=lambda group: -1 if group.written_at is None else group.written_at.monotonic_ns)
            records = [(group, group.record(self._function, self._environment)) for group in due[:MAX_WRITES]]
            self._dirty = bool(dirty)
        for group, record in records:
            self._breaker.ask(partial(store.put, record))
            with self._lock:
                group.written, group.written_at = record.total, now

    def _is_due(self) -> bool:
        return self._last_flush is None or self._last_flush.elapsed_ms(self._clock) >= FLUSH_INTERVAL_MS


class _Group:
    """What is known of one group."""

    __slots__ = (
        "count",
        "first_samples",
        "first_seen",
        "hours",
        "key",
        "last_samples",
        "last_seen",
        "shape",
        "title",
        "written",
        "written_at",
    )

    def __init__(self, key: str, shape: Shape, title: str) -> None:
        self.key = key
        self.shape = shape
        self.title = title
        self.count = 0
        self.first_seen = self.last_seen = 0
        self.hours: dict[int, int] = {}
        self.first_samples: list[Sample] = []
        self.last_samples: deque[Sample] = deque(maxlen=LAST_SAMPLES)
        self.written = 0
        self.written_at: Moment | None = None

    def count_one(self, now_seconds: int) -> bool:
        """Count an occurrence; return whether it is to be kept as a sample."""
        if self.count == 0:
            self.first_seen = now_seconds
        self.count += 1
        self.last_seen = max(self.last_seen, now_seconds)
        hour = now_seconds // HOUR_SECONDS
        if hour not in self.hours:
            self.hours = {at: count for at, count in self.hours.items() if abs(hour - at) < TREND_HOURS}
            while len(self.hours) >= TREND_HOURS:
                del self.hours[min(self.hours)]
        self.hours[hour] = self.hours.get(hour, 0) + 1
        if len(self.first_samples) < FIRST_SAMPLES:
            return True
        last = (self.last_samples or self.first_samples)[-1]
        return abs(now_seconds - last.at) >= SAMPLE_INTERVAL_SECONDS

    def keep(self, sample: Sample) -> None:
        """Keep *sample*, in the place of the oldest of the last ones if need be."""
        if len(self.first_samples) < FIRST_SAMPLES:
            self.first_samples.append(sample)
        else:
            self.last_samples.append(sample)

    def record(self, function: str, environment: str) -> ErrorRecord:
        """Return what is known, to be stored."""
        shape = self.shape
        return ErrorRecord(
            key=self.key,
            function=function,
            environment=environment,
            type=shape.type,
            title=self.title,
            where=shape.frames,
            severity=shape.severity,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            total=self.count,
            hours=dict(self.hours),
            samples=(*self.first_samples, *self.last_samples),
        )
