"""
Change sets: what would change is asked for first, shown, and only then executed.

A change set without a change is no failure. One that is not executed is removed again, together with the empty stack that
CloudFormation makes for the change set of a new one.
"""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from infra.deploy.failures import DeployFailed, one_line
from infra.deploy.plan import Change, StackPlan
from infra.deploy.stacks import GOOD, REVIEW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.deploy.aws import Client
    from infra.deploy.pace import Pace
    from infra.deploy.packaging import Revision
    from infra.deploy.stacks import Stack, Stacks

CAPABILITIES: Final = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
NO_CHANGE: Final = ("didn't contain changes", "No updates are to be performed")
CHANGE_SET_WAIT_SECONDS: Final = 600.0


class ChangeSets:
    """
    Makes and executes the change sets of one region.

    Args:
        client: of CloudFormation.
        stacks: of the same region.
        where: code of the region, or ``global``.
        pace: of waiting.
    """

    def __init__(self, client: Client, stacks: Stacks, where: str, pace: Pace) -> None:
        self._client = client
        self._stacks = stacks
        self._where = where
        self._pace = pace

    def plan(
        self, name: str, before: Stack | None, revision: Revision, template_url: str, tags: Mapping[str, str]
    ) -> StackPlan:
        """
        Ask CloudFormation what bringing a stack to *revision* would change.

        Args:
            name: of the stack.
            before: as it is; None if it is to be made.
            revision: what it is brought to.
            template_url: of its template.
            tags: of the stack.

        Raises:
            DeployFailed: CloudFormation does not take the template or the parameters.
        """
        made = self._client.create_change_set(
            StackName=name,
            ChangeSetName=f"deploy-{uuid.uuid4().hex[:12]}",
            ChangeSetType="CREATE" if before is None else "UPDATE",
            TemplateURL=template_url,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in revision.parameters.items()
            ],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            Capabilities=list(CAPABILITIES),
            # a table that an earlier stack left behind is taken over; otherwise its name would be in the way
            **({"ImportExistingResources": True} if before is None else {}),
        )
        changes, status, reason = self._described(made["Id"])
        kind = "create" if before is None else "update"
        old = {} if before is None else before.parameters
        differing = {
            key: (old.get(key, ""), value)
            for key, value in revision.parameters.items()
            if before is not None and old.get(key, "") != value
        }
        if status == "CREATE_COMPLETE":
            return StackPlan(self._where, name, kind, changes, made["Id"], differing)  # type: ignore[arg-type]
        self.discard(StackPlan(self._where, name, "create" if before is None else "none", (), made["Id"]))
        if any(said in reason for said in NO_CHANGE):
            return StackPlan(self._where, name, "none")
        raise DeployFailed("plan", f"{self._where}: CloudFormation cannot plan {name}: {one_line(reason)}")

    def execute(self, plan: StackPlan) -> Stack:
        """
        Execute a planned change and wait for its end.

        Raises:
            DeployFailed: it failed; CloudFormation has taken it back, or waits for a person.
        """
        stack = self._stacks.find(plan.stack)
        if plan.change_set is None or stack is None:
            raise DeployFailed("plan", f"{self._where}: there is nothing to execute for {plan.stack}.")
        told = self._stacks.event_ids(stack.id)
        # a table that this very creation made goes with it again, whatever its DeletionPolicy says
        how = {"RetainExceptOnCreate": True} if plan.kind == "create" else {}
        self._client.execute_change_set(ChangeSetName=plan.change_set, **how)
        done = self._stacks.wait(stack.id, already_told=set(told))
        if done.status not in GOOD:
            cause = self._stacks.first_failure(stack.id, told) or done.reason
            raise DeployFailed("stack_failed", f"{self._where}: {plan.stack} is {done.status}: {cause}")
        return done

    def discard(self, plan: StackPlan) -> None:
        """Remove a change set that will not be executed."""
        if plan.change_set is None:
            return
        with contextlib.suppress(ClientError):  # it went with the execution of another one
            self._client.delete_change_set(ChangeSetName=plan.change_set)
        stack = self._stacks.find(plan.stack) if plan.kind == "create" else None
        if stack is not None and stack.status == REVIEW:
            self._client.delete_stack(StackName=plan.stack)

    def _described(self, change_set: str) -> tuple[tuple[Change, ...], str, str]:
        changes: list[Change] = []
        for _ in self._pace.looks(CHANGE_SET_WAIT_SECONDS):
            found = self._client.describe_change_set(ChangeSetName=change_set)
            if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
        else:
            raise DeployFailed(
                "timeout", f"{self._where}: CloudFormation does not finish its plan; try again."
            )
        while True:
            changes += [
                _change(item["ResourceChange"])
                for item in found.get("Changes", ())
                if "ResourceChange" in item
            ]
            if not found.get("NextToken"):
                return tuple(changes), found["Status"], found.get("StatusReason") or ""
            found = self._client.describe_change_set(ChangeSetName=change_set, NextToken=found["NextToken"])


def _change(found: Mapping[str, str]) -> Change:
    return Change(
        found["Action"],
        found["LogicalResourceId"],
        found["ResourceType"],
        found.get("Replacement", ""),
        found.get("PolicyAction", ""),
    )
