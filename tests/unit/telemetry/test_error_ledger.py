"""A storm of errors is noted in bounded memory and written in a bounded number of items; nothing of it reaches a request."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from edge.breaker import Breaker
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, MalformedJson, Unexpected
from edge.telemetry.error_groups import MAX_SAMPLES, TREND_HOURS
from edge.telemetry.error_ledger import (
    FIRST_SAMPLES,
    FLUSH_INTERVAL_MS,
    MAX_GROUPS,
    MAX_TEXT_GROUPS,
    MAX_WRITES,
    WRITE_INTERVAL_MS,
    ErrorLedger,
    FailedRequest,
)
from edge.telemetry.error_memory import MemoryErrorStore
from edge.telemetry.grouping import overflow_key
from tests.unit.telemetry.test_error_grouping import caught, module

if TYPE_CHECKING:
    from edge.telemetry.error_groups import ErrorRecord

START_MS = 2_000_000_000_000
START = START_MS // 1000


class Store(MemoryErrorStore):
    """Counts writes, and fails while told so."""

    def __init__(self) -> None:
        super().__init__()
        self.puts: list[ErrorRecord] = []
        self.fault: Exception | None = None

    def put(self, record: ErrorRecord) -> None:
        self.puts.append(record)
        if self.fault is not None:
            raise self.fault
        super().put(record)


class House:
    """A ledger and what is around it."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ms=START_MS)
        self.store = Store()
        self.ledger = ErrorLedger("geo_route", self.store, self.clock, breaker=Breaker(self.clock))

    def note(self, error: BaseException | None, *, status: int = 500, request_id: str = "r") -> None:
        self.ledger.note(error, FailedRequest(request_id, "/api/geo/route", status))

    def stored(self) -> dict[str, ErrorRecord]:
        return {record.key: record for record in self.store.read().records}


@pytest.fixture
def house() -> House:
    return House()


def of_ours(name: str) -> BaseException:
    return caught(module("edge.geo.router", f"def {name}():\n    raise ValueError('took 12ms')\n")[name])


def of_text(message: str) -> BaseException:
    return ValueError(message)


def letters(chance: random.Random) -> str:
    """Return a message of words that nothing recognises as variable, other than the next one."""
    syllables = ["ba", "de", "fi", "lo", "mu", "ra", "se", "ti", "no", "co", "la", "re"]
    return " ".join("".join(chance.choices(syllables, k=3)) for _ in range(6))


