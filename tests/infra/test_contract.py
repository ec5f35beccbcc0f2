"""Template, document, handlers, README, labels and error tree tell of the same routes and reasons: the drift is zero."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.routing import APIRoute

import edge
from edge.auth.roles import SCOPES
from edge.problems import Problem
from edge.telemetry.labels import CACHEABLE_ROUTES, REASONS, ROUTES, UNGUARDED
from infra.openapi.document import Drift, build_document
from infra.openapi.files import ASSETS, COMMAND, served_files, stale_files
from infra.openapi.loading import Loaded, load_functions
from infra.openapi.operations import OPERATIONS
from infra.openapi.problems import OCCURRENCES
from infra.template import load_stack
from tests.infra.document import ROOT, TEMPLATE
from tests.json_schema import Schemas

Routes = set[tuple[str, str, str]]
"""Function, method, path."""

EVENT_ONLY = {"authorizer", "health_probe", "log_shipper", "metrics_fold"}
"""Functions that no HTTP request reaches."""


@cache
def loaded() -> list[Loaded]:
    return load_functions(ROOT)


@cache
def files() -> dict[str, bytes]:
    return served_files(ROOT)


@cache
def document() -> dict[str, Any]:
    return dict(build_document(loaded(), ROOT))


def handlers() -> Routes:
    return {
        (function.name, method, route.path)
        for function in loaded()
        for route in function.app.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def documented() -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}


def operations() -> list[Any]:
    return [
        pytest.param(operation, id=operation["operationId"])
        for methods in document()["paths"].values()
        for operation in methods.values()
    ]


def readme() -> Routes:
    """Return the routes of README's table of concerns."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("| concern | route | function |\n|---|---|---|\n")[2].partition("\n\n")[0]
    found: Routes = set()
    for line in table.splitlines():
        _, _, route, names, _ = line.split("|")
        functions = re.findall(r"`(?:functions/)?(\w+)`", names)
        found |= {
            (name, method, path) for method, path in _routes_of(route) for name in _owners(functions, path)
        }
    return found


def _routes_of(cell: str) -> set[tuple[str, str]]:
    """Return method and path of each route in *cell*; one that names no method has those of the one before."""
    found, methods, is_new = set(), list[str](), True
    for code in re.findall(r"`([^`]+)`", cell):
        method, _, path = code.rpartition(" ") if " " in code else ("", "", code)
        if not code.startswith("/"):
            methods = [*([] if is_new else methods), method or code]
            is_new = bool(path) and code != methods[-1]
        if "/" in code:
            found |= {(one, path) for one in methods}
            is_new = True
    return found


def _owners(functions: list[str], path: str) -> list[str]:
    """Return which of a row's functions have *path*; all of them if none has, so that it is seen."""
    return [name for name in functions if path in ROUTES.get(name, {})] or functions


def test_what_is_served_is_what_the_functions_say() -> None:
    stale = stale_files(ROOT, files())

    assert stale == [], f"{ASSETS} is out of date; run: PYTHONPATH=shared:. .venv/bin/{COMMAND}"


def test_document_is_the_same_each_time() -> None:
    assert served_files(ROOT) == files()


def test_every_handler_is_documented_and_nothing_else() -> None:
    assert {(method, path) for _, method, path in handlers()} == documented()
    assert {(method.upper(), path) for method, path in OPERATIONS} == documented()


def test_the_template_has_the_routes_of_the_handlers() -> None:
    stack = load_stack(TEMPLATE, aws_region="us-west-1")
    names = {function.logical_id: function.name for function in stack.functions}
    template = {(names[route.function], route.path) for route in stack.routes if route.path != "$default"}

    assert template == {(function, path) for function, _, path in handlers()}
    assert {function.name for function in stack.functions} - EVENT_ONLY == {one.name for one in loaded()}


def test_labels_of_metrics_have_the_routes_of_the_handlers() -> None:
    labelled = {
        (function, method, path)
        for function, routes in ROUTES.items()
        for path, methods in routes.items()
        for method in methods
        if path.startswith("/")
    }

    assert labelled == handlers()


def test_readme_has_the_routes_of_the_handlers() -> None:
    assert readme() == handlers()


def test_routes_whose_answers_can_be_confirmed_are_those_with_304() -> None:
    confirmed = {
        path
        for path, methods in document()["paths"].items()
        for operation in methods.values()
        if "304" in operation["responses"]
    }

    assert confirmed == CACHEABLE_ROUTES


def test_functions_that_ask_nobody_are_those_without_security() -> None:
    open_paths = {
        path
        for path, methods in document()["paths"].items()
        if not any(one["security"] for one in methods.values())
    }
    functions = {function: path for function, _, path in handlers() if path not in open_paths}

    assert {one.name for one in loaded()} - functions.keys() == UNGUARDED - EVENT_ONLY


