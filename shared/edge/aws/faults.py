"""
What a call to AWS can end in, other than its result.

::

    edge.problems.ServiceProblem
    |-- DependencyUnavailable    503
    |   `-- Unavailable                the caller can come back later    + fault, outcome_unknown
    `-- Unexpected               500
        `-- Refused                    a defect of ours: the request     + code
            |-- RequestInvalid         ... is malformed                  ValidationException, SerializationException
            |-- TableMissing           ... names no table                ResourceNotFoundException
            `-- AccessRefused          ... is not allowed to our role    AccessDeniedException

A failed condition is no fault: it is a result (:class:`edge.aws.dynamo.ConditionFailed`). Nothing here carries text
from the service: its messages quote the request. *fault* is a member of a closed set, *code* is AWS's own error code,
letters only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.problems import DependencyUnavailable, Unexpected

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Fault: TypeAlias = Literal[
        "throttled",
        "conflict",
        "no_time",
        "timed_out",
        "connection",
        "server_fault",
        "garbled",
        "credentials",
    ]

RETRY_AFTER_SECONDS = 1
"""What a caller is told; throttling and reconnecting are over within a second or not for a while."""


class Unavailable(DependencyUnavailable):
    """
    The service gave no usable answer.

    Args:
        fault: what went wrong last: ``throttled`` (it refused for load), ``conflict`` (it is there, and others wrote
            to the same items at every try), ``no_time`` (it was not asked: the request had no time left), ``timed_out`` (no answer in the budget),
            ``connection`` (none could be made or it broke), ``server_fault`` (5xx), ``garbled`` (an answer that
            breaks its own format), ``credentials`` (none, or refused after a refresh).
        outcome_unknown: a write may or may not have happened. False is a promise that it has not.
    """

    def __init__(self, fault: Fault, *, outcome_unknown: bool) -> None:
        super().__init__(RETRY_AFTER_SECONDS)
        self.fault: Fault = fault
        self.outcome_unknown = outcome_unknown

    def log_fields(self) -> dict[str, object]:
        """Tell the log what went wrong and whether the write may have happened."""
        return {"fault": self.fault, "outcome_unknown": self.outcome_unknown}

    def __str__(self) -> str:
        return f"{self.fault}, outcome {'unknown' if self.outcome_unknown else 'known: nothing happened'}"


class Refused(Unexpected):
    """
    The service understood and refused: the same request fails again, so it is our defect.

    Args:
        code: AWS's error code, such as ``ValidationException``; 1 to 64 ASCII letters, checked where it is read.
    """

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code

    def log_fields(self) -> dict[str, object]:
        """Tell the log AWS's error code."""
        return {"aws_error": self.code}

    def __str__(self) -> str:
        return self.code


class RequestInvalid(Refused):
    """The request breaks the operation's rules."""


class TableMissing(Refused):
    """The table (or index) does not exist in this region, or not yet."""


class AccessRefused(Refused):
    """The function's role does not allow this; a deployment defect."""


_LEAVES: dict[str, type[Refused]] = {
    "ValidationException": RequestInvalid,
    "SerializationException": RequestInvalid,
    "ResourceNotFoundException": TableMissing,
    "AccessDeniedException": AccessRefused,
}


def refusal(code: str) -> Refused:
    """Return the leaf for *code*; :class:`Refused` itself for a code without one."""
    return _LEAVES.get(code, Refused)(code)
