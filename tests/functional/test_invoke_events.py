"""
The events of ``tests/events/invoke``, which ``sam local invoke`` takes, given to the functions as Lambda gives them.

No Docker is needed for that, and none is here: what is tested is that each event is one of API Gateway's, a schedule's or
a log group's for a route or trigger that the template has, and what the function makes of it.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.telemetry.labels import ROUTES
from infra.cost.usage import LINE_BYTES
from infra.local.events import Arrival, build_event
from infra.local.messages import HttpRequest
from infra.local.routes import RouteTable
from infra.template import load_stack
from tests.functional.auth_setup import House, open_house
from tests.functions import FUNCTION_NAMES, load_function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.template import Stack

ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = ROOT / "template.yaml"
EVENTS: Final = ROOT / "tests" / "events" / "invoke"
ENVIRONMENT: Final = EVENTS / "environment.json"
PAGE: Final = ROOT / "docs" / "operations.md"
NAMES: Final = sorted(path.stem for path in EVENTS.glob("*.json") if path != ENVIRONMENT)
HTTP: Final = [name for name in NAMES if set(ROUTES[name]) != {"event"}]

PLACEHOLDERS: Final = ("YOUR_API_KEY", "YOUR_ACCESS_TOKEN", "YOUR_REFRESH_TOKEN")
STATUS: Final = {"keys": 201, "sign_verify": 401}
"""What functions answer that do not answer 200; the request of sign_verify is not signed."""


class Context:
    """What functions read of Lambda's context."""

    aws_request_id = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
    function_name = "kaizen-edge-log-shipper"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-west-1:123456789012:function:kaizen-edge-log-shipper:live"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def stack() -> Stack:
    return load_stack(TEMPLATE, aws_region="us-west-1")


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


def filled(name: str, house: House) -> dict[str, Any]:
    """Return the event with a key and tokens where the reader puts his own."""
    text = (EVENTS / f"{name}.json").read_text("utf-8")
    tokens = house.sign_in() if "_TOKEN" in text else {"access_token": "", "refresh_token": ""}
    values = (house.admin_key, tokens["access_token"], tokens["refresh_token"])
    for placeholder, value in zip(PLACEHOLDERS, values, strict=True):
        text = text.replace(placeholder, value)
    event: dict[str, Any] = json.loads(text)
    return event


