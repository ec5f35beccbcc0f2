"""Every panel shows something of a region in which everything happens: its query is asked of a real Prometheus."""

from __future__ import annotations

import time
from math import isnan
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.dashboards.busy import busy
from tests.dashboards.exporter import KEY, PATH, run_exporter
from tests.dashboards.expressions import of_dashboard
from tests.dashboards.prometheus import MISSING, PATIENCE_SECONDS, SHIPPED, run_prometheus
from tests.debian import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.telemetry.snapshot import Snapshot
    from tests.dashboards.prometheus import Server

pytestmark = needs(MISSING)

EXPRESSIONS = of_dashboard()
SCRAPES = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("panels")
    scrapes = 0

    def snapshot() -> Snapshot:
        nonlocal scrapes
        scrapes += 1
        return busy("cdg1", scrapes)

    with run_exporter(snapshot, only_text=False) as exporter:
        config = folder / "prometheus.yml"
        config.write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": "300ms", "scrape_timeout": "300ms", "evaluation_interval": "300ms"},
                    "rule_files": [str(SHIPPED / "prometheus" / "alerts.yml")],
                    "scrape_configs": [
                        {
                            "job_name": "kaizen-edge",
                            "metrics_path": PATH,
                            "honor_labels": True,
                            "authorization": {"type": "ApiKey", "credentials": KEY},
                            "static_configs": [
                                {"targets": [exporter.address], "labels": {"region": "cdg1"}},
                                {"targets": ["127.0.0.1:9"], "labels": {"region": "iad1"}},
                            ],
                        }
                    ],
                }
            )
        )  # fmt: skip
        with run_prometheus(folder, config) as running:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while scrapes < SCRAPES or not running.query("ALERTS"):
                assert time.monotonic() < deadline, running.targets()
                time.sleep(0.1)
            yield running


@pytest.mark.parametrize("where", [where for where in EXPRESSIONS if not where.startswith("annotation ")])
def test_panel_shows_something(server: Server, where: str) -> None:
    found = server.query(EXPRESSIONS[where])

    assert found, "nothing"
    assert any(not isnan(float(value)) for value in found.values()), "no number"


def test_regions_are_shown_as_they_are(server: Server) -> None:
    (expression,) = [each for where, each in EXPRESSIONS.items() if where.startswith("Health ")]

    shown = {dict(labels)["region"]: value for labels, value in server.query(expression).items()}

    assert shown == {"cdg1": "1", "iad1": "2"}, "one is held to be unhealthy, one is not there"
