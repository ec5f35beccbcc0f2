"""Sketches merge as sets of observations do, and their quantiles are within the error that they state."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.telemetry.sketch import Sketch, histogram_quantile, merged, relative_error

values = st.lists(st.integers(1, 10**11), max_size=60)
levels = st.integers(0, 3)


def sketch_of(observed: list[int], level: int = 0) -> Sketch:
    sketch = Sketch(level)
    for value in observed:
        sketch.observe(value)
    return sketch


@settings(deadline=None)
@given(values, values, values, levels, levels)
def test_merging_is_associative_and_commutative(
    one: list[int], two: list[int], three: list[int], level: int, other: int
) -> None:
    a, b, c = sketch_of(one, level), sketch_of(two), sketch_of(three, other)

    assert merged([merged([a, b]), c]) == merged([a, merged([b, c])]) == merged([c, b, a])
    assert merged([a, Sketch()]) == a


@settings(deadline=None)
@given(values, values, levels)
def test_merged_sketch_is_that_of_all_observations(one: list[int], two: list[int], level: int) -> None:
    assert merged([sketch_of(one), sketch_of(two, level)]) == sketch_of(one + two, level)


@settings(deadline=None)
@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=200), st.floats(0, 1), levels)
def test_quantile_is_within_the_stated_error_of_the_observation_of_its_rank(
    observed: list[int], quantile: float, level: int
) -> None:
    true = sorted(observed)[math.floor(quantile * (len(observed) - 1))]

    estimate = sketch_of(observed, level).quantile(quantile)

    assert abs(estimate - true) <= true * relative_error(level) * 1.000001


@settings(deadline=None)
@given(values, values, levels)
def test_difference_undoes_a_merge(one: list[int], two: list[int], level: int) -> None:
    assert merged([sketch_of(one), sketch_of(two)]).less(sketch_of(two, level)) == sketch_of(one, level)


def test_errors_are_one_two_and_four_percent() -> None:
    assert [round(relative_error(level), 3) for level in range(3)] == [0.010, 0.020, 0.040]


def test_nothing_has_no_quantile() -> None:
    assert math.isnan(Sketch().quantile(0.5))
    assert math.isnan(histogram_quantile(0.5, (1.0, 2.0), (0, 0, 0)))


@pytest.mark.parametrize(
    ("buckets", "expected"), [((10, 0, 0), 0.95), ((0, 10, 0), 1.95), ((0, 0, 4), 2.0), ((90, 10, 0), 1.5)]
)
def test_quantile_of_a_histogram_lies_between_the_bounds_of_its_bucket(
    buckets: tuple[int, ...], expected: float
) -> None:
    assert histogram_quantile(0.95, (1.0, 2.0), buckets) == pytest.approx(expected)


def test_copy_at_a_coarser_level_leaves_the_original_alone() -> None:
    sketch = sketch_of([10, 20, 30])
    copy = sketch.at_level(2)
    copy.observe(40)

    assert sketch == sketch_of([10, 20, 30])
    assert copy == sketch_of([10, 20, 30, 40], 2)
