"""An observer's opinion: three failures, two successes, a hold; and what a blind one says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.health.observations import (
    FRESH_MS,
    KEPT_RESULTS,
    MAX_LATENCY_MS,
    ROUND_MS,
    Outcome,
    Report,
    Result,
    Sight,
    is_fresh,
    next_round_ms,
    observe,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

START_MS = 2_000_000_000_000
START = START_MS // 1000


def watch(history: Iterable[str], *, report: Report | None = None, at_ms: int = START_MS) -> list[Report]:
    """Return the reports on ``sfo1`` of rounds that ended in ``o`` or ``x``; ``cdg1`` always answers."""
    reports = []
    for letter in history:
        outcomes = {"sfo1": Outcome(letter == "o", 45), "cdg1": Outcome(ok=True, latency_ms=90)}
        report = observe(report, outcomes, observer="iad1", now_ms=at_ms)
        reports.append(report)
        at_ms += ROUND_MS
    return reports


def opinions(history: str) -> str:
    """Return the opinion after each round: ``u``p or ``d``own."""
    return "".join("u" if report.sights["sfo1"].is_up else "d" for report in watch(history))


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("o", "u"),
        ("x", "u"),
        ("xx", "uu"),
        ("xxx", "uud"),
        ("oxxoxxo", "uuuuuuu"),
        ("xoxoxoxo", "uuuuuuuu"),
        ("xxxoooo", "uudddd" + "u"),
        ("xxxxxxxxo", "uuddddddd"),
        ("xxxxxxxxoo", "uudddddddu"),
        ("xxxxxxxxoxo", "uuddddddddd"),
        ("xxxooooxx", "uuddddu" + "uu"),
        ("xxxooooxxx", "uuddddu" + "uud"),
    ],
)
def test_three_failures_in_a_row_are_down_and_two_successes_after_the_hold_up(
    history: str, expected: str
) -> None:
    assert opinions(history) == expected


def test_opinion_tells_since_when() -> None:
    reports = watch("oxxxoooo")

    assert [report.sights["sfo1"].since - START for report in reports] == [0, 0, 0, 30, 30, 30, 30, 70]


def test_results_are_kept_newest_first_and_no_more_than_told() -> None:
    report = watch("x" * 3 + "o" * KEPT_RESULTS)[-1]
    newest = START + 10 * (2 + KEPT_RESULTS)

    assert report.sights["sfo1"].results == tuple(
        Result(ok=True, latency_ms=45, at=newest - 10 * age) for age in range(KEPT_RESULTS)
    )


def test_report_is_of_its_observer_and_its_round() -> None:
    report = watch("oo")[-1]

    assert (report.observer, report.at, report.is_blind) == ("iad1", START + 10, False)
    assert set(report.sights) == {"sfo1", "cdg1"}


@pytest.mark.parametrize(("measured", "kept"), [(-1, 0), (0, 0), (10**9, MAX_LATENCY_MS)])
def test_latency_is_kept_in_bounds(measured: int, kept: int) -> None:
    report = observe(None, {"sfo1": Outcome(ok=True, latency_ms=measured)}, observer="iad1", now_ms=START_MS)

    assert report.sights["sfo1"].results[0].latency_ms == kept


def blind(report: Report | None, at_ms: int) -> Report:
    """Return the report of a round in which everything failed."""
    failed = Outcome(ok=False, latency_ms=1_500)
    return observe(report, {"sfo1": failed, "cdg1": failed}, observer="iad1", now_ms=at_ms)


def test_observer_to_whom_everything_fails_accuses_nobody() -> None:
    report = before = watch("oxx")[-1]
    for number in range(3, 9):
        report = blind(report, START_MS + number * ROUND_MS)

    assert report.is_blind
    assert report.at == START + 80
    assert report.sights == before.sights


def test_blind_round_is_no_part_of_a_streak() -> None:
    report = blind(watch("oxx")[-1], START_MS + 3 * ROUND_MS)
    after = watch("x", report=report, at_ms=START_MS + 4 * ROUND_MS)[-1]

    assert not after.sights["sfo1"].is_up, "two failures before it and one after are three"
    assert not after.is_blind


def test_observer_of_one_region_is_never_blind() -> None:
    report = None
    for number in range(3):
        report = observe(
            report,
            {"sfo1": Outcome(ok=False, latency_ms=9)},
            observer="iad1",
            now_ms=START_MS + number * ROUND_MS,
        )

    assert report is not None
    assert (report.is_blind, report.sights["sfo1"].is_up) == (False, False)


def test_opinion_outlasts_two_minutes_away_and_no_longer() -> None:
    last = watch("xxx")[-1]
    back_ms = START_MS + 2 * ROUND_MS + KEPT_RESULTS * ROUND_MS
    soon, late = [watch("o", report=last, at_ms=back_ms + more_ms)[-1] for more_ms in (0, 1_000)]

    assert not soon.sights["sfo1"].is_up
    assert late.sights["sfo1"] == Sight(
        is_up=True,
        since=back_ms // 1000 + 1,
        results=(Result(ok=True, latency_ms=45, at=back_ms // 1000 + 1),),
    )
    assert blind(last, back_ms + 1_000).sights == {}


def test_region_that_is_no_longer_probed_is_dropped() -> None:
    report = observe(
        watch("o")[-1], {"cdg1": Outcome(ok=True, latency_ms=1)}, observer="iad1", now_ms=START_MS + ROUND_MS
    )

    assert set(report.sights) == {"cdg1"}


@pytest.mark.parametrize("outcomes", [{}, {"iad1": Outcome(ok=True, latency_ms=1)}])
def test_observer_probes_others(outcomes: dict[str, Outcome]) -> None:
    with pytest.raises(ValueError, match="probes others"):
        observe(None, outcomes, observer="iad1", now_ms=START_MS)


def test_sight_is_fresh_for_three_rounds_either_way() -> None:
    sight = watch("o")[-1].sights["sfo1"]

    assert [
        is_fresh(sight, now_ms=START_MS + off_ms)
        for off_ms in (-FRESH_MS - 1, -FRESH_MS, 0, FRESH_MS, FRESH_MS + 1)
    ] == [False, True, True, True, False]


@given(st.integers(0, 10**13))
def test_next_round_is_on_the_grid_and_within_one_round(now_ms: int) -> None:
    due_ms = next_round_ms(now_ms)

    assert due_ms % ROUND_MS == 0
    assert 0 < due_ms - now_ms <= ROUND_MS


@given(st.text("ox", min_size=1, max_size=60))
def test_opinion_follows_from_the_streaks(history: str) -> None:
    """Down is never without three failures before it, nor kept past four successes in a row."""
    known = opinions(history)

    for index, opinion in enumerate(known):
        previous = known[index - 1] if index else "u"
        if (previous, opinion) == ("u", "d"):
            assert history[: index + 1].endswith("xxx")
        if (previous, opinion) == ("d", "u"):
            assert history[: index + 1].endswith("oo")
        if history[: index + 1].endswith("oooo"):
            assert opinion == "u"
        if history[: index + 1].endswith("xxx"):
            assert opinion == "d"
