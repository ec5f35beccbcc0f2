"""
What the boundary itself says of a request in the log, nothing that a domain adds can say otherwise.

A line is one object, and the later of two members of one name wins; which of them CloudWatch or a collector believes is
anybody's guess. So the names that domains use are read from the code, all of them, and compared with those that are taken.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.app import create_app, json_answer, make_handler
from edge.settings import Settings
from edge.telemetry.emf import emf_members
from edge.web.log import Log
from tests.http_events import http_event, invoke

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[3]
TAKEN: Final = frozenset(
    {
        # edge.web.log
        "timestamp", "level", "message", "region", "function", "stage", "version",
        # edge.web.boundary
        "request_id", "correlation_id", "method", "route", "status", "duration_ms", "body_bytes", "reason", "trace_id",
        "aws_request_id", "cold_start", "exception",
        # edge.callers
        "caller", "role", "client_id",
        # edge.telemetry.emf
        "_aws", "server_errors", "degraded_checks",
        # edge.telemetry.shipping_records adds these
        "id", "log_group", "log_stream",
    }
)  # fmt: skip


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("shared/edge", "functions"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))


def keys_in(tree: ast.AST) -> Iterator[str]:
    """Yield the names that dictionaries written in *tree* have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (
                key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
            )


def places() -> Iterator[tuple[str, ast.AST]]:
    """Yield everything that becomes part of a line: outcomes, and what problems tell the log."""
    for path, module in sources():
        if path.name == "callers.py":
            continue  # its names are among those that are taken
        for node in ast.walk(module):
            name = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.FunctionDef) and (
                node.name.endswith("_outcome") or node.name in ("log_fields", "extensions")
            ):
                yield f"{name} {node.name}", node
            elif isinstance(node, ast.keyword) and node.arg == "outcome":
                yield f"{name} outcome=", node.value
            elif isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name | ast.Attribute)
                and ast.unparse(target).rpartition(".")[2] in ("outcome", "_log_fields")
                for target in node.targets
            ):
                yield f"{name} {ast.unparse(node.targets[0])}", node.value


def test_no_domain_uses_a_name_that_is_taken() -> None:
    found = {place: set(keys_in(tree)) for place, tree in places()}
    names = set().union(*found.values())

    assert {
        "decision",
        "because",
        "routed_by",
        "health",
        "active",
        "revoked",
        "fault",
        "aws_error",
        "home",
    } <= names
    assert {place: keys & TAKEN for place, keys in found.items() if keys & TAKEN} == {}


def test_names_that_are_taken_are_those_of_a_line() -> None:
    lines: list[str] = []
    settings = Settings.from_env({"AWS_REGION": "eu-west-3"})

    class Telemetry:
        def tell(self, told: Any) -> dict[str, object]:
            return dict(emf_members(status=told.status, degraded=False, now_ms=1))

    app = create_app(settings, log=Log(settings, lines.append), telemetry=Telemetry())

    @app.get("/api/fine")
    async def fine() -> Any:
        return json_answer({}, outcome={"decision": "allowed"})

    @app.get("/api/defect")
    async def defect() -> Any:
        raise RuntimeError("text")

    handler = make_handler(app)
    for path in ("/api/fine", "/api/defect", "/api/unknown"):
        trace = {"x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678"}
        invoke(handler, http_event("GET", path, headers=trace))

    members = [set(json.loads(line)) for line in lines]
    assert set().union(*members) - TAKEN == {"decision"}
    assert members[1] >= {"exception", "reason", "_aws", "trace_id", "request_id"}
    for line in lines:
        assert len(json.loads(line)) == len(json.loads(line, object_pairs_hook=list)), (
            "no name is there twice"
        )
