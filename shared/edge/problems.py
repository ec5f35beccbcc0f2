"""
The one error tree of the product, rendered as RFC 9457 ``application/problem+json``.

::

    Problem                                  never raised itself
    |-- RequestProblem                       the caller can mend the request
    |   |-- MalformedRequest            400  malformed_request
    |   |-- MalformedJson               400  malformed_json
    |   |-- NotAuthenticated            401  not_authenticated
    |   |-- NotAllowed                  403  not_allowed
    |   |-- OriginNotAllowed            403  origin_not_allowed
    |   |-- UnknownRoute                404  unknown_route
    |   |-- WrongMethod                 405  wrong_method            + allow
    |   |-- BodyTooLarge                413  body_too_large          + limit_bytes
    |   |-- WrongMediaType              415  wrong_media_type
    |   `-- InvalidValues               422  invalid_values          + errors[]
    |-- ServiceProblem                       the caller can only wait
    |   |-- Unexpected                  500  unexpected
    |   `-- DependencyUnavailable       503  dependency_unavailable  + retry_after_seconds
    `-- (leaves of a domain live in that domain and derive from one of these)

A problem carries no free text: *detail* is fixed per class, so neither input nor a secret can leak into an answer or
a log line. What varies is typed: numbers, JSON pointers, members of closed sets.
"""

from __future__ import annotations

from typing import ClassVar, TypedDict


class FieldError(TypedDict):
    """Where a value is wrong and why; never the value."""

    pointer: str
    reason: str


class Problem(Exception):
    """
    Root of the tree; raise a leaf.

    Attributes:
        slug: last segment of the problem's ``type`` URI.
        title: the summary that is equal for every occurrence.
        status: HTTP status code.
        reason: member of a closed set; also the label in metrics. A leaf with several sets it, with *detail*, for each.
        detail: the fixed explanation for people.
        retryable: whether the same request can succeed later.
    """

    slug: ClassVar[str]
    title: ClassVar[str]
    status: ClassVar[int]
    reason: str
    detail: str
    retryable: ClassVar[bool] = False

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the response headers that this problem calls for, names in lower case."""
        return []

    def extensions(self) -> dict[str, object]:
        """Return the typed extension members of the problem document."""
        return {}

    def log_fields(self) -> dict[str, object]:
        """Return what only the log is told: members of closed sets, numbers; no text from outside."""
        return {}


class RequestProblem(Problem):
    """The request is at fault: the same request fails again."""


class ServiceProblem(Problem):
    """The service is at fault."""

    retryable = True


class MalformedRequest(RequestProblem):
    """The request cannot be read as HTTP: header bytes, host, or encoding."""

    slug, title, status, reason = "malformed-request", "Malformed request", 400, "malformed_request"
    detail = "The request is not well-formed HTTP."


class MalformedJson(RequestProblem):
    """The body is not one JSON document in UTF-8."""

    slug, title, status, reason = "malformed-json", "Malformed JSON", 400, "malformed_json"
    detail = "The request body is not a JSON document in UTF-8."


class NotAuthenticated(RequestProblem):
    """No caller could be established."""

    slug, title, status, reason = "not-authenticated", "Not authenticated", 401, "not_authenticated"
    detail = "This route needs an API key or an access token."

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Name the scheme that is accepted (RFC 9110, section 11.6.1)."""
        return [(b"www-authenticate", b"Bearer")]


class NotAllowed(RequestProblem):
    """The caller is known and may not do this."""

    slug, title, status, reason = "not-allowed", "Not allowed", 403, "not_allowed"
    detail = "The caller's scopes do not include this operation."


class OriginNotAllowed(RequestProblem):
    """A browser asked ahead (CORS preflight) from an origin that is not on the list."""

    slug, title, status, reason = "origin-not-allowed", "Origin not allowed", 403, "origin_not_allowed"
    detail = (
        "Pages of this origin may not call this API from a browser; ALLOWED_ORIGINS lists those that may."
    )


class UnknownRoute(RequestProblem):
    """No route has this path."""

    slug, title, status, reason = "unknown-route", "Unknown route", 404, "unknown_route"
    detail = "No route of this API has this path."


class WrongMethod(RequestProblem):
    """
    The path exists and does not take this method.

    Args:
        allow: the methods that the path takes, as in the ``Allow`` header.
    """

    slug, title, status, reason = "wrong-method", "Wrong method", 405, "wrong_method"
    detail = "This route does not take this method; the Allow header lists those that it takes."

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.allow = allow

    def headers(self) -> list[tuple[bytes, bytes]]:
        """List what is allowed (RFC 9110, section 15.5.6)."""
        return [(b"allow", self.allow.encode("ascii"))]


class BodyTooLarge(RequestProblem):
    """
    The body is over the limit; it was not read to its end.

    Args:
        limit_bytes: the largest body that is taken.
    """

    slug, title, status, reason = "body-too-large", "Body too large", 413, "body_too_large"
    detail = "The request body is larger than this route takes."

    def __init__(self, limit_bytes: int) -> None:
        super().__init__()
        self.limit_bytes = limit_bytes

    def extensions(self) -> dict[str, object]:
        """State the limit."""
        return {"limit_bytes": self.limit_bytes}


class WrongMediaType(RequestProblem):
    """The body is of a type that the route does not read."""

    slug, title, status, reason = "wrong-media-type", "Wrong media type", 415, "wrong_media_type"
    detail = "This route reads application/json."


class InvalidValues(RequestProblem):
    """
    The JSON is well formed and some values in it are wrong.

    Args:
        errors: where and why, at most :data:`MAX_FIELD_ERRORS`, without the values.
    """

    slug, title, status, reason = "invalid-values", "Invalid values", 422, "invalid_values"
    detail = "Some values in the request are wrong; errors lists where and why."

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__()
        self.errors = errors[:MAX_FIELD_ERRORS]

    def extensions(self) -> dict[str, object]:
        """List where and why."""
        return {"errors": self.errors}


MAX_FIELD_ERRORS = 20
"""The most field errors that one answer lists: a hostile body shall not buy a large answer."""


class Unexpected(ServiceProblem):
    """A defect of ours: logged once with its stack, told to the caller by request id alone."""

    slug, title, status, reason = "unexpected", "Unexpected error", 500, "unexpected"
    detail = "Something went wrong on our side; the request id identifies it in our logs."
    retryable = False


class DependencyUnavailable(ServiceProblem):
    """
    Something that this answer needs is gone.

    Args:
        retry_after_seconds: when it is worth to come back, > 0.
    """

    slug, title, status, reason = (
        "dependency-unavailable",
        "Dependency unavailable",
        503,
        "dependency_unavailable",
    )
    detail = "A service that this answer depends on is unavailable."

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Say when to come back (RFC 9110, section 10.2.3)."""
        return [(b"retry-after", b"%d" % self.retry_after_seconds)]

    def extensions(self) -> dict[str, object]:
        """Say when to come back."""
        return {"retry_after_seconds": self.retry_after_seconds}
