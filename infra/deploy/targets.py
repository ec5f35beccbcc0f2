"""
What each stack of a deployment is brought to: parameters, packaged templates, uploaded artifacts.

A parameter's value is, in this order: what the command line sets, what the tool knows (stage, architecture, version, names,
endpoints), ``samconfig.toml``, what the stack has, the template's default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from edge.regions import DEPLOYED
from infra.deploy.failures import DeployFailed
from infra.deploy.packaging import (
    ENDPOINTS,
    Revision,
    declared_parameters,
    effective_parameters,
    packaged,
    release_of,
    template_key,
)
from infra.deploy.places import ROOT, read_settings
from infra.deploy.prove import API_OUTPUT
from infra.template_document import load_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.deploy.artifacts import Build
    from infra.deploy.session import Session
    from infra.deploy.site import Site
    from infra.deploy.stacks import Stack

GLOBAL_TEMPLATE: Final = ROOT / "infra" / "global.yaml"


def check_overrides(build: Build, overrides: Mapping[str, str]) -> None:
    """
    Refuse a parameter of the command line that neither template declares.

    Raises:
        DeployFailed: there is one.
    """
    declared = {*declared_parameters(build.document), *declared_parameters(load_document(GLOBAL_TEMPLATE))}
    if unknown := sorted(set(overrides) - declared):
        raise DeployFailed("usage", f"Neither template declares a parameter {', '.join(unknown)}.")


class Target(NamedTuple):
    """
    What a stack is brought to.

    Attributes:
        revision: template and parameters.
        tags: of the stack.
    """

    revision: Revision
    tags: Mapping[str, str]


def endpoints_of(stacks: Mapping[str, Stack | None]) -> str:
    """
    Return the value of the parameter ``Endpoints``: ``code=url`` of each region that is there, in catalogue order.

    Args:
        stacks: of the regions, by code.
    """
    known = {
        code: stack.outputs[API_OUTPUT]
        for code, stack in stacks.items()
        if stack and API_OUTPUT in stack.outputs
    }
    return ",".join(f"{region.code}={known[region.code]}" for region in DEPLOYED if region.code in known)


def regional_target(
    session: Session,
    site: Site,
    build: Build,
    *,
    overrides: Mapping[str, str],
    stack: Stack | None,
    endpoints: str,
    upload: bool,
) -> Target:
    """
    Return what a region's stack is brought to.

    Args:
        session: of this run.
        site: of the region.
        build: what is deployed.
        overrides: parameters of the command line.
        stack: as it is.
        endpoints: of all regions, as far as they are known.
        upload: whether artifacts are uploaded; without, the template alone is (and the bucket is there).
    """
    settings = read_settings(site.where)
    declared = declared_parameters(build.document)
    known = {
        "Stage": session.names.stage,
        "Architecture": build.architecture,
        "GlobalStack": session.names.global_stack,
        "Version": declared.get("Version") or "",
        ENDPOINTS: endpoints or (stack.parameters.get(ENDPOINTS, "") if stack else ""),
    }
    parameters = effective_parameters(
        build.document,
        explicit={**settings.parameters, **known, **overrides},
        previous=stack.parameters if stack is not None else {},
    )
    tags = {**settings.tags, "stage": session.names.stage}
    if upload:
        site.bucket.ensure(tags)
        uploaded = sum(site.bucket.put(one.key, one.zipped) for one in build.artifacts.values())
        if uploaded:
            session.progress.step(site.where, f"uploaded {uploaded} of {len(build.artifacts)} artifacts")
    text = packaged(
        build.document, build.artifacts, bucket=site.bucket.name, parameters=parameters, stack_name=site.stack
    )
    if session.emulator is not None:
        text = session.emulator.template(text, bucket=site.bucket.name, parameters=parameters)
    return Target(
        Revision(
            _uploaded(site, text),
            parameters,
            parameters.get("Version", ""),
            release_of(build.document, build.artifacts, parameters),
        ),
        tags,
    )


def global_target(
    session: Session,
    site: Site,
    *,
    overrides: Mapping[str, str],
    stack: Stack | None,
    regional: Mapping[str, Stack | None],
    upload: bool,
    path: Path = GLOBAL_TEMPLATE,
) -> Target:
    """
    Return what the stack of what exists once is brought to.

    A parameter that is called as a region and an output of its stack, ``Sfo1OwnTarget``, gets that output; ``Public`` before
    an output's name is left out.

    Args:
        session: of this run.
        site: of the stack.
        overrides: parameters of the command line, of both templates.
        stack: as it is.
        regional: the regions' stacks, by code, as far as there are any.
        upload: whether the bucket is made when it is not there.
        path: of the template.
    """
    document = load_document(path)
    derived = {
        f"{code.capitalize()}{output.removeprefix('Public')}": value
        for code, found in regional.items()
        if found is not None
        for output, value in found.outputs.items()
    }
    parameters = effective_parameters(
        document,
        explicit={**derived, "Stage": session.names.stage, **overrides},
        previous=stack.parameters if stack is not None else {},
    )
    tags = {"project": "kaizen-edge", "stage": session.names.stage}
    if upload:
        site.bucket.ensure(tags)
    text = packaged(document, {}, bucket=site.bucket.name, parameters=parameters, stack_name=site.stack)
    if session.emulator is not None:
        text = session.emulator.template(text, bucket=site.bucket.name, parameters=parameters)
    return Target(Revision(_uploaded(site, text), parameters, "", release_of(document, {}, parameters)), tags)


def _uploaded(site: Site, text: str) -> str:
    key = template_key(text)
    site.bucket.put(key, text.encode)
    return key
