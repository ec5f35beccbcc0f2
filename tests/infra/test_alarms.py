"""What pages somebody, and what he looks at then."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from edge.regions import DEPLOYED
from tests.infra.document import functions, global_template, resources, template

ALARMS = {name: found["Properties"] for name, found in resources("AWS::CloudWatch::Alarm").items()}
each_function = pytest.mark.parametrize("name", functions())


def watched(name: str, metric: str) -> list[dict[str, Any]]:
    """Return the alarms on a metric of the whole function, whatever its version."""
    return [
        alarm
        for alarm in ALARMS.values()
        if alarm["MetricName"] == metric
        and alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": name}}]
    ]


@each_function
def test_function_that_is_turned_away_or_slow_or_fails_unseen_is_noticed(name: str) -> None:
    is_asked = any(event["Type"] == "HttpApi" for event in functions()[name].get("Events", {}).values())
    assert len(watched(name, "Throttles")) == 1
    assert len(watched(name, "Duration" if is_asked or name == "AuthorizerFunction" else "Errors")) == 1


def test_alarms_of_the_running_stack_are_told_to_the_topic_and_silence_is_no_alarm() -> None:
    for name, alarm in ALARMS.items():
        assert alarm["TreatMissingData"] == "notBreaching", name
        if "ExecutedVersion" not in str(alarm["Dimensions"]):  # those turn a deployment back
            assert alarm["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic", name


def test_region_is_degraded_by_alarms_that_exist() -> None:
    (composite,) = resources("AWS::CloudWatch::CompositeAlarm").values()
    rule = composite["Properties"]["AlarmRule"]["Fn::Sub"]
    named = re.findall(r'ALARM\("\$\{(\w+)\}"\)', rule)
    assert len(named) == rule.count("ALARM(") <= 100
    assert set(named) <= set(ALARMS)
    assert {"ApiErrors", "ApiSlow", "RateWindowsThrottled", "KeysThrottled"} <= set(named)


def test_every_table_and_every_replica_is_watched() -> None:
    tables = [
        str(alarm["Dimensions"]) for alarm in ALARMS.values() if alarm["MetricName"] == "ThrottledRequests"
    ]
    assert len(tables) == 5
    replicated = {
        dimension["Value"]
        for alarm in ALARMS.values()
        if alarm["MetricName"] == "ReplicationLatency"
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "ReceivingRegion"
    }
    assert replicated == {region.aws_region for region in DEPLOYED}


def bodies() -> dict[str, dict[str, Any]]:
    found = {**template()["Resources"], **global_template()["Resources"]}
    texts = {
        name: resource["Properties"]["DashboardBody"]
        for name, resource in found.items()
        if resource["Type"] == "AWS::CloudWatch::Dashboard"
    }
    plain = {}
    for name, text in texts.items():
        written = text["Fn::Sub"] if isinstance(text, dict) else text
        plain[name] = json.loads(written[0] if isinstance(written, list) else written)
    return plain


@pytest.mark.parametrize("name", ["OperationsDashboard", "ProductDashboard", "Dashboard"])
def test_dashboard_is_a_page_of_widgets_that_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in bodies()[name]["widgets"]:
        assert widget["type"] in ("metric", "log", "alarm")
        assert widget["properties"]["title"]
        assert widget["x"] + widget["width"] <= 24
        cells = {
            (widget["x"] + dx, widget["y"] + dy)
            for dx in range(widget["width"])
            for dy in range(widget["height"])
        }
        assert not cells & taken
        taken |= cells


def test_dashboards_name_what_is_in_the_template() -> None:
    known = set(template()["Resources"]) | {"Code", "GlobalStack", "AWS::Region", "AWS::StackName"}
    for name in ("OperationsDashboard", "ProductDashboard"):
        named = set(re.findall(r"\$\{([\w:]+)", json.dumps(bodies()[name])))
        assert named <= known


def test_page_of_the_world_shows_every_region() -> None:
    for widget in bodies()["Dashboard"]["widgets"]:
        regions = {(row[3], row[4]["region"]) for row in widget["properties"]["metrics"]}
        assert regions == {(region.code, region.aws_region) for region in DEPLOYED}