def test_every_problem_with_every_reason_is_explained() -> None:
    for module in pkgutil.walk_packages(edge.__path__, "edge."):
        importlib.import_module(module.name)
    leaves, waiting = set(), list(Problem.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if "slug" in vars(kind):
            leaves.add(kind.slug)
    explained = {one.problem.slug for one in OCCURRENCES}

    # The last is of the limiter as middleware, for applications of others.
    assert leaves - explained == {"unusable-subject", "subject-denied"}
    assert explained <= leaves
    assert {one.problem.reason for one in OCCURRENCES} == REASONS - {"unusable_subject", "subject_denied"}
    assert len({one.name for one in OCCURRENCES}) == len(OCCURRENCES)


def test_every_problem_can_occur_somewhere_or_everywhere() -> None:
    told = {
        name
        for methods in document()["paths"].values()
        for operation in methods.values()
        for response in operation["responses"].values()
        for name in response.get("content", {}).get("application/problem+json", {}).get("examples", {})
    }
    everywhere = {"origin-not-allowed.origin_not_allowed", "wrong-method.wrong_method"}

    assert told | everywhere == {one.name for one in OCCURRENCES}
    for name in everywhere:
        assert f"`{name.partition('.')[2]}`" in document()["info"]["description"]


@pytest.mark.parametrize("operation", operations())
def test_operation_is_told_of_whole(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"].endswith(".")
    assert operation["tags"][0] in {tag["name"] for tag in document()["tags"]}
    assert any(status < "400" for status in operation["responses"])
    assert "default" not in operation["responses"]
    assert {scope for one in operation["security"] for scopes in one.values() for scope in scopes} <= SCOPES[
        "ADMIN"
    ]


def test_operations_have_names_of_their_own() -> None:
    names = [operation.name for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)


def test_references_lead_somewhere_and_everything_is_used() -> None:
    used: set[str] = set()
    waiting: list[Any] = [document()]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            used |= {one["$ref"]} if isinstance(one.get("$ref"), str) else set()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    components = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "headers", "examples")
        for name in document()["components"][kind]
    }
    everywhere = {"origin-not-allowed.origin_not_allowed", "wrong-method.wrong_method"}

    assert used <= components
    assert components - used == {f"#/components/examples/{name}" for name in everywhere}


def test_examples_fit_their_schemas() -> None:
    schemas = Schemas(document())
    for methods in document()["paths"].values():
        for operation in methods.values():
            for holder in [*operation["responses"].values(), operation.get("requestBody", {})]:
                for media_type, given in holder.get("content", {}).items():
                    for example in given.get("examples", {}).values():
                        value = resolved(example)["value"]
                        faults = [
                            *schemas.faults(value, given["schema"]),
                            *schemas.strangers(value, given["schema"]),
                        ]
                        assert faults == [], (operation["operationId"], media_type)


def resolved(example: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in example:
        return example
    return dict(document()["components"]["examples"][example["$ref"].rpartition("/")[2]])


def test_texts_have_nothing_of_our_sources() -> None:
    text = files()["openapi.json"].decode()

    assert re.findall(r":(?:class|func|mod|data|meth):|``|edge\.(?!aws\.dynamo)\w+\.", text) == []
    assert re.findall(r"\bek_\w+_\w{12}_\w{20,}|eyJ\w+\.\w{20,}\.", text) == [], (
        "an example with a whole secret"
    )


def test_a_handler_without_a_description_is_drift() -> None:
    functions = [function for function in loaded() if function.name == "docs"]
    with pytest.raises(Drift, match="ratelimit/check"):
        build_document(functions, ROOT)


class Balance(HTMLParser):
    """Finds elements that are not closed where they should be, and targets of links."""

    VOID = frozenset({"meta", "link", "img", "br", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.loaded: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        told = dict(attrs)
        if told.get("id"):
            self.ids.append(str(told["id"]))
        if (told.get("href") or "").startswith("#"):
            self.targets.add(str(told["href"])[1:])
        if tag in ("link", "img", "script", "iframe"):
            self.loaded.add(str(told.get("href") or told.get("src")))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{self.getpos()}: </{tag}>")


def test_the_page_is_well_formed_and_its_links_lead_somewhere() -> None:
    page = Balance()
    page.feed(files()["reference.html"].decode())

    assert (page.faults, page.open) == ([], [])
    assert len(set(page.ids)) == len(page.ids)
    assert page.targets <= set(page.ids)
    assert {name.rpartition("/")[2] for name in page.loaded} == files().keys() - {
        "openapi.json",
        "reference.html",
    }
    assert {operation.name for operation in OPERATIONS.values()} <= set(page.ids)
