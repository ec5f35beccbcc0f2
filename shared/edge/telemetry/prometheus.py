"""
Prometheus' text format, version 0.0.4: what every scraper reads.

Beside what the format asks, each metric has HELP and TYPE in front of all its samples, and nothing has a timestamp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.telemetry.exposition import exposed_families

if TYPE_CHECKING:
    from edge.telemetry.snapshot import Snapshot

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""To the letter: Prometheus 3 refuses to scrape what it cannot read, and a comma in it broke others' exporters."""


def prometheus_text(snapshot: Snapshot) -> bytes:
    """
    Return *snapshot* as text of :data:`CONTENT_TYPE`.

    Raises:
        edge.telemetry.exposition.NotExposable: *snapshot* is not sound.

    Example:
        >>> from edge.telemetry.snapshot import Definition, Family, Series, Snapshot
        >>> requests = Definition("edge_requests_total", "counter", "Requests.", ("route",))
        >>> text = prometheus_text(Snapshot("cdg1", [Family(requests, [Series(("/api/geo",), 7)])], 1_795_000_000.0))
        >>> print(text.decode(), end="")
        # HELP edge_requests_total Requests.
        # TYPE edge_requests_total counter
        edge_requests_total{region="cdg1",route="/api/geo"} 7
    """
    parts: list[str] = []
    for definition, lines in exposed_families(snapshot, created=False):
        help_text = definition.help.replace("\\", "\\\\")
        parts.append(f"# HELP {definition.name} {help_text}\n# TYPE {definition.name} {definition.kind}\n")
        parts += lines
    return "".join(parts).encode()
