"""
What the limiter's HTTP faces refuse a request with.

::

    edge.problems.RequestProblem
    |-- UnusableSubject   400  unusable_subject
    |-- SubjectDenied     403  subject_denied
    `-- TooManyRequests   429  too_many_requests   + retry_after_seconds, violated_policies

A store that is gone is :class:`edge.problems.DependencyUnavailable`, as everywhere.
"""

from __future__ import annotations

from json import JSONEncoder
from typing import TYPE_CHECKING

from edge.problems import RequestProblem
from edge.ratelimit.headers import verdict_headers

if TYPE_CHECKING:
    from edge.problems import Problem
    from edge.ratelimit.decisions import Verdict

_encode = JSONEncoder(separators=(",", ":")).encode


class UnusableSubject(RequestProblem):
    """What the request is limited by came from the request and cannot name a subject."""

    slug, title, status, reason = "unusable-subject", "Unusable subject", 400, "unusable_subject"
    detail = "What this request is limited by is empty, too long, or has control characters."


class SubjectDenied(RequestProblem):
    """An access list denies the subject; waiting does not help."""

    slug, title, status, reason = "subject-denied", "Subject denied", 403, "subject_denied"
    detail = "This service does not take requests from this subject."


class TooManyRequests(RequestProblem):
    """
    The cost of the request does not fit into its limits now (RFC 6585, section 4).

    Args:
        verdict: the denial.
    """

    slug, title, status, reason = "too-many-requests", "Too many requests", 429, "too_many_requests"
    detail = "This request is over its rate limit; nothing was charged. Retry-After says when it can fit."
    retryable = True

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict
        self._fields = verdict_headers(verdict, verdict.decisions[0].decided_at_ms)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return every field that tells the decision."""
        return header_lines(self._fields)

    def extensions(self) -> dict[str, object]:
        """Say when to come back, in the same whole seconds as ``Retry-After``, and which limits it would exceed."""
        return {"retry_after_seconds": int(self._fields["Retry-After"]), **self.log_fields()}

    def log_fields(self) -> dict[str, object]:
        """Name the limits: tiers are a closed set. The subject is not told."""
        return {"violated_policies": list(self.verdict.violated)}


def header_lines(fields: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Return *fields* as ASGI has them: bytes, names in lower case."""
    return [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in fields.items()]


def problem_answer(problem: Problem) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """
    Return headers and body of the answer that tells *problem* (RFC 9457), for applications of others.

    In ours the request boundary renders problems, and adds the request's id.

    Args:
        problem: what the request is refused with.
    """
    body = _encode(
        {
            "type": f"/problems/{problem.slug}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "reason": problem.reason,
            **problem.extensions(),
        }
    ).encode("ascii")
    return [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        # Who is over a limit is true of one client and one moment.
        (b"cache-control", b"no-store"),
        *problem.headers(),
    ], body
