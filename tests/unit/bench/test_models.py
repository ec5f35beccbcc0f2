"""The models admit what the algorithms are known for: up to twice the limit, and the limit when nobody attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench.peers.models import FixedWindow, Gcra, SlidingCounter
from tests.bench.traces import START_MS, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = Shape(limit=10, window_ms=1_000, windows=1)
Model = type[FixedWindow] | type[SlidingCounter] | type[Gcra]


def admitted(decide: Callable[[int], bool], now_ms: int, arrivals: int = 30) -> int:
    return sum(decide(now_ms) for _ in range(arrivals))


@pytest.mark.parametrize("model", [FixedWindow, SlidingCounter, Gcra])
def test_a_burst_from_rest_is_the_limit(model: Model) -> None:
    decide = model(SHAPE).decide

    assert admitted(decide, START_MS) == SHAPE.limit
    assert admitted(decide, START_MS + 5 * SHAPE.window_ms) == SHAPE.limit


def test_fixed_window_admits_twice_the_limit_around_a_boundary() -> None:
    decide = FixedWindow(SHAPE).decide

    assert (admitted(decide, START_MS + 999), admitted(decide, START_MS + 1_000)) == (10, 10)


def test_sliding_counter_weights_the_window_before() -> None:
    decide = SlidingCounter(SHAPE).decide
    admitted(decide, START_MS + 999)

    assert [admitted(decide, START_MS + after_ms) for after_ms in (1_000, 1_100, 1_500, 1_990)] == [
        0,
        1,
        4,
        4,
    ]


def test_gcra_returns_a_unit_at_every_interval() -> None:
    decide = Gcra(SHAPE).decide
    admitted(decide, START_MS)

    assert [admitted(decide, START_MS + after_ms) for after_ms in (99, 100, 101, 350, 400)] == [0, 1, 0, 2, 1]
