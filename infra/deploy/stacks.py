"""
The stacks of one region: what they are, what they were, waiting for them with their events, deleting them.

No polling here is unbounded: a stack that takes longer than :attr:`Pace.wait_seconds` is an error that says that the same
command goes on from there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import ClientError

from infra.deploy.failures import DeployFailed, error_code, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.deploy.aws import Client
    from infra.deploy.display import Progress
    from infra.deploy.pace import Pace

REVIEW: Final = "REVIEW_IN_PROGRESS"
"""Not a stack yet: somebody has made a change set for it and has not executed it."""

DEAD: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", REVIEW})
"""A first creation that came to nothing: it can only be deleted."""

STUCK: Final = frozenset(
    {"UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_FAILED", "IMPORT_ROLLBACK_FAILED"}
)
"""CloudFormation waits for a person."""

MAX_EVENT_PAGES: Final = 20
"""A page has a hundred events; an operation on a stack of ours makes some five hundred."""

GOOD: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})


class Stack(NamedTuple):
    """
    A stack as CloudFormation describes it.

    Attributes:
        name: of the stack.
        id: its ARN; it also finds a stack that is deleted.
        status: of CloudFormation.
        reason: of the status, for people.
        parameters: with their values.
        outputs: with their values.
        tags: of the stack.
        updated: when it last changed, for people.
    """

    name: str
    id: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    tags: Mapping[str, str]
    updated: str

    @property
    def busy(self) -> bool:
        """Tell whether CloudFormation works on it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != REVIEW


class Stacks:
    """
    Stacks of one region.

    Args:
        client: of CloudFormation.
        where: code of the region, or ``global``.
        pace: of waiting.
        progress: is told the events.
    """

    def __init__(self, client: Client, where: str, pace: Pace, progress: Progress) -> None:
        self._client = client
        self._where = where
        self._pace = pace
        self._progress = progress

    def find(self, name: str) -> Stack | None:
        """Return a stack by name or id; None if there is none, or it is deleted and looked for by name."""
        try:
            found = self._client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if error_code(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        if found["StackStatus"] == "DELETE_COMPLETE" and not name.startswith("arn:"):
            return None
        return Stack(
            found["StackName"],
            found["StackId"],
            found["StackStatus"],
            one_line(found.get("StackStatusReason", "")),
            {item["ParameterKey"]: item.get("ParameterValue", "") for item in found.get("Parameters", ())},
            {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", ())},
            {item["Key"]: item["Value"] for item in found.get("Tags", ())},
            str(found.get("LastUpdatedTime", found.get("CreationTime", ""))),
        )

    def settled(self, name: str) -> Stack | None:
        """
        Return a stack that can be worked on: waits for what is in progress, removes what never came to be.

        Raises:
            DeployFailed: it waits for a person, or takes too long.
        """
        stack = self.find(name)
        if stack is not None and stack.busy:
            self._progress.step(self._where, f"waiting: {name} is {stack.status}")
            stack = self.wait(stack.id, already_told=self.event_ids(stack.id))
        if stack is None or stack.status == "DELETE_COMPLETE":
            return None
        if stack.status in STUCK:
            raise DeployFailed(
                "stack_stuck",
                f"{self._where}: {name} is {stack.status} and waits for a person: see its events in the console.",
            )
        if stack.status in DEAD:
            self._progress.step(self._where, f"removing {name}: {stack.status}, its creation came to nothing")
            self.delete(stack)
            return None
        return stack

    def event_ids(self, stack_id: str) -> set[str]:
        """Return the ids of the newest events so far, which a wait need not tell again."""
        return {str(event["EventId"]) for event in self._events(stack_id, until=set())}

    def wait(self, stack_id: str, *, already_told: set[str]) -> Stack:
        """
        Return a stack when CloudFormation is done with it; tells the events meanwhile.

        Args:
            stack_id: its ARN.
            already_told: ids of events that are not told again; it is added to.

        Raises:
            DeployFailed: it takes too long.
        """
        for _ in self._pace.looks(self._pace.wait_seconds):
            self._tell(stack_id, already_told)
            stack = self.find(stack_id)
            if stack is None:
                raise DeployFailed("stack_gone", f"{self._where}: the stack was deleted by somebody else.")
            if not stack.busy:
                self._tell(stack_id, already_told)
                return stack
        raise DeployFailed(
            "timeout",
            f"{self._where}: CloudFormation is still at work after {self._pace.wait_seconds / 60:.0f} minutes; the same command goes on from there.",
        )

    def first_failure(self, stack_id: str, before: set[str]) -> str:
        """Return why the last operation failed: the first failure among the events that are not in *before*."""
        for event in reversed(self._events(stack_id, until=before)):
            if event["EventId"] in before or not str(event["ResourceStatus"]).endswith("_FAILED"):
                continue
            reason = one_line(event.get("ResourceStatusReason", ""))
            return f"{event['LogicalResourceId']} {event['ResourceStatus']}: {reason}"
        return ""

    def delete(self, stack: Stack) -> Stack:
        """
        Delete a stack and return what is left of it; resources that are to be retained stay.

        Raises:
            DeployFailed: CloudFormation could not, or it takes too long.
        """
        told = self.event_ids(stack.id)
        self._client.delete_stack(StackName=stack.name)
        gone = self.wait(stack.id, already_told=set(told))
        if gone.status not in ("DELETE_COMPLETE", REVIEW):
            cause = self.first_failure(stack.id, told) or gone.reason
            raise DeployFailed("delete_failed", f"{self._where}: {stack.name} could not be deleted: {cause}")
        return gone

    def resources(self, name: str) -> list[tuple[str, str, str]]:
        """Return logical id, type and physical id of each resource."""
        found: list[tuple[str, str, str]] = []
        token: dict[str, object] = {}
        while True:
            page = self._client.list_stack_resources(StackName=name, **token)
            found += [
                (item["LogicalResourceId"], item["ResourceType"], item.get("PhysicalResourceId", ""))
                for item in page["StackResourceSummaries"]
                if item["ResourceStatus"] != "DELETE_COMPLETE"
            ]
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}

    def template(self, name: str) -> str:
        """Return the template that the stack was given, before any transform."""
        body = self._client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        return body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)

    def _tell(self, stack_id: str, told: set[str]) -> None:
        for event in reversed(self._events(stack_id, until=told)):
            if event["EventId"] not in told:
                told.add(event["EventId"])
                self._progress.resource(
                    self._where,
                    event["LogicalResourceId"],
                    event["ResourceStatus"],
                    one_line(event.get("ResourceStatusReason", "")),
                )

    def _events(self, stack_id: str, *, until: set[str]) -> list[dict[str, str]]:
        """Return events, newest first, back to one of *until*: whole pages, and no more of them than tell it."""
        found: list[dict[str, str]] = []
        token: dict[str, object] = {}
        for _ in range(MAX_EVENT_PAGES):
            page = self._client.describe_stack_events(StackName=stack_id, **token)
            found += page["StackEvents"]
            reached = not until or any(event["EventId"] in until for event in page["StackEvents"])
            if reached or not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
        return found
