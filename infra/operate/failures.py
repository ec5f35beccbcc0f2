"""
What went wrong, in one line that holds no secret.

Problems of the product have fixed texts. Of boto3's errors the kind or AWS's code is told, never the message: that may
quote the request, and a request may hold the keys of the house.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name; ours is not used here
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from edge.auth.tokens.problems import KeysRefused
from edge.aws.faults import AccessRefused, Refused, TableMissing, Unavailable
from edge.aws.secrets import SecretMissing
from edge.problems import InvalidValues, Problem

if TYPE_CHECKING:
    from edge.aws.faults import Fault

_FAULTS: Final[dict[Fault, str]] = {
    "throttled": "AWS refuses for load; try again in a while",
    "conflict": "others wrote to the same items at every try; try again",
    "no_time": "AWS was not asked in time; try again",
    "timed_out": "AWS does not answer in time",
    "connection": "no connection to AWS, or to the local emulator, can be made",
    "server_fault": "AWS has a fault of its own; try again in a while",
    "garbled": "what AWS answered is not what was written there by this product",
    "credentials": "AWS does not take the credentials, or there are none; sign in, or choose a --profile",
}


EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


class Failure(Exception):
    """
    A command was refused or failed; *message* is for people.

    Args:
        reason: of a closed set, for programs.
        message: one line, without a secret, a token or another's text.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Told(NamedTuple):
    """What is told of an error: *reason* for programs, *message* for people."""

    reason: str
    message: str


def told(error: Exception) -> Told:
    """Return what to tell of *error*."""
    if isinstance(error, Failure):
        return Told(error.reason, error.message)
    if isinstance(error, Problem):
        return _of_problem(error)
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        return Told("aws_refused", f"AWS refused {error.operation_name}: {code}.")
    if isinstance(error, BotoCoreError):
        return _of_boto(error)
    # A defect. Its message may hold anything, so where it came from must do.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return Told("unexpected", f"A defect of this program: {type(error).__name__}{where}.")


def tell_failure(reason: str, message: str, exit_code: int, *, as_json: bool) -> None:
    """Tell a failure on standard error: a line, or a document."""
    if as_json:
        error = {"reason": reason, "message": message, "exit_code": exit_code}
        print(json.dumps({"error": error}), file=sys.stderr)
    else:
        print(f"error: {message}", file=sys.stderr)


def _of_problem(problem: Problem) -> Told:
    if isinstance(problem, InvalidValues):
        listed = ", ".join(f"{error['pointer'].lstrip('/')}: {error['reason']}" for error in problem.errors)
        return Told(problem.reason, f"Refused: {listed}.")
    if isinstance(problem, Unavailable):
        doubt = " The write may have happened." if problem.outcome_unknown else ""
        return Told(problem.reason, f"Unavailable: {_FAULTS[problem.fault]}.{doubt}")
    if isinstance(problem, KeysRefused):
        return Told("keys_refused", f"The secret's content cannot be used: {problem}.")
    if isinstance(problem, SecretMissing):
        return Told("no_secret", "There is no secret, or it has no value yet: run `secrets create`.")
    if isinstance(problem, TableMissing):
        return Told(
            "no_table",
            "There is no such table here: check --stack, --global-stack, --region and the account.",
        )
    if isinstance(problem, AccessRefused):
        return Told("access_refused", "These credentials may not do this (AccessDeniedException).")
    if isinstance(problem, Refused):
        return Told("aws_refused", f"AWS refused: {problem.code}.")
    return Told(problem.reason, problem.detail)


def _of_boto(error: BotoCoreError) -> Told:
    if isinstance(error, ProfileNotFound):
        return Told("credentials", "There is no such AWS profile.")
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return Told("credentials", "There are no AWS credentials: sign in, or choose a --profile.")
    if isinstance(error, (SSOError, TokenRetrievalError)):
        return Told("credentials", "The AWS sign-in is over or was never made: run `aws sso login`.")
    if isinstance(error, (HTTPClientError, ConnectionError)):
        return Told(
            "dependency_unavailable", f"Unavailable: {_FAULTS['connection']} ({type(error).__name__})."
        )
    return Told("aws_client", f"AWS's client refused: {type(error).__name__}.")
