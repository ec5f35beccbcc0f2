"""
What an emulator (ministack) cannot do by itself and is done for it here, with ``--endpoint-url`` only.

- It expands no SAM template: AWS's own translator, which came with ``sam``, does, before the upload.
- It does not read routes from an API's OpenAPI body: they become routes and integrations of the template.
- It has no CodeDeploy (an alias moves at once) and no composite alarms.
- A global table is in one region: its replicas are added after the stack, by UpdateTable.
- It wants environment values as text, where CloudFormation makes text of them.
- A secret without a value has a version all the same: its text tells.
- It breaks under invocations side by side: they go one after another.
- An API answers at the emulator's address and is told by the Host header.

Nothing else of a deployment knows that it runs against an emulator.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from infra.deploy.failures import DeployFailed, one_line
from infra.deploy.places import ROOT
from infra.deploy.smoke import Address, send_check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.deploy.aws import Aws
    from infra.deploy.smoke import Check, Response

UNKNOWN_TYPES: Final = ("AWS::CodeDeploy::", "AWS::CloudWatch::CompositeAlarm")
TIMEOUT_SECONDS: Final = 60.0
SAM_PYTHON: Final = ROOT / ".venv-sam" / "bin" / "python"

# It asks AWS for managed policies only when a function names one; none does.
_TRANSLATE: Final = """
import json, sys
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    def load(self):
        return {}

given = json.load(sys.stdin)
json.dump(transform(given["template"], given["parameters"], NoManagedPolicies()), sys.stdout)
"""

_SOME_BUCKET: Final = "some-artifacts-bucket"
_METHOD_OF_ANY: Final = "x-amazon-apigateway-any-method"
Document = dict[str, object]


class Emulator:
    """
    An emulator that stands for AWS.

    Args:
        aws: makes clients of it.
        endpoint_url: where it listens.
    """

    def __init__(self, aws: Aws, endpoint_url: str) -> None:
        self._aws = aws
        self._url = endpoint_url.rstrip("/")
        self._translating = threading.Lock()
        self._invoking = threading.Lock()

    def template(self, text: str, *, bucket: str, parameters: Mapping[str, str]) -> str:
        """
        Return a template that the emulator can deploy; one without a transform as it is.

        Args:
            text: JSON.
            bucket: that it names; regions differ in it alone, and share one translation.
            parameters: of the stack; the translator looks at some.

        Raises:
            DeployFailed: the translator is not there, or refuses the template.
        """
        document = json.loads(text)
        if "Transform" not in document:
            return text
        with self._translating:
            translated = _translated(
                text.replace(bucket, _SOME_BUCKET), json.dumps(dict(parameters), sort_keys=True)
            )
        expanded = json.loads(translated.replace(_SOME_BUCKET, bucket))
        _spell_out_routes(expanded)
        _drop_unknown_types(expanded)
        _make_text_of_environments(expanded)
        return json.dumps(expanded, separators=(",", ":"), ensure_ascii=False)

    def complete_global_tables(
        self, aws_region: str, stack: str, replicas: Mapping[str, Sequence[str]]
    ) -> None:
        """
        Add the replicas that are not there.

        Args:
            aws_region: of the stack.
            stack: its name.
            replicas: AWS's names of the regions that each table is in, by logical id.
        """
        cloudformation = self._aws.client("cloudformation", aws_region)
        dynamodb = self._aws.client("dynamodb", aws_region)
        found = cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        names = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found}
        for logical_id, regions in replicas.items():
            name = names[logical_id]
            described = dynamodb.describe_table(TableName=name)["Table"]
            there = {aws_region} | {replica["RegionName"] for replica in described.get("Replicas", ())}
            for region in regions:
                if region not in there:  # one at a time: UpdateTable takes no more
                    change = {"Create": {"RegionName": region}}
                    dynamodb.update_table(TableName=name, ReplicaUpdates=[change])

    def secret_has_value(self, aws_region: str, name: str) -> bool:
        """Tell whether a secret has a value."""
        client = self._aws.client("secretsmanager", aws_region)
        try:
            return bool(client.get_secret_value(SecretId=name).get("SecretString"))
        except ClientError:
            return False

    def send(self, check: Check, address: Address) -> Response:
        """Send a request of a smoke test; one at a time, whatever the region, and a cold start may take its time."""
        with self._invoking:
            return send_check(check, address, timeout_seconds=TIMEOUT_SECONDS)

    def address(self, api: str) -> Address:
        """Return where the API with id *api* answers."""
        return Address(self._url, f"{api}.execute-api.localhost:{urlsplit(self._url).port}")


@lru_cache(maxsize=16)
def _translated(text: str, parameters: str) -> str:
    if not SAM_PYTHON.exists():
        raise DeployFailed("translator", "An emulator needs the SAM translator: run `make build` first.")
    done = subprocess.run(
        [str(SAM_PYTHON), "-c", _TRANSLATE],
        input=json.dumps({"template": json.loads(text), "parameters": json.loads(parameters)}),
        capture_output=True,
        text=True,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": ""},
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise DeployFailed("translator", f"The SAM translator refuses the template: {one_line(last[0])}")
    return done.stdout


def _spell_out_routes(document: Document) -> None:
    resources = cast("dict[str, Document]", document["Resources"])
    for api, resource in list(resources.items()):
        if resource.get("Type") != "AWS::ApiGatewayV2::Api":
            continue
        properties = cast("Document", resource["Properties"])
        body = cast("Document", properties.pop("Body", {}))
        properties.setdefault("ProtocolType", "HTTP")
        properties.setdefault("Name", {"Ref": "AWS::StackName"})
        paths = cast("dict[str, dict[str, Document]]", body.get("paths", {}))
        operations = [
            (path, method, what)
            for path, methods in sorted(paths.items())
            for method, what in methods.items()
        ]
        for number, (path, method, operation) in enumerate(operations):
            resources.update(_route(api, number, path, method, operation))


def _route(api: str, number: int, path: str, method: str, operation: Document) -> dict[str, Document]:
    integration = cast("Document", operation["x-amazon-apigateway-integration"])
    verb = "ANY" if method == _METHOD_OF_ANY else method.upper()
    mine, route = f"{api}Integration{number}", f"{api}Route{number}"
    return {
        mine: {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": api},
                "IntegrationType": "AWS_PROXY",
                "IntegrationMethod": "POST",
                "IntegrationUri": integration["uri"],
                "PayloadFormatVersion": integration["payloadFormatVersion"],
            },
        },
        route: {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": api},
                "RouteKey": path if path == "$default" else f"{verb} {path}",
                "Target": {"Fn::Sub": f"integrations/${{{mine}}}"},
            },
        },
    }


def _drop_unknown_types(document: Document) -> None:
    resources = cast("dict[str, Document]", document["Resources"])
    for name in [name for name, found in resources.items() if str(found["Type"]).startswith(UNKNOWN_TYPES)]:
        del resources[name]
    resources.pop("CodeDeployServiceRole", None)
    for resource in resources.values():
        resource.pop("UpdatePolicy", None)


def _make_text_of_environments(document: Document) -> None:
    for resource in cast("dict[str, Document]", document["Resources"]).values():
        properties = cast("Document", resource.get("Properties", {}))
        variables = cast("Document", cast("Document", properties.get("Environment", {})).get("Variables", {}))
        for name, value in variables.items():
            if isinstance(value, (int, float)):
                variables[name] = str(value)
