from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.regions import DEPLOYED, GLOBAL_STACK_REGION
from infra.template_document import load_document
from tests.infra.document import GLOBAL_TEMPLATE, ROOT, TEMPLATE

REGIONS = [region.aws_region for region in DEPLOYED]
CFN_LINT = [
    str(Path(sys.executable).with_name("cfn-lint")),
    "--regions",
    *REGIONS,
    "--include-checks",
    "W",
    "E",
]


def complaints(command: list[str]) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-west-1", "PYTHONPATH": ""},
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_sam_validates_without_an_account() -> None:
    assert not complaints([str(ROOT / ".venv-sam" / "bin" / "sam"), "validate", "--lint"])


@pytest.mark.parametrize(
    "rules", [[], ["--append-rules", "cfn_lint_serverless.rules"]], ids=["cfn-lint", "serverless"]
)
def test_template_is_clean_in_every_region(rules: list[str]) -> None:
    assert not complaints([*CFN_LINT, *rules, "--template", str(TEMPLATE)])


def test_global_template_is_clean_where_it_is_deployed() -> None:
    command = [*CFN_LINT[:2], GLOBAL_STACK_REGION.aws_region, "--include-checks", "W", "E"]
    assert not complaints([*command, "--template", str(GLOBAL_TEMPLATE)])


@pytest.mark.parametrize("template", [TEMPLATE, GLOBAL_TEMPLATE], ids=lambda path: path.name)
def test_checkov_fails_nothing(template: Path) -> None:
    checkov = ROOT / ".venv-scan" / "bin" / "checkov"
    # Its guidelines come from a host that is not asked: they are links, not checks.
    command = [str(checkov), "--framework", "cloudformation", "--output", "json", "--skip-download"]
    done = subprocess.run([*command, "--file", str(template)], capture_output=True, text=True, cwd=ROOT)
    summary = json.loads(done.stdout)["summary"]
    assert summary["passed"] > 0
    assert (summary["failed"], summary["parsing_errors"]) == (0, 0), done.stdout


@pytest.mark.parametrize("template", [TEMPLATE, GLOBAL_TEMPLATE], ids=lambda path: path.name)
def test_what_checkov_skips_says_why(template: Path) -> None:
    document: dict[str, Any] = load_document(template)
    skips = [
        skip
        for resource in document["Resources"].values()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skips
    assert [skip for skip in skips if len(skip.get("comment", "")) < 40] == []


def test_no_check_is_silenced() -> None:
    text = TEMPLATE.read_text(encoding="utf-8") + GLOBAL_TEMPLATE.read_text(encoding="utf-8")
    assert not [word for word in ("ignore_checks", "cfn-lint:", "cfn_nag") if word in text]
    assert not list(ROOT.glob(".cfnlintrc*"))
