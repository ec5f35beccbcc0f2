from __future__ import annotations

import pytest

from infra.deploy.plan import STATEFUL, Change, StackPlan


@pytest.mark.parametrize("kind", sorted(STATEFUL))
@pytest.mark.parametrize(
    ("action", "replacement", "danger"),
    [
        ("Add", "", False),
        ("Modify", "False", False),
        ("Modify", "True", True),
        ("Modify", "Conditional", True),
        ("Remove", "", True),
        ("Dynamic", "", True),
    ],
)
def test_state_is_not_lost_by_an_ordinary_deployment(
    kind: str, action: str, replacement: str, *, danger: bool
) -> None:
    plan = StackPlan("sfo1", "stack", "update", (Change(action, "It", kind, replacement),))

    assert bool(plan.dangers) is danger
    assert any("holds state" in line for line in plan.lines()) is danger


def test_what_holds_no_state_may_be_replaced() -> None:
    plan = StackPlan("sfo1", "stack", "update", (Change("Modify", "Role", "AWS::IAM::Role", "True"),))

    assert plan.dangers == ()
    assert plan.lines()[-1] == "        ~ Role AWS::IAM::Role (replaced)"


def test_plan_tells_numbers_parameters_and_what_goes() -> None:
    changes = (
        Change("Add", "V2", "AWS::Lambda::Version"),
        Change("Remove", "V1", "AWS::Lambda::Version", policy="Delete"),
        Change("Modify", "F", "AWS::Lambda::Function", "False"),
        Change("Remove", "T", "AWS::DynamoDB::Table", policy="Retain"),
    )
    plan = StackPlan(
        "cdg1", "kaizen-edge", "update", changes, parameters={"Version": ("1", "2"), "X": ("", "y")}
    )

    assert plan.lines() == [
        "cdg1    kaizen-edge: update: 1 to add, 1 to change, 2 to remove",
        "          Version: 1 -> 2",
        "          X: (empty) -> y",
        "        - T AWS::DynamoDB::Table [Retain]  <- holds state",
    ]


def test_plan_without_a_change_is_a_line() -> None:
    assert StackPlan("global", "g", "none").lines() == ["global  g: no change"]