def test_error_is_noted_with_all_that_is_asked_of_it(house: House) -> None:
    house.note(of_ours("decide"), request_id="r-1")
    house.clock.advance(3_600_000)
    house.note(of_ours("decide"), request_id="r-2")
    (record,) = house.ledger.records()

    assert record.type == "builtins.ValueError"
    assert record.title == "ValueError: took <value>"
    assert record.where == ("edge.geo.router:decide",)
    assert (record.function, record.severity, record.total) == ("geo_route", "critical", 2)
    assert (record.first_seen, record.last_seen) == (START, START + 3_600)
    assert record.hours == {START // 3_600: 1, START // 3_600 + 1: 1}
    assert [tuple(sample) for sample in record.samples] == [
        (START, "r-1", "/api/geo/route", 500, "took <value>"),
        (START + 3_600, "r-2", "/api/geo/route", 500, "took <value>"),
    ]


def test_every_status_from_500_lands_in_a_group_and_none_below(house: House) -> None:
    house.note(MalformedJson(), status=400)
    house.note(None, status=499)
    house.note(DependencyUnavailable(1), status=503)
    house.note(Unexpected())
    house.note(None, status=504)

    assert sorted((record.type, record.severity) for record in house.ledger.records()) == [
        ("answer", "error"),
        ("edge.problems.DependencyUnavailable", "error"),
        ("edge.problems.Unexpected", "critical"),
    ]


def test_storm_of_one_kind_is_one_group_with_ten_samples_and_few_writes(house: House) -> None:
    for number in range(10_000):
        house.note(of_ours("decide"), request_id=f"r-{number}")
        house.ledger.flush_if_due()
        house.clock.advance(6)
    (record,) = house.ledger.records()

    assert record.total == 10_000
    assert len(record.samples) == MAX_SAMPLES
    assert [sample.request_id for sample in record.samples[:FIRST_SAMPLES]] == ["r-0", "r-1", "r-2"]
    assert record.samples[-1].at >= record.last_seen - 1
    assert len(house.store.puts) <= 60_000 // WRITE_INTERVAL_MS + 1
    house.clock.advance(WRITE_INTERVAL_MS)
    house.ledger.flush_if_due()
    assert house.stored()[record.key].total == 10_000


def test_storm_of_chosen_messages_is_bounded_and_does_not_crowd_out_defects_of_ours(house: House) -> None:
    chance = random.Random(5)
    for _ in range(300):
        house.note(of_text(letters(chance)))
        house.ledger.flush_if_due()
        house.clock.advance(100)
    for number in range(MAX_GROUPS):
        house.note(of_ours(f"f{number}"))
    records = {record.key: record for record in house.ledger.records()}

    assert len(records) == MAX_GROUPS + 1
    assert (
        sum(record.type == "builtins.ValueError" and not record.where for record in records.values())
        == MAX_TEXT_GROUPS
    )
    assert sum(bool(record.where) for record in records.values()) == MAX_GROUPS - MAX_TEXT_GROUPS
    assert records[overflow_key()].total == 300
    assert sum(record.total for record in records.values()) == 300 + MAX_GROUPS
    assert len(house.store.puts) <= (30_000 // FLUSH_INTERVAL_MS + 1) * MAX_WRITES


def test_what_is_kept_of_hostile_text_is_small(house: House) -> None:
    for number in range(100):
        house.ledger.note(
            of_text(f"{number} " + "<b>\u202e" * 100_000), FailedRequest("i" * 5_000, "/" * 5_000, 500)
        )
        house.clock.advance(2_000)
    (record,) = house.ledger.records()

    assert all(
        len(text) <= 300
        for sample in record.samples
        for text in (sample.request_id, sample.route, sample.message)
    )
    assert "\u202e" not in record.title + "".join(sample.message for sample in record.samples)


def test_error_that_fails_at_everything_is_counted_as_a_defect_and_raises_nothing(house: House) -> None:
    class Hostile(DependencyUnavailable):
        def log_fields(self) -> dict[str, object]:
            raise RuntimeError("no")

    house.note(Hostile(1), status=503)

    assert (house.ledger.records(), house.ledger.defects) == ([], 1)


def test_first_error_is_written_at_once_and_the_next_after_the_interval(house: House) -> None:
    house.note(of_ours("decide"))
    house.ledger.flush_if_due()
    assert [record.total for record in house.store.puts] == [1]
    house.note(of_ours("decide"))
    house.clock.advance(WRITE_INTERVAL_MS - 1)
    house.ledger.flush_if_due()
    assert len(house.store.puts) == 1
    house.clock.advance(FLUSH_INTERVAL_MS)
    house.ledger.flush_if_due()
    assert [record.total for record in house.store.puts] == [1, 2]


def test_nothing_new_is_nothing_written(house: House) -> None:
    house.note(of_ours("decide"))
    for _ in range(5):
        house.ledger.flush_if_due()
        house.clock.advance(WRITE_INTERVAL_MS)

    assert len(house.store.puts) == 1


def test_new_group_is_written_before_those_that_were(house: House) -> None:
    for number in range(MAX_WRITES):
        house.note(of_ours(f"old{number}"))
    house.ledger.flush_if_due()
    house.clock.advance(WRITE_INTERVAL_MS)
    for number in range(MAX_WRITES):
        house.note(of_ours(f"old{number}"))
    house.note(of_ours("young"))
    house.ledger.flush_if_due()

    assert len(house.store.puts) == 2 * MAX_WRITES
    assert house.store.puts[MAX_WRITES].where == ("edge.geo.router:young",)


def test_every_group_is_written_in_the_end(house: House) -> None:
    for number in range(30):
        house.note(of_ours(f"f{number}"))
    for _ in range(8):
        house.ledger.flush_if_due()
        house.clock.advance(FLUSH_INTERVAL_MS)

    assert len(house.stored()) == 30


@pytest.mark.parametrize(
    "fault", [DependencyUnavailable(1), Unexpected(), UnicodeEncodeError("utf-8", "x", 0, 1, "y")]
)
def test_store_that_fails_touches_no_request_and_loses_nothing(house: House, fault: Exception) -> None:
    house.store.fault = fault
    for number in range(3):
        house.note(of_ours(f"f{number}"))
    house.ledger.flush_if_due()
    assert len(house.store.puts) == 1, "the first failure ends a flush"
    assert house.stored() == {}
    house.store.fault = None
    house.clock.advance(FLUSH_INTERVAL_MS)
    house.ledger.flush_if_due()

    assert len(house.stored()) == 3


def test_store_that_is_gone_is_left_alone(house: House) -> None:
    house.store.fault = DependencyUnavailable(1)
    for _ in range(60):
        house.note(of_ours("decide"))
        house.ledger.flush_if_due()
        house.clock.advance(1_000)
    assert len(house.store.puts) <= 60_000 // FLUSH_INTERVAL_MS

    assert house.ledger.records()[0].total == 60


def test_write_that_was_overtaken_or_repeated_counts_nothing_twice(house: House) -> None:
    house.note(of_ours("decide"))
    (old,) = house.ledger.records()
    house.note(of_ours("decide"))
    (new,) = house.ledger.records()
    for record in (new, old, new):
        house.store.put(record)

    assert [record.total for record in house.store.read().records] == [2]


def test_trend_is_of_a_day_whatever_the_clock_does(house: House) -> None:
    for hour in range(100):
        house.note(of_ours("decide"))
        if hour % 10 == 9:
            house.clock.set_back(7_200_000)
        house.clock.advance(3_600_000)
    (record,) = house.ledger.records()

    assert len(record.hours) <= TREND_HOURS
    assert record.total == 100


def test_ledger_without_a_store_counts_and_writes_nothing() -> None:
    clock = ManualClock(now_ms=START_MS)
    ledger = ErrorLedger("keys", None, clock, breaker=Breaker(clock))
    ledger.note(None, FailedRequest("r", "/", 500))
    ledger.flush_if_due()

    assert [record.total for record in ledger.records()] == [1]


def test_two_environments_have_two_names() -> None:
    names = set()
    for _ in range(2):
        house = House()
        house.note(of_ours("decide"))
        names.add(house.ledger.records()[0].environment)

    assert len(names) == 2
