"""
What it costs to write metrics for a scraper, beside prometheus_client's ``generate_latest`` on the same series.

Both write the same 1,000 series: counters by route, method and status, and histograms of 14 buckets. prometheus_client
gets a collector that yields what it was prepared with, so that only its writing is timed. Times are process CPU, the
least of interleaved batches; import costs are of fresh processes, the least of some.
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.telemetry.negotiation import rendered
from edge.telemetry.openmetrics import openmetrics_text
from edge.telemetry.prometheus import prometheus_text
from edge.telemetry.snapshot import Definition, Distribution, Family, Series, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client.core import Metric

ROOT: Final = Path(__file__).resolve().parents[2]
BATCHES: Final = 15
STARTS: Final = 5
COUNTERS: Final = 940
HISTOGRAMS: Final = 60
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PROMETHEUS_2_42: Final = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
STATUSES: Final = ("2xx", "3xx", "4xx", "5xx")
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "OPTIONS")

_IMPORT: Final = """
import sys, time
before = set(sys.modules)
started = time.perf_counter()
import {module}
print((time.perf_counter() - started) * 1e3, len(set(sys.modules) - before))
"""


def snapshot() -> Snapshot:
    """Return the 1,000 series."""
    requests = Definition(
        "edge_requests_total", "counter", "Requests answered.", ("function", "route", "method", "status")
    )
    duration = Definition(
        "edge_request_duration_seconds",
        "histogram",
        "Time to answer.",
        ("function", "route"),
        unit="seconds",
        bounds=BOUNDS,
    )
    counted = [
        Series((f"function_{n % 9}", f"/api/route/{n // 20}/{{id}}", METHODS[n % 5], STATUSES[n // 5 % 4]), n)
        for n in range(COUNTERS)
    ]
    timed = [
        Series(
            (f"function_{n % 9}", f"/api/route/{n}/{{id}}"), Distribution([n + m for m in range(14)], 0.1 * n)
        )
        for n in range(HISTOGRAMS)
    ]
    return Snapshot("cdg1", [Family(requests, counted), Family(duration, timed)], 1_795_000_000.0)


class Prepared:
    """The same series as prometheus_client holds them."""

    def __init__(self, source: Snapshot) -> None:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        requests, duration = source.families
        counter = CounterMetricFamily(
            "edge_requests", requests.definition.help, labels=("region", *requests.definition.labels)
        )
        for series in requests.series:
            assert not isinstance(series.value, tuple)
            counter.add_metric((source.region, *series.labels), series.value)
        histogram = HistogramMetricFamily(
            duration.definition.name, duration.definition.help, labels=("region", *duration.definition.labels)
        )
        for series in duration.series:
            assert isinstance(series.value, Distribution)
            buckets, count = [], 0
            for bound, observed in zip((*BOUNDS, float("inf")), series.value.buckets, strict=True):
                count += observed
                buckets.append(("+Inf" if bound == float("inf") else str(bound), float(count)))
            histogram.add_metric((source.region, *series.labels), buckets, sum_value=series.value.sum)
        self._families: list[Metric] = [counter, histogram]

    def collect(self) -> list[Metric]:
        """Return them, as a registry of prometheus_client does."""
        return self._families


def _milliseconds(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(BATCHES):
        for name, call in calls.items():
            started = time.process_time_ns()
            call()
            best[name] = min(best[name], (time.process_time_ns() - started) / 1e6)
    return best


def _import_cost(module: str) -> tuple[float, int]:
    runs = []
    for _ in range(STARTS):
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT.format(module=module)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": str(ROOT / "shared")},
        )
        milliseconds, modules = done.stdout.split()
        runs.append((float(milliseconds), int(modules)))
    return min(runs)


def main() -> None:
    """Print the table."""
    from prometheus_client import exposition
    from prometheus_client.openmetrics import exposition as openmetrics_exposition

    source = snapshot()
    registry = Prepared(source)
    calls: dict[str, Callable[[], object]] = {
        "edge, text 0.0.4": partial(prometheus_text, source),
        "prometheus_client, text 0.0.4": partial(exposition.generate_latest, registry),
        "edge, OpenMetrics": partial(openmetrics_text, source, created=False),
        "prometheus_client, OpenMetrics": partial(openmetrics_exposition.generate_latest, registry),
        "edge, by Prometheus' Accept": partial(rendered, source, PROMETHEUS_2_42, created=False),
    }
    lines = prometheus_text(source).count(b"\n")
    print(f"{COUNTERS} counters and {HISTOGRAMS} histograms of {len(BOUNDS) + 1} buckets: {lines} lines\n")
    print(f"{'writer':32} {'ms':>8}")
    for name, milliseconds in _milliseconds(calls).items():
        print(f"{name:32} {milliseconds:8.2f}")
    print(f"\n{'import':32} {'ms':>8} {'modules':>8}")
    for module in ("edge.telemetry.negotiation", "prometheus_client.exposition"):
        milliseconds, modules = _import_cost(module)
        print(f"{module:32} {milliseconds:8.1f} {modules:8}")
