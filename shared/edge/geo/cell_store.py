"""What a store of measured cells does: averages that regions learned, each with one writer, and tables installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.geo.cells import Average


class LearnedCell(NamedTuple):
    """
    What one region learned of one cell.

    Attributes:
        writer: code of the region whose containers learned it.
        cell: its number, see :func:`edge.geo.cells.cell_of`.
        averages: by slot name, see :func:`edge.geo.slots.slot_name`.
    """

    writer: str
    cell: int
    averages: Mapping[str, Average]


class CellPage(NamedTuple):
    """
    Some of what was learned.

    Attributes:
        cells: in no order that matters.
        after: pass it on for the next page; None at the end.
        unreadable: items that this version cannot read and left out.
    """

    cells: tuple[LearnedCell, ...]
    after: str | None
    unreadable: int = 0


class Measured(NamedTuple):
    """
    One value of an installed table.

    Attributes:
        ms: round trip.
        samples: how many samples of the learned kind it weighs, > 0.
    """

    ms: float
    samples: float


class InstalledTable(NamedTuple):
    """
    A measured table, put there by an operator; it is never changed, only succeeded.

    Attributes:
        version: epoch milliseconds of its installation; the highest counts.
        cells: by cell, then region code; empty where a table was taken away.
    """

    version: int
    cells: Mapping[int, Mapping[str, Measured]]


class CellStore(Protocol):
    """
    Every method raises :class:`edge.problems.ServiceProblem` where the store cannot be had.

    A learned cell belongs to the region that writes it, and only to it: replicas never disagree about whose write is the
    last. A table is written once under a version of its own.
    """

    def page(self, after: str | None) -> CellPage:
        """Return some learned cells of all writers, bounded in number; *after* is that of the page before."""

    def add(self, cell: int, learned: Mapping[str, Average], *, now_ms: int) -> None:
        """
        Add samples to what this region has learned of *cell*.

        Once or not at all: a repeat after a lost answer does not add twice, and other containers' samples are not
        overwritten. Where too many write at the same time nothing is added.
        """

    def newer_table(self, than: int) -> InstalledTable | None:
        """Return the table with the highest version above *than*, or None."""

    def install(self, table: InstalledTable) -> bool:
        """Put a table there; False if there is one of its version already, which then stays."""
