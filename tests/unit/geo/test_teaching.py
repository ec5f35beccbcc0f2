"""Who may teach: not strangers, not without end, not everywhere; and what remembering them costs."""

from __future__ import annotations

import pytest

from edge.geo.teaching import HOUR_MS, MOST_CELLS, MOST_SAMPLES_A_CELL, Teaching

NOW_MS = 2_000_000_000_000 // HOUR_MS * HOUR_MS


def test_a_stranger_never_teaches() -> None:
    teaching = Teaching()

    assert not teaching.admits(None, 7, now_ms=NOW_MS)
    assert not teaching.admits("", 7, now_ms=NOW_MS)
    assert len(teaching) == 0


def test_one_caller_teaches_so_often_in_a_cell_and_again_in_the_next_hour() -> None:
    teaching = Teaching()
    admitted = [teaching.admits("key:a", 7, now_ms=NOW_MS + second * 1_000) for second in range(100)]

    assert admitted == [True] * MOST_SAMPLES_A_CELL + [False] * (100 - MOST_SAMPLES_A_CELL)
    assert teaching.admits("key:b", 7, now_ms=NOW_MS)
    assert not teaching.admits("key:a", 7, now_ms=NOW_MS + HOUR_MS - 1)
    assert teaching.admits("key:a", 7, now_ms=NOW_MS + HOUR_MS)


def test_nobody_is_everywhere() -> None:
    teaching = Teaching()
    admitted = [cell for cell in range(100) if teaching.admits("key:a", cell, now_ms=NOW_MS)]

    assert admitted == list(range(MOST_CELLS))
    assert teaching.admits("key:a", 0, now_ms=NOW_MS), "where it was, it may go on"


def test_a_clock_set_back_opens_no_new_hour() -> None:
    teaching = Teaching()
    for _ in range(MOST_SAMPLES_A_CELL):
        assert teaching.admits("key:a", 7, now_ms=NOW_MS)

    assert not teaching.admits("key:a", 7, now_ms=NOW_MS - HOUR_MS)
    assert not teaching.admits("key:a", 7, now_ms=NOW_MS)


def test_a_crowd_cannot_push_out_who_has_used_up_its_share() -> None:
    teaching = Teaching(max_clients=10)
    for _ in range(MOST_SAMPLES_A_CELL):
        assert teaching.admits("key:liar", 7, now_ms=NOW_MS)
    for number in range(1_000):
        teaching.admits(f"key:{number}", 7, now_ms=NOW_MS)

    assert len(teaching) == 10
    assert not teaching.admits("key:liar", 7, now_ms=NOW_MS)
    assert not teaching.admits("key:late", 7, now_ms=NOW_MS), "what does not fit waits for the next hour"
    assert teaching.admits("key:late", 7, now_ms=NOW_MS + HOUR_MS)


def test_it_remembers_somebody() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Teaching(max_clients=0)
