from __future__ import annotations

import json
import tomllib

from edge.regions import DEPLOYED
from infra.template import load_stack
from tests.infra.document import (
    ROOT,
    TEMPLATE,
    functions,
    resources,
    template,
    translated,
    translated_of_type,
)

GLOBAL_SERVICES = (
    "AWS::Route53::",
    "AWS::CloudFront::",
    "AWS::WAFv2::",
    "AWS::DynamoDB::GlobalTable",
    "AWS::Budgets::",
)


def test_nothing_that_exists_once_is_in_the_regional_stack() -> None:
    types = {resource["Type"] for resource in template()["Resources"].values()}
    assert not [found for found in types if found.startswith(GLOBAL_SERVICES)]


def test_a_changed_layer_publishes_new_versions_of_every_function() -> None:
    def versions(layer_key: str) -> set[str]:
        found = translated(layer_key).items()
        return {name for name, resource in found if resource["Type"] == "AWS::Lambda::Version"}

    before, after = versions("layer-a"), versions("layer-b")
    assert len(before) == len(functions())
    assert before.isdisjoint(after)


def test_layer_says_what_it_runs_on() -> None:
    layer = resources("AWS::Serverless::LayerVersion")["SharedLayer"]
    assert layer["Properties"]["PublishLambdaVersion"] is True
    assert layer["Properties"]["CompatibleRuntimes"] == ["python3.13"]
    assert layer["Properties"]["CompatibleArchitectures"] == [{"Ref": "Architecture"}]
    assert template()["Globals"]["Function"]["Architectures"] == [{"Ref": "Architecture"}]


def test_a_canary_stops_and_rolls_back_on_an_alarm() -> None:
    groups = [
        found
        for found in translated(deployment="Canary10Percent5Minutes").values()
        if found["Type"] == "AWS::CodeDeploy::DeploymentGroup"
    ]
    assert len(groups) == len(functions())
    for group in groups:
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["Properties"]["AutoRollbackConfiguration"]["Events"]
        assert group["Properties"]["AlarmConfiguration"]["Enabled"] is True
        assert "Canary10Percent5Minutes" in json.dumps(group["Properties"]["DeploymentConfigName"])


def test_rate_windows_survive_the_stack_and_forget_by_themselves() -> None:
    table = resources("AWS::DynamoDB::Table")["RateWindows"]
    properties = table["Properties"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "x", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    # A named table cannot be replaced in place; the name is how other regions find it for checks of scope global.
    assert properties["TableName"] == {"Fn::Sub": "${AWS::StackName}-rate-windows"}


def test_nonces_are_forgotten_by_themselves_and_go_with_the_stack() -> None:
    table = resources("AWS::DynamoDB::Table")["Nonces"]
    properties = table["Properties"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Delete"
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert "TableName" not in properties, "a replaced table starts empty, and no other region looks for it"


def test_what_holds_state_is_told_what_happens_when_it_goes() -> None:
    for resource in (*resources("AWS::DynamoDB::Table").values(), *resources("AWS::Logs::LogGroup").values()):
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"]


def test_routes_are_unique_and_take_any_method() -> None:
    routes = load_stack(TEMPLATE, aws_region="us-west-1").routes
    assert len({route.path for route in routes}) == len(routes)
    assert {route.method for route in routes} == {"ANY"}
    assert [route.function for route in routes if route.path == "$default"] == ["HealthFunction"]


def test_api_is_throttled_and_logs_json() -> None:
    (stage,) = translated_of_type("AWS::ApiGatewayV2::Stage").values()
    properties = stage["Properties"]
    assert properties["StageName"] == "$default"
    assert properties["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    logged = json.loads(properties["AccessLogSettings"]["Format"])
    assert {"request_id", "route", "status", "latency_ms"} <= set(logged)


def test_only_the_api_the_clock_and_the_logs_invoke_functions_and_only_alias_live() -> None:
    permissions = translated_of_type("AWS::Lambda::Permission")
    assert permissions
    for permission in permissions.values():
        assert permission["Properties"]["Principal"] in (
            "apigateway.amazonaws.com",
            "events.amazonaws.com",
            "logs.amazonaws.com",
        )
        assert permission["Properties"]["FunctionName"]["Ref"].endswith("Aliaslive")
        assert "SourceArn" in permission["Properties"]


def test_codes_of_the_regions_are_the_catalogues() -> None:
    assert template()["Mappings"]["Regions"] == {
        region.aws_region: {"Code": region.code} for region in DEPLOYED
    }


def test_api_has_one_way_in_where_there_is_a_domain() -> None:
    api = resources("AWS::Serverless::HttpApi")["HttpApi"]["Properties"]
    assert api["DisableExecuteApiEndpoint"] == {"Fn::If": ["HasDomain", True, False]}
    for kind in ("AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping"):
        assert {found["Condition"] for found in resources(kind).values()} == {"HasDomain"}
    for name in resources("AWS::ApiGatewayV2::DomainName").values():
        (configuration,) = name["Properties"]["DomainNameConfigurations"]
        assert configuration["SecurityPolicy"] == "TLS_1_2"


def test_version_of_the_template_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert template()["Parameters"]["Version"]["Default"] == project["project"]["version"]
