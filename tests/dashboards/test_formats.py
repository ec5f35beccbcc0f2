"""promtool finds nothing wrong with what the formats write."""

from __future__ import annotations

import pytest

from edge.telemetry.prometheus import prometheus_text
from edge.telemetry.snapshot import Definition, Family, Series, Snapshot
from tests.dashboards.busy import busy
from tests.dashboards.prometheus import MISSING, promtool
from tests.debian import needs
from tests.unit.telemetry.exposition_snapshots import hostile
from tests.unit.telemetry.test_prometheus_text import SMALL

pytestmark = needs(MISSING)


@pytest.mark.parametrize(
    "snapshot", [SMALL, hostile(), busy("cdg1", 3)], ids=["small", "hostile", "all metrics"]
)
def test_promtool_finds_nothing(snapshot: Snapshot) -> None:
    done = promtool("check", "metrics", stdin=prometheus_text(snapshot))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_promtool_would_find_something() -> None:
    unlinted = Definition("edge_request_duration_milliseconds", "gauge", "Not in base units.")

    done = promtool(
        "check",
        "metrics",
        stdin=prometheus_text(Snapshot("cdg1", [Family(unlinted, [Series((), 1)])], 0.0)),
    )

    assert done.returncode == 3
