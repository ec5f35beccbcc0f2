"""
The verdict on every region: what a quorum of those that observe it agrees on.

An observer has a voice on a region while its newest result is fresh. A quorum is a majority of the observers that
there should be, not of those that are heard: with four regions two of three, whoever is silent. So

- a quorum that says down makes a region ``unhealthy``;
- a quorum that says down or sees it fail now and then makes it ``degraded``: the failures that never come three in a row,
  and the first minute after a recovery, when a region shall not get all of its clients back at once;
- fewer voices than a quorum conclude nothing: ``unknown``, and it serves. One observer of three never takes a region out;
- a drain comes before all that: ``draining``.

Observations can be wrong together. When most regions that are not drained look sick, or nothing at all is known, nobody
is to be believed: then the judgement says so, and whoever routes treats the sick as healthy (fail open).

Pure and the same for every reader: of items and the time, without a memory of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from edge.health.drains import honoured
from edge.health.observations import is_fresh

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edge.health.drains import Drain
    from edge.health.observations import Report, Sight

Status = Literal["healthy", "degraded", "unhealthy", "draining", "unknown"]
"""The words of the geo router."""

Basis = Literal["observed", "most_look_sick", "nothing_fresh", "nobody_observes"]

SHAKY_WINDOW: Final = 6
SHAKY_FAILURES: Final = 2
"""Failures among the last results that make a region look shaky: one now and then is the network's."""


class Verdict(NamedTuple):
    """
    The verdict on one region.

    Attributes:
        status: in the router's words.
        voices: observers that were heard.
        down: how many of them hold it to be down.
        quorum: how many it takes.
        since: epoch seconds since when the youngest opinion of those for the status holds; of a drain, since it began; None if unknown.
        latency_ms: median of the newest answers to those who reached it; None if nobody did.
        drain: the drain that is in force, or None.
    """

    status: Status
    voices: int
    down: int
    quorum: int
    since: int | None
    latency_ms: int | None
    drain: Drain | None


class Judgement(NamedTuple):
    """
    The verdicts of one moment.

    Attributes:
        verdicts: by region code, all regions that were asked for.
        basis: ``observed`` normally; ``most_look_sick`` and ``nothing_fresh`` are reasons to fail open;
            ``nobody_observes`` where there is one region, and so no other.
    """

    verdicts: Mapping[str, Verdict]
    basis: Basis

    @property
    def statuses(self) -> dict[str, Status]:
        """By region code, for :meth:`edge.geo.router.Router.decide`."""
        return {code: verdict.status for code, verdict in self.verdicts.items()}

    @property
    def statuses_believed(self) -> bool:
        """False to fail open, for :meth:`edge.geo.router.Router.decide`."""
        return self.basis in ("observed", "nobody_observes")

    @property
    def serving(self) -> list[str]:
        """Codes of the regions that get clients: neither sick nor drained."""
        return [code for code, one in self.verdicts.items() if one.status not in ("unhealthy", "draining")]


def judge(
    reports: Iterable[Report], drains: Iterable[Drain], *, regions: Sequence[str], now_ms: int
) -> Judgement:
    """
    Return what is to be held of *regions* now.

    Args:
        reports: of the observers; others than *regions* have no voice.
        drains: as they are stored; those that are over, or are too many, are not in force.
        regions: codes of the regions that are deployed, all of which should observe each other, at least one.
        now_ms: epoch milliseconds.
    """
    quorum = (len(regions) - 1) // 2 + 1
    sights: dict[str, list[Sight]] = {code: [] for code in regions}
    for report in reports:
        if report.observer not in sights:
            continue
        for code, sight in report.sights.items():
            if code in sights and code != report.observer and is_fresh(sight, now_ms=now_ms):
                sights[code].append(sight)
    in_force = honoured(drains, regions=regions, now_ms=now_ms)
    verdicts = {code: _verdict(seen, quorum, in_force.get(code)) for code, seen in sights.items()}
    return Judgement(verdicts, _basis(verdicts))


def _verdict(sights: list[Sight], quorum: int, drain: Drain | None) -> Verdict:
    down = [sight for sight in sights if not sight.is_up]
    reached = sorted(sight.results[0].latency_ms for sight in sights if sight.results[0].ok)
    status: Status
    agreeing: list[Sight] = []
    if drain is not None:
        status = "draining"
    elif len(sights) < quorum:
        status = "unknown"
    elif len(down) >= quorum:
        status, agreeing = "unhealthy", down
    else:
        agreeing = [sight for sight in sights if sight.is_up]
        status = "degraded" if len(down) + sum(map(_is_shaky, agreeing)) >= quorum else "healthy"
    since = drain.at if drain is not None else max((sight.since for sight in agreeing), default=None)
    latency_ms = reached[len(reached) // 2] if reached else None
    return Verdict(status, len(sights), len(down), quorum, since, latency_ms, drain)


def _is_shaky(sight: Sight) -> bool:
    return sum(not result.ok for result in sight.results[:SHAKY_WINDOW]) >= SHAKY_FAILURES


def _basis(verdicts: Mapping[str, Verdict]) -> Basis:
    if len(verdicts) == 1:
        return "nobody_observes"
    candidates = [verdict.status for verdict in verdicts.values() if verdict.status != "draining"]
    if all(verdict.voices < verdict.quorum for verdict in verdicts.values()):
        return "nothing_fresh"
    if candidates.count("unhealthy") * 2 > len(candidates):
        return "most_look_sick"
    return "observed"