def answer(name: str, house: House) -> tuple[Any, list[str]]:
    """Return what function *name* answers to its event, and the lines it writes."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        said = house[name].handler(filled(name, house), Context())
    return said, written.getvalue().splitlines()


def test_every_function_has_an_event_and_every_event_a_function() -> None:
    assert set(FUNCTION_NAMES) <= set(NAMES)
    assert set(NAMES) == set(ROUTES)


@pytest.mark.parametrize("name", HTTP)
def test_event_is_what_the_gateway_makes_of_such_a_request(name: str, stack: Stack) -> None:
    event = read(name)
    context = event["requestContext"]
    of_the_gateway = ("x-forwarded-for", "x-forwarded-port", "x-forwarded-proto")
    headers = [item for item in event["headers"].items() if item[0] not in of_the_gateway]
    target = event["rawPath"] + ("?" + event["rawQueryString"] if event["rawQueryString"] else "")
    request = HttpRequest(
        method=context["http"]["method"],
        target=target.encode("ascii"),
        headers=tuple((field.encode(), value.encode()) for field, value in headers),
        body=event.get("body", "").encode(),
        client_host=context["http"]["sourceIp"],
        server_port=443,
    )
    selected = RouteTable(stack.routes).select(request.method, event["rawPath"])
    assert selected is not None
    arrival = Arrival(
        api_id=context["apiId"],
        account_id=context["accountId"],
        request_id=context["requestId"],
        trace_id="unused: the request brings one",
        now_ms=context["timeEpoch"],
        scheme="https",
    )
    if name in {function.name for function in stack.functions}:
        (function,) = [found for found in stack.functions if found.logical_id == selected.route.function]
        assert function.name == name
        assert build_event(request, selected, event["rawPath"], arrival) == event


@pytest.mark.parametrize("name", [name for name in HTTP if name in FUNCTION_NAMES])
def test_function_answers_its_event_with_one_line_of_the_length_that_is_priced(
    name: str, house: House
) -> None:
    said, lines = answer(name, house)

    assert said["statusCode"] == STATUS.get(name, 200), said
    assert len(lines) == 1
    assert len(lines[0]) + len("kaizen-edge-") <= LINE_BYTES
    assert json.loads(lines[0])["_aws"]["CloudWatchMetrics"]


def test_authorizer_lets_the_key_in(house: House) -> None:
    said, _ = answer("authorizer", house)
    assert said["isAuthorized"] is True


def test_scheduled_functions_run_on_the_clocks_event(house: House, stack: Stack) -> None:
    for function in stack.functions:
        if function.logical_id not in {schedule.function for schedule in stack.schedules}:
            continue
        event = read(function.name)
        assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
        (name,) = [each.name for each in stack.schedules if each.function == function.logical_id]
        assert event["resources"][0].endswith(f"-{function.logical_id}{name}")

    assert answer("metrics_fold", house)[0] == {"shards": 0, "refused": 0, "left": 0}
    assert answer("health_probe", house)[0]["failed"] == 0


def test_shipper_is_handed_a_batch_of_a_log_group(house: House) -> None:
    (data,) = read("log_shipper")["awslogs"].values()
    logs = json.loads(gzip.decompress(base64.b64decode(data)))
    assert logs["messageType"] == "DATA_MESSAGE"
    assert [json.loads(line["message"])["message"] for line in logs["logEvents"]] == ["request"]

    assert "log_shipper" in FUNCTION_NAMES
    said, lines = answer("log_shipper", house)
    assert said is None
    assert not any(json.loads(line).get("unkept") for line in lines)


def test_environment_names_variables_of_every_function_and_the_tables_of_make_up(stack: Stack) -> None:
    document: dict[str, dict[str, str]] = json.loads(ENVIRONMENT.read_text("utf-8"))
    assert set(document) == {"Parameters"}
    given = document["Parameters"]
    for function in stack.functions:  # sam passes no variable that the template does not name
        assert given.keys() <= function.environment.keys(), function.name

    local = load_stack(TEMPLATE, aws_region="us-west-1", stack_name="kaizen-edge-local")
    tables = {table.logical_id: table.name for table in local.tables}
    assert given == {
        "EDGE_STAGE": "development",
        "RATE_WINDOWS_TABLE": tables["RateWindows"],
        "NONCES_TABLE": tables["Nonces"],
        "TELEMETRY_TABLE": tables["Telemetry"],
    }


def commands() -> str:
    """Return the block of the page that says how."""
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if "sam local invoke" in block]
    return block.replace("\\\n", " ")


def test_command_of_the_page_tells_every_function_where_the_emulator_is(tmp_path: Path) -> None:
    (line,) = [line for line in commands().splitlines() if line.startswith("sed ") and ">" in line]
    made = tmp_path / "template.yaml"
    command = line.replace(".aws-sam/build/template.yaml", str(TEMPLATE))
    command = command.replace(".aws-sam/build/emulated.yaml", str(made))
    subprocess.run(["bash", "-c", command], check=True, timeout=10)

    stack = load_stack(made, aws_region="us-west-1")
    assert {function.environment.get("AWS_ENDPOINT_URL") for function in stack.functions} == {
        "http://127.0.0.1:8010"
    }


def test_options_of_the_page_are_those_of_sam() -> None:
    lines = [line for line in commands().splitlines() if "sam local invoke" in line]
    assert lines
    told = subprocess.run(
        [ROOT / ".venv-sam" / "bin" / "sam", "local", "invoke", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"SAM_CLI_TELEMETRY": "0", "PATH": "/usr/bin:/bin", "HOME": str(ROOT / ".cache")},
    ).stdout
    for line in lines:
        words = line.split("sam local invoke", 1)[1].split()
        assert words[0] in {
            function.logical_id for function in load_stack(TEMPLATE, aws_region="us-west-1").functions
        }
        for option in [word for word in words if word.startswith("-") and word != "-"]:
            assert re.search(rf"(?<![\w-]){re.escape(option)}\b", told), option


def test_placeholders_are_the_ones_that_the_page_fills_in() -> None:
    used = {found for name in NAMES for found in re.findall(r"YOUR_[A-Z_]+", json.dumps(read(name)))}
    assert used == set(PLACEHOLDERS)
    assert all(placeholder in PAGE.read_text("utf-8") for placeholder in PLACEHOLDERS)


def test_function_without_its_key_refuses_the_event_as_it_is(house: House) -> None:
    function = load_function("ratelimit_check", house.environ)
    with contextlib.redirect_stdout(io.StringIO()):
        said = function.handler(read("ratelimit_check"), Context())
    assert said["statusCode"] == 401
