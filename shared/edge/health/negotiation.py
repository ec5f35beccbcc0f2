"""
Which form of the health answer a client wants (RFC 9110, section 12.5.1): ours, or ``application/health+json``.

The second is sent only to who likes it better than JSON, or as much and names it while JSON is covered by a wildcard. Who
takes neither gets JSON all the same, which the RFC allows: a load balancer that sends some ``Accept`` wants the status.
A member that is malformed, or has parameters besides its weight, is as if it were not there.
"""

from __future__ import annotations

import re
from typing import Final

HEALTH_JSON: Final = "application/health+json"
JSON: Final = "application/json"

MOST_CHARS: Final = 1_024
"""A longer header is not looked at: browsers send a tenth of it."""

_NAME: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_MEMBER: Final = re.compile(
    rf"(?P<range>{_NAME}/{_NAME})(?:[ \t]*;[ \t]*[qQ]=(?P<weight>0(?:\.[0-9]{{0,3}})?|1(?:\.0{{0,3}})?))?"
)


def prefers_health_json(accept: str) -> bool:
    """
    Return whether a client is to be answered in ``application/health+json``.

    Args:
        accept: value of its ``Accept`` header, lines joined by commas; empty for none.

    Example:
        >>> prefers_health_json("application/health+json, */*;q=0.1"), prefers_health_json("*/*")
        (True, False)
    """
    weights: dict[str, float] = {}
    if len(accept) <= MOST_CHARS:
        for text in accept.split(","):
            member = _MEMBER.fullmatch(text.strip(" \t"))
            if member is not None:
                name = member["range"].lower()
                weights[name] = min(weights.get(name, 1.0), float(member["weight"] or 1))
    return _liking(HEALTH_JSON, weights) > max(_liking(JSON, weights), (0.0, True))


def _liking(media_type: str, weights: dict[str, float]) -> tuple[float, bool]:
    """Return the weight of *media_type*, by the most specific range that covers it, and whether it is named."""
    for covering in (media_type, "application/*", "*/*"):
        if covering in weights:
            return weights[covering], covering == media_type
    return 0.0, False
