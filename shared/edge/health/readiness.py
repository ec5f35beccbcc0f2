"""
Readiness: whether this region should be sent clients, for load balancers and for the other regions.

One failed question and the answer is 503. The study asked for three in a row here; that hysteresis is with those who ask:
the other regions want three failures of six rounds a minute, Route 53 three of its own. A second one here would add 10 s
to the 30 that they take, past the 40 s that a dead region may stay in the ranking. And it would count nothing that makes
sense: each container sees a few of the questions, and three failures in a row of one container are not three of the region.

A region that is drained says ``draining``, also with 503. It says ``unhealthy`` first if it is that: whoever watches it
can tell a region that somebody took out and that is well from one that fails while it is out, and takes it back at once
when the drain is over (:mod:`edge.health.probing`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from edge.health.checks import Check
    from edge.health.region_watch import RegionWatch

Readiness = Literal["healthy", "draining", "unhealthy"]


def readiness(check: Check, watch: RegionWatch, *, region: str) -> Readiness:
    """
    Return whether *region* should be sent clients.

    Args:
        check: of the dependency that it cannot serve without.
        watch: knows whether it is drained; what it cannot know is no drain.
        region: its code, of those that are watched.
    """
    if check.find().fault is not None:
        return "unhealthy"
    verdict = watch.look().judgement.verdicts.get(region)
    return "healthy" if verdict is None or verdict.drain is None else "draining"
