"""Functions of a region under the event loop: waiting, throttling, timeouts, and callers that give up."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from infra.local import functions as functions_module
from infra.local import gateway as gateway_module
from infra.local.functions import LocalFunction, LocalFunctions, Throttled, Unreachable
from infra.local.gateway import Gateway
from infra.local.messages import HttpRequest
from infra.local.sandbox import FunctionTimedOut
from infra.template import Function, Route, Stack

if TYPE_CHECKING:
    from pathlib import Path

SLEEPER = "import time\nRAN = []\ndef handler(event, context):\n    RAN.append(event.get('n'))\n    time.sleep(event.get('s', 0))\n    return RAN"


def function_in(folder: Path, source: str = SLEEPER) -> Function:
    (folder / "app.py").write_text(source)
    return Function("F", "sleeper", folder, "app.handler", 1, 128, {})


def test_call_over_the_queue_is_throttled_and_the_others_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions_module, "MAX_WAITING", 3)

    async def main() -> None:
        function = LocalFunction(function_in(tmp_path), {})
        calls = [asyncio.create_task(function.invoke({"n": n, "s": 0.02})) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Throttled):
            await function.invoke({})
        assert [len(str(answer)) > 0 for answer in await asyncio.gather(*calls)] == [True] * 3
        assert await function.invoke({"n": 3}) == [0, 1, 2, 3]
        function.stop(wait_seconds=2)

    asyncio.run(main())


def test_call_that_was_given_up_never_begins(tmp_path: Path) -> None:
    async def main() -> None:
        function = LocalFunction(function_in(tmp_path), {})
        first = asyncio.create_task(function.invoke({"n": 1, "s": 0.05}))
        await asyncio.sleep(0)
        second = asyncio.create_task(function.invoke({"n": 2}))
        await asyncio.sleep(0)
        second.cancel()
        await first
        assert await function.invoke({"n": 3}) == [1, 3]
        function.stop(wait_seconds=2)

    asyncio.run(main())


def test_timeout_fails_one_call_and_the_waiting_one_runs_in_a_fresh_sandbox(tmp_path: Path) -> None:
    async def main() -> None:
        function = LocalFunction(function_in(tmp_path), {})
        function.wait_loaded()
        stuck = asyncio.create_task(function.invoke({"n": 1, "s": 0.3}))
        waiting = asyncio.create_task(function.invoke({"n": 2}))
        await asyncio.sleep(0.05)
        function.enforce_timeout(time.monotonic())
        assert not stuck.done()
        function.enforce_timeout(time.monotonic() + 2)
        with pytest.raises(FunctionTimedOut):
            await stuck
        assert await waiting == [2]
        function.stop(wait_seconds=2)

    asyncio.run(main())


def test_function_whose_fresh_sandbox_does_not_load_is_unreachable(tmp_path: Path) -> None:
    async def main() -> None:
        function = LocalFunction(function_in(tmp_path), {})
        function.wait_loaded()
        stuck = asyncio.create_task(function.invoke({"s": 0.2}))
        await asyncio.sleep(0.05)
        (tmp_path / "app.py").write_text("raise ValueError")
        function.enforce_timeout(time.monotonic() + 2)
        with pytest.raises(FunctionTimedOut):
            await stuck
        with pytest.raises(Exception, match="does not import"):
            function.wait_loaded()
        with pytest.raises(Unreachable):
            await function.invoke({})

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["integration timeout", "throttled"])
def test_http_api_answers_503_for_what_is_not_the_functions_fault(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_module, "INTEGRATION_TIMEOUT_SECONDS", 0.05)
    if fault == "throttled":
        monkeypatch.setattr(functions_module, "MAX_WAITING", 0)

    async def main() -> None:
        function = function_in(tmp_path, "import time\ndef handler(event, context): time.sleep(0.2)")
        functions = LocalFunctions([function], {})
        functions.wait_loaded()
        gateway = Gateway(Stack((function,), (Route("ANY", "/a", "F"),), ()), functions, api_id="x")
        answer = await gateway.handle(HttpRequest("GET", b"/a", ((b"host", b"h"),), b"", "127.0.0.1", 1))
        assert (answer.status, answer.body) == (503, b'{"message":"Service Unavailable"}')
        functions.stop(wait_seconds=2)

    asyncio.run(main())
