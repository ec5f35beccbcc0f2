"""What the shipper talks to, how its work can end, and what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from edge.problems import DependencyUnavailable

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from edge.telemetry.shipping_batches import Batch

    Fault: TypeAlias = Literal["timed_out", "connection", "garbled", "no_token"]

COME_BACK_SECONDS: Final = 360
"""When the queue brings back what it holds (its visibility timeout, in the template)."""


class NoReply(Exception):
    """A collector did not answer, or not in HTTP; it may have taken the batch."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault: Fault = fault


class Reply(NamedTuple):
    """
    What a collector answered.

    Attributes:
        status: HTTP status code.
        retry_after_ms: if it said when to come back.
    """

    status: int
    retry_after_ms: int | None = None


class Collector(Protocol):
    """Somebody else's endpoint."""

    def post(self, batch: Batch, deadline_ns: int) -> Reply:
        """
        Send *batch* and return the answer.

        Args:
            batch: to send.
            deadline_ns: in monotonic time.

        Raises:
            NoReply: there was none by then.
        """


class Queue(Protocol):
    """Keeps messages and brings each back until it is done."""

    def put(self, message: str) -> None:
        """
        Return when *message* is kept.

        Raises:
            edge.problems.ServiceProblem: it may not be.
        """


class Unshipped(DependencyUnavailable):
    """Neither a collector nor the queue took some lines: the event they came by has to be repeated."""

    def __init__(self) -> None:
        super().__init__(COME_BACK_SECONDS)


class NotTaken(DependencyUnavailable):
    """The batch of a message was not taken: the queue has to bring it back."""

    def __init__(self) -> None:
        super().__init__(COME_BACK_SECONDS)


class Tally:
    """
    Counts what became of lines, for the log.

    Attributes:
        lines: sent to a collector that took them; a line that goes to both counts twice.
        batches: that were taken.
        packed_bytes: of these.
        queued: lines that went into the queue.
        unkept: lines that neither took.
        refused: requests that a collector refused for what was in them.
        unwanted: lines in messages for a collector that is no longer named in the settings.
        faults: how often each thing went wrong: a status, a fault, ``circuit_open``, ``no_time``, ``queue_*``.
    """

    __slots__ = ("batches", "faults", "lines", "packed_bytes", "queued", "refused", "unkept", "unwanted")

    def __init__(self) -> None:
        self.lines = self.batches = self.packed_bytes = self.queued = self.unkept = 0
        self.refused = self.unwanted = 0
        self.faults: dict[str, int] = {}

    def fault(self, name: str) -> None:
        """Count one thing that went wrong."""
        self.faults[name] = self.faults.get(name, 0) + 1

    def fields(self) -> dict[str, object]:
        """Return the counts for the log."""
        return {name: getattr(self, name) for name in self.__slots__}
