"""What the scenarios conclude of a limiter, with limiters that are right or wrong on purpose."""

from __future__ import annotations

from threading import Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.peers.catalogue import ROWS
from tests.bench.peers.port import Calls, Limit, Unanswered
from tests.bench.peers.scenarios import (
    HAMMER_CHECKS,
    THREADS,
    Admission,
    hammer,
    most_surely_in_one_window,
    refused_is_free,
)

spans = st.tuples(st.integers(0, 50), st.integers(0, 20)).map(
    lambda span: Admission(span[0], span[0] + span[1])
)


class Counter:
    """Admits *limit* in all; *charges* a refused cost too, as a plain counter does."""

    def __init__(self, limit: Limit, *, charges: bool) -> None:
        self._left = limit.units
        self._charges = charges
        self._lock = Lock()

    def hit(self, key: str, cost: int) -> bool:
        assert key
        with self._lock:
            allowed = cost <= self._left
            if allowed or self._charges:
                self._left -= cost
            return allowed

    def calls(self) -> Calls | None:
        return None


def test_refused_cost_is_free_where_it_is_not_charged() -> None:
    assert refused_is_free(Counter(Limit(100, 1_000), charges=False))
    assert not refused_is_free(Counter(Limit(100, 1_000), charges=True))


def test_limiter_that_takes_no_costs_is_told_from_one_that_charges() -> None:
    with pytest.raises(RuntimeError, match="costs"):
        refused_is_free(Counter(Limit(1_000, 1_000), charges=False))


def test_hammer_counts_every_admission_of_all_threads() -> None:
    assert hammer(Counter(Limit(100, 1_000), charges=False))["admitted"] == 100
    assert hammer(Counter(Limit(10_000, 1_000), charges=False))["admitted"] == THREADS * HAMMER_CHECKS


class Broken(Counter):
    """Gives up every other check."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit, charges=False)
        self._turn = 0
        self._turn_lock = Lock()

    def hit(self, key: str, cost: int) -> bool:
        with self._turn_lock:
            self._turn += 1
            if self._turn % 2:
                raise Unanswered
        return super().hit(key, cost)


def test_check_that_was_given_up_is_neither_admitted_nor_denied() -> None:
    found = hammer(Broken(Limit(100, 1_000)))

    assert (found["admitted"], found["unanswered"]) == (100, THREADS * HAMMER_CHECKS // 2)


def test_call_that_ends_after_the_window_is_not_surely_in_it() -> None:
    admissions = [Admission(0, 1), Admission(8, 9), Admission(9, 10), Admission(10, 10)]

    assert most_surely_in_one_window(admissions, window_ns=10) == 3
    assert most_surely_in_one_window(admissions, window_ns=2) == 2
    assert most_surely_in_one_window([], window_ns=10) == 0


@given(st.lists(spans, max_size=25), st.integers(1, 30), st.data())
def test_sure_count_never_exceeds_the_true_one(
    admissions: list[Admission], window_ns: int, data: st.DataObject
) -> None:
    instants = [data.draw(st.integers(begun, ended)) for begun, ended in admissions]
    truly = max((sum(0 <= other - first < window_ns for other in instants) for first in instants), default=0)

    assert most_surely_in_one_window(admissions, window_ns) <= truly


def test_rows_have_names_of_their_own() -> None:
    assert len({row.label for row in ROWS}) == len(ROWS)
    assert all(row.needs_redis == ("Redis" in row.label) for row in ROWS)
