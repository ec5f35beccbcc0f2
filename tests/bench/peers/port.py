"""What the benchmark asks of a limiter, ours or another's, and how it is told where its store is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable


class Limit(NamedTuple):
    """*units* in *window_ms* milliseconds."""

    units: int
    window_ms: int


class Servers(NamedTuple):
    """
    Where the stores listen, on the loopback address.

    Attributes:
        redis_port: 0 if there is none.
        dynamodb_url: of the engine.
        rate_windows_table: the one that ours writes, as the template has it.
        name: no other run uses it; part of all that a peer creates.
    """

    redis_port: int
    dynamodb_url: str
    rate_windows_table: str
    name: str


class Calls(NamedTuple):
    """
    What was sent to DynamoDB so far.

    Attributes:
        total: calls.
        write_units: what they are billed as, for items of up to 1 KB: a write is one, failed condition or not, and an
            item in a transaction two.
        reads: calls that only read, a batch as one.
    """

    total: int
    write_units: int
    reads: int


class Unanswered(Exception):
    """The limiter gave up on its store; what its user does then is another matter. The cost may be charged."""


class Peer(Protocol):
    """One process' limiter for one limit, shared by its threads."""

    def hit(self, key: str, cost: int) -> bool:
        """
        Charge *cost* to *key* if it fits and return whether it did.

        Raises:
            Unanswered: the limiter did not decide.
        """

    def calls(self) -> Calls | None:
        """Return the calls made so far, or None where the adapter does not count them."""


class Fleet(NamedTuple):
    """
    Containers that share a table.

    Attributes:
        container: opens one that knows nothing.
        calls: what all of them sent so far.
        scanner: boto3's client, for the size of the item.
        table: its name.
    """

    container: Callable[[], Peer]
    calls: Callable[[], Calls]
    scanner: Any
    table: str


class Latency(TypedDict):
    """Microseconds of wall time per check, one thread, median of rounds."""

    admitted_us: float
    denied_us: float


class Hammer(TypedDict):
    """Sixteen threads on one key with a limit far below what they ask."""

    admitted: int
    unanswered: int
    checks_per_second: float


class Flood(TypedDict):
    """
    Sixteen threads flooding one short window.

    Attributes:
        admitted: in all.
        unanswered: checks that the limiter gave up.
        most_ratio: most admissions that surely lie in one true window / limit.
        calls_per_check: None where calls are not counted.
    """

    admitted: int
    unanswered: int
    most_ratio: float
    calls_per_check: float | None


class Report(TypedDict):
    """Everything about one limiter."""

    latency: Latency
    hammer: Hammer
    flood: Flood
    refused_is_free: bool


class TrafficCost(TypedDict):
    """
    One traffic over one number of containers; the first three are per check.

    Attributes:
        calls: to DynamoDB.
        write_units: by the largest that the item ever was.
        reads: calls that only read.
        admitted_ratio: admitted / what an exact log admits.
        most_ratio: most admitted in any true window / limit.
    """

    calls: float
    write_units: float
    reads: float
    admitted_ratio: float
    most_ratio: float
