"""A real Prometheus scrapes regions as the shipped configuration says, and knows afterwards what they said."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from edge.telemetry import openmetrics, prometheus
from edge.telemetry.snapshot import Definition, Family, Series, Snapshot
from tests.dashboards.exporter import KEY, run_exporter
from tests.dashboards.prometheus import MISSING, PATIENCE_SECONDS, SHIPPED, run_prometheus
from tests.debian import needs
from tests.unit.telemetry.exposition_snapshots import Sample as Line
from tests.unit.telemetry.exposition_snapshots import comparable, expected, hostile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.dashboards.exporter import Exporter
    from tests.dashboards.prometheus import Server

pytestmark = needs(MISSING)

GROWING: Final = Definition("edge_test_scrapes_total", "counter", "Scrapes of this region.", ("who",))
STEP: Final = 7
SCRAPE_SECONDS: Final = 0.25


class Region:
    """Counts its own scrapes, seven at a time."""

    def __init__(self) -> None:
        self.scrapes = 0

    def snapshot(self) -> Snapshot:
        self.scrapes += 1
        said = hostile()
        growing = Family(GROWING, [Series(("steady",), 100), Series(("growing",), STEP * self.scrapes)])
        return said._replace(families=[*said.families, growing])


class Scene:
    """Two regions of one kind, of which one speaks the older format only, and who scrapes them."""

    def __init__(
        self, server: Server, modern: Exporter, older: Exporter, regions: tuple[Region, Region]
    ) -> None:
        self.server = server
        self.modern = modern
        self.older = older
        self.regions = regions

    def wait_for_scrapes(self, scrapes: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while min(region.scrapes for region in self.regions) <= scrapes:  # the one before the last is stored
            assert time.monotonic() < deadline, self.server.targets()
            time.sleep(SCRAPE_SECONDS / 4)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("prometheus")
    regions = (Region(), Region())
    with (
        run_exporter(regions[0].snapshot, only_text=False) as modern,
        run_exporter(regions[1].snapshot, only_text=True) as older,
    ):
        config = _local_config(folder, {"modern": modern.address, "older": older.address})
        with run_prometheus(folder, config) as server:
            yield Scene(server, modern, older, regions)


def _local_config(folder: Path, targets: dict[str, str]) -> Path:
    """Write the shipped configuration with other targets, without TLS, and in a hurry."""
    document = yaml.safe_load((SHIPPED / "prometheus" / "prometheus.yml").read_text())
    document["global"] |= {"scrape_interval": f"{SCRAPE_SECONDS * 1000:.0f}ms", "scrape_timeout": "200ms"}
    document["rule_files"] = [str(SHIPPED / "prometheus" / "alerts.yml")]
    (job,) = document["scrape_configs"]
    job["scheme"] = "http"
    job["static_configs"] = [
        {"targets": [address], "labels": {"region": name}} for name, address in targets.items()
    ]
    (folder / job["authorization"]["credentials_file"]).write_text(KEY)
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(document))
    return config


def test_every_target_is_up_under_its_region(scene: Scene) -> None:
    scene.wait_for_scrapes(2)

    up = {dict(labels)["region"]: value for labels, value in scene.server.query("up").items()}

    assert up == {"modern": "1", "older": "1"}
    assert [target["lastError"] for target in scene.server.targets()] == ["", ""]


def test_prometheus_is_given_openmetrics_and_takes_text_as_well(scene: Scene) -> None:
    scene.wait_for_scrapes(1)

    assert set(scene.modern.answered) == {openmetrics.CONTENT_TYPE}
    assert set(scene.older.answered) == {prometheus.CONTENT_TYPE}


@pytest.mark.parametrize("which", ["modern", "older"])
def test_values_and_labels_are_known_as_they_were_said(scene: Scene, which: str) -> None:
    scene.wait_for_scrapes(2)
    instance = getattr(scene, which).address

    known = [
        Line(
            labels["__name__"],
            frozenset(
                (key, text) for key, text in labels.items() if key not in ("__name__", "instance", "job")
            ),
            float(value),
        )
        for labels, value in (
            (dict(series), value)
            for series, value in scene.server.query(
                f'{{instance="{instance}",__name__=~"edge_hostile_.*"}}'
            ).items()
        )
    ]
    said = [
        Line(line.name, frozenset(pair for pair in line.labels if pair[1] != ""), line.value)
        for line in expected(hostile())
    ]  # to Prometheus an empty label is none

    assert Counter(comparable(known)) == Counter(comparable(said))


def test_kind_and_help_are_known(scene: Scene) -> None:
    scene.wait_for_scrapes(2)

    assert {(one["type"], one["help"]) for one in scene.server.metadata("edge_hostile_seconds")} == {
        ("histogram", "Time.")
    }
    assert {one["type"] for one in scene.server.metadata("edge_test_scrapes_total")} >= {"counter"}


def test_increase_is_what_was_counted(scene: Scene) -> None:
    scene.wait_for_scrapes(12)
    window = "[2s]"

    for address in (scene.modern.address, scene.older.address):
        of = f'edge_test_scrapes_total{{instance="{address}",who="%s"}}{window}'
        (steady,) = scene.server.query(f"increase({of % 'steady'})").values()
        (growing,) = scene.server.query(f"increase({of % 'growing'})").values()
        (resets,) = scene.server.query(f"resets({of % 'growing'})").values()
        (samples,) = scene.server.query(f"count_over_time({of % 'growing'})").values()

        assert float(steady) == 0
        assert float(resets) == 0
        counted = STEP * (int(samples) - 1)
        assert counted <= float(growing) <= counted * 1.6  # extrapolated to the ends of the window
