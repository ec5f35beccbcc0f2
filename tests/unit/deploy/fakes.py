"""An AWS of one region in memory: CloudFormation with change sets and events, S3, CloudWatch; time that is told to pass."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.alarms import Alarms
from infra.deploy.bucket import Bucket
from infra.deploy.changesets import ChangeSets
from infra.deploy.history import History
from infra.deploy.pace import Pace
from infra.deploy.site import Site
from infra.deploy.stacks import Stacks

STACK = "kaizen-edge"


def refused(code: str, message: str = "", operation: str = "Operation") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class ManualTime:
    """Time that passes by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pace = Pace(
            poll_seconds=1.0,
            wait_seconds=60.0,
            sleep=self.sleep,
            monotonic=lambda: self.seconds,
            now=lambda: 2_000_000_000 + self.seconds,
        )

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Told:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []
        self.resources: list[tuple[str, str, str, str]] = []
        self.notes: list[str] = []

    def step(self, where: str, text: str) -> None:
        self.steps.append((where, text))

    def resource(self, where: str, logical_id: str, status: str, reason: str) -> None:
        self.resources.append((where, logical_id, status, reason))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def ask(self, question: str) -> str:
        raise AssertionError(question)


class FakeS3:
    """Objects of one bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.there = True
        self.refuses: str | None = None
        self.calls: list[str] = []
        self.dies_before: str | None = None
        self.has_policy = True
        self.meta = SimpleNamespace(endpoint_url="https://s3.test")

    def head_bucket(self, **_: object) -> dict[str, Any]:
        if self.refuses:
            raise refused(self.refuses)
        if not self.there:
            raise refused("404")
        return {}

    def head_object(self, *, Key: str, **_: object) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        if Key not in self.objects:
            raise refused("404")
        return {}

    def put_object(self, *, Key: str, Body: bytes, **_: object) -> dict[str, Any]:  # noqa: N803
        self.objects[Key] = Body
        return {}

    def get_object(self, *, Key: str, **_: object) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise refused("NoSuchKey")
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_bucket_policy(self, **_: object) -> dict[str, Any]:
        if not self.has_policy:
            raise refused("NoSuchBucketPolicy")
        return {}

    def __getattr__(self, name: str) -> Any:
        def call(**request: object) -> dict[str, Any]:
            if name == self.dies_before:
                raise KeyboardInterrupt
            self.calls.append(name)
            if name == "create_bucket":
                self.there, self.has_policy = True, False
            if name == "put_bucket_policy":
                self.has_policy = True
            return request

        return call


class FakeCloudFormation:
    """
    One stack. An executed change set ends as ``outcomes`` says, one after the other; good where it says nothing.

    ``looks`` is how often a stack is seen in progress before it ends.
    """

    def __init__(self) -> None:
        self.status: str | None = None
        self.body = "{}"
        self.parameters: dict[str, str] = {}
        self.outcomes: list[str] = []
        self.looks = 1
        self.changes: list[dict[str, Any]] = [
            self.change("Modify", "HealthFunction", "AWS::Lambda::Function")
        ]
        self.calls: list[str] = []
        self.events: list[dict[str, str]] = []
        self.bodies: dict[str, str] = {}
        self.sets: dict[str, dict[str, Any]] = {}
        self.plan_reason = ""
        self._pending: tuple[int, str] | None = None

    @staticmethod
    def change(action: str, logical_id: str, kind: str, replacement: str = "False") -> dict[str, Any]:
        found = {"Action": action, "LogicalResourceId": logical_id, "ResourceType": kind}
        return {"ResourceChange": found | ({"Replacement": replacement} if action == "Modify" else {})}

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self._pending is not None:
            left, end = self._pending
            self._pending = (left - 1, end) if left else None
            if left == 0:
                self.status = end
        if self.status is None or (self.status == "DELETE_COMPLETE" and not StackName.startswith("arn:")):
            raise refused("ValidationError", f"Stack with id {StackName} does not exist")
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()]
        stack = {
            "StackName": STACK,
            "StackId": "arn:stack",
            "StackStatus": self.status,
            "Parameters": parameters,
        }
        outputs = [{"OutputKey": "ApiUrl", "OutputValue": "https://api.test"}]
        return {"Stacks": [stack | {"Outputs": outputs, "Tags": [{"Key": "stage", "Value": "production"}]}]}

    def create_change_set(self, **request: Any) -> dict[str, Any]:
        self.calls.append("create_change_set")
        if self.status is None or self.status == "DELETE_COMPLETE":
            assert request["ChangeSetType"] == "CREATE"
            self.status = "REVIEW_IN_PROGRESS"
        parameters = {p["ParameterKey"]: p["ParameterValue"] for p in request["Parameters"]}
        name = f"set-{len(self.sets)}"
        self.sets[name] = {
            "body": request["TemplateURL"],
            "parameters": parameters,
            "type": request["ChangeSetType"],
        }
        return {"Id": name}

    def describe_change_set(self, *, ChangeSetName: str, **_: object) -> dict[str, Any]:  # noqa: N803
        wanted = self.sets[ChangeSetName]
        if self.plan_reason:
            return {"Status": "FAILED", "StatusReason": self.plan_reason}
        if (wanted["body"], wanted["parameters"]) == (self.body, self.parameters):
            return {
                "Status": "FAILED",
                "StatusReason": "The submitted information didn't contain changes. Submit",
            }
        return {"Status": "CREATE_COMPLETE", "Changes": self.changes}

    def execute_change_set(self, *, ChangeSetName: str, **how: object) -> dict[str, Any]:  # noqa: N803
        wanted = self.sets[ChangeSetName]
        creates = wanted["type"] == "CREATE"
        assert how == ({"RetainExceptOnCreate": True} if creates else {})
        self.calls.append("execute_change_set")
        good = "CREATE_COMPLETE" if creates else "UPDATE_COMPLETE"
        end = self.outcomes.pop(0) if self.outcomes else good
        if end == good:
            self.body, self.parameters = wanted["body"], wanted["parameters"]
        else:
            self.event("HealthFunction", "UPDATE_FAILED", "the role may not")
            self.event("KeysFunction", "UPDATE_FAILED", "Resource update cancelled")
        self.status = "CREATE_IN_PROGRESS" if creates else "UPDATE_IN_PROGRESS"
        self.event(STACK, end)
        self._pending = (self.looks, end)
        return {}

    def delete_change_set(self, **_: object) -> dict[str, Any]:
        self.calls.append("delete_change_set")
        return {}

    def delete_stack(self, **_: object) -> dict[str, Any]:
        self.calls.append("delete_stack")
        self.status, self._pending = "DELETE_IN_PROGRESS", (self.looks, "DELETE_COMPLETE")
        self.body, self.parameters = "{}", {}
        return {}

    def describe_stack_events(self, **_: object) -> dict[str, Any]:
        return {"StackEvents": list(reversed(self.events))}

    def list_stack_resources(self, **_: object) -> dict[str, Any]:
        alarm = {"LogicalResourceId": "HealthErrors", "ResourceType": "AWS::CloudWatch::Alarm"}
        table = {"LogicalResourceId": "RateWindows", "ResourceType": "AWS::DynamoDB::Table"}
        ids = ("alarm-1", "kaizen-edge-rate-windows")
        found = [
            item | {"PhysicalResourceId": physical, "ResourceStatus": "CREATE_COMPLETE"}
            for item, physical in zip((alarm, table), ids, strict=True)
        ]
        return {"StackResourceSummaries": found}

    def get_template(self, **_: object) -> dict[str, Any]:
        return {"TemplateBody": {"Resources": {"RateWindows": {"DeletionPolicy": "Retain"}}}}

    def event(self, logical_id: str, status: str, reason: str = "") -> None:
        event = {"LogicalResourceId": logical_id, "ResourceStatus": status, "ResourceStatusReason": reason}
        self.events.append(event | {"EventId": f"event-{len(self.events)}"})


class FakeCloudWatch:
    """Alarms that are on."""

    def __init__(self) -> None:
        self.on: list[str] = []

    def describe_alarms(self, *, AlarmNames: list[str], **_: object) -> dict[str, Any]:  # noqa: N803
        return {"MetricAlarms": [{"AlarmName": name} for name in self.on if name in AlarmNames]}


class Region:
    """A region in memory and the site that deploys to it."""

    def __init__(self, where: str = "sfo1") -> None:
        self.time = ManualTime()
        self.told = Told()
        self.cloudformation = FakeCloudFormation()
        self.s3 = FakeS3()
        self.cloudwatch = FakeCloudWatch()
        cloudformation: Any = self.cloudformation
        stacks = Stacks(cloudformation, where, self.time.pace, self.told)
        s3: Any = self.s3
        bucket = Bucket(s3, "artifacts", account="1", aws_region="us-west-1")
        cloudwatch: Any = self.cloudwatch
        self.site = Site(
            where,
            "us-west-1",
            STACK,
            stacks,
            ChangeSets(cloudformation, stacks, where, self.time.pace),
            bucket,
            History(bucket, STACK),
            Alarms(cloudwatch, stacks, STACK, self.time.pace),
        )
