"""What ``make up`` prints: a line per step as it goes, and at the end where everything is."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Final

from edge.regions import BY_CODE
from infra.local.children import ROOT, shown

if TYPE_CHECKING:
    from pathlib import Path

    from infra.local.state import State

TRY_PATH: Final = "/api/monitoring/health"
PAGE_PATH: Final = "/monitoring-dashboard"


class Progress:
    """Lines for people, with the time since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def step(self, name: str, text: str) -> None:
        """Say that something is there."""
        say(f"{name:<9} {text:<44} {time.monotonic() - self._began:5.1f} s")

    def summary(self, state: State, *, logs: Path, state_path: Path) -> None:
        """Say that everything is there, where, and what to try."""
        say(f"ready in {time.monotonic() - self._began:.1f} s")
        say("")
        say(f"  global  {state['global']}  the best region that lives")
        for code, region in state["regions"].items():
            say(f"  {code}    {region['url']}  {region['aws_region']:<14}  {BY_CODE[code].place}")
        say(f"  logs    {shown(logs)}, addresses in {shown(state_path)}")
        say("")
        say(f"  curl -s {state['global']}{TRY_PATH}")
        say(f"  {state['global']}{PAGE_PATH} shows it all; make demo-key prints the API key")
        say("  Ctrl-C stops everything")

    @staticmethod
    def environment() -> str:
        """Return the folder of the Python environment, relative to the tree where it is in it."""
        prefix = sys.prefix.removeprefix(str(ROOT)).lstrip("/")
        return prefix if sys.prefix.startswith(str(ROOT)) else sys.prefix


def say(line: str) -> None:
    """Print one line; a terminal that is gone must not stop the clean-up."""
    with contextlib.suppress(OSError):
        print(line, flush=True)
