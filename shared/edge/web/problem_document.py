"""Renders a problem as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from json import JSONEncoder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.problems import Problem

_encode = JSONEncoder(separators=(",", ":")).encode


def render_problem(problem: Problem, *, instance: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """
    Return headers and body of the answer that tells *problem*.

    Args:
        problem: what went wrong.
        instance: the request id.
    """
    body = _encode(
        {
            "type": f"/problems/{problem.slug}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "instance": instance,
            "reason": problem.reason,
            **problem.extensions(),
        }
    ).encode("ascii")
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        *problem.headers(),
    ]
    return headers, body
