"""What a store of regional health does: one report for each observer, one drain for each region, read together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from edge.health.drains import Drain
    from edge.health.observations import Report


class Stored(NamedTuple):
    """
    All that is stored; a dozen items at most.

    Attributes:
        reports: in the order of their observers' codes.
        drains: in the order of their regions' codes; some may be over.
        unreadable: items that this version cannot read and left out.
    """

    reports: tuple[Report, ...] = ()
    drains: tuple[Drain, ...] = ()
    unreadable: int = 0


class RegionReads(Protocol):
    """What a reader needs; it raises as :class:`RegionStore` does."""

    def read(self, *, latest: bool) -> Stored:
        """
        Return all that is stored.

        Args:
            latest: what this region has written is seen, at twice the price.
        """


class RegionStore(RegionReads, Protocol):
    """
    Every method raises :class:`edge.problems.ServiceProblem` where the store cannot be had.

    A report has one writer, its observer. A drain has any; the last write stays.
    """

    def put_report(self, report: Report) -> None:
        """
        Store *report* in the place of its observer's last one, unless that is of the same round or a later one.

        One that is more than :data:`edge.health.observations.AHEAD_MS` later was written by a wrong clock, and goes.
        """

    def put_drain(self, drain: Drain) -> None:
        """Store *drain* in the place of the one that its region may have."""

    def end_drain(self, region: str, *, only: Drain | None) -> None:
        """
        Forget the drain of *region*, if it has one.

        Args:
            region: its code.
            only: forget no other than this; None for any.
        """
