"""
The functions of one region: who is called, how many may wait, and what happens when one runs out of time.

Each function has one sandbox, so its calls run one after another; those that wait stand in a bounded queue. On AWS a
second sandbox would start instead: the queue stands for that, and its end for the concurrency limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import Future, InvalidStateError
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from infra.local.loading import log_line
from infra.local.sandbox import FunctionTimedOut, Invocation, InvocationError, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.template import Function

MAX_WAITING: Final = 256
"""Calls that wait for one function; the next one is throttled."""

WATCH_SECONDS: Final = 0.05
"""How often running calls are compared with their timeout."""


class Throttled(InvocationError):
    """More calls than may wait: Lambda's TooManyRequestsException."""


class Unreachable(InvocationError):
    """A fresh sandbox could not be loaded."""


class LocalFunction:
    """
    One function: its queue and its sandbox of the moment.

    Args:
        function: as the template describes it.
        environment: all that it sees at import, on top of the process's own.
    """

    def __init__(self, function: Function, environment: Mapping[str, str]) -> None:
        self.function = function
        self._environment = environment
        self._calls: SimpleQueue[Invocation | None] = SimpleQueue()
        self._waiting = 0
        self._sandbox = Sandbox(function, environment, self._calls)

    def wait_loaded(self) -> None:
        """
        Wait until it is loaded.

        Raises:
            LoadFailed: it does not import.
        """
        self._sandbox.wait_loaded()

    async def invoke(self, event: dict[str, object]) -> object:
        """
        Call the function and return its payload.

        Args:
            event: given away; the function may change it.

        Raises:
            FunctionFailed: it failed.
            FunctionTimedOut: it ran longer than the template allows.
            Throttled: too many calls wait for it.
            asyncio.CancelledError: the caller gave up; a call that has not begun never will.
        """
        if self._waiting >= MAX_WAITING:
            raise Throttled
        if self._sandbox.load_error is not None:
            raise Unreachable
        call = Invocation(event, Future())
        self._waiting += 1
        self._calls.put(call)
        try:
            return await asyncio.wrap_future(call.result)
        finally:
            self._waiting -= 1

    def enforce_timeout(self, now: float) -> None:
        """Fail a call that is overdue at ``time.monotonic()`` *now* and put a fresh sandbox in its place."""
        call = self._sandbox.overdue(now)
        if call is None:
            return
        self._sandbox.retire()
        log_line(
            "function timed out; its thread is left behind and a fresh sandbox takes over",
            self.function.name,
            timeout_seconds=self.function.timeout_seconds,
        )
        self._sandbox = Sandbox(self.function, self._environment, self._calls)
        with contextlib.suppress(InvalidStateError):  # it returned at this very moment: the result stands
            call.result.set_exception(FunctionTimedOut(self.function.name))

    def stop(self, *, wait_seconds: float = 0.0) -> None:
        """End the sandbox after the calls that are queued."""
        self._calls.put(None)
        self._sandbox.join(wait_seconds)


class LocalFunctions:
    """
    All functions of one region by logical id.

    Args:
        functions: as the template describes them.
        environment: what every function of the region sees (:func:`region_environment`).
    """

    def __init__(self, functions: Iterable[Function], environment: Mapping[str, str]) -> None:
        self._by_id = {
            function.logical_id: LocalFunction(function, function_environment(function, environment))
            for function in functions
        }

    def wait_loaded(self) -> None:
        """
        Wait until all are loaded.

        Raises:
            LoadFailed: the first one, in template order, that does not import.
        """
        for function in self._by_id.values():
            function.wait_loaded()

    def __getitem__(self, logical_id: str) -> LocalFunction:
        return self._by_id[logical_id]

    async def watch(self) -> None:
        """Enforce timeouts until cancelled."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = time.monotonic()
            for function in self._by_id.values():
                function.enforce_timeout(now)

    def stop(self, *, wait_seconds: float = 0.0) -> None:
        """End every sandbox."""
        for function in self._by_id.values():
            function.stop(wait_seconds=wait_seconds)


def region_environment(
    *, code: str, aws_region: str, emulator_url: str, endpoints: str = ""
) -> dict[str, str]:
    """Return what every function of a region finds in its environment: region, engine, credentials, stage, its peers."""
    return {
        "AWS_REGION": aws_region,
        "AWS_DEFAULT_REGION": aws_region,
        "AWS_ENDPOINT_URL": emulator_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "EDGE_REGION": code,
        "ENDPOINTS": endpoints,
        "EDGE_STAGE": "development",
    }


def function_environment(function: Function, shared: Mapping[str, str]) -> dict[str, str]:
    """
    Return the variables of one function: the template's, under those that this machine decides.

    Args:
        function: as the template describes it.
        shared: from :func:`region_environment`; wins, so that a template cannot point a laptop at AWS.
    """
    return {
        **function.environment,
        **shared,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(function.code_dir),
    }
