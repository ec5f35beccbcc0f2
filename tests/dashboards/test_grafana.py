"""
The dashboard is one that Grafana takes, and every expression that ships is PromQL about metrics that there are.

There is no Grafana here: what it needs of a dashboard is checked instead.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.dashboards.expressions import (
    SAMPLES,
    dashboard,
    labels_of,
    metrics_of,
    of_alerts,
    of_dashboard,
    recorded,
)
from tests.dashboards.prometheus import MISSING, promtool
from tests.debian import needs

if TYPE_CHECKING:
    from pathlib import Path

EXPRESSIONS = of_dashboard() | of_alerts()
PANELS = dashboard()["panels"]
COLUMNS = 24


def test_dashboard_has_what_an_import_needs() -> None:
    document = dashboard()

    assert document["id"] is None, "an id is of one Grafana"
    assert document["uid"] == "kaizen-edge"
    assert 30 <= document["schemaVersion"] <= 39
    assert {"title", "time", "refresh", "templating", "annotations", "tags", "version"} <= document.keys()


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["w"] > 0 and place["h"] > 0 and place["x"] >= 0 and place["x"] + place["w"] <= COLUMNS
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells


def test_panels_stand_in_reading_order() -> None:
    places = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in PANELS]

    assert all(before < after for before, after in pairwise(places))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel['id']}-{panel['title']}")
def test_panel_is_told_apart_and_asks_the_chosen_source(panel: dict[str, Any]) -> None:
    if panel["type"] == "row":
        assert panel["panels"] == [] and panel["collapsed"] is False
        return
    assert panel["type"] in {"stat", "timeseries", "table", "bargauge", "piechart", "heatmap"}
    assert panel["title"] and panel["description"]
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)
    assert "noValue" in panel["fieldConfig"]["defaults"], "unknown rather than zero"


def test_variables_choose_source_region_and_function() -> None:
    variables = {each["name"]: each for each in dashboard()["templating"]["list"]}

    assert list(variables) == ["datasource", "region", "function"]
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    for name in ("region", "function"):
        query = variables[name]["query"]["query"]
        assert variables[name]["multi"] and variables[name]["includeAll"]
        assert query.startswith("label_values(") and query.endswith(f", {name})")
        metric = query.removeprefix("label_values(").split("{")[0].split(",")[0]
        assert name in SAMPLES[metric]


def test_no_name_of_a_machine_or_data_source_is_in_it() -> None:
    text = json.dumps(dashboard())

    assert "http://" not in text and "https://" not in text and "localhost" not in text


@needs(MISSING)
def test_every_expression_is_promql(tmp_path: Path) -> None:
    rules = [{"record": f"x:{n}", "expr": each} for n, each in enumerate(EXPRESSIONS.values())]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))

    done = promtool("check", "rules", path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(EXPRESSIONS)} rules found" in done.stdout


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_expression_asks_for_metrics_and_labels_that_there_are(where: str) -> None:
    named = metrics_of(EXPRESSIONS[where])

    assert named
    assert named <= SAMPLES.keys() | recorded()
    for metric, labels in labels_of(EXPRESSIONS[where]):
        assert labels <= SAMPLES.get(metric, {"region"}), metric


def test_every_metric_is_shown() -> None:
    shown = set().union(*(metrics_of(each) for each in of_dashboard().values()))
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in shown}

    assert {
        name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in SAMPLES
    } == families
