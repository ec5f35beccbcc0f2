"""
One sandbox of one function: its own module and its own thread, one invocation at a time.

The module is loaded in the thread that calls it, because Mangum binds its event loop to the thread that makes it.
Unlike on Lambda a thread cannot be killed, so a stuck one is left behind and replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
import uuid
from concurrent.futures import InvalidStateError
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.local.answers import MAX_PAYLOAD_BYTES
from infra.local.context import LambdaContext
from infra.local.loading import LoadFailed, load_handler, log_line, stack_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from queue import SimpleQueue

    from infra.local.loading import Handler
    from infra.template import Function


class InvocationError(Exception):
    """The function did not return a value: it raised, ran out of time, or was not there to be called."""


class FunctionFailed(InvocationError):
    """The function raised, exited, or returned what JSON or Lambda's limit cannot hold."""


class FunctionTimedOut(InvocationError):
    """The function ran longer than its template allows."""


@dataclass(slots=True)
class Invocation:
    """
    One call on its way to a sandbox.

    Attributes:
        event: the function may change it.
        result: completed by the sandbox; one that is cancelled before its turn is skipped.
    """

    event: dict[str, object]
    result: Future[object]


class Sandbox:
    """
    A thread that loads a function and then answers calls from a queue until it is told to stop.

    Args:
        function: what to load.
        environment: variables to show while it loads, on top of the process's own.
        calls: where calls come from; ``None`` in it ends the thread that takes it.
    """

    def __init__(
        self, function: Function, environment: Mapping[str, str], calls: SimpleQueue[Invocation | None]
    ) -> None:
        self._function = function
        self._environment = environment
        self._calls = calls
        self._retired = threading.Event()
        self._loaded = threading.Event()
        self._log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid.uuid4().hex}"
        self._arn = (
            f"arn:aws:lambda:{environment.get('AWS_REGION', '')}:000000000000:function:{function.name}"
        )
        self.load_error: LoadFailed | None = None
        self.current: Invocation | None = None
        self.started = 0.0
        self._thread = threading.Thread(target=self._run, name=f"function-{function.name}", daemon=True)
        self._thread.start()

    def wait_loaded(self) -> None:
        """
        Wait for the import.

        Raises:
            LoadFailed: it failed.
        """
        self._loaded.wait()
        if self.load_error is not None:
            raise self.load_error

    def overdue(self, now: float) -> Invocation | None:
        """Return the call that has run longer than the function's timeout at ``time.monotonic()`` *now*, if one has."""
        call, started = self.current, self.started
        return call if call is not None and now - started > self._function.timeout_seconds else None

    def retire(self) -> None:
        """Take no further call; a running one is left to end by itself."""
        self._retired.set()

    def join(self, timeout_seconds: float) -> None:
        """Wait for the thread, after ``None`` was put on its queue."""
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        try:
            handler = load_handler(self._function, self._environment)
        except LoadFailed as error:
            self.load_error = error
            self._loaded.set()
        else:
            self._loaded.set()
            self._serve(handler)
        _close_event_loop()

    def _serve(self, handler: Handler) -> None:
        while not self._retired.is_set() and (call := self._calls.get()) is not None:
            if not call.result.set_running_or_notify_cancel():
                continue
            self.started = time.monotonic()
            self.current = call
            outcome = self._invoke(handler, call.event)
            self.current = None
            with contextlib.suppress(
                InvalidStateError
            ):  # it timed out at this very moment: the timeout stands
                if isinstance(outcome, InvocationError):
                    call.result.set_exception(outcome)
                else:
                    call.result.set_result(outcome.value)

    def _invoke(self, handler: Handler, event: dict[str, object]) -> _Returned | FunctionFailed:
        request_id = str(uuid.uuid4())
        context = LambdaContext(
            self._function,
            request_id=request_id,
            arn=self._arn,
            log_stream_name=self._log_stream,
            deadline=self.started + self._function.timeout_seconds,
        )
        try:
            payload = handler(event, context)
            size_bytes = len(json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        except (Exception, SystemExit) as error:  # the boundary where a function's crash becomes a 500
            log_line("function failed", self._function.name, request_id=request_id, error=stack_of(error))
            return FunctionFailed(type(error).__name__)
        if size_bytes > MAX_PAYLOAD_BYTES:
            log_line(
                "response over Lambda's limit", self._function.name, request_id=request_id, bytes=size_bytes
            )
            return FunctionFailed("Function.ResponseSizeTooLarge")
        return _Returned(payload)


@dataclass(frozen=True, slots=True)
class _Returned:
    value: object


def _close_event_loop() -> None:
    try:
        loop = asyncio.get_event_loop()  # Mangum's, if it made one in this thread
    except RuntimeError:
        return
    loop.close()
