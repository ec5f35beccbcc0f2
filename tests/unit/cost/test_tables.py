"""What the model takes from the templates, and what it prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from edge.telemetry import emf
from edge.telemetry.flushing import FLUSH_INTERVAL_MS
from edge.telemetry.labels import EVENT, ROUTES
from infra.cost import model, prices, usage
from infra.cost.__main__ import (
    BEGIN,
    END,
    METRICS_OF_A_ROUTE,
    ROOT,
    make_parser,
    standing_of,
    tables,
    updated,
)
from infra.cost.usage import PER_REQUEST
from infra.template_document import load_document

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = ROOT / "template.yaml"
GLOBAL_TEMPLATE = ROOT / "infra" / "global.yaml"


def document(path: Path) -> dict[str, Any]:
    return load_document(path)


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """Return the regional template with one line changed."""
    text = TEMPLATE.read_text("utf-8")
    assert text.count(old) == 1
    path = tmp_path / "template.yaml"
    path.write_text(text.replace(old, new), "utf-8")
    return path


def test_what_stands_is_counted_in_the_templates() -> None:
    standing = standing_of(TEMPLATE, GLOBAL_TEMPLATE)
    text = TEMPLATE.read_text("utf-8")
    alarms = re.findall(r"Type: AWS::CloudWatch::Alarm\n    (Condition)?", text)
    assert standing.alarms == alarms.count("") > 50
    assert (standing.composite_alarms, standing.dashboards, standing.global_dashboards) == (1, 2, 1)


def test_probe_is_billed_for_the_memory_that_the_template_gives_it(tmp_path: Path) -> None:
    assert standing_of(TEMPLATE, GLOBAL_TEMPLATE).probe_gb == 0.125
    more = changed(tmp_path, "MemorySize: 128", "MemorySize: 256")
    assert standing_of(more, GLOBAL_TEMPLATE).probe_gb == 0.25


def test_every_route_has_metrics_only_while_the_api_makes_detailed_ones(tmp_path: Path) -> None:
    route = "Path: /api/geo/route"
    setting = r"DetailedMetricsEnabled: (?:true|false)"
    text = TEMPLATE.read_text("utf-8")
    on, off = tmp_path / "on.yaml", tmp_path / "off.yaml"
    on.write_text(re.sub(setting, "DetailedMetricsEnabled: true", text), "utf-8")
    off.write_text(re.sub(setting, "DetailedMetricsEnabled: false", text), "utf-8")
    routes = text.count("Type: HttpApi, Properties:")
    assert route in text
    assert standing_of(on, GLOBAL_TEMPLATE).route_metrics == METRICS_OF_A_ROUTE * routes
    assert standing_of(on, GLOBAL_TEMPLATE).probed_route_metrics == METRICS_OF_A_ROUTE
    assert standing_of(off, GLOBAL_TEMPLATE).route_metrics == 0


def test_functions_that_are_priced_are_those_that_requests_reach() -> None:
    reached = {name for name, routes in ROUTES.items() if set(routes) != {EVENT}}
    assert set(PER_REQUEST) == reached | {"authorizer"}


def test_assumptions_are_those_of_the_code_and_the_templates() -> None:
    shared = document(TEMPLATE)["Globals"]["Function"]
    assert shared["MemorySize"] == usage.MEMORY_GB * 1024
    assert usage.FLUSH_SECONDS * 1000 == FLUSH_INTERVAL_MS
    lines = emf.emf_members(status=200, degraded=False, now_ms=0)
    (block,) = lines["_aws"]["CloudWatchMetrics"]  # type: ignore[index]
    assert len(block["Metrics"]) == model.EMF_METRICS
    rules = document(GLOBAL_TEMPLATE)["Resources"]["Firewall"]["Properties"]["Rules"]
    assert len(rules) == prices.WAF_RULES
    fold = document(TEMPLATE)["Resources"]["MetricsFoldFunction"]["Properties"]["Events"]["EveryQuarterHour"]
    assert fold["Properties"]["Schedule"] == f"rate({60 // usage.FOLDS_A_HOUR} minutes)"


def test_access_line_is_no_longer_than_assumed() -> None:
    line = document(TEMPLATE)["Resources"]["HttpApi"]["Properties"]["AccessLogSettings"]["Format"]
    told = {
        "requestId": "JKJaXmPLvHcESHA=",
        "requestTime": "20/Nov/2026:13:00:00 +0000",
        "httpMethod": "DELETE",
        "routeKey": "ANY /monitoring-dashboard/assets/{name}",
        "status": "200",
        "responseLatency": "12345",
        "integrationLatency": "12345",
        "integrationErrorMessage": "-",
        "responseLength": "12345",
    }
    written = re.sub(r"\$context\.(\w+)", lambda name: told[name[1]], line)
    assert 200 < len(written) <= usage.ACCESS_BYTES


def test_tables_have_a_row_for_each_function_and_each_month_that_sums_up() -> None:
    printed = tables("arm64")
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if re.search(r"\d \|$", line)]
    assert len(rows) == len(PER_REQUEST) + 6
    for _, *parts, total in rows:
        numbers = [float(part.replace(",", "")) for part in parts]
        assert sum(numbers) == pytest.approx(float(total.replace(",", "")), abs=2.6)
    assert tables("x86_64") != printed


def test_page_is_rewritten_between_its_marks_alone() -> None:
    page = f"# Cost\n\n{BEGIN}old\n{END}\nthe rest\n"
    assert updated(page, r"a \1 b") == f"# Cost\n\n{BEGIN}\na \\1 b\n\n{END}\nthe rest\n"


def test_architecture_is_one_that_lambda_has() -> None:
    assert make_parser().parse_args(["--architecture", "x86_64"]).architecture == "x86_64"
    with pytest.raises(SystemExit):
        make_parser().parse_args(["--architecture", "riscv"])
