"""Folds the counts of containers that are gone, so that a scrape reads few items; a schedule invokes it."""

from __future__ import annotations

from edge.clock import SystemClock
from edge.composition.monitoring import open_fold
from edge.composition.telemetry import counted
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
fold = open_fold(settings, clock)


def fold_once(_event: object, _context: object) -> dict[str, int]:
    """Fold what has been idle for an hour, as much as one call may."""
    return fold()


handler = counted(fold_once, settings, clock)
