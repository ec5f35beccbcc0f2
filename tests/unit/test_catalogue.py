"""The catalogue of regions is consistent, and the error tree is the one that its docstring draws."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import edge.problems
from edge.problems import Problem
from edge.regions import BY_AWS_REGION, BY_CODE, CANARY_REGION, DEPLOYED, GLOBAL_STACK_REGION, ROUTABLE

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_four_regions_are_deployed_and_six_routable() -> None:
    assert [region.code for region in DEPLOYED] == ["iad1", "sfo1", "cdg1", "hnd1"]
    assert len(ROUTABLE) == len(BY_CODE) == len(BY_AWS_REGION) == 6
    assert CANARY_REGION in DEPLOYED
    assert GLOBAL_STACK_REGION in DEPLOYED


def test_places_are_on_earth_and_apart() -> None:
    assert len({(region.latitude, region.longitude) for region in ROUTABLE}) == 6
    assert all(-90 <= region.latitude <= 90 and -180 <= region.longitude <= 180 for region in ROUTABLE)


def leaves(problem: type[Problem]) -> Iterator[type[Problem]]:
    for child in problem.__subclasses__():
        if child.__module__ == edge.problems.__name__:
            yield child
            yield from leaves(child)


RENDERED = [problem for problem in leaves(Problem) if hasattr(problem, "slug")]


def test_docstring_draws_every_problem_with_its_status_and_reason() -> None:
    drawn = re.findall(r"[|`]-- (\w+) +(\d{3})  (\w+)", edge.problems.__doc__ or "")

    assert drawn == [(problem.__name__, str(problem.status), problem.reason) for problem in RENDERED]


@pytest.mark.parametrize("problem", RENDERED, ids=lambda problem: problem.__name__)
def test_names_of_a_problem_agree(problem: type[Problem]) -> None:
    assert problem.slug == problem.reason.replace("_", "-")
    assert problem.__name__ == "".join(word.capitalize() for word in problem.reason.split("_"))
    assert problem.detail.endswith(".")
    assert 400 <= problem.status < 600
