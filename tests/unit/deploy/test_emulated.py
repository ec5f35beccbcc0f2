from __future__ import annotations

import json
from typing import Any, cast

import pytest

from infra.deploy import emulated
from infra.deploy.aws import Aws
from infra.deploy.emulated import Emulator
from infra.deploy.smoke import Address

URI = {"Fn::Sub": "arn:${AWS::Region}:${HealthFunctionAliaslive}/invocations"}


def operation() -> dict[str, Any]:
    return {"x-amazon-apigateway-integration": {"uri": URI, "payloadFormatVersion": "2.0"}}


EXPANDED = {
    "Resources": {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Body": {
                    "paths": {
                        "$default": {"x-amazon-apigateway-any-method": operation()},
                        "/a/{id}": {"x-amazon-apigateway-any-method": operation(), "get": operation()},
                    }
                }
            },
        },
        "Group": {"Type": "AWS::CodeDeploy::DeploymentGroup"},
        "Composite": {"Type": "AWS::CloudWatch::CompositeAlarm"},
        "CodeDeployServiceRole": {"Type": "AWS::IAM::Role"},
        "Alias": {"Type": "AWS::Lambda::Alias", "UpdatePolicy": {"CodeDeployLambdaAliasUpdate": {}}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"S3Bucket": "mine"},
                "Environment": {"Variables": {"MAX": 6, "REF": {"Ref": "X"}}},
            },
        },
    }
}


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """An emulator whose translator answers :data:`EXPANDED`."""

    def translated(text: str, _parameters: str) -> str:
        assert "mine" not in text, "regions share one translation"
        return json.dumps(EXPANDED).replace("mine", emulated._SOME_BUCKET)

    monkeypatch.setattr(emulated, "_translated", translated)
    return Emulator(cast("Aws", None), "http://127.0.0.1:4566/")


def test_template_without_transform_goes_as_it_is(emulator: Emulator) -> None:
    assert emulator.template('{"Resources": {}}', bucket="mine", parameters={}) == '{"Resources": {}}'


def test_routes_are_spelled_out_and_what_is_not_emulated_goes(emulator: Emulator) -> None:
    text = emulator.template('{"Transform": "AWS::Serverless", "B": "mine"}', bucket="mine", parameters={})

    resources = json.loads(text)["Resources"]
    routes = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::ApiGatewayV2::Route"]
    assert {route["RouteKey"] for route in routes} == {"$default", "ANY /a/{id}", "GET /a/{id}"}
    for route in routes:
        target = route["Target"]["Fn::Sub"].removeprefix("integrations/${").removesuffix("}")
        assert resources[target]["Properties"]["IntegrationUri"] == URI
    assert "Body" not in resources["Api"]["Properties"]
    assert not {"Group", "Composite", "CodeDeployServiceRole"} & set(resources)
    assert "UpdatePolicy" not in resources["Alias"]
    function = resources["Function"]["Properties"]
    assert function["Environment"]["Variables"] == {"MAX": "6", "REF": {"Ref": "X"}}
    assert function["Code"] == {"S3Bucket": "mine"}


def test_api_is_reached_at_the_emulator_and_told_by_host(emulator: Emulator) -> None:
    found = emulator.address("0a1b2c3d")
    assert found == Address("http://127.0.0.1:4566", "0a1b2c3d.execute-api.localhost:4566")


def test_credentials_of_an_operator_never_leave_for_an_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    client: Any = Aws(endpoint_url="http://127.0.0.1:1").client("sts", "us-east-1")
    assert client._request_signer._credentials.access_key == "local"


def test_endpoint_of_the_environment_is_not_taken_for_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    client: Any = Aws().client("cloudformation", "eu-west-3")
    assert client.meta.endpoint_url == "https://cloudformation.eu-west-3.amazonaws.com"
