"""What tests of the API's document share: all functions behind one call, and what the document says of an answer."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.functional.auth_setup import an_address
from tests.functions import FUNCTION_NAMES, FUNCTIONS, load_function
from tests.http_events import Answer, http_event, invoke
from tests.json_schema import CANARY, Schemas

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

DOCUMENT: Final[dict[str, Any]] = json.loads(
    (FUNCTIONS / "docs" / "assets" / "openapi.json").read_text("utf-8")
)
SCHEMAS: Final = Schemas(DOCUMENT)
EXAMPLES: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "infra" / "openapi" / "examples.json").read_text("utf-8")
)
WITH_HANDLER: Final = [
    name for name in FUNCTION_NAMES if "make_handler(" in (FUNCTIONS / name / "app.py").read_text("utf-8")
]
REQUEST_ID: Final = http_event("GET", "/")["requestContext"]["requestId"]
PROBLEM: Final = "application/problem+json"


class Operation(NamedTuple):
    """One operation of the document."""

    method: str
    path: str
    described: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.described["operationId"])

    @property
    def body(self) -> dict[str, Any] | None:
        if "requestBody" not in self.described:
            return None
        schema: dict[str, Any] = self.described["requestBody"]["content"]["application/json"]["schema"]
        return schema


OPERATIONS: Final = [
    Operation(method.upper(), path, described)
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
]
BY_NAME: Final = {operation.name: operation for operation in OPERATIONS}


class Api:
    """
    All functions of a region.

    Args:
        environ: what the template tells them.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._functions: dict[str, ModuleType] = {}
        for name in WITH_HANDLER:
            function = load_function(name, self._environ)
            self._functions |= {str(route.path): function for route in function.app.routes}

    def function(self, path: str) -> ModuleType:
        """Return the function that has the route *path* (a template)."""
        return self._functions[path]

    def call(
        self,
        operation: Operation,
        *,
        method: str | None = None,
        body: object = None,
        raw_body: bytes | None = None,
        parameters: Mapping[str, str] | None = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Answer one request, hold the answer to the document, and hold the log to its silence about input."""
        path = re.sub(r"{(\w+)}", lambda found: (parameters or {}).get(found[1], "x"), operation.path)
        event = http_event(
            method or operation.method, path, body, headers=headers, raw_body=raw_body, query=query
        )
        event["requestContext"]["http"]["sourceIp"] = an_address()
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            answer = invoke(self.function(operation.path).handler, event)
        assert out.getvalue().count("\n") == 1
        correlation = (headers or {}).get("x-correlation-id", "")
        assert (
            CANARY not in out.getvalue().replace(correlation, "")
            if correlation
            else CANARY not in out.getvalue()
        )
        if method is None:
            hold(operation, answer)
        return answer


def media_type(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0]


def hold(operation: Operation, answer: Answer) -> None:
    """Hold *answer* to what the document says of *operation*."""
    assert answer.status != 500, answer.body
    described = operation.described["responses"].get(str(answer.status))
    assert described is not None, f"{operation.name} may not answer {answer.status}: {answer.body[:300]!r}"
    _hold_headers(described, answer)
    content = described.get("content", {})
    if not answer.body:
        assert not content or operation.method == "HEAD", f"{operation.name} {answer.status} has no content"
        return
    assert media_type(answer) in content, f"{operation.name} {answer.status} as {media_type(answer)}"
    if media_type(answer) == PROBLEM:
        _hold_problem(content[PROBLEM], answer)
    elif media_type(answer).endswith("json") and "content-encoding" not in answer.headers:
        schema = content[media_type(answer)]["schema"]
        assert list(SCHEMAS.faults(answer.json(), schema)) == []
        if SCHEMAS.resolved(schema).get("description") != "An OpenAPI document.":
            assert list(SCHEMAS.strangers(answer.json(), schema)) == []


def _hold_headers(described: dict[str, Any], answer: Answer) -> None:
    for name in described["headers"]:
        known = DOCUMENT["components"]["headers"][name]
        assert name.lower() in answer.headers or not known["required"], f"{answer.status} without {name}"
        if known["schema"]["type"] == "integer" and name.lower() in answer.headers:
            assert answer.headers[name.lower()].isdigit()
    told = {name.lower() for name in described["headers"]}
    ours = {name.lower() for name in DOCUMENT["components"]["headers"]} - {"vary", "etag"}
    assert ours & answer.headers.keys() <= told, ours & answer.headers.keys() - told


def _hold_problem(described: dict[str, Any], answer: Answer) -> None:
    document = answer.json()
    assert list(SCHEMAS.faults(document, described["schema"])) == []
    assert document["instance"] == REQUEST_ID == answer.headers["x-request-id"]
    assert document["status"] == answer.status
    kind = document["type"].removeprefix("/problems/")
    assert f"{kind}.{document['reason']}" in described["examples"], document
    told = DOCUMENT["components"]["examples"][f"{kind}.{document['reason']}"]["value"]
    assert (document["title"], document["detail"]) == (told["title"], told["detail"])
    assert document.keys() == told.keys()
    assert CANARY.encode() not in answer.body
    assert CANARY not in "".join(
        value for name, value in answer.headers.items() if name != "x-correlation-id"
    )
    assert "no-store" in answer.headers["cache-control"]
    if "retry_after_seconds" in document:
        assert answer.headers["retry-after"] == str(document["retry_after_seconds"])
