"""
Which format a scraper gets (RFC 9110, section 12.5.1).

OpenMetrics only for those who ask for it by name, with a version that is spoken here, and who do not like the text
format better. All others get the text format, which everything reads: browsers, curl, a malformed header, one that
accepts neither. So nobody is refused.

Of a media range only the version is looked at; ``escaping`` (Prometheus 3) says nothing of names that need none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.telemetry import openmetrics, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.telemetry.snapshot import Snapshot

MOST_ACCEPT_CHARS: Final = 1024
"""A longer header is as if it were not there; Prometheus' own has 300."""

_QUOTED: Final = r'"(?:[^"\\]|\\.?)*+"?'  # to the end where it is not closed: looked at once
_MEMBER: Final = re.compile(rf'(?:[^,"]|{_QUOTED})++')
_PART: Final = re.compile(rf'(?:[^;"]|{_QUOTED})++')
_WEIGHT: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_TEXT_RANGES: Final = {"*/*": 0, "text/*": 2, "text/plain": 4}
"""How much each says; one that names the version as well says more."""

_TEXT_VERSION: Final = "0.0.4"


class Rendered(NamedTuple):
    """
    An answer.

    Attributes:
        content_type: exactly as it is to be sent.
        vary: fields of the request that the answer depends on.
        body: UTF-8.
    """

    content_type: str
    vary: str
    body: bytes


class _Range(NamedTuple):
    """One member of the header: ``version`` is empty where it has none."""

    media_type: str
    version: str
    weight: float


def rendered(snapshot: Snapshot, accept: str | None, *, created: bool) -> Rendered:
    """
    Return *snapshot* in the format that fits *accept*.

    Args:
        snapshot: what to write.
        accept: value of ``Accept``, lines joined; None where there is none.
        created: whether OpenMetrics tells since when a series counts.

    Raises:
        edge.telemetry.exposition.NotExposable: *snapshot* is not sound.
    """
    if prefers_openmetrics(accept):
        body = openmetrics.openmetrics_text(snapshot, created=created)
        return Rendered(openmetrics.CONTENT_TYPE, "Accept", body)
    return Rendered(prometheus.CONTENT_TYPE, "Accept", prometheus.prometheus_text(snapshot))


def prefers_openmetrics(accept: str | None) -> bool:
    """
    Return whether who sent *accept* is to get OpenMetrics.

    Where both are liked equally it is OpenMetrics: who names it knows it.

    Example:
        >>> prefers_openmetrics("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
        True
        >>> prefers_openmetrics("application/openmetrics-text;version=2.0.0,*/*;q=0.1")
        False
    """
    if accept is None or len(accept) > MOST_ACCEPT_CHARS:
        return False
    liked = 0.0
    text_liked, text_specific = 0.0, -1
    for media_type, version, weight in _ranges(accept):
        if media_type == "application/openmetrics-text" and version == openmetrics.VERSION:
            liked = max(liked, weight)
        elif media_type in _TEXT_RANGES and version in ("", _TEXT_VERSION):
            specific = _TEXT_RANGES[media_type] + bool(version)
            if (specific, weight) > (text_specific, text_liked):
                text_liked, text_specific = weight, specific
    return 0 < liked >= text_liked


def _ranges(accept: str) -> Iterator[_Range]:
    """Yield the members that are well formed."""
    for member in _MEMBER.findall(accept):
        media_type, _, parameters = member.partition(";")
        named = dict(_parameter(text.strip(" \t")) for text in _PART.findall(parameters))
        weight = named.get("q", "1")
        if _WEIGHT.fullmatch(weight) is not None:
            yield _Range(media_type.strip(" \t").lower(), named.get("version", ""), float(weight))


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return name.lower(), value
