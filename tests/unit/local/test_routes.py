"""Route selection: the order that API Gateway documents, and 404 where nothing fits."""

from __future__ import annotations

import pytest

from infra.local.routes import RouteTable
from infra.template import Route

TABLE = RouteTable(
    [
        Route("ANY", "/pets/{proxy+}", "greedy"),
        Route("GET", "/pets/{id}", "variable"),
        Route("ANY", "/pets/{id}", "variable_any"),
        Route("ANY", "/pets/dog/1", "literal_any"),
        Route("GET", "/pets/dog/1", "literal"),
        Route("GET", "/pets/dog/{n}", "half"),
        Route("ANY", "$default", "default"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "function", "parameters"),
    [
        ("GET", "/pets/dog/1", "literal", {}),
        ("POST", "/pets/dog/1", "literal_any", {}),
        ("GET", "/pets/dog/2", "half", {"n": "2"}),
        ("POST", "/pets/dog/2", "greedy", {"proxy": "dog/2"}),
        ("GET", "/pets/7", "variable", {"id": "7"}),
        ("PUT", "/pets/7", "variable_any", {"id": "7"}),
        ("GET", "/pets/a/b/c/", "greedy", {"proxy": "a/b/c/"}),
        ("GET", "/pets/", "default", {}),
        ("GET", "/pets", "default", {}),
        ("GET", "/PETS/7", "default", {}),
        ("GET", "//pets/7", "default", {}),
    ],
)
def test_most_specific_route_wins(method: str, path: str, function: str, parameters: dict[str, str]) -> None:
    selected = TABLE.select(method, path)
    assert selected is not None
    assert (selected.route.function, dict(selected.path_parameters)) == (function, parameters)


def test_greedy_segment_loses_to_variable_whatever_the_method() -> None:
    table = RouteTable([Route("GET", "/a/{rest+}", "greedy"), Route("ANY", "/a/{one}", "variable")])
    selected = table.select("GET", "/a/x")
    assert selected is not None
    assert selected.route.function == "variable"


@pytest.mark.parametrize(("method", "path"), [("GET", "/b"), ("POST", "/a"), ("GET", "/a/"), ("GET", "/")])
def test_no_match_without_default_is_none(method: str, path: str) -> None:
    assert RouteTable([Route("GET", "/a", "f")]).select(method, path) is None
