"""
What one region sees of the others: the state that each observer keeps, and alone writes.

Every :data:`ROUND_MS` an observer probes all others; :func:`observe` makes its next report of the last one and the
outcomes. The hysteresis is here, with the observer, and travels in the report: a reader that starts cold comes to the same
verdict (:mod:`edge.health.verdicts`) as one that has watched for days.

Three failures in a row and a region is held to be down; two successes in a row, and :data:`HOLD_MS` since, and it is up.

An observer to whom every other region fails in one round is blind: the one thing that these failures have in common is
itself. Such a round is noted and changes no opinion; what it saw before goes stale by itself. So a network loss of one
observer is never a voice against anybody. (It needs two targets; with one there is no telling.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUND_MS: Final = 10_000
FAILURES_TO_GO_DOWN: Final = 3
SUCCESSES_TO_COME_UP: Final = 2
HOLD_MS: Final = 35_000
"""
The least time down. Up comes with the first round after it, the fourth: 40 s after the last failure at the soonest, and
with replication and a reader's cache still within the 60 s that a recovery may take. 5 s less than 40, for rounds that
come early.
"""

KEPT_RESULTS: Final = 12
FRESH_MS: Final = 3 * ROUND_MS
"""
An observation older than this says nothing of now.

By the reader's clock and the observer's, which AWS keeps within milliseconds of each other. What happens where it does not:
an observer that is farther off has no voice, and a quorum of the others decides as before; a reader that is farther off
finds nothing fresh, fails open and says so; drains end early or late by as much. Nobody is taken out by a wrong clock.
Tolerance for minutes, as signatures have, would let opinions of an observer that is gone count for as long, and each
dead region be found that much later: the usual case would pay for one that is not met.
"""

AHEAD_MS: Final = 600_000
"""
A report from farther ahead was written by a wrong clock, and does not stand in the way of its observer's next one: it would
until that time comes. Twice as far as clocks may be apart; nearer ones are waited for.
"""

FORGOTTEN_MS: Final = KEPT_RESULTS * ROUND_MS
"""An observer that was away for longer starts anew: a streak over such a gap is none."""

MAX_LATENCY_MS: Final = 99_999


class Outcome(NamedTuple):
    """
    How one probe ended.

    Attributes:
        ok: the region answered, in time, that it serves.
        latency_ms: until the answer or until nobody waited any more, >= 0.
    """

    ok: bool
    latency_ms: int


class Result(NamedTuple):
    """
    A probe's outcome as kept.

    Attributes:
        ok: as in :class:`Outcome`.
        latency_ms: 0 to :data:`MAX_LATENCY_MS`.
        at: epoch seconds of its round.
    """

    ok: bool
    latency_ms: int
    at: int


class Sight(NamedTuple):
    """
    What an observer holds of one region.

    Attributes:
        is_up: its opinion, after hysteresis.
        since: epoch seconds since when; of the first round where there was no other opinion before.
        results: newest first, 1 to :data:`KEPT_RESULTS`.
    """

    is_up: bool
    since: int
    results: tuple[Result, ...]


class Report(NamedTuple):
    """
    All that an observer says.

    Attributes:
        observer: code of the region that observes, the only one that writes this.
        at: epoch seconds of its last round.
        is_blind: in that round every region failed.
        sights: by the code of the region that is seen.
    """

    observer: str
    at: int
    is_blind: bool
    sights: Mapping[str, Sight]


def next_round_ms(now_ms: int) -> int:
    """
    Return when the next round is due: the first multiple of :data:`ROUND_MS` after *now_ms*.

    On the grid of the clock and not from a run's own start, so that a schedule that starts runs a few seconds early or
    late changes nothing, and two runs that overlap make one report.

    Example:
        >>> next_round_ms(1_795_179_600_001), next_round_ms(1_795_179_610_000)
        (1795179610000, 1795179620000)
    """
    return (now_ms // ROUND_MS + 1) * ROUND_MS


def observe(before: Report | None, outcomes: Mapping[str, Outcome], *, observer: str, now_ms: int) -> Report:
    """
    Return the report of *observer* after a round.

    Args:
        before: its last report; None if there is none.
        outcomes: by the code of each region that was probed, at least one; regions that are not among them are dropped.
        observer: code of the region that probed.
        now_ms: epoch milliseconds of the round.

    Raises:
        ValueError: nothing was probed, or the observer probed itself.
    """
    if not outcomes or observer in outcomes:
        raise ValueError("an observer probes others, at least one")
    now = now_ms // 1000
    known = before.sights if before is not None else {}
    remembered = {code: known[code] for code in outcomes if code in known and _is_kept(known[code], now)}
    if len(outcomes) > 1 and not any(outcome.ok for outcome in outcomes.values()):
        return Report(observer, now, is_blind=True, sights=remembered)
    sights = {code: _see(remembered.get(code), outcome, now) for code, outcome in outcomes.items()}
    return Report(observer, now, is_blind=False, sights=sights)


def is_fresh(sight: Sight, *, now_ms: int) -> bool:
    """Return whether *sight* says anything of now; clocks may differ, so one from the near future does too."""
    return abs(now_ms - sight.results[0].at * 1000) <= FRESH_MS


def is_from_wrong_clock(report: Report, *, round_ms: int) -> bool:
    """Return whether *report* claims to be from so far after the present round that no other run can have written it."""
    return report.at * 1000 > round_ms + AHEAD_MS


def _is_kept(sight: Sight, now: int) -> bool:
    return (now - sight.results[0].at) * 1000 <= FORGOTTEN_MS


def _see(before: Sight | None, outcome: Outcome, now: int) -> Sight:
    result = Result(outcome.ok, max(0, min(outcome.latency_ms, MAX_LATENCY_MS)), now)
    if before is None:
        return Sight(is_up=True, since=now, results=(result,))
    results = (result, *before.results[: KEPT_RESULTS - 1])
    if before.is_up:
        changes = _streak(results, FAILURES_TO_GO_DOWN, ok=False)
    else:
        held_ms = (now - before.since) * 1000
        changes = held_ms >= HOLD_MS and _streak(results, SUCCESSES_TO_COME_UP, ok=True)
    return Sight(not before.is_up, now, results) if changes else before._replace(results=results)


def _streak(results: tuple[Result, ...], length: int, *, ok: bool) -> bool:
    """Return whether the last *length* results are there and all alike."""
    return len(results) >= length and all(result.ok is ok for result in results[:length])
