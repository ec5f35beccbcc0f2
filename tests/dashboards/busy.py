"""A region in which everything happens that its metrics can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.telemetry.definitions import BODIES, COUNTERS, DEFINITIONS, DURATIONS, REGION_HEALTH
from edge.telemetry.known_series import always
from edge.telemetry.labels import ROUTES
from edge.telemetry.snapshot import Distribution, Family, Quantiles, Series, Snapshot

if TYPE_CHECKING:
    from edge.telemetry.definitions import Counted
    from edge.telemetry.snapshot import Definition

NOW = 1_795_000_000.0


def busy(region: str, times: int) -> Snapshot:
    """
    Return all series of *region* that there are before anything happens, after everything happened *times* times.

    Args:
        region: its code.
        times: at least 1.
    """
    counted = {each.definition.name: each for each in (*COUNTERS, DURATIONS, BODIES)}
    return Snapshot(
        region,
        [
            Family(
                definition,
                _counted(counted[definition.name], times)
                if definition.name in counted
                else [_of_the_region(definition, region, times)],
            )
            for definition in DEFINITIONS
        ],
        NOW,
    )


def _counted(counted: Counted, times: int) -> list[Series]:
    definition = counted.definition
    value = (
        Distribution([times] * (len(definition.bounds) + 1), times / 4) if definition.bounds else float(times)
    )
    return [Series((function, *labels), value) for function in ROUTES for labels in always(counted, function)]


def _of_the_region(definition: Definition, region: str, times: int) -> Series:
    if definition == REGION_HEALTH:
        return Series((region, "unhealthy"), 1)
    labels = tuple(["keys" if label == "function" else f"some_{label}" for label in definition.labels])
    if definition.kind == "summary":
        return Series(labels, Quantiles([0.1] * len(definition.quantiles), times, times / 4))
    return Series(labels, times)
