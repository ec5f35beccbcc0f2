"""What runs on GitHub: pinned, with as few rights as it needs, and the same commands as on a laptop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.infra.document import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def load(path: Path) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    return document


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in load(path)["jobs"].values() for step in job.get("steps", [])]


def test_there_are_checks_and_a_deployment() -> None:
    assert [path.stem for path in WORKFLOWS] == ["check", "deploy"]


@each_workflow
def test_actions_of_others_are_pinned_to_a_commit(path: Path) -> None:
    for step in steps(path):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
    assert all(
        "# v" in line for line in path.read_text("utf-8").splitlines() if re.search(r"@[0-9a-f]{40}", line)
    )


@each_workflow
def test_rights_are_named_and_few(path: Path) -> None:
    wanted = {"contents": "read"} if path.stem == "check" else {"contents": "read", "id-token": "write"}
    assert load(path)["permissions"] == wanted
    assert "secrets." not in path.read_text("utf-8"), "OIDC needs no stored key"


@each_workflow
def test_no_input_is_pasted_into_a_script(path: Path) -> None:
    assert not [step["run"] for step in steps(path) if "run" in step and "${{" in step["run"]]


def test_checks_are_ours() -> None:
    assert [step["run"] for step in steps(ROOT / ".github/workflows/check.yml") if "run" in step] == [
        ".ci/run"
    ]


def test_deployment_waits_for_the_checks_and_is_never_cut_off() -> None:
    document = load(ROOT / ".github/workflows/deploy.yml")
    assert document["jobs"]["deploy"]["needs"] == "check"
    assert document["concurrency"]["cancel-in-progress"] is False
    assert document["jobs"]["deploy"]["environment"]
