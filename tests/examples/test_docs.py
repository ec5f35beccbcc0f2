"""What docs/authorizer.md shows is in the examples that the other tests run."""

from __future__ import annotations

import re

import pytest

from infra.template import load_stack
from tests.local.running import ROOT

DOCS = (ROOT / "docs" / "authorizer.md").read_text("utf-8")
SOURCES = {"yaml": "examples/guarded-api/template.yaml", "nginx": "examples/nginx/site.conf.template"}


@pytest.mark.parametrize("language", SOURCES)
def test_snippet_is_taken_from_its_example(language: str) -> None:
    example = (ROOT / SOURCES[language]).read_text("utf-8").splitlines()
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
    lines = block.splitlines()
    assert len(lines) >= 4
    assert not [line for line in lines if line not in example]


def test_no_other_language_is_shown() -> None:
    assert set(re.findall(r"^```(\w+)$", DOCS, re.MULTILINE)) == SOURCES.keys()


def test_memory_that_the_cost_names_is_that_of_the_function() -> None:
    own = load_stack(ROOT / "template.yaml", aws_region="eu-west-3")
    (memory_mb,) = [f.memory_mb for f in own.functions if f.logical_id == "AuthorizerFunction"]
    assert f"one invocation of a {memory_mb} MB function" in DOCS
