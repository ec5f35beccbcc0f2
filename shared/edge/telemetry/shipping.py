"""
Sends batches of lines to collectors, and keeps in a queue what they do not take now.

::

    lines --> batch --> collector takes it (2xx) ................................ done
                 |
                 |-- no answer, 408 409 425 429 5xx: again, three times in all, then |
                 |-- any other answer, circuit open, no time left ------------------ | --> queue --> comes back, again and again
                 `-- 400 413 422: halves, until what is refused is one line -------- |
                                                                  the queue fails too --> raise: Lambda repeats the event

A line is forgotten only when a collector took it or the queue holds it. So each arrives at least once. An answer may be lost
after a collector took the lines, and an event or a message may be delivered twice; then they are sent again, with the same
ids and, as long as nobody refused the batch, under the same key. *Once by id* is what a collector makes of it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from edge.breaker import Breaker
from edge.problems import ServiceProblem
from edge.telemetry.shipping_batches import KINDS, batches, halves, to_message
from edge.telemetry.shipping_ports import NoReply, NotTaken, Unshipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal, TypeAlias

    from edge.breaker import Permit
    from edge.clock import Clock
    from edge.telemetry.shipping_batches import Batch, Kind
    from edge.telemetry.shipping_ports import Collector, Queue, Tally
    from edge.telemetry.shipping_records import Record

    End: TypeAlias = Literal["taken", "refused", "failed"]

TRIES: Final = 3
FIRST_PAUSE_MS: Final = 1_000
MAX_PAUSE_MS: Final = 10_000
"""Who asks for a longer pause gets it from the queue."""

ATTEMPT_MS: Final = 10_000
LEAST_ATTEMPT_MS: Final = 500
"""With less left nothing is begun: it would only be sent twice."""

RESERVED_MS: Final = 15_000
"""Kept for the queue, whose client gives up after :data:`edge.aws.sqs.CALL_MS` at most."""

FAILURES_TO_OPEN: Final = 5
OPEN_MS: Final = 60_000

MAX_REFUSALS: Final = 64
"""Of one batch and its parts in one go; what is left then comes back in smaller parts."""

MAX_UNPROVEN: Final = 8
"""
So many single lines are refused before any is taken: then it is not the lines. The batch waits as it is, for somebody to mend
the collector, instead of becoming a message for each line.
"""

REFUSED: Final = frozenset({400, 413, 422})
TRIED_AGAIN: Final = frozenset({408, 409, 425, 429})


class Shipper:
    """
    Ships what it is given, to one collector after the other; one for a container, used by one invocation at a time.

    Args:
        collectors: by what they get; one that is not there gets nothing.
        queue: for what they do not take.
        clock: of this container.
        random: uniform in [0, 1), for jitter.
        sleep: takes seconds.
    """

    def __init__(
        self,
        collectors: Mapping[Kind, Collector],
        queue: Queue,
        clock: Clock,
        *,
        random: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._collectors = {kind: collectors[kind] for kind in KINDS if kind in collectors}
        self._queue = queue
        self._clock = clock
        self._random = random
        self._sleep = sleep
        self._breakers = {
            kind: Breaker(
                clock, failures_to_open=FAILURES_TO_OPEN, open_ms=OPEN_MS, probe_ms=ATTEMPT_MS + 5_000
            )
            for kind in self._collectors
        }

    def ship(self, records: Sequence[Record], tally: Tally, left_ms: Callable[[], int]) -> None:
        """
        Send *records* where they are wanted; return when each is taken or queued.

        Args:
            records: of one event.
            tally: counts.
            left_ms: returns the milliseconds until the invocation is ended from outside.

        Raises:
            Unshipped: some are neither.
        """
        is_queue_well = True
        for kind in self._collectors:
            wanted = records if kind == "logs" else [record for record in records if record.is_error]
            for batch in batches(kind, wanted):
                for part in self._deliver(batch, tally, left_ms):
                    is_queue_well = is_queue_well and self._keep(part, tally)
                    if not is_queue_well:
                        tally.unkept += part.size
        if tally.unkept:
            raise Unshipped

    def ship_again(self, batch: Batch, tally: Tally, left_ms: Callable[[], int]) -> None:
        """
        Send a batch that the queue brought back; return when the message may go.

        Args:
            batch: as it was kept.
            tally: counts.
            left_ms: as for :meth:`ship`.

        Raises:
            NotTaken: it may not.
            edge.telemetry.shipping_batches.MessageUnreadable: it was refused, and cannot be halved.
        """
        if batch.kind not in self._collectors:
            tally.unwanted += batch.size
            return
        parts = self._deliver(batch, tally, left_ms)
        # As a whole it goes on as the message that it is: its count of deliveries must come to an end some day.
        if parts == [batch] or not all(self._keep(part, tally) for part in parts):
            raise NotTaken

    def _keep(self, batch: Batch, tally: Tally) -> bool:
        try:
            self._queue.put(to_message(batch))
        except ServiceProblem as problem:
            fields = problem.log_fields()
            tally.fault(f"queue_{fields.get('fault') or fields.get('aws_error') or 'other'}")
            return False
        tally.queued += batch.size
        return True

    def _deliver(self, batch: Batch, tally: Tally, left_ms: Callable[[], int]) -> list[Batch]:
        """Send *batch*, in parts if it is refused; return those that were not taken, the whole if none was."""
        pending = deque([batch])
        left: list[Batch] = []
        refusals = unproven = 0
        is_any_taken = False
        while pending:
            part = pending.popleft()
            end = self._send(part, tally, left_ms)
            if end == "taken":
                is_any_taken = True
                continue
            if end == "refused":
                refusals += 1
                tally.refused += 1
                if part.size > 1 and refusals < MAX_REFUSALS:
                    pending.extendleft(reversed(halves(part)))
                    continue
                unproven += 1
            left.append(part)
            if end == "failed" or refusals >= MAX_REFUSALS or (unproven >= MAX_UNPROVEN and not is_any_taken):
                left.extend(pending)
                break
        return left if is_any_taken else [batch]

    def _send(self, batch: Batch, tally: Tally, left_ms: Callable[[], int]) -> End:
        """Send *batch* as it is, up to three times."""
        for number in range(TRIES):
            attempt_ms = min(ATTEMPT_MS, left_ms() - RESERVED_MS)
            if attempt_ms < LEAST_ATTEMPT_MS:
                tally.fault("no_time")
                return "failed"
            permit = self._breakers[batch.kind].enter()
            if permit is None:
                tally.fault("circuit_open")
                return "failed"
            end, retry_after_ms = self._attempt(batch, permit, attempt_ms, tally)
            if end is not None:
                return end
            pause_ms = self._pause_ms(number, retry_after_ms)
            is_last = number == TRIES - 1 or pause_ms > MAX_PAUSE_MS
            if is_last or left_ms() - RESERVED_MS < pause_ms + LEAST_ATTEMPT_MS:
                break
            self._sleep(pause_ms / 1000)
        return "failed"

    def _attempt(
        self, batch: Batch, permit: Permit, attempt_ms: int, tally: Tally
    ) -> tuple[End | None, int | None]:
        """Send *batch* once; return how that ended, None if it is worth another try, and when that may be."""
        breaker = self._breakers[batch.kind]
        deadline_ns = self._clock.monotonic_ns() + attempt_ms * 1_000_000
        try:
            reply = self._collectors[batch.kind].post(batch, deadline_ns)
        except NoReply as none:
            breaker.failed(permit)
            tally.fault(none.fault)
            return None, None
        if 200 <= reply.status < 300:
            breaker.succeeded(permit)
            tally.lines += batch.size
            tally.batches += 1
            tally.packed_bytes += len(batch.packed)
            return "taken", None
        tally.fault(f"status_{reply.status}")
        if reply.status in REFUSED:
            breaker.succeeded(permit)  # it is there, and reads what it gets
            return "refused", None
        breaker.failed(permit)
        if reply.status in TRIED_AGAIN or reply.status >= 500:
            return None, reply.retry_after_ms
        return (
            "failed",
            None,
        )  # redirected, not allowed, not found: somebody has to mend it, and has a day for it

    def _pause_ms(self, number: int, retry_after_ms: int | None) -> int:
        """Return how long to wait after try *number*: half of it fixed, half by chance, and never less than asked for."""
        most_ms = min(MAX_PAUSE_MS, FIRST_PAUSE_MS << number)
        return max(int(most_ms * (0.5 + self._random() / 2)), retry_after_ms or 0)
