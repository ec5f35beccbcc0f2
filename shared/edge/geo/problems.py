"""
What geo routing refuses a request with, besides :class:`edge.problems.InvalidValues`.

::

    edge.problems.RequestProblem
    `-- LocationUnknown   422  location_unknown
"""

from __future__ import annotations

from edge.problems import RequestProblem


class LocationUnknown(RequestProblem):
    """Neither the body nor a trusted proxy says where the client is."""

    slug, title, status, reason = "location-unknown", "Location unknown", 422, "location_unknown"
    detail = "Send latitude and longitude, or country; nothing else says where the client is."
