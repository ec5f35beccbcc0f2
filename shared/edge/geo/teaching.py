"""
Who may teach, and how much: a measurement is believed of its sender at once, but of others only by this rule.

Only a caller that has proven who it is (an API key or a token) teaches. In an hour it teaches at most
:data:`MOST_SAMPLES_A_CELL` times in a cell and in at most :data:`MOST_CELLS` cells: nobody is everywhere. The memory is
bounded, and what does not fit teaches nothing, so that a crowd can stop the learning of an hour but not get around the
rule. Each container counts for itself; what one caller can do through all of them, :mod:`edge.geo.slots` bounds.
"""

from __future__ import annotations

from typing import Final

HOUR_MS: Final = 3_600_000
MOST_SAMPLES_A_CELL: Final = 4
MOST_CELLS: Final = 8
MOST_CLIENTS: Final = 1_024


class Teaching:
    """
    The rule, for one container.

    Args:
        max_clients: how many callers are remembered in an hour, >= 1; a later one waits for the next hour.
    """

    def __init__(self, *, max_clients: int = MOST_CLIENTS) -> None:
        if max_clients < 1:
            raise ValueError("max_clients must be at least 1")
        self._max_clients = max_clients
        self._hour = 0
        self._taught: dict[str, dict[int, int]] = {}

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._taught)

    def admits(self, client: str | None, cell: int, *, now_ms: int) -> bool:
        """
        Tell whether a measurement may teach, and count it if so.

        Args:
            client: the id of a caller that has proven who it is; None or empty for one that has not.
            cell: that it claims to be in.
            now_ms: epoch milliseconds. A clock that is set back opens no new hour.
        """
        if not client:
            return False
        hour = now_ms // HOUR_MS
        if hour > self._hour:
            self._hour, self._taught = hour, {}
        cells = self._taught.get(client)
        if cells is None:
            if len(self._taught) >= self._max_clients:
                return False
            cells = self._taught[client] = {}
        count = cells.get(cell, 0)
        if count >= MOST_SAMPLES_A_CELL or (count == 0 and len(cells) >= MOST_CELLS):
            return False
        cells[cell] = count + 1
        return True
