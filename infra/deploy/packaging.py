"""
A built template as CloudFormation gets it in one region: code by its place in the bucket, settings of functions bound.

Why bound. SAM publishes a function version, and moves alias ``live``, when the *text* of the function's properties has
changed. ``{Ref: Endpoints}`` is the same text whatever the parameter's value is, so a deployment that changes a parameter
alone would change ``$LATEST``, which nobody calls. In what is uploaded the parameters in functions' environments are
therefore replaced with their values; the stack has its parameters all the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from infra.deploy.artifacts import CODE_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.deploy.artifacts import Artifact

_PLACEHOLDER: Final = re.compile(r"\$\{([A-Za-z0-9:]+)\}")
_OPEN: Final = re.compile(r"\$\{(?!!)")
"""Something that CloudFormation has to put in, an attribute of a resource perhaps."""

ENDPOINTS: Final = "Endpoints"
"""The parameter with every region's URL."""

FUNCTION_TYPE: Final = "AWS::Serverless::Function"

Document = dict[str, object]


class Revision(NamedTuple):
    """
    What a stack is brought to.

    Attributes:
        template_key: of the template in the region's bucket.
        parameters: all that the template declares, with their values.
        version: for people.
        release: the same for the same code, template and settings in every region; empty where it is not known.
    """

    template_key: str
    parameters: Mapping[str, str]
    version: str
    release: str = ""


def release_of(
    document: Mapping[str, object], artifacts: Mapping[str, Artifact], parameters: Mapping[str, str]
) -> str:
    """
    Return the name of what is deployed: 12 hex digits over template, code and settings.

    Endpoints are left out: they are facts of the regions, known after the first deployment, and make no other release.
    """
    settings = {name: value for name, value in parameters.items() if name != ENDPOINTS}
    digests = {name: artifact.digest for name, artifact in artifacts.items()}
    content = json.dumps([document, digests, settings], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def declared_parameters(document: Mapping[str, object]) -> dict[str, str | None]:
    """Return the parameters that a template declares with their defaults; None where there is no default."""
    found: dict[str, str | None] = {}
    for name, declaration in _map(document.get("Parameters")).items():
        default = _map(declaration).get("Default")
        found[name] = None if default is None else str(default)
    return found


def effective_parameters(
    document: Mapping[str, object], *, explicit: Mapping[str, str], previous: Mapping[str, str]
) -> dict[str, str]:
    """
    Return a value for every parameter that is declared: what is asked for, else what the stack has, else the default.

    Args:
        document: the template.
        explicit: what this deployment sets; what is not declared is left out.
        previous: values of the stack as it is; they stay, as with ``sam deploy``.
    """
    values: dict[str, str] = {}
    for name, default in declared_parameters(document).items():
        found = explicit.get(name, previous.get(name, default))
        if found is not None:
            values[name] = found
    return values


def packaged(
    document: Mapping[str, object],
    artifacts: Mapping[str, Artifact],
    *,
    bucket: str,
    parameters: Mapping[str, str],
    stack_name: str = "",
) -> str:
    """
    Return the template's text for one region.

    Args:
        document: as it was built.
        artifacts: by logical id.
        bucket: that holds them.
        parameters: values that functions' environments are bound to.
        stack_name: if given, tables get their names literally: only then does CloudFormation take over a table that an
            earlier stack left behind (ImportExistingResources).
    """
    copy = cast("Document", json.loads(json.dumps(document)))
    defaults = _map(_map(copy.get("Globals")).get("Function"))
    _bind_environment(defaults, parameters)
    for logical_id, resource in _map(copy["Resources"]).items():
        properties = _map(_map(resource).get("Properties"))
        for name in CODE_PROPERTIES:
            if logical_id in artifacts and isinstance(properties.get(name), str):
                properties[name] = f"s3://{bucket}/{artifacts[logical_id].key}"
        if stack_name and "TableName" in properties:
            names = {"AWS::StackName": stack_name, **parameters}
            properties["TableName"] = _bound(properties["TableName"], names)
        if _map(resource).get("Type") == FUNCTION_TYPE:
            _bind_environment(properties, parameters)
        if logical_id in artifacts:
            _map(resource).pop("Metadata", None)  # of the build
    return json.dumps(copy, separators=(",", ":"), ensure_ascii=False)


def replica_regions(document: Mapping[str, object]) -> dict[str, list[str]]:
    """Return AWS's names of the regions of each global table, by logical id."""
    return {
        logical_id: [str(replica["Region"]) for replica in properties["Replicas"]]
        for logical_id, resource in _map(document["Resources"]).items()
        if _map(resource).get("Type") == "AWS::DynamoDB::GlobalTable"
        for properties in [cast("dict[str, list[dict[str, object]]]", _map(resource)["Properties"])]
    }


def template_key(text: str) -> str:
    """Return where a template lies in a bucket: by its digest."""
    return f"templates/{hashlib.sha256(text.encode()).hexdigest()[:40]}.template"


def _bind_environment(properties: Document, parameters: Mapping[str, str]) -> None:
    environment = _map(properties.get("Environment"))
    variables = _map(environment.get("Variables"))
    for name, value in variables.items():
        variables[name] = _bound(value, parameters)


def _bound(value: object, parameters: Mapping[str, str]) -> object:
    if isinstance(value, list):
        return [_bound(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and value.get("Ref") in parameters:
        return parameters[value["Ref"]]
    if len(value) == 1 and isinstance(value.get("Fn::Sub"), str):
        return _substituted(value["Fn::Sub"], parameters)
    return {name: _bound(item, parameters) for name, item in value.items()}


def _substituted(text: str, parameters: Mapping[str, str]) -> object:
    """Return a text of ``Fn::Sub`` with parameters in it; what looks like a placeholder in a value is text, as for AWS."""

    def bound(found: re.Match[str]) -> str:
        value = parameters.get(found[1])
        return found[0] if value is None else value.replace("${", "${!")

    text = _PLACEHOLDER.sub(bound, text)
    return {"Fn::Sub": text} if _OPEN.search(text) else text.replace("${!", "${")


def _map(value: object) -> Document:
    return value if isinstance(value, dict) else {}
