"""The regional template as written, and as SAM translates it."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from infra.template import merged
from infra.template_document import load_document

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
GLOBAL_TEMPLATE = ROOT / "infra" / "global.yaml"
SAM_PYTHON = ROOT / ".venv-sam" / "bin" / "python"

# The translator lives with sam. It asks AWS for managed policies only when a function names one; none does.
TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

class NoManagedPolicies:
    def load(self):
        return {}

key, parameters = sys.argv[1], json.loads(sys.argv[2])
document = yaml_parse(sys.stdin.read())
for resource in document["Resources"].values():
    properties = resource.get("Properties", {})
    if "CodeUri" in properties:
        properties["CodeUri"] = "s3://artifacts/function"
    if "ContentUri" in properties:
        properties["ContentUri"] = "s3://artifacts/" + key
json.dump(transform(document, parameters, NoManagedPolicies()), sys.stdout)
"""

Properties = dict[str, Any]


@cache
def template() -> Properties:
    """Return the document, unevaluated."""
    return load_document(TEMPLATE)


@cache
def global_template() -> Properties:
    """Return the document of the stack that exists once, unevaluated."""
    return load_document(GLOBAL_TEMPLATE)


def resources(of_type: str) -> dict[str, Properties]:
    """Return the resources of a type by logical id."""
    return {name: found for name, found in template()["Resources"].items() if found["Type"] == of_type}


def functions() -> dict[str, Properties]:
    """Return the properties of each function, Globals included."""
    shared = template()["Globals"]["Function"]
    found = resources("AWS::Serverless::Function")
    return {name: merged(shared, function["Properties"]) for name, function in found.items()}


@cache
def translated(layer_key: str = "layer-a", deployment: str = "AllAtOnce") -> Properties:
    """Return the resources that CloudFormation gets when the layer was uploaded as *layer_key*."""
    done = subprocess.run(
        [SAM_PYTHON, "-c", TRANSLATE, layer_key, json.dumps({"DeploymentPreference": deployment})],
        input=TEMPLATE.read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-west-1", "PYTHONPATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: Properties = json.loads(done.stdout)["Resources"]
    return found


def translated_of_type(of_type: str) -> dict[str, Properties]:
    """Return what SAM generates and what is written, of one type."""
    return {name: found for name, found in translated().items() if found["Type"] == of_type}
