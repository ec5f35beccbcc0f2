"""What Lambda makes of failures, late answers and large ones, and what our layer makes of them before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests import rie
from tests.http_events import http_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtime.world import World

FAILING: Final = Path(__file__).with_name("failing")
TIMEOUT_SECONDS: Final = 1

MAX_PAYLOAD_BYTES: Final = 6_291_556
"""What Lambda passes on of an answer, JSON and all."""


@pytest.fixture(scope="module")
def failing(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[rie.Sandbox]:
    """The function that fails in every way, counted as the rate limiter is."""
    variables = {
        **world.variables("ratelimit_check"),
        "AWS_LAMBDA_FUNCTION_NAME": "kaizen-edge-local-failing",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(TIMEOUT_SECONDS),
    }
    log_path = tmp_path_factory.mktemp("failing") / "failing.log"
    with rie.sandbox(FAILING, layers=[rie.LAYER], variables=variables, log_path=log_path) as running:
        yield running


def test_defect_in_a_route_is_a_problem_that_tells_nothing_and_a_line_that_tells_where(
    failing: rie.Sandbox,
) -> None:
    answer: dict[str, Any] = failing.invoke(http_event("GET", "/fail")).payload
    assert answer["statusCode"] == 500
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert json.loads(answer["body"])["reason"] == "unexpected"
    assert "hunter2" not in json.dumps(answer)
    line = json.loads(next(line for line in failing.log().splitlines() if "ZeroDivisionError" in line))
    assert (line["level"], line["exception"]["type"]) == ("error", "builtins.ZeroDivisionError")
    assert "failing/app.py" in line["exception"]["frames"][-1]
    assert "hunter2" not in failing.log()


def test_defect_in_an_event_is_lambdas_to_see(failing: rie.Sandbox) -> None:
    refused = failing.invoke({"fail": True}).payload
    assert refused["errorType"] == "ZeroDivisionError"
    assert isinstance(failing.invoke({}).payload["payload"], int)


def test_largest_answer_is_passed_on_and_the_next_larger_one_is_not(failing: rie.Sandbox) -> None:
    quotes = 2
    largest = failing.invoke({"characters": MAX_PAYLOAD_BYTES - quotes}).payload["payload"]
    assert isinstance(largest, str)
    assert len(largest) == MAX_PAYLOAD_BYTES - quotes
    refused = failing.invoke({"characters": MAX_PAYLOAD_BYTES - quotes + 1}).payload
    assert refused["errorType"] == "Function.ResponseSizeTooLarge"
    assert isinstance(failing.invoke({}).payload["payload"], int)


def test_route_that_answers_too_much_fails_alone(failing: rie.Sandbox) -> None:
    def ask(count: int) -> dict[str, Any]:
        return failing.invoke(http_event("GET", "/bytes", query=f"count={count}")).payload

    largest = ask(6_000_000)
    assert (largest["statusCode"], len(largest["body"])) == (200, 6_000_000)
    assert ask(MAX_PAYLOAD_BYTES)["errorType"] == "Function.ResponseSizeTooLarge"
    assert ask(1)["body"] == "x"


def test_late_function_is_ended_and_the_next_event_finds_a_new_one(failing: rie.Sandbox) -> None:
    before = failing.cold_starts()
    late = failing.invoke({"sleep_seconds": TIMEOUT_SECONDS * 3})
    assert late.payload == {"errorMessage": "Task timed out after 1.00 seconds"}
    assert late.wall_ms < TIMEOUT_SECONDS * 3_000
    left_ms = failing.invoke({}).payload["payload"]
    assert isinstance(left_ms, int)
    assert 0 < left_ms <= TIMEOUT_SECONDS * 1000
    assert failing.cold_starts() == before + 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("0123456789abcdef" * 250_000, 200),  # four megabytes of text
        ('"' * 1_570_000, 200),  # four times as long in JSON within JSON: goes out in base64
        ("\x01" * 890_000, 200),  # seven times
        ("x" * 5_000_001, 413),
    ],
    ids=["text", "quotes", "control", "over"],
)
def test_optimised_answer_always_fits(
    optimize_response: rie.Sandbox, world: World, body: str, status: int
) -> None:
    document = {"body": body, "content_type": "text/plain"}
    event = http_event("POST", "/api/optimize/response", document, headers=world.shown)
    answer: dict[str, Any] = optimize_response.invoke(event).payload
    assert answer["statusCode"] == status, answer
    assert len(json.dumps(answer)) <= MAX_PAYLOAD_BYTES
    if status == 200:
        assert json.loads(answer["body"])["original_bytes"] == len(body.encode())


@pytest.fixture(scope="module")
def optimize_response(world: World) -> Iterator[rie.Sandbox]:
    """The function that takes and gives the most."""
    with world.sandbox("optimize_response") as running:
        yield running


def test_handler_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    code = tmp_path / "task"
    code.mkdir()
    (code / "app.py").write_text("import no_such_module\n", encoding="utf-8")
    with rie.sandbox(code, layers=[rie.LAYER], variables={}, log_path=tmp_path / "import.log") as running:
        answer = running.invoke({})
    assert answer.payload["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module" in str(answer.payload["errorMessage"])


def test_bad_settings_stop_the_start_and_name_every_fault(world: World) -> None:
    with world.sandbox("ratelimit_check", EDGE_STAGE="moon", ALLOWED_ORIGINS="*") as running:
        message = str(running.invoke({}).payload["errorMessage"])
    assert "EDGE_STAGE" in message
    assert "ALLOWED_ORIGINS" in message
    assert "moon" not in message
