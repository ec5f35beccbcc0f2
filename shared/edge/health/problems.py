"""
What a drain is refused with, besides :class:`edge.problems.InvalidValues`.

::

    edge.problems.RequestProblem
    |-- RegionUnknown   404  region_unknown
    `-- LastRegions     409  last_regions
"""

from __future__ import annotations

from edge.problems import RequestProblem


class RegionUnknown(RequestProblem):
    """No region that is deployed has this code."""

    slug, title, status, reason = "region-unknown", "Region unknown", 404, "region_unknown"
    detail = "No deployed region has this code."


class LastRegions(RequestProblem):
    """A drain would leave too few; it is worth another try when another region is back."""

    slug, title, status, reason = "last-regions", "Last regions", 409, "last_regions"
    detail = "Fewer than two other regions would stay in service."
    retryable = True
