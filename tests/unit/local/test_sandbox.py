"""One sandbox: what a function sees while it loads, one call at a time, and a replacement when it is stuck."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest

from infra.local.functions import function_environment, region_environment
from infra.local.loading import LoadFailed
from infra.local.sandbox import FunctionFailed, Invocation, Sandbox
from infra.template import Function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[[str], "Running"]


class Running:
    """A sandbox and its queue."""

    def __init__(self, function: Function) -> None:
        self.calls: SimpleQueue[Invocation | None] = SimpleQueue()
        shared = region_environment(code="cdg1", aws_region="eu-west-3", emulator_url="http://127.0.0.1:1")
        self.sandbox = Sandbox(function, function_environment(function, shared), self.calls)

    def call(self, **event: object) -> Future[object]:
        result: Future[object] = Future()
        self.calls.put(Invocation(event, result))
        return result


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Running] = []

    def begin(source: str) -> Running:
        folder = tmp_path / f"function_{len(running)}"
        folder.mkdir()
        (folder / "app.py").write_text(source)
        function = Function(
            "F", folder.name, folder, "app.handler", 1, 128, {"NOTES": "n", "EDGE_STAGE": "production"}
        )
        running.append(Running(function))
        return running[-1]

    yield begin
    for one in running:
        one.calls.put(None)
        one.sandbox.join(2.0)


def test_function_sees_its_environment_at_import_and_nobody_does_after(start: Start) -> None:
    running = start("import os\nSEEN = dict(os.environ)\ndef handler(event, context): return SEEN")
    running.sandbox.wait_loaded()
    assert "NOTES" not in os.environ
    seen = running.call().result(5)
    assert isinstance(seen, dict)
    assert seen["NOTES"] == "n"
    assert seen["EDGE_REGION"] == "cdg1"
    assert seen["EDGE_STAGE"] == "development"
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "function_0"
    assert seen["LAMBDA_TASK_ROOT"].endswith("function_0")


def test_two_functions_may_have_siblings_of_the_same_name(start: Start, tmp_path: Path) -> None:
    for index in range(2):
        (tmp_path / f"shared_{index}").mkdir()
    source = "import sys, pathlib\npathlib.Path(sys.path[0], 'models.py').write_text('N = {}')\n"
    body = "import models\ndef handler(event, context): return models.N"
    first = start(source.format(1) + body)
    first.sandbox.wait_loaded()
    second = start(source.format(2) + body)
    assert (first.call().result(5), second.call().result(5)) == (1, 2)
    assert "models" not in sys.modules


def test_calls_run_one_after_another(start: Start) -> None:
    running = start(
        "import time\nbusy = []\n"
        "def handler(event, context):\n"
        "    busy.append(1)\n    time.sleep(0.01)\n    seen = len(busy)\n    busy.pop()\n    return seen"
    )
    assert {call.result(5) for call in [running.call() for _ in range(10)]} == {1}


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError('x')",
        "raise SystemExit(1)",
        "return object()",
        "return {1, 2}",
        "return 'x' * (6 << 20)",
    ],
)
def test_failure_is_the_functions_and_the_sandbox_goes_on(
    body: str, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    running = start(f"def handler(event, context):\n    if event.get('ok'): return 1\n    {body}")
    with pytest.raises(FunctionFailed):
        running.call().result(5)
    assert running.call(ok=True).result(5) == 1
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert line["function"] == "function_0"


def test_call_given_up_before_its_turn_is_skipped(start: Start) -> None:
    running = start(
        "import threading\ngate = threading.Event()\nran = []\n"
        "def handler(event, context):\n    ran.append(event['n'])\n    return list(ran)"
    )
    first, second = Future[object](), Future[object]()
    assert second.cancel()
    for number, result in ((1, first), (2, second)):
        running.calls.put(Invocation({"n": number}, result))
    assert running.call(n=3).result(5) == [1, 3]


def test_overdue_call_is_known_and_a_retired_sandbox_takes_no_other(start: Start) -> None:
    running = start(
        "import threading\ngate = threading.Event()\n"
        "def handler(event, context):\n    if event.get('go'):\n        gate.set()\n    return gate.wait(5)"
    )
    stuck = running.call()
    while running.sandbox.current is None:
        time.sleep(0.001)
    now = time.monotonic()
    assert running.sandbox.overdue(now) is None
    late = running.sandbox.overdue(now + 2)
    assert late is not None
    assert late.result is stuck
    running.sandbox.retire()
    waiting = running.call(go=True)
    loaded = [module for name, module in sys.modules.items() if name.startswith("kaizen_local_function_0")]
    loaded[-1].gate.set()
    running.sandbox.join(5)
    assert not waiting.done()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "import nothing_like_this",
            "function function_0 does not import: ModuleNotFoundError: No module named 'nothing_like_this'",
        ),
        ("x = 1", "function function_0 does not import: AttributeError"),
        ("raise SystemExit(2)", "function function_0 does not import: SystemExit: 2"),
        ("def broken(:", "function function_0 does not import: SyntaxError"),
    ],
)
def test_import_failure_is_one_line(
    source: str, message: str, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LoadFailed) as caught:
        start(source).sandbox.wait_loaded()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert "Traceback" in json.loads(capsys.readouterr().out.splitlines()[0])["error"]


def test_context_has_what_the_runtime_gives(start: Start) -> None:
    running = start(
        "def handler(event, context):\n"
        "    return [context.function_name, context.memory_limit_in_mb, context.invoked_function_arn,\n"
        "            context.log_group_name, context.get_remaining_time_in_millis(), context.identity,\n"
        "            context.client_context, len(context.aws_request_id), context.function_version]"
    )
    seen = running.call().result(5)
    assert isinstance(seen, list)
    remaining_ms = seen.pop(4)
    assert 500 < remaining_ms <= 1000
    arn = "arn:aws:lambda:eu-west-3:000000000000:function:function_0"
    assert seen == ["function_0", "128", arn, "/aws/lambda/function_0", None, None, 36, "$LATEST"]
