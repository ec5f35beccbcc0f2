"""
Counts the requests of one execution environment, in memory, in one to two microseconds each.

A request leaves its facts in a queue, and every 64 of them are counted together, so that most requests wait for half a
microsecond. An answer's kind (route, method, status, problem, outcome) is worked out once; after that a request of the
same kind adds one to one number, whatever counters the kind stands for. They are multiplied out when the totals are
read, every ten seconds. Kinds that are not used often are no leak: when there are too many, all are multiplied out and forgotten.

Safe for threads: the queue's ends are atomic, and counting is done under a lock that is never held while anything waits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from math import log
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING, Final

from edge.telemetry.labels import OUTCOME_MEMBERS
from edge.telemetry.outcomes import BODY_BYTES, COLD_START, Answer, effects
from edge.telemetry.sketch import PER_LOG, Sketch
from edge.telemetry.totals import KEPT_MINUTES, Minute, Totals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from edge.clock import Clock
    from edge.problems import Problem

    _Facts: TypeAlias = tuple[str, str, int, str | None, str | None, str | None]
    _Sample: TypeAlias = tuple[int, int, int, bool, Mapping[str, object] | None, _Facts]

DURATION_BOUNDS_SECONDS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
"""Upper bounds of the buckets of durations; 0.1 and 0.2 are what the product promises. Another list, another schema."""

BODY_BOUNDS_BYTES: Final = (256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576)
"""Upper bounds of the buckets of body lengths, powers of two. Another list, another schema."""

_BODY_PLACES: Final = tuple([bisect_left(BODY_BOUNDS_BYTES, 1 << bits) for bits in range(48)])
"""The bucket of a length, by the bits of what is one less than it."""

_DURATION_BOUNDS_NS: Final = tuple(round(bound * 1e9) for bound in DURATION_BOUNDS_SECONDS)
_LONGEST_NS: Final = 1 << 50
_MAX_KINDS: Final = 512
_MAX_PENDING: Final = 64


class _Kind:
    """Requests of a kind: how many, and what each is counted as."""

    __slots__ = ("count", "degraded", "durations", "error", "keys")

    def __init__(self, keys: tuple[str, ...], durations: list[int], *, error: bool, degraded: bool) -> None:
        self.count = 0
        self.keys = keys
        self.durations = durations
        self.error = int(error)
        self.degraded = int(degraded)


class Recorder:
    """
    Counts for one function in one execution environment.

    Args:
        function: by the name of its folder, such as ``geo_route``.
        clock: its wall time says which minute a request belongs to, nothing else.

    Example:
        >>> from edge.clock import ManualClock
        >>> recorder = Recorder("geo_route", ManualClock(now_ms=0))
        >>> recorder.record(route="/api/geo/route", method="POST", status=200, duration_ns=1_200_000)
        >>> recorder.totals().counters
        {'q /api/geo/route POST 2xx': 1}
    """

    def __init__(self, function: str, clock: Clock) -> None:
        self.function = function
        self._clock = clock
        counted = OUTCOME_MEMBERS.get(function)
        self._members = None if counted is None else itemgetter(*counted)
        self._lock = Lock()
        self._pending: deque[_Sample] = deque()
        self._kinds: dict[tuple[object, ...], _Kind] = {}
        self._counters: dict[str, int] = {}
        self._histograms: dict[str, list[int]] = {}
        self._bodies = [0] * (len(BODY_BOUNDS_BYTES) + 2)
        self._minutes: dict[int, Minute] = {}
        self._hours: dict[int, tuple[int, int]] = {}
        self._minute = -1
        self._slot = Minute()

    def record(
        self,
        *,
        route: str,
        method: str,
        status: int,
        duration_ns: int,
        body_bytes: int = 0,
        problem: Problem | None = None,
        outcome: Mapping[str, object] | None = None,
        caller: str | None = None,
        cold: bool = False,
    ) -> None:
        """
        Count one request; never raises for what it is given.

        Args:
            route: its template, ``unmatched`` or ``event``.
            method: of the request.
            status: of the answer.
            duration_ns: nanoseconds until the answer.
            body_bytes: length of the request's body.
            problem: that was answered, if one was.
            outcome: what the domain decided; of text, numbers and booleans.
            caller: ``key``, ``token`` or ``anonymous`` if a guard let the caller in.
            cold: it was the environment's first.
        """
        # Not the problem itself: an exception keeps the frames that raised it alive.
        slug, reason = (None, None) if problem is None else (problem.slug, problem.reason)
        pending = self._pending
        pending.append(
            (
                self._clock.now_ms(),
                duration_ns,
                body_bytes,
                cold,
                outcome,
                (route, method, status, caller, slug, reason),
            )
        )
        if len(pending) >= _MAX_PENDING:
            with self._lock:
                self._count_pending()

    def flushed(self, result: str) -> None:
        """Count an attempt to store the totals; *result* is of :data:`edge.telemetry.labels.FLUSHES`."""
        with self._lock:
            self._counters[f"f {result}"] = self._counters.get(f"f {result}", 0) + 1

    def dropped(self, reason: str, samples: int) -> None:
        """Count samples that are in no sum; *reason* is of :data:`edge.telemetry.labels.DROPPED`."""
        minute = self._clock.now_ms() // 60_000
        with self._lock:
            self._turn(minute)
            self._drop(reason, samples)

    def totals(self) -> Totals:
        """Return everything counted so far; what is returned does not change any more."""
        with self._lock:
            self._count_pending()
            self._multiply_out()
            histograms = {key: list(row) for key, row in self._histograms.items() if any(row)}
            if any(self._bodies):
                histograms[BODY_BYTES] = list(self._bodies)
            minutes: dict[int, Minute] = {}
            hours = dict(self._hours)
            for at, slot in self._minutes.items():
                sketch = Sketch(slot.sketch.level, dict(slot.sketch.counts))
                minutes[at] = Minute(*slot.numbers(), sketch=sketch)
                _add_hour(hours, at, slot)
            return Totals(dict(self._counters), histograms, minutes, hours)

    def _drop(self, reason: str, samples: int) -> None:
        self._counters[f"x {reason}"] = self._counters.get(f"x {reason}", 0) + samples
        self._slot.dropped += samples

    def _count_pending(self) -> None:
        take, pending, kinds, bodies = self._pending.popleft, self._pending, self._kinds, self._bodies
        members = self._members
        slot, begins_ms = self._slot, self._minute * 60_000
        ends_ms = begins_ms + 60_000
        while pending:
            now_ms, duration_ns, body_bytes, cold, outcome, facts = take()
            if not begins_ms <= now_ms < ends_ms:
                slot, begins_ms = self._turn(now_ms // 60_000), now_ms // 60_000 * 60_000
                ends_ms = begins_ms + 60_000
            kind_of: tuple[object, ...] = facts
            try:
                if outcome and members is not None:
                    try:
                        kind_of = (facts, members(outcome))
                    except KeyError:
                        kind_of = (facts, *outcome.items())
                kind = kinds.get(kind_of) or self._new_kind(kind_of, facts, outcome)
                bucket = int(log(duration_ns) * PER_LOG) if duration_ns > 1 else 0
                place = bisect_left(_DURATION_BOUNDS_NS, duration_ns)
                body_place = _BODY_PLACES[(body_bytes - 1).bit_length()]
            except (AttributeError, IndexError, TypeError, ValueError):
                # An outcome that cannot be hashed, a length that is none.
                self._drop("unusable", 1)
                continue
            if not 0 <= duration_ns < _LONGEST_NS or body_bytes < 0:
                self._drop("unusable", 1)
                continue
            kind.count += 1
            durations = kind.durations
            durations[place] += 1
            durations[-1] += duration_ns
            bodies[body_place] += 1
            bodies[-1] += body_bytes
            slot.requests += 1
            slot.sum_ns += duration_ns
            counts = slot.sketch.counts
            counts[bucket] = counts.get(bucket, 0) + 1
            if kind.error:
                slot.errors += 1
            if kind.degraded:
                slot.degraded += 1
            if cold:
                self._counters[COLD_START] = self._counters.get(COLD_START, 0) + 1

    def _new_kind(
        self, kind_of: tuple[object, ...], facts: _Facts, outcome: Mapping[str, object] | None
    ) -> _Kind:
        if len(self._kinds) >= _MAX_KINDS:
            self._multiply_out()
            self._kinds.clear()
        route, method, status, caller, slug, reason = facts
        answer = Answer(self.function, route, method, status, slug, reason, outcome, caller)
        keys, duration, is_error, is_degraded = effects(answer)
        durations = self._histograms.get(duration)
        if durations is None:
            durations = self._histograms[duration] = [0] * (len(_DURATION_BOUNDS_NS) + 2)
        kind = self._kinds[kind_of] = _Kind(keys, durations, error=is_error, degraded=is_degraded)
        return kind

    def _multiply_out(self) -> None:
        counters = self._counters
        for kind in self._kinds.values():
            if kind.count:
                for key in kind.keys:
                    counters[key] = counters.get(key, 0) + kind.count
                kind.count = 0

    def _turn(self, minute: int) -> Minute:
        """Begin or resume the slot of *minute*; slots that it leaves behind go into their hours."""
        for at in [at for at in self._minutes if not minute - KEPT_MINUTES < at <= minute + 1]:
            _add_hour(self._hours, at, self._minutes.pop(at))
        hour = minute // 60
        for at in [at for at in self._hours if not hour - 25 <= at <= hour + 1]:
            del self._hours[at]
        self._minute = minute
        self._slot = self._minutes.setdefault(minute, Minute())
        return self._slot


def _add_hour(hours: dict[int, tuple[int, int]], minute: int, slot: Minute) -> None:
    requests, errors = hours.get(minute // 60, (0, 0))
    hours[minute // 60] = (requests + slot.requests, errors + slot.errors)
