"""Joins what functions declare, what their guards need and what :mod:`infra.openapi.operations` tells into one document."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from edge.auth.roles import SCOPES
from edge.callers import ANYBODY, KEY_OR_TOKEN, Need
from edge.optimize.middleware import OptimizeMiddleware
from infra.openapi import responses as answers
from infra.openapi.about import ABOUT, SECURITY_SCHEMES
from infra.openapi.operations import OPERATIONS, TAGS
from infra.openapi.problems import OCCURRENCES, problem_schema
from infra.openapi.schemas import RENAMED, merge_schemas, plain, renamed, tidy
from infra.openapi.shapes import SCHEMAS
from infra.openapi.stated import state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.app import EdgeApp
    from infra.openapi.loading import Loaded
    from infra.openapi.operations import Operation
    from infra.openapi.schemas import Json, Schema

EXAMPLES: Final = Path(__file__).with_name("examples.json")

FASTAPIS_OWN: Final = "422"
"""The status that FastAPI says it answers by itself; we answer it with a problem."""


class Drift(Exception):
    """Functions and table tell of different operations; says which."""


def build_document(functions: Sequence[Loaded], root: Path) -> Schema:
    """
    Return the OpenAPI 3.1 document of all functions; equal sources give equal documents, in the same order.

    Args:
        functions: with their routes.
        root: of the repository, for the version.

    Raises:
        Drift: an operation is not in :data:`~infra.openapi.operations.OPERATIONS`, or is there alone.
        infra.openapi.schemas.SchemaClash: two functions mean different things by one name.
    """
    examples: dict[str, Schema] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    documents = [renamed(function.app.openapi(), RENAMED.get(function.name, {})) for function in functions]
    paths: dict[str, Schema] = {}
    for function, document in zip(functions, documents, strict=True):
        for path, methods in cast("dict[str, dict[str, Schema]]", document["paths"]).items():
            for method, declared in methods.items():
                told = OPERATIONS.get((method, path))
                if told is None:
                    msg = f"{method} {path} of {function.name} is not in infra/openapi/operations.py"
                    raise Drift(msg)
                need = told.need or _need(function.app, method, path)
                sample = examples.get(told.name, {})
                operation = _operation(
                    declared,
                    told,
                    need,
                    sample,
                    conditional=told.is_versioned and _is_optimised(function.app, method),
                )
                paths.setdefault(path, {})[method] = operation
    _refuse_strangers({(method, path) for path, methods in paths.items() for method in methods})
    order = {path: number for number, (_, path) in enumerate(OPERATIONS)}
    return {
        "openapi": "3.1.0",
        "info": _info(root),
        "servers": [
            {"url": "/", "description": "Where this document came from."},
            {"url": "http://127.0.0.1:8000", "description": "`make up`: four regions on this machine."},
        ],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {path: cast("Json", paths[path]) for path in sorted(paths, key=order.__getitem__)},
        "components": {
            "securitySchemes": SECURITY_SCHEMES,
            "headers": answers.header_components(),
            "schemas": cast("Json", _schemas(documents)),
            "examples": {
                one.name: {"summary": one.problem.detail, "value": one.body}
                for one in sorted(OCCURRENCES, key=lambda one: one.name)
            },
        },
    }


def _info(root: Path) -> Schema:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "title": "Kaizen Edge",
        "summary": "A serverless edge API for four AWS regions.",
        "version": project["version"],
        "description": ABOUT,
        "license": {"name": "Apache License 2.0", "identifier": project["license"]},
    }


def _schemas(documents: Sequence[Schema]) -> dict[str, Json]:
    own = {
        "Problem": problem_schema(),
        **{name: tidy(cast("Json", schema)) for name, schema in SCHEMAS.items()},
    }
    return dict(sorted({**state(merge_schemas(documents)), **own}.items()))


def _refuse_strangers(found: set[tuple[str, str]]) -> None:
    missing = OPERATIONS.keys() - found
    if missing:
        msg = f"no function has {sorted(missing)}, which infra/openapi/operations.py tells of"
        raise Drift(msg)


def _operation(
    declared: Schema, told: Operation, need: Need | None, sample: Schema, *, conditional: bool
) -> Schema:
    parameters = tidy(declared.get("parameters", []))
    body = declared.get("requestBody")
    operation: Schema = {
        "operationId": told.name,
        "tags": [told.tag],
        "summary": told.summary,
        "description": plain(str(declared.get("description", ""))),
        "security": security_of(need),
    }
    if parameters:
        operation["parameters"] = parameters
    if isinstance(body, dict):
        operation["requestBody"] = _body(body, sample)
    bounded = isinstance(parameters, list) and any(
        isinstance(one, dict) and one.get("in") != "path" for one in parameters
    )
    kinds = [
        *answers.input_problems(has_body=body is not None, has_parameters=bounded),
        *answers.guard_problems(need),
        *told.problems,
        *(answers.CONDITIONAL if conditional else ()),
    ]
    found = dict(answers.problem_responses(kinds, is_limited=need is not None))
    names = [*told.headers, *(answers.LIMITED if need else ()), *(("ETag", "Vary") if conditional else ())]
    for status, response in _successes(declared, told, sample, names).items():
        found[status] = _both(response, found.get(status))
    if conditional:
        status, response = answers.not_modified()
        found[status] = response
    operation["responses"] = dict(sorted(found.items()))
    return operation


def _successes(declared: Schema, told: Operation, sample: Schema, names: Sequence[str]) -> dict[str, Schema]:
    """Return what is answered when all goes well, as the function's models have it or as the table does."""
    examples = cast("dict[str, Schema]", sample.get("answers", {}))
    found = {
        status: answers.success(status, kinds, examples.get(status, {}), names)
        for status, kinds in told.answers.items()
    }
    for status, response in cast("dict[str, Schema]", declared["responses"]).items():
        if status not in (*told.answers, FASTAPIS_OWN):
            tidied = cast("Schema", tidy(response))
            found[status] = answers.complete(tidied, status, examples.get(status, {}), names)
    return found


