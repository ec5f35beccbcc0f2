"""A world for the shipper: collectors that behave as told, a queue that delivers again and twice, Lambda that repeats."""

from __future__ import annotations

import gzip
import json
from collections import deque
from typing import TYPE_CHECKING, Final

from edge.aws.faults import Unavailable
from edge.clock import ManualClock
from edge.telemetry.shipping import Shipper
from edge.telemetry.shipping_batches import MAX_MESSAGE_BYTES, from_message
from edge.telemetry.shipping_ports import NoReply, NotTaken, Reply, Tally, Unshipped
from edge.telemetry.shipping_records import LogEvent, Record, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edge.telemetry.shipping_batches import Batch, Kind

START_MS: Final = 2_000_000_000_000
TIMEOUT_MS: Final = 60_000
VISIBILITY_MS: Final = 360_000
ORIGIN: Final = {"region": "cdg1", "function": "geo_route", "stage": "production", "version": "1"}


def lines(count: int, *, errors: Iterable[int] = (), first: int = 0, text: str = "x") -> list[Record]:
    """Return *count* records with ids from *first* on; those at *errors* are of that level."""
    wrong = set(errors)
    events = [
        LogEvent(
            f"{first + number:05}",
            START_MS,
            json.dumps({"level": "error" if number in wrong else "info", "message": text, **ORIGIN}),
        )
        for number in range(count)
    ]
    return list(records(events, log_group="/aws/lambda/kaizen-edge-geo-route", log_stream="s"))


def ids_of(batch: Batch) -> list[str]:
    """Return the ids of the lines of a batch, as a collector reads them."""
    return [json.loads(line)["id"] for line in gzip.decompress(batch.packed).splitlines()]


class FakeCollector:
    """
    Plays a script, a word for each request, and ``ok`` after it.

    ``ok``; a status; ``no_connection``, ``lost_reply`` (taken, and nobody is told), ``hangs`` (until the deadline, not taken),
    ``taken_late`` (until the deadline, taken).

    Attributes:
        script: what is left of it.
        bodies: ids of each request that was taken, in order.
        keys: of these.
        posts: all requests, as (key, size).
        most_lines: more than so many are answered 413.
        poison: lines that are answered 400.
    """

    def __init__(self, clock: ManualClock, *script: str) -> None:
        self.clock = clock
        self.script = deque(script)
        self.bodies: list[list[str]] = []
        self.keys: list[str] = []
        self.posts: list[tuple[str, int]] = []
        self.most_lines = 1_000_000
        self.poison: set[str] = set()
        self.retry_after_ms: int | None = None

    def post(self, batch: Batch, deadline_ns: int) -> Reply:
        ids = ids_of(batch)
        assert len(ids) == batch.size
        self.posts.append((batch.key, batch.size))
        word = self.script.popleft() if self.script else "ok"
        if len(ids) > self.most_lines:
            return Reply(413)
        if self.poison & set(ids):
            return Reply(400)
        if word in ("hangs", "taken_late"):
            self.clock.advance(max(0, (deadline_ns - self.clock.monotonic_ns()) // 1_000_000))
        else:
            self.clock.advance(5)
        if word in ("ok", "lost_reply", "taken_late"):
            self.bodies.append(ids)
            self.keys.append(batch.key)
        if word == "ok":
            return Reply(202)
        if word == "lost_reply":
            raise NoReply("connection")
        if word == "no_connection":
            raise NoReply("connection")
        if word in ("hangs", "taken_late"):
            raise NoReply("timed_out")
        return Reply(int(word), self.retry_after_ms)

    @property
    def received(self) -> list[str]:
        """Ids of all lines that were taken, as often as they were."""
        return [name for body in self.bodies for name in body]


class FakeQueue:
    """
    Keeps messages.

    Attributes:
        messages: those that are there.
        script: for each put whether it fails: ``fails``, ``lost`` (kept, and nobody is told), anything else: it is kept.
        most: how many there were at once.
    """

    def __init__(self, *script: str) -> None:
        self.script = deque(script)
        self.messages: list[str] = []
        self.puts = 0
        self.most = 0

    def put(self, message: str) -> None:
        assert len(message.encode()) <= MAX_MESSAGE_BYTES
        self.puts += 1
        word = self.script.popleft() if self.script else "ok"
        if word != "fails":
            self.messages.append(message)
            self.most = max(self.most, len(self.messages))
        if word in ("fails", "lost"):
            raise Unavailable("connection", outcome_unknown=True)


class World:
    """A shipper and all that it talks to, in a time that is told to pass."""

    def __init__(self, *, logs: Sequence[str] | None = (), errors: Sequence[str] | None = None) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.queue = FakeQueue()
        self.slept_ms: list[int] = []
        self.collectors: dict[Kind, FakeCollector] = {}
        if logs is not None:
            self.collectors["logs"] = FakeCollector(self.clock, *logs)
        if errors is not None:
            self.collectors["errors"] = FakeCollector(self.clock, *errors)
        self.shipper = Shipper(
            dict(self.collectors), self.queue, self.clock, random=lambda: 0.5, sleep=self._sleep
        )

    @property
    def logs(self) -> FakeCollector:
        return self.collectors["logs"]

    def _sleep(self, seconds: float) -> None:
        self.slept_ms.append(round(seconds * 1000))
        self.clock.advance(round(seconds * 1000))

    def _left(self, timeout_ms: int = TIMEOUT_MS) -> Callable[[], int]:
        ends_ns = self.clock.monotonic_ns() + timeout_ms * 1_000_000
        return lambda: (ends_ns - self.clock.monotonic_ns()) // 1_000_000

    def ship(self, found: Sequence[Record], *, timeout_ms: int = TIMEOUT_MS) -> Tally:
        """One invocation by a log group."""
        tally = Tally()
        left_ms = self._left(timeout_ms)
        try:
            self.shipper.ship(found, tally, left_ms)
        finally:
            assert left_ms() >= 0, "Lambda would have ended it"
        return tally

    def ship_or_not(self, found: Sequence[Record]) -> bool:
        """Ship as Lambda does; return whether it was done."""
        try:
            self.ship(found)
        except Unshipped:
            return False
        return True

    def redeliver(self, *, twice: Iterable[int] = ()) -> Tally:
        """One round of the queue: all that it has comes back after its time; messages at *twice* come a second time too."""
        self.clock.advance(VISIBILITY_MS)
        batch, self.queue.messages = self.queue.messages, []
        again = [message for position, message in enumerate(batch) if position in set(twice)]
        tally = Tally()
        for position, message in enumerate([*batch, *again]):
            left_ms = self._left()
            try:
                self.shipper.ship_again(from_message(message), tally, left_ms)
            except NotTaken:
                if position < len(batch):
                    self.queue.messages.append(message)
            assert left_ms() >= 0
        return tally
