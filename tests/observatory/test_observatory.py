"""
What the MDN HTTP Observatory says of our own functions' answers, over real HTTPS; ``docs/optimize.md`` has the rules.

What it does not see, an allowed origin that is anybody's, is in ``tests/unit/web/test_cors.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.app import Response, create_app, json_answer, make_handler
from edge.clock import SystemClock
from edge.optimize.middleware import OptimizeMiddleware
from edge.settings import Settings
from edge.web.log import Log
from infra.local.emulator import LOCAL_CREDENTIALS
from infra.template import load_stack
from tests.debian import needs
from tests.functions import load_function
from tests.observatory.scanner import Graded, find_scanner, grade
from tests.observatory.site import run_site

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.observatory.site import Handler

SCANNER = find_scanner()
pytestmark = needs(SCANNER.reason)

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
AWS_REGION = "eu-west-3"
ENVIRON = {
    "EDGE_STAGE": "development",
    "ALLOWED_ORIGINS": "https://app.example.com",
    "LOG_LEVEL": "critical",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nobody answers there, and nothing that is graded asks
    **LOCAL_CREDENTIALS,
}


def _function(name: str) -> Handler:
    """Return the handler of function *name*, with the settings that the template gives it."""
    functions = {one.name: one.environment for one in load_stack(TEMPLATE, aws_region=AWS_REGION).functions}
    handler: Handler = load_function(name, {**functions.get(name, {}), **ENVIRON}).handler
    return handler


def _rows() -> Handler:
    """An answer of the API as functions with larger ones have it: optimised, behind the boundary."""
    settings = Settings.from_env({"AWS_REGION": AWS_REGION, **ENVIRON})
    app = create_app(settings, log=Log(settings, lambda _: None))
    app.add_middleware(OptimizeMiddleware, strategy="moderate", clock=SystemClock())

    @app.get("/rows")
    async def rows() -> Response:
        return json_answer({"rows": [{"id": number, "name": f"row {number}"} for number in range(200)]})

    return make_handler(app)


def _bare(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """What a function answers that nobody thought about."""
    headers = {"content-type": "text/html", "set-cookie": "session=1", "access-control-allow-origin": "*"}
    return {"statusCode": 200, "headers": headers, "body": "<script>1</script>", "isBase64Encoded": False}


@pytest.fixture
def graded(tmp_path: Path) -> Callable[[Handler, str], Graded]:
    def one(handler: Handler, path: str) -> Graded:
        with run_site(tmp_path, handler) as site:
            return grade(site, path)

    return one


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("rows", "/rows"),
        ("health", "/api/monitoring/live"),
        ("dashboard", "/monitoring-dashboard"),
    ],
)
def test_answer_and_page_are_graded_a_plus(
    graded: Callable[[Handler, str], Graded], name: str, path: str
) -> None:
    result = graded(_rows() if name == "rows" else _function(name), path)
    assert result["status"] == 200, result
    assert (result["grade"], result["score"] >= 130) == ("A+", True), json.dumps(result, indent=1)


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [("geo_route", "/api/geo/route", 405), ("dashboard", "/monitoring-dashboard/nowhere", 404)],
)
def test_problem_is_graded_a_plus(
    graded: Callable[[Handler, str], Graded], name: str, path: str, status: int
) -> None:
    result = graded(_function(name), path)
    assert (result["status"], result["grade"]) == (status, "A+"), json.dumps(result, indent=1)


def test_answer_without_our_headers_is_not(graded: Callable[[Handler, str], Graded]) -> None:
    result = graded(_bare, "/")
    assert result["grade"] in ("D", "D-", "F"), json.dumps(result, indent=1)
    assert result["found"]["content-security-policy"] == "csp-not-implemented"
    assert result["found"]["strict-transport-security"] == "hsts-not-implemented"


def test_every_test_of_the_observatory_is_run_on_what_it_is_meant_for(
    graded: Callable[[Handler, str], Graded],
) -> None:
    found = graded(_rows(), "/rows")["found"]
    assert found["redirection"] == "redirection-to-https"
    assert found["cross-origin-resource-policy"] == "corp-implemented-with-same-origin"
    assert len(found) == 10
