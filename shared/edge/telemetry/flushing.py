"""
Writes what an execution environment counted into its shard: at most every ten seconds, before an answer, never behind it.

A Lambda environment is frozen when it has answered and ends without a word, so there is no background thread and no last
flush: the first request is flushed at once, for it may be the only one, and then whichever request finds ten seconds
gone. What an environment counted after its last flush is lost with it; nothing else is.

Exact whatever happens to a write
---------------------------------

A shard holds everything since the environment began, so storing it again, or a later one instead, counts nothing twice.
States are numbered, and the table takes only a newer one. Two states are remembered, as the bytes that were sent: the last
that was *acknowledged*, and one *in flight*, whose answer was lost; until its fate is known it is sent again, as it was.

A shard may be folded into the base while its environment is merely asleep. Then its key is a tombstone that names the state
which was folded: one of the two. The environment goes on in a shard of the next *generation*, which holds what it counted
beyond that state.

One question stays open: a first state whose answer was lost, in an environment that then slept for longer than tombstones
last; whether it was folded, nobody knows. Long before that, it is given up: better missing than twice. It is counted in
``edge_metrics_dropped_total``, and so are samples that were in flight when somebody emptied the table.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.deadline import within
from edge.moments import Moment
from edge.problems import DependencyUnavailable, Unexpected
from edge.telemetry.shards import Shard, decode, encode
from edge.telemetry.store import TOMBSTONE_SECONDS, ShardKey, StoredShard
from edge.telemetry.totals import Totals, added

if TYPE_CHECKING:
    from edge.breaker import Breaker
    from edge.clock import Clock
    from edge.telemetry.recorder import Recorder
    from edge.telemetry.store import Obstacle, ShardStore

FLUSH_INTERVAL_MS: Final = 10_000
FLUSH_BUDGET_MS: Final = 150

GIVE_UP_MS: Final = TOMBSTONE_SECONDS * 1000 // 3
"""A first state of unknown fate is sent again for so long; clocks may be wrong by hours and it is still safe."""

_MOST_WRITES: Final = 3
"""In one flush: a state in flight, one that meets a tombstone, and what is left of it."""


class Flusher:
    """
    Keeps one environment's shard; safe for threads.

    Args:
        recorder: whose totals are written.
        store: of the region.
        clock: both its times: one may stand still while an environment is frozen, the other may be set.
        breaker: of *store* alone.
        interval_ms: between flushes.
        budget_ms: a flush may take, whatever breaks.
    """

    def __init__(
        self,
        recorder: Recorder,
        store: ShardStore,
        clock: Clock,
        *,
        breaker: Breaker,
        interval_ms: int = FLUSH_INTERVAL_MS,
        budget_ms: int = FLUSH_BUDGET_MS,
    ) -> None:
        self._recorder = recorder
        self._store = store
        self._clock = clock
        self._breaker = breaker
        self._interval_ms = interval_ms
        self._budget_ms = budget_ms
        self._lock = Lock()
        self._last: Moment | None = None
        self._started_at = clock.now_ms() // 1000
        # Drawn at the first flush: what is drawn while a function starts would be the same in every SnapStart clone.
        self._environment = ""
        self._generation = 0
        self._folded: Totals | None = None
        self._acknowledged: _State | None = None
        self._in_flight: _State | None = None

    def flush_if_due(self) -> None:
        """Write the shard if nobody did for the interval; never raises, never waits for another thread."""
        if not self._is_due() or not self._lock.acquire(blocking=False):
            return
        try:
            if self._is_due():
                self._flush()
        finally:
            self._lock.release()

    def flush(self) -> bool:
        """Write the shard now; return whether everything that was recorded before is stored."""
        with self._lock:
            return self._flush()

    def _is_due(self) -> bool:
        """Every request asks this: one clock is enough while the wall clock has not been set back."""
        last = self._last
        if last is None:
            return True
        elapsed_ms = self._clock.now_ms() - last.wall_ms
        return elapsed_ms >= self._interval_ms or (elapsed_ms < 0 and self._is_past(last, self._interval_ms))

    def _flush(self) -> bool:
        self._last = Moment.now(self._clock)
        try:
            with within(self._budget_ms, self._clock):
                for _ in range(_MOST_WRITES):
                    if self._write():
                        self._recorder.flushed("stored")
                        return True
        except DependencyUnavailable as unavailable:
            self._recorder.flushed("failed")
            self._learn_fate(unavailable)
        except Unexpected:
            self._recorder.flushed("refused")
            self._learn_fate(None)
        return False

    def _learn_fate(self, unavailable: DependencyUnavailable | None) -> None:
        """Forget the state in flight if it certainly did not arrive: the next flush has a newer one."""
        is_unknown = unavailable is not None and unavailable.log_fields().get("outcome_unknown") is not False
        state = self._in_flight
        if state is not None:
            # What an earlier try may have done, this one's certainty does not undo.
            self._in_flight = state._replace(is_repeated=True) if is_unknown or state.is_repeated else None

    def _write(self) -> bool:
        """Send one state; return True if it was stored and is the newest there is."""
        if self._is_hopeless():
            self._give_up()
        state = self._in_flight
        if state is None:
            state = self._in_flight = self._newest()
        shard = StoredShard(
            ShardKey(self._recorder.function, self._environment, self._generation),
            state.sequence,
            state.blob,
            self._clock.now_ms(),
        )
        is_known = self._acknowledged is not None
        obstacle = self._breaker.ask(lambda: self._store.put(shard, is_known=is_known))
        if obstacle is None or obstacle == (state.sequence, False):
            self._acknowledged, self._in_flight = state, None
            return not state.is_repeated
        self._overcome(obstacle, state)
        return False

    def _newest(self) -> _State:
        if not self._environment:
            self._environment = os.urandom(16).hex()
        totals = self._recorder.totals()
        if self._folded is not None:
            totals = totals.less(self._folded)
        blob = encode(Shard(self._started_at, totals), minute=self._clock.now_ms() // 60_000)
        sequence = 1 if self._acknowledged is None else self._acknowledged.sequence + 1
        return _State(sequence, blob, Moment.now(self._clock), is_repeated=False)

    def _overcome(self, obstacle: Obstacle, state: _State) -> None:
        """Go on in a new shard, because the old one is a tombstone, gone, or somebody else's."""
        acknowledged = self._acknowledged
        if obstacle.is_folded:
            is_state = acknowledged is None or obstacle.sequence == state.sequence
            self._begin_generation(state if is_state else acknowledged)
        elif obstacle.sequence is None:
            # The tombstone is over, so what it was of is unknown if two states could be meant.
            if state.is_repeated:
                self._count_dropped(state, acknowledged)
            self._begin_generation(state if state.is_repeated else acknowledged)
        else:
            # Another environment with our number: a clone that was made after the number was drawn.
            self._environment = ""
            self._begin_generation(None)

    def _begin_generation(self, folded: _State | None) -> None:
        """Go on in the next shard; *folded* is what of ours is in the base, in the terms of this generation."""
        if folded is not None:
            part = decode(folded.blob).totals
            self._folded = part if self._folded is None else added([self._folded, part])
            self._folded = self._folded.trimmed(self._clock.now_ms() // 60_000)
        self._generation = 0 if not self._environment else self._generation + 1
        self._acknowledged = self._in_flight = None

    def _is_hopeless(self) -> bool:
        state = self._in_flight
        return state is not None and self._acknowledged is None and self._is_past(state.made, GIVE_UP_MS)

    def _give_up(self) -> None:
        state = self._in_flight
        if state is not None:
            self._count_dropped(state, None)
            self._begin_generation(state)

    def _count_dropped(self, state: _State, without: _State | None) -> None:
        samples = _requests(state) - (0 if without is None else _requests(without))
        if samples > 0:
            self._recorder.dropped("ambiguous", samples)

    def _is_past(self, since: Moment | None, duration_ms: int) -> bool:
        if since is None:
            return True
        return (
            self._clock.monotonic_ns() - since.monotonic_ns >= duration_ms * 1_000_000
            or self._clock.now_ms() - since.wall_ms >= duration_ms
        )


class _State(NamedTuple):
    """
    A state of the shard that was sent.

    Attributes:
        sequence: its number.
        blob: what was sent.
        made: when.
        is_repeated: an earlier try of it may have been stored.
    """

    sequence: int
    blob: bytes
    made: Moment
    is_repeated: bool


def _requests(state: _State) -> int:
    counters = decode(state.blob).totals.counters
    return sum([count for key, count in counters.items() if key.startswith("q ")])
