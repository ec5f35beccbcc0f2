"""The Lambda context object that handlers are called with, as Python's runtime on AWS makes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.template import Function


class LambdaContext:
    """
    One invocation's context (Lambda developer guide, "Using the Lambda context object").

    Args:
        function: the function that is invoked.
        request_id: Lambda's id of the invocation, not the gateway's.
        arn: of the function.
        log_stream_name: one per sandbox.
        deadline: ``time.monotonic()`` at which the function's timeout strikes.
    """

    __slots__ = (
        "_deadline",
        "aws_request_id",
        "client_context",
        "function_name",
        "function_version",
        "identity",
        "invoked_function_arn",
        "log_group_name",
        "log_stream_name",
        "memory_limit_in_mb",
    )

    def __init__(
        self, function: Function, *, request_id: str, arn: str, log_stream_name: str, deadline: float
    ) -> None:
        self.function_name = function.name
        self.function_version = "$LATEST"
        self.invoked_function_arn = arn
        self.memory_limit_in_mb = str(function.memory_mb)  # text on AWS too
        self.aws_request_id = request_id
        self.log_group_name = f"/aws/lambda/{function.name}"
        self.log_stream_name = log_stream_name
        self.identity = None  # set for the mobile SDK only
        self.client_context = None
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Return milliseconds until the function's timeout, 0 when it is over."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))
