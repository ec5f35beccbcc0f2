"""
What cannot be optimised.

::

    edge.problems.RequestProblem
    |-- NothingAcceptable   406  nothing_acceptable
    |-- PreconditionFailed  412  precondition_failed
    |-- UnusableHeaders     422  bad_header_name | bad_header_value | too_many_headers | headers_too_large   + part
    `-- ResultTooLarge      413  result_too_large                                                            + limit_bytes

A body over the limit is :class:`edge.problems.BodyTooLarge`. The first two are what the middleware raises; to
``POST /api/optimize/response`` 406 and 412 are no problems but answers.
"""

from __future__ import annotations

from typing import Final, Literal

from edge.problems import RequestProblem

HeaderReason = Literal["bad_header_name", "bad_header_value", "too_many_headers", "headers_too_large"]
HeaderPart = Literal["request_headers", "response_headers", "content_type"]

_DETAILS: Final[dict[HeaderReason, str]] = {
    "bad_header_name": "A header name is not a token (RFC 9110, section 5.1).",
    "bad_header_value": "A header value has a line break, a control character, or one beyond ISO 8859-1.",
    "too_many_headers": "There are more header lines than this route takes.",
    "headers_too_large": "The headers are longer than this route takes.",
}


class NothingAcceptable(RequestProblem):
    """The client refuses the identity, and every coding that there is."""

    slug, title, status, reason = "nothing-acceptable", "Nothing acceptable", 406, "nothing_acceptable"
    detail = "Accept-Encoding takes no coding that this answer can have; gzip and identity can be had."

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Name what the answer depended on (RFC 9110, section 12.5.5)."""
        return [(b"vary", b"Accept-Encoding")]


class PreconditionFailed(RequestProblem):
    """The client asks for another version than there is."""

    slug, title, status, reason = "precondition-failed", "Precondition failed", 412, "precondition_failed"
    detail = "The current version is not the one that If-Match or If-Unmodified-Since asks for."

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Name what the version depends on."""
        return [(b"vary", b"Accept-Encoding")]


class UnusableHeaders(RequestProblem):
    """
    Headers that HTTP cannot carry, or too many of them.

    Args:
        reason: why.
        part: which of the given headers.
    """

    slug, title, status = "unusable-headers", "Unusable headers", 422

    def __init__(self, reason: HeaderReason, part: HeaderPart) -> None:
        super().__init__()
        self.reason: HeaderReason = reason
        self.detail = _DETAILS[reason]
        self.part = part

    def extensions(self) -> dict[str, object]:
        """Say which headers; names and values are input."""
        return {"part": self.part}

    def log_fields(self) -> dict[str, object]:
        """Tell the log the same."""
        return self.extensions()


class ResultTooLarge(RequestProblem):
    """
    No representation that the client accepts is small enough to be answered.

    Args:
        limit_bytes: the largest that is.
    """

    slug, title, status, reason = "result-too-large", "Result too large", 413, "result_too_large"
    detail = "The optimised body does not fit into an answer; accept gzip, or send less."

    def __init__(self, limit_bytes: int) -> None:
        super().__init__()
        self.limit_bytes = limit_bytes

    def extensions(self) -> dict[str, object]:
        """State the limit."""
        return {"limit_bytes": self.limit_bytes}
