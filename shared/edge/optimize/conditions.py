"""What the conditions of a GET come to, in the order of RFC 9110, section 13.2.2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from edge.optimize.fields import field
from edge.optimize.validators import any_match, modified_since, none_match, unmodified_since

if TYPE_CHECKING:
    from edge.optimize.fields import Lines

Verdict = Literal["send", "not_modified", "failed"]


def judge(request: Lines, response: Lines, tag: str, *, now_ms: int) -> Verdict:
    """
    Return what is left to do: send the representation, say that it is known, or that another was asked for.

    Args:
        request: header lines, of which the four conditions are read.
        response: header lines of the plain answer, for its ``Last-Modified``.
        tag: of the representation; empty where it has none, and then nothing is confirmed: it was not to be stored.
        now_ms: epoch milliseconds, for dates with a year of two digits.
    """
    tags, since = field(request, "if-match"), field(request, "if-unmodified-since")
    last_modified = field(response, "last-modified")
    if tags is not None:
        if not any_match(tags, tag):
            return "failed"
    elif since is not None and not unmodified_since(since, last_modified, now_ms=now_ms):
        return "failed"
    if not tag:
        return "send"
    tags, since = field(request, "if-none-match"), field(request, "if-modified-since")
    if tags is not None:
        return "send" if none_match(tags, tag) else "not_modified"
    if since is None or modified_since(since, last_modified, now_ms=now_ms):
        return "send"
    return "not_modified"


def lists(request: Lines, tag: str) -> bool:
    """Return whether ``If-None-Match`` lists *tag* itself, rather than whatever there is."""
    tags = field(request, "if-none-match")
    return tags is not None and tags != "*" and not none_match(tags, tag)
