"""
What went wrong, in one line for the operator.

AWS's own message is told, on one line and cut: requests of a deployment carry templates and parameters, and a test holds
secrets out of both. Only a defect of this program is told by its place alone.
"""

from __future__ import annotations

from typing import Final

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

from infra.template_document import TemplateError

MAX_MESSAGE_CHARS: Final = 400

_SIGN_IN: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})


class DeployFailed(Exception):
    """
    A command cannot go on.

    Args:
        reason: of a closed set, for programs.
        message: one line for people: what is wrong and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def error_code(error: ClientError) -> str:
    """Return AWS's code of an error: ``ValidationError``."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def told(error: BaseException) -> tuple[str, str]:
    """Return a reason for programs and a line for people."""
    if isinstance(error, DeployFailed):
        return error.reason, error.message
    if isinstance(error, ClientError):
        return _of_aws(error)
    if isinstance(error, TemplateError):
        return "template", one_line(str(error))
    if isinstance(error, ProfileNotFound):
        return "credentials", "There is no such AWS profile."
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return "credentials", "There are no AWS credentials: sign in (aws sso login), or choose a --profile."
    if isinstance(error, (SSOError, TokenRetrievalError)):
        return "credentials", "The AWS sign-in is over or was never made: run `aws sso login`."
    if isinstance(error, (HTTPClientError, ConnectionError)):
        return (
            "unreachable",
            f"No connection to AWS can be made ({type(error).__name__}): check the network, the region and --endpoint-url.",
        )
    if isinstance(error, BotoCoreError):
        return "aws_client", f"AWS's client refused: {one_line(str(error))}"
    # A defect. Its message may hold anything, so where it came from must do.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return "unexpected", f"A defect of this program: {type(error).__name__}{where}."


def one_line(text: str) -> str:
    """Return *text* without line ends and not too long for a line of a terminal."""
    joined = " ".join(text.split())
    return joined if len(joined) <= MAX_MESSAGE_CHARS else joined[: MAX_MESSAGE_CHARS - 1] + "…"


def _of_aws(error: ClientError) -> tuple[str, str]:
    code = error_code(error)
    message = one_line(str(error.response.get("Error", {}).get("Message", "")))
    if code in _SIGN_IN:
        return (
            "credentials",
            f"AWS does not take the credentials ({code}): sign in again, or choose a --profile.",
        )
    if code in _DENIED:
        return "denied", f"These credentials may not call {error.operation_name}: {message or code}"
    return "aws_refused", f"AWS refused {error.operation_name}: {code}: {message}"
