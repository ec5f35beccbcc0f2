"""
What a change set would do to a stack, and whether it may without being asked for twice.

A resource that holds state, or the address of the API, is not replaced or removed by an ordinary deployment: a replaced
table is an empty one, a replaced API has another URL.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

STATEFUL: Final = frozenset(
    {
        "AWS::ApiGatewayV2::Api",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::KMS::ReplicaKey",
        "AWS::Route53::HostedZone",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
    }
)
"""Types whose loss is not made good by deploying again."""

EPHEMERAL: Final = frozenset({"AWS::Lambda::LayerVersion", "AWS::Lambda::Version"})
"""Types of which every deployment makes new ones and removes the old."""

Kind = Literal["create", "update", "none"]

_SIGNS: Final = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<", "Dynamic": "?"}


class Change(NamedTuple):
    """
    What would happen to one resource.

    Attributes:
        action: Add, Modify, Remove, Import or Dynamic, as CloudFormation says it.
        logical_id: of the resource.
        type: of the resource.
        replacement: True, False or Conditional, as CloudFormation says it; empty where it does not.
        policy: what happens to the resource that goes: Delete, Retain, Snapshot; empty where nothing goes.
    """

    action: str
    logical_id: str
    type: str
    replacement: str = ""
    policy: str = ""

    @property
    def destroys_state(self) -> bool:
        """Tell whether a resource that holds state goes, or may go."""
        goes = self.action in ("Remove", "Dynamic") or self.replacement in ("True", "Conditional")
        return goes and self.type in STATEFUL


class StackPlan(NamedTuple):
    """
    What would happen to one stack.

    Attributes:
        where: code of the region, or ``global``.
        stack: its name.
        kind: whether it is made, changed or left.
        changes: of resources.
        change_set: id of the change set that would do it; None when there is none.
        parameters: that change: name to the values before and after.
    """

    where: str
    stack: str
    kind: Kind
    changes: tuple[Change, ...] = ()
    change_set: str | None = None
    parameters: Mapping[str, tuple[str, str]] = {}

    @property
    def dangers(self) -> tuple[Change, ...]:
        """The changes that destroy state."""
        return tuple(change for change in self.changes if change.destroys_state)

    def lines(self) -> list[str]:
        """Return the plan for people: a summary, then what is remarkable; additions and changes only as numbers."""
        if self.kind == "none":
            return [f"{self.where:<6}  {self.stack}: no change"]
        counts = Counter(change.action for change in self.changes)
        said = ", ".join(f"{counts[action]} {word}" for action, word in _WORDS.items() if counts[action])
        verb = "new stack" if self.kind == "create" else "update"
        found = [f"{self.where:<6}  {self.stack}: {verb}: {said or 'outputs or tags only'}"]
        for name, (before, after) in sorted(self.parameters.items()):
            found.append(f"          {name}: {before or '(empty)'} -> {after or '(empty)'}")
        for change in self.changes:
            replaced = change.replacement in ("True", "Conditional")
            ordinary = change.action in ("Add", "Modify") and not replaced
            if ordinary or change.type in EPHEMERAL:
                continue
            how = {"True": " (replaced)", "Conditional": " (may be replaced)"}.get(change.replacement, "")
            kept = f" [{change.policy}]" if change.policy else ""
            warning = "  <- holds state" if change.destroys_state else ""
            found.append(
                f"        {_SIGNS.get(change.action, '?')} {change.logical_id} {change.type}{how}{kept}{warning}"
            )
        return found


_WORDS: Final = {
    "Add": "to add",
    "Modify": "to change",
    "Remove": "to remove",
    "Import": "to import",
    "Dynamic": "not known yet",
}
