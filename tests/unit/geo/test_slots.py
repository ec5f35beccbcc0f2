"""What callers agree on: no one of them bends it, however often and whatever it says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.geo.cells import HALF_LIFE_MS, MOST_SAMPLES, Average
from edge.geo.slots import LEAST_SLOTS, SLOTS, agreed, is_slot_name, slot_name
from edge.regions import BY_CODE

NOW_MS = 2_000_000_000_000
MS = st.floats(1, 2_000)
WEIGHTS = st.floats(1, MOST_SAMPLES)


def averages(*slots: tuple[float, float]) -> dict[str, Average]:
    return {f"cdg1.{number}": Average(ms, samples, NOW_MS) for number, (ms, samples) in enumerate(slots)}


@given(
    st.lists(st.tuples(MS, WEIGHTS), min_size=LEAST_SLOTS - 1, max_size=SLOTS - 1),
    st.tuples(MS, WEIGHTS),
)
def test_one_liar_cannot_leave_the_range_of_the_others(
    honest: list[tuple[float, float]], liar: tuple[float, float]
) -> None:
    found = agreed(averages(*honest, liar), now_ms=NOW_MS)["cdg1"]

    assert min(ms for ms, _ in honest) <= found.ms <= max(ms for ms, _ in honest)


@given(st.lists(st.tuples(MS, WEIGHTS), min_size=3, max_size=SLOTS - 1), st.tuples(MS, WEIGHTS))
def test_one_liar_moves_the_median_to_the_next_slot_at_most(
    honest: list[tuple[float, float]], liar: tuple[float, float]
) -> None:
    before = agreed(averages(*honest), now_ms=NOW_MS)["cdg1"].ms
    after = agreed(averages(*honest, liar), now_ms=NOW_MS)["cdg1"].ms
    ordered = sorted(ms for ms, _ in honest)
    middle = len(ordered) // 2

    assert ordered[max(middle - 1, 0)] <= after <= ordered[min(middle + 1, len(ordered) - 1)]
    assert ordered[max(middle - 1, 0)] <= before <= ordered[min(middle + 1, len(ordered) - 1)]


def test_weight_does_not_make_a_slot_count_more() -> None:
    loud = averages((20.0, 2.0), (22.0, 2.0), (900.0, 200.0))

    assert agreed(loud, now_ms=NOW_MS)["cdg1"].ms == 22.0


def test_fewer_callers_than_three_agree_on_nothing() -> None:
    assert agreed(averages((20.0, 200.0), (20.0, 200.0)), now_ms=NOW_MS) == {}
    assert agreed({}, now_ms=NOW_MS) == {}


def test_forgotten_slots_do_not_count() -> None:
    old = {name: one._replace(at_ms=NOW_MS - 2 * HALF_LIFE_MS) for name, one in averages((9.0, 1.9)).items()}
    fresh = {f"cdg1.{slot}": Average(30.0, 5.0, NOW_MS) for slot in (3, 4, 5)}

    assert agreed({**old, **fresh}, now_ms=NOW_MS) == {"cdg1": Average(30.0, 15.0, NOW_MS)}
    assert agreed({**old, "cdg1.3": fresh["cdg1.3"], "cdg1.4": fresh["cdg1.4"]}, now_ms=NOW_MS) == {}


def test_one_sample_of_each_of_three_callers_counts_for_a_week() -> None:
    slots = {f"cdg1.{slot}": Average(30.0, 1.0, NOW_MS) for slot in range(3)}

    assert agreed(slots, now_ms=NOW_MS + HALF_LIFE_MS) == {"cdg1": Average(30.0, 1.5, NOW_MS + HALF_LIFE_MS)}
    assert agreed(slots, now_ms=NOW_MS + HALF_LIFE_MS + 60_000) == {}


def test_samples_are_summed_and_capped_and_regions_are_apart() -> None:
    found = agreed(
        {
            **averages((10.0, 5.0), (12.0, 5.0), (14.0, 5.0), (16.0, 5.0)),
            "iad1.0": Average(80.0, 9.0, NOW_MS),
        },
        now_ms=NOW_MS,
    )

    assert found == {"cdg1": Average(13.0, 20.0, NOW_MS)}
    full = agreed(averages(*[(10.0, MOST_SAMPLES)] * 3), now_ms=NOW_MS)
    assert full["cdg1"].samples == MOST_SAMPLES


@given(st.text(max_size=30), st.integers(0, 2_591), st.sampled_from(list(BY_CODE)))
def test_a_caller_has_one_slot_in_a_cell_and_its_name_is_one(client: str, cell: int, code: str) -> None:
    name = slot_name(code, client, cell)

    assert name == slot_name(code, client, cell)
    assert is_slot_name(name, BY_CODE)
    assert name.startswith(f"{code}.")


def test_callers_are_spread_over_all_slots_and_dealt_anew_in_each_cell() -> None:
    counts: dict[str, int] = {}
    for number in range(4_000):
        name = slot_name("cdg1", f"key:{number:012}", 7)
        counts[name] = counts.get(name, 0) + 1

    assert len(counts) == SLOTS
    assert min(counts.values()) > 400
    assert len({slot_name("cdg1", "key:abc", cell) for cell in range(100)}) == SLOTS


def test_other_names_are_no_slots() -> None:
    for name in (
        "cdg1",
        "cdg1.",
        "cdg1.8",
        "cdg1.-1",
        "cdg1.10",
        "xxx1.3",
        ".3",
        "cdg1.3.3",
        "cdg1.a",
        "cdg1.²",
    ):
        assert not is_slot_name(name, BY_CODE), name
