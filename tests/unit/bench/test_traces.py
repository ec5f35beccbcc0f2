"""The traces are what they claim, and the oracle and the score are right where the answer can be told by hand."""

from __future__ import annotations

import doctest
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import traces
from tests.bench.peers import scenarios
from tests.bench.traces import START_MS, TRACES, ExactLog, Score, Shape, most_in_any_window, score, scores

if TYPE_CHECKING:
    from types import ModuleType

SHAPE = Shape(limit=100, window_ms=60_000, windows=12)
SMALL = Shape(limit=2, window_ms=10, windows=1)


def most_by_definition(stamps_ms: list[int], window_ms: int) -> int:
    return max((sum(0 <= other - first < window_ms for other in stamps_ms) for first in stamps_ms), default=0)


@pytest.mark.parametrize("name", TRACES)
def test_trace_is_sorted_seeded_and_begins_no_earlier_than_the_start(name: str) -> None:
    trace = TRACES[name](SHAPE, 3)

    assert trace == sorted(trace)
    assert trace[0] >= START_MS
    assert trace == TRACES[name](SHAPE, 3)
    assert trace != TRACES[name](SHAPE, 4)


def test_start_is_a_boundary_of_the_measured_window() -> None:
    assert START_MS % traces.SHAPE.window_ms == 0


@pytest.mark.parametrize("load", [0.5, 1.0, 2.0, 5.0])
def test_poisson_arrives_at_its_load(load: float) -> None:
    expected = load * SHAPE.limit * SHAPE.windows

    # Six standard deviations of a Poisson count.
    assert len(traces.poisson(SHAPE, 1, load=load)) == pytest.approx(expected, abs=6 * expected**0.5)


def test_boundary_attack_asks_for_the_limit_on_each_side_of_a_boundary() -> None:
    trace = traces.boundary_attack(SHAPE, 1)
    boundary_ms = START_MS + SHAPE.window_ms
    edge_ms = SHAPE.window_ms // 50

    assert sum(boundary_ms - edge_ms <= at_ms < boundary_ms for at_ms in trace) == SHAPE.limit
    assert sum(boundary_ms <= at_ms < boundary_ms + edge_ms for at_ms in trace) == SHAPE.limit
    assert len(trace) == 2 * SHAPE.limit * (SHAPE.windows - 1)


def test_cluster_then_flood_asks_for_three_limits_around_a_boundary() -> None:
    trace = traces.cluster_then_flood(SHAPE, 1)
    boundary_ms = START_MS + SHAPE.window_ms

    assert sum(at_ms < boundary_ms for at_ms in trace) == SHAPE.limit
    assert sum(0 <= at_ms - boundary_ms < SHAPE.window_ms for at_ms in trace) == 2 * SHAPE.limit


def test_exact_log_lets_an_admission_go_after_one_window_exactly() -> None:
    log = ExactLog(limit=2, window_ms=10)

    assert [log.decide(now_ms) for now_ms in (0, 1, 9, 10, 10, 11)] == [True, True, False, True, False, True]


@given(st.lists(st.integers(0, 100), max_size=60), st.integers(1, 5), st.integers(1, 40))
def test_exact_log_never_exceeds_and_never_refuses_without_cause(
    arrivals: list[int], limit: int, window_ms: int
) -> None:
    log = ExactLog(limit=limit, window_ms=window_ms)
    admitted: list[int] = []
    for now_ms in sorted(arrivals):
        inside = sum(now_ms - at_ms < window_ms for at_ms in admitted)
        assert log.decide(now_ms) == (inside < limit)
        if inside < limit:
            admitted.append(now_ms)
    assert most_in_any_window(admitted, window_ms) <= limit


@given(st.lists(st.integers(0, 100), max_size=40), st.integers(1, 40))
def test_most_in_any_window_is_what_its_definition_counts(stamps_ms: list[int], window_ms: int) -> None:
    assert most_in_any_window(sorted(stamps_ms), window_ms) == most_by_definition(stamps_ms, window_ms)


def test_score_of_the_exact_log_is_perfect() -> None:
    trace = TRACES["Poisson 2x"](SHAPE, 1)
    log = ExactLog(limit=SHAPE.limit, window_ms=SHAPE.window_ms)

    assert score(trace, [log.decide(now_ms) for now_ms in trace], SHAPE) == Score(0.0, 0.0, 1.0, 1.0)


def test_score_counts_differences_wrong_admissions_and_the_fullest_window() -> None:
    trace = [0, 1, 2, 3]

    # The exact log admits the first two of the four.
    assert score(trace, [True, True, True, False], SMALL) == Score(0.25, 0.25, 1.5, 1.5)
    assert score(trace, [True, False, False, False], SMALL) == Score(0.25, 0.0, 0.5, 0.5)
    # An admission of its own that another would have made earlier is a difference and not wrong.
    assert score(trace, [False, False, True, True], SMALL) == Score(1.0, 0.0, 1.0, 1.0)


def test_scores_give_every_trace_a_limiter_that_has_seen_nothing() -> None:
    opened = []

    def open_decider() -> type[bool]:
        opened.append(1)
        return bool  # every time but 0 is admitted

    found = scores(open_decider)

    assert list(found) == list(TRACES)
    assert len(opened) == len(TRACES) * len(traces.SEEDS)
    assert found["Poisson 5x"].most_ratio > 4.5


@pytest.mark.parametrize("module", [traces, scenarios], ids=lambda module: module.__name__)
def test_examples_hold(module: ModuleType) -> None:
    results = doctest.testmod(module)

    assert results.attempted > 0
    assert results.failed == 0
