"""
What is seen of a deployment as it goes: a table per region on a terminal, a line per step elsewhere.

Regions work in threads of their own; every method may be called from any of them.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.live import Live
    from rich.table import Table


class Progress(Protocol):
    """Is told what happens where; *where* is a region's code or ``global``."""

    def step(self, where: str, text: str) -> None:
        """A step has begun or has ended."""

    def resource(self, where: str, logical_id: str, status: str, reason: str) -> None:
        """CloudFormation tells about a resource."""

    def note(self, text: str) -> None:
        """A line that concerns no region alone."""

    def ask(self, question: str) -> str:
        """Ask the operator and return the answer."""


class Lines:
    """
    A line per step; of resources the failures alone.

    Args:
        write: takes a line.
        monotonic: seconds from an arbitrary start.
    """

    def __init__(
        self, write: Callable[[str], None] | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write or _print
        self._monotonic = monotonic
        self._began = monotonic()
        self._lock = threading.Lock()

    def step(self, where: str, text: str) -> None:
        """Write where, what and when."""
        with self._lock:
            self._write(f"{self._monotonic() - self._began:7.1f} s  {where:<6}  {text}")

    def resource(self, where: str, logical_id: str, status: str, reason: str) -> None:
        """Write a failure."""
        if status.endswith("_FAILED"):
            self.step(where, f"{status} {logical_id}: {reason}")

    def note(self, text: str) -> None:
        """Write the line as it is."""
        with self._lock:
            self._write(text)

    def ask(self, question: str) -> str:
        """Ask on standard output."""
        return input(question)


class LiveTable:
    """
    A row per region, redrawn in place; failures and notes stay above it.

    Args:
        live: draws it; it is running.
        monotonic: seconds from an arbitrary start.
    """

    def __init__(self, live: Live, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._live = live
        self._monotonic = monotonic
        self._rows: dict[str, tuple[str, str, int, float]] = {}
        self._lock = threading.Lock()

    def step(self, where: str, text: str) -> None:
        """Show the step in the region's row."""
        with self._lock:
            *_, began = self._rows.get(where, ("", "", 0, self._monotonic()))
            self._rows[where] = (text, "", 0, began)
            self._live.update(self._table(), refresh=True)

    def resource(self, where: str, logical_id: str, status: str, reason: str) -> None:
        """Show the last resource and how many are done; keep failures."""
        with self._lock:
            text, _, done, began = self._rows.get(where, ("", "", 0, self._monotonic()))
            done += status.endswith("_COMPLETE")
            self._rows[where] = (text, f"{logical_id} {status.lower().replace('_', ' ')}", done, began)
            if status.endswith("_FAILED"):
                self._live.console.print(
                    f"{where}  {status} {logical_id}: {reason}", markup=False, highlight=False
                )
            self._live.update(self._table())

    def note(self, text: str) -> None:
        """Print above the table."""
        with self._lock:
            self._live.console.print(text, markup=False, highlight=False)

    def ask(self, question: str) -> str:
        """Ask below the table, which stands still meanwhile."""
        self._live.stop()
        try:
            return input(question)
        finally:
            self._live.start()

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, expand=False)
        for heading in ("region", "step", "resources", "last", "time"):
            table.add_column(
                heading, justify="right" if heading in ("resources", "time") else "left", no_wrap=True
            )
        for where, (text, last, done, began) in self._rows.items():
            spent = f"{self._monotonic() - began:.0f} s"
            table.add_row(where, Text(text), str(done or ""), Text(last), spent)
        return table


@contextlib.contextmanager
def shown_progress() -> Iterator[Progress]:
    """Yield what suits standard output: a live table on a terminal, lines elsewhere."""
    if not sys.stdout.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(), refresh_per_second=4, transient=False) as live:
        yield LiveTable(live)


def _print(line: str) -> None:
    print(line, flush=True)
