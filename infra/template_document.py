"""
A template as written, and what its names mean in one stack: parameters, pseudo parameters, sections.

Intrinsic functions are read in both spellings, the YAML tag (``!Sub``) and the long form (``Fn::Sub``), and kept as
they are; ``infra/intrinsics.py`` evaluates them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOCAL_ACCOUNT_ID: Final = "000000000000"


class TemplateError(ValueError):
    """The template cannot be read, or a value in it cannot be resolved; the message says where."""


class _Absent:
    """The value of ``AWS::NoValue``."""


NO_VALUE: Final = _Absent()


def absent(value: object) -> bool:
    """Tell whether a resolved value is ``AWS::NoValue``: the property is as if it was not written."""
    return value is NO_VALUE


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags; safe: no tag makes a Python object."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, object]:
    value: object
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        msg = f"!{suffix} has an unknown kind of value"
        raise TemplateError(msg)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)
# Dates stay text: AWSTemplateFormatVersion and policy versions are written unquoted by many.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_document(path: Path) -> dict[str, object]:
    """
    Parse a template without evaluating it.

    Args:
        path: the YAML or JSON file.

    Raises:
        TemplateError: it is not YAML, or has no Resources.
    """
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader with data-only tags
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{path.name} is not YAML: {error}"
        raise TemplateError(msg) from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        msg = f"{path.name} is not a template: it has no Resources"
        raise TemplateError(msg)
    return document


@dataclass(frozen=True)
class Scope:
    """
    What names mean in one stack.

    Attributes:
        resources: the template's section.
        conditions: the template's section, not evaluated.
        mappings: the template's section.
        values: parameters and pseudo parameters by name.
    """

    resources: Mapping[str, dict[str, object]]
    conditions: Mapping[str, object]
    mappings: Mapping[str, object]
    values: Mapping[str, object]

    @classmethod
    def of(
        cls,
        document: Mapping[str, object],
        *,
        aws_region: str,
        stack_name: str,
        parameters: Mapping[str, str],
    ) -> Scope:
        """
        Bind a document to a region, a stack name and parameters.

        Raises:
            TemplateError: a parameter is given that the template does not declare.
        """
        declared = _section(document, "Parameters")
        if unknown := sorted(set(parameters) - set(declared)):
            msg = f"the template declares no parameter {', '.join(unknown)}"
            raise TemplateError(msg)
        values: dict[str, object] = {
            name: declaration["Default"]
            for name, declaration in declared.items()
            if isinstance(declaration, dict) and "Default" in declaration
        }
        for name, declaration in declared.items():
            listed = isinstance(declaration, dict) and "List" in str(declaration.get("Type"))
            if listed and isinstance(values.get(name), str):
                values[name] = [part.strip() for part in str(values[name]).split(",")]
        values.update(parameters)
        values.update(
            {
                "AWS::Region": aws_region,
                "AWS::AccountId": LOCAL_ACCOUNT_ID,
                "AWS::StackName": stack_name,
                "AWS::StackId": f"arn:aws:cloudformation:{aws_region}:{LOCAL_ACCOUNT_ID}:stack/{stack_name}/local",
                "AWS::Partition": "aws",
                "AWS::URLSuffix": "amazonaws.com",
                "AWS::NoValue": NO_VALUE,
            }
        )
        resources = {
            name: resource
            for name, resource in _section(document, "Resources").items()
            if isinstance(resource, dict)
        }
        return cls(resources, _section(document, "Conditions"), _section(document, "Mappings"), values)


def _section(document: Mapping[str, object], name: str) -> dict[str, object]:
    section = document.get(name) or {}
    if not isinstance(section, dict):
        msg = f"{name} must be a map"
        raise TemplateError(msg)
    return section
