"""What a store of errors does: one record of each group and environment, the newest; all of them read together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from edge.telemetry.error_groups import ErrorRecord


class StoredErrors(NamedTuple):
    """
    What is stored in one region.

    Attributes:
        records: in the order of group, function, environment; none has expired.
        unreadable: items that this version cannot read and left out.
        is_complete: False if there are more than a reader takes; those that are missing are of the last keys.
    """

    records: tuple[ErrorRecord, ...] = ()
    unreadable: int = 0
    is_complete: bool = True


class ErrorStore(Protocol):
    """Every method raises :class:`edge.problems.ServiceProblem` where the store cannot be had."""

    def read(self) -> StoredErrors:
        """Return what is stored; what was put a moment ago may be missing."""

    def put(self, record: ErrorRecord) -> None:
        """Store *record* in the place of the same environment's last one of the group, unless that is newer."""