def _body(body: Schema, sample: Schema) -> Schema:
    content = cast("dict[str, Schema]", body["content"])
    shown = sample.get("requests")
    examples: Schema = {
        name: {"value": value} for name, value in (shown if isinstance(shown, dict) else {}).items()
    }
    told: Schema = {"examples": examples} if examples else {}
    written: Schema = {
        media_type: {"schema": tidy(given["schema"]), **told} for media_type, given in content.items()
    }
    return {"required": bool(body.get("required", False)), "content": written}


def _both(answer: Schema, problem: Schema | None) -> Schema:
    """Return the response of a status that tells a decision at one time and a problem at another."""
    if problem is None:
        return answer
    headers = {**cast("Schema", answer["headers"]), **cast("Schema", problem["headers"])}
    content = {**cast("Schema", answer.get("content", {})), **cast("Schema", problem["content"])}
    return {
        "description": f"{problem['description']} Or an answer of this status.",
        "headers": {name: headers[name] for name in answers.HEADERS if name in headers},
        "content": content,
    }


def security_of(need: Need | None) -> Json:
    """
    Return the alternatives that a caller has (OpenAPI 3.1: with the scope that each must carry).

    Args:
        need: of the guard; None where nobody is asked.
    """
    if need is None:
        return []
    scopes: list[Json] = [need.scope] if need.scope else []
    schemes = (
        ["ApiKey", "ApiKeyAuthorization", "AccessToken"] if need.shown_in == KEY_OR_TOKEN else ["ApiKey"]
    )
    nobody: list[Json] = [{}] if need.scope == ANYBODY or need.scope in SCOPES["ANONYMOUS"] else []
    return [*[cast("Json", {scheme: scopes}) for scheme in schemes], *nobody]


def _need(app: EdgeApp, method: str, path: str) -> Need | None:
    """Return what the guard of a route asks for."""
    for route in app.routes:
        if getattr(route, "path", None) == path and method.upper() in (getattr(route, "methods", None) or ()):
            for one in route.dependant.dependencies:  # type: ignore[attr-defined]
                need = getattr(one.call, "need", None)
                if isinstance(need, Need):
                    return need
    return None


def _is_optimised(app: EdgeApp, method: str) -> bool:
    return method == "get" and any(
        cast("object", added.cls) is OptimizeMiddleware for added in app.user_middleware
    )
