"""
OpenMetrics 1.0.0: Prometheus' text format, tightened.

A counter's family is named without ``_total``, a unit is told, a time since when a series counts may be, and the end is
marked, so that half an answer is not taken for a whole one. There are no exemplars and no timestamps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.telemetry.exposition import exposed_families, family_name

if TYPE_CHECKING:
    from edge.telemetry.snapshot import Snapshot

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
VERSION: Final = "1.0.0"


def openmetrics_text(snapshot: Snapshot, *, created: bool) -> bytes:
    """
    Return *snapshot* as text of :data:`CONTENT_TYPE`.

    Args:
        snapshot: what to write.
        created: whether each counter, histogram and summary tells since when it counts: one series more for each.

    Raises:
        edge.telemetry.exposition.NotExposable: *snapshot* is not sound.

    Example:
        >>> from edge.telemetry.snapshot import Definition, Family, Series, Snapshot
        >>> requests = Definition("edge_requests_total", "counter", "Requests.", ("route",))
        >>> snapshot = Snapshot("cdg1", [Family(requests, [Series(("/api/geo",), 7)])], 1_795_000_000.0)
        >>> print(openmetrics_text(snapshot, created=True).decode(), end="")
        # HELP edge_requests Requests.
        # TYPE edge_requests counter
        edge_requests_total{region="cdg1",route="/api/geo"} 7
        edge_requests_created{region="cdg1",route="/api/geo"} 1795000000
        # EOF
    """
    parts: list[str] = []
    for definition, lines in exposed_families(snapshot, created=created):
        name = family_name(definition)
        help_text = definition.help.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f"# HELP {name} {help_text}\n# TYPE {name} {definition.kind}\n")
        if definition.unit and name.endswith(f"_{definition.unit}"):
            parts.append(f"# UNIT {name} {definition.unit}\n")
        parts += lines
    parts.append("# EOF\n")
    return "".join(parts).encode()
