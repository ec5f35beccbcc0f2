"""The lists that labels come from are those of the code: functions, routes, reasons, outcomes."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

import edge
from edge.auth.apikeys.problems import CONFLICTS
from edge.auth.apikeys.problems import REFUSALS as KEY_REFUSALS
from edge.auth.sessions.problems import RefusalReason as RefreshReason
from edge.auth.tokens.problems import RefusalReason as TokenReason
from edge.geo.decisions import Method, Mode
from edge.optimize.problems import HeaderReason
from edge.problems import Problem
from edge.signing.problems import RefusalReason as SignatureReason
from edge.telemetry.definitions import COUNTERS, DEFINITIONS, DURATIONS, REQUESTS
from edge.telemetry.known_series import always, label_values
from edge.telemetry.labels import (
    CACHEABLE_ROUTES,
    DECISIONS,
    DOMAIN_REASONS,
    GENERAL_REASONS,
    GEO_METHODS,
    GEO_MODES,
    REASONS,
    ROUTES,
    SIGNATURE_OUTCOMES,
    UNGUARDED,
)
from infra.template import load_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


def leaves(problem: type[Problem]) -> Iterator[type[Problem]]:
    for child in problem.__subclasses__():
        yield child
        yield from leaves(child)


def test_every_reason_that_a_problem_can_have_is_known() -> None:
    for module in pkgutil.walk_packages(edge.__path__, "edge."):
        if module.name.endswith("problems"):
            importlib.import_module(module.name)
    of_classes = {
        leaf.reason
        for leaf in leaves(Problem)
        if "reason" in leaf.__dict__
        and leaf.__module__.startswith("edge.")
        and "telemetry" not in leaf.__module__
    }
    of_sets = {*KEY_REFUSALS, *CONFLICTS}
    for reasons in (RefreshReason, TokenReason, SignatureReason, HeaderReason):
        of_sets |= set(get_args(reasons))

    assert not (of_classes | of_sets) - REASONS
    assert not set(GENERAL_REASONS) & DOMAIN_REASONS


def test_every_function_and_route_of_the_template_is_known() -> None:
    """What the template has not yet is no fault; what it has must be counted under its name."""
    text = (ROOT / "template.yaml").read_text()
    folders = set(re.findall(r"CodeUri: functions/(\w+)/", text))
    paths = set(re.findall(r"Path: '?(/[^,'}]*(?:\{[^}]*\}[^,'}]*)*)'?,", text))
    known = {route for routes in ROUTES.values() for route in routes}

    assert len(folders) > 10
    assert not folders - set(ROUTES)
    assert not {path for path in paths if "proxy" not in path} - known
    assert load_stack(ROOT / "template.yaml", aws_region="eu-west-3").tables


def test_sets_of_geo_limits_and_signatures_are_those_of_their_domains() -> None:
    assert set(GEO_METHODS) == set(get_args(Method))
    assert set(GEO_MODES) == set(get_args(Mode))
    assert set(get_args(SignatureReason)) < set(SIGNATURE_OUTCOMES["sign_verify"])
    limiter = (ROOT / "shared/edge/ratelimit/wire.py").read_text()
    weight = re.search(r"_WEIGHT.*?= \((.*?)\)", limiter)
    assert weight is not None
    assert {because for _, because in DECISIONS} == set(re.findall(r'"(\w+)"', weight[1]))


def test_names_are_in_the_sets_that_they_are_looked_up_in() -> None:
    assert set(ROUTES) >= UNGUARDED
    assert {route for routes in ROUTES.values() for route in routes} >= CACHEABLE_ROUTES


@pytest.mark.parametrize("counted", [*COUNTERS, DURATIONS], ids=lambda counted: counted.definition.name)
def test_series_that_always_exist_are_of_the_closed_sets(counted: object) -> None:
    assert isinstance(counted, type(REQUESTS))
    assert len(counted.definition.labels) == 1 + len(counted.values)
    for function in ROUTES:
        for labels in always(counted, function):
            assert label_values(counted, list(labels)) == labels
            assert all(" " not in label for label in labels), "a space ends a word of a key"


def test_names_end_as_their_kinds_want() -> None:
    names = [definition.name for definition in DEFINITIONS]
    assert len(set(names)) == len(names)
    for definition in DEFINITIONS:
        assert definition.name.startswith("edge_")
        assert definition.name.endswith("_total") == (definition.kind == "counter")
        assert definition.name.removesuffix("_total").endswith(definition.unit)
        assert not re.search(r"(counter|gauge|histogram|summary)", definition.name)
        assert definition.help.endswith(".")
        assert not {"region", "le", "quantile"} & set(definition.labels)
