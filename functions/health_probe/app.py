"""Looks at the other regions, every ten seconds; a schedule invokes it once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.clock import SystemClock
from edge.composition.probing import open_prober
from edge.composition.telemetry import counted
from edge.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Context(Protocol):
        """What is needed of Lambda's."""

        def get_remaining_time_in_millis(self) -> int:
            """Return how long this invocation may still take."""


settings = Settings.from_env()
clock = SystemClock()
runs = open_prober(settings, clock)


def observe(_event: object, context: Context) -> Mapping[str, object]:
    """Run the rounds of a minute, or as many as there is time for."""
    return runs.run(context.get_remaining_time_in_millis)


handler = counted(observe, settings, clock)
