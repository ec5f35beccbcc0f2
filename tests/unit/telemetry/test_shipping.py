"""Whatever collectors and the queue do: each line arrives, under one id, in its order, and nobody waits for ever."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.telemetry.shipping import (
    ATTEMPT_MS,
    FAILURES_TO_OPEN,
    MAX_PAUSE_MS,
    MAX_REFUSALS,
    OPEN_MS,
    RESERVED_MS,
)
from edge.telemetry.shipping_batches import from_message
from edge.telemetry.shipping_ports import Unshipped
from tests.unit.telemetry.shipping_world import World, ids_of, lines

FAILING = ["500", "503", "no_connection", "lost_reply", "hangs", "taken_late", "408", "409", "425", "429"]
WORDS = ["ok", *FAILING, "400", "413", "422", "401", "404", "301", "100"]


def names(count: int, first: int = 0) -> list[str]:
    return [f"{first + number:05}" for number in range(count)]


def test_all_lines_go_to_one_collector_and_errors_to_the_other() -> None:
    world = World(logs=(), errors=())
    tally = world.ship(lines(10, errors=[3, 7]))

    assert world.logs.bodies == [names(10)]
    assert world.collectors["errors"].bodies == [["00003", "00007"]]
    assert world.logs.keys != world.collectors["errors"].keys
    assert (tally.lines, tally.batches, tally.queued, tally.faults) == (12, 2, 0, {})


def test_without_errors_nobody_is_asked_for_them() -> None:
    world = World(logs=None, errors=())
    world.ship(lines(10))
    assert world.collectors["errors"].posts == []


@pytest.mark.parametrize("word", FAILING)
def test_third_try_is_the_last(word: str) -> None:
    world = World(logs=[word, word, "ok"])
    world.ship(lines(3))
    assert world.logs.bodies[-1] == names(3)
    assert len(world.logs.posts) == 3
    assert len({key for key, _ in world.logs.posts}) == 1
    assert world.queue.messages == []

    world = World(logs=[word] * 3)
    world.ship(lines(3))
    assert len(world.logs.posts) == 3
    assert [ids_of(from_message(message)) for message in world.queue.messages] == [names(3)]


def test_pauses_grow_and_have_a_part_by_chance() -> None:
    world = World(logs=["500", "500", "ok"])
    world.ship(lines(1))
    assert world.slept_ms == [750, 1_500]


def test_collector_that_says_when_is_waited_for() -> None:
    world = World(logs=["429", "ok"])
    world.logs.retry_after_ms = 4_000
    world.ship(lines(1))
    assert (world.slept_ms, world.queue.messages) == ([4_000], [])


def test_collector_that_wants_more_time_than_there_is_gets_it_from_the_queue() -> None:
    world = World(logs=["503"])
    world.logs.retry_after_ms = MAX_PAUSE_MS + 1
    world.ship(lines(1))
    assert (world.slept_ms, len(world.queue.messages), len(world.logs.posts)) == ([], 1, 1)


@pytest.mark.parametrize("word", ["401", "403", "404", "405", "301", "307", "100"])
def test_answer_that_no_repetition_mends_is_not_tried_again_at_once(word: str) -> None:
    world = World(logs=[word])
    world.ship(lines(3))
    assert (len(world.logs.posts), len(world.queue.messages)) == (1, 1)
    world.redeliver()
    assert world.logs.bodies == [names(3)]


def test_lost_reply_repeats_the_batch_under_the_same_key_also_through_the_queue() -> None:
    world = World(logs=["lost_reply"] * 3)
    world.ship(lines(5))
    world.redeliver()
    assert world.logs.bodies == [names(5)] * 4
    assert len(set(world.logs.keys)) == 1


# The circuit


def test_circuit_opens_after_five_failures_and_closes_when_the_collector_is_back() -> None:
    world = World(logs=["no_connection"] * 7)
    for first in (0, 10, 20):
        world.ship(lines(1, first=first))
    assert len(world.logs.posts) == FAILURES_TO_OPEN
    assert len(world.queue.messages) == 3
    assert world.ship(lines(1, first=30)).faults == {"circuit_open": 1}

    world.clock.advance(OPEN_MS)
    assert world.ship(lines(1, first=40)).faults == {"connection": 1, "circuit_open": 1}  # the probe fails
    assert len(world.logs.posts) == 6
    world.clock.advance(OPEN_MS)
    world.ship(lines(1, first=50))  # so does the next
    world.clock.advance(OPEN_MS)
    world.ship(lines(1, first=60))  # and this one closes it
    assert world.ship(lines(1, first=70)).faults == {}
    while world.queue.messages:
        world.redeliver()
    assert sorted(world.logs.received) == [f"{first:05}" for first in range(0, 80, 10)]


@pytest.mark.parametrize("word", ["500", "429", "404", "301", "hangs"])
def test_circuit_opens_for_whatever_no_batch_gets_through(word: str) -> None:
    world = World(logs=[word] * 100)
    for first in range(10):
        world.ship(lines(1, first=first))
    assert len(world.logs.posts) == FAILURES_TO_OPEN
    assert world.queue.puts == 10


def test_one_collector_is_not_left_alone_for_the_other() -> None:
    world = World(logs=(), errors=["no_connection"] * 1_000)
    for first in range(10):
        world.ship(lines(1, errors=[0], first=first))
    assert sorted(world.logs.received) == names(10)
    assert len(world.collectors["errors"].posts) == FAILURES_TO_OPEN


def test_refusals_do_not_open_the_circuit() -> None:
    world = World()
    world.logs.most_lines = 1
    world.ship(lines(20))
    assert world.logs.received == names(20)


# Refused for what is in it


def test_too_large_batch_is_halved_until_it_is_taken_in_order() -> None:
    world = World()
    world.logs.most_lines = 3
    tally = world.ship(lines(20))
    assert world.logs.received == names(20)
    assert max(map(len, world.logs.bodies)) <= 3
    assert (tally.refused, tally.lines, world.queue.messages) == (7, 20, [])


@pytest.mark.parametrize("poison", [["00000"], ["00019"], ["00007", "00008", "00013"], names(7)])
def test_bad_lines_are_set_apart_and_the_others_arrive(poison: list[str]) -> None:
    world = World()
    world.logs.poison = set(poison)
    world.ship(lines(20))
    assert world.logs.received == [name for name in names(20) if name not in poison]
    assert [ids_of(from_message(message)) for message in world.queue.messages] == [[name] for name in poison]

    before, puts = list(world.queue.messages), world.queue.puts
    world.redeliver()
    # The same messages, not copies: their deliveries are counted, up to the last.
    assert (world.queue.messages, world.queue.puts) == (before, puts)


def test_collector_that_refuses_everything_gets_no_message_for_each_line() -> None:
    world = World(logs=["400"] * 10_000)
    world.ship(lines(1_000))
    assert len(world.queue.messages) == 1
    assert len(world.logs.posts) < 40
    for _ in range(5):
        world.redeliver()
    assert len(world.queue.messages) == 1
    world.logs.script.clear()
    world.redeliver()
    assert world.logs.bodies == [names(1_000)]


def test_collector_that_takes_few_lines_at_once_gets_the_rest_later() -> None:
    world = World()
    world.logs.most_lines = 2
    world.ship(lines(1_000))
    assert len(world.logs.posts) <= 2 * MAX_REFUSALS + 1
    rounds = 0
    while world.queue.messages:
        world.redeliver()
        rounds += 1
    assert sorted(world.logs.received) == names(1_000)
    assert rounds < 10


# The queue


def test_without_collector_and_queue_the_event_is_repeated() -> None:
    world = World(logs=["500"] * 3)
    world.queue.script.extend(["fails"])
    with pytest.raises(Unshipped):
        world.ship(lines(3))
    assert world.ship(lines(3)).lines == 3


def test_queue_that_failed_is_not_asked_again_in_the_same_invocation() -> None:
    world = World(logs=["500"] * 3, errors=["500"] * 3)
    world.queue.script.extend(["fails"] * 9)
    with pytest.raises(Unshipped):
        world.ship(lines(3, errors=[1]))
    assert world.queue.puts == 1
    assert world.logs.posts, "the other collector was tried all the same"


def test_part_that_could_not_be_kept_brings_the_message_back() -> None:
    world = World(logs=["500"] * 3)
    world.ship(lines(4))
    world.logs.poison = {"00002"}
    world.queue.script.extend(["fails"])
    world.redeliver()
    assert [ids_of(from_message(message)) for message in world.queue.messages] == [names(4)]
    world.redeliver()
    assert [ids_of(from_message(message)) for message in world.queue.messages] == [["00002"]]


def test_message_for_a_collector_that_is_no_longer_named_is_done_and_counted() -> None:
    world = World(logs=(), errors=["500"] * 3)
    world.ship(lines(1, errors=[0]))
    later = World(logs=())
    later.queue.messages = world.queue.messages
    assert later.redeliver().unwanted == 1
    assert later.queue.messages == []


# Time


def test_slow_collector_is_given_up_in_time_for_the_queue() -> None:
    world = World(logs=["hangs"] * 100)
    began_ms = world.clock.now_ms()
    tally = world.ship(lines(15_000, text="x" * 900))  # eight batches
    assert world.clock.now_ms() - began_ms <= 60_000 - RESERVED_MS
    assert tally.queued == 15_000
    assert len(world.logs.posts) <= FAILURES_TO_OPEN


def test_attempt_takes_no_longer_than_there_is_time() -> None:
    world = World(logs=["hangs"] * 3)
    world.ship(lines(1), timeout_ms=RESERVED_MS + 4_000)
    assert world.clock.monotonic_ns() <= 4_000 * 1_000_000
    assert len(world.queue.messages) == 1
    world = World(logs=["hangs"])
    world.ship(lines(1))
    assert world.slept_ms
    assert world.clock.monotonic_ns() >= ATTEMPT_MS * 1_000_000


def test_without_time_nothing_is_begun_and_all_is_queued() -> None:
    world = World()
    tally = world.ship(lines(3), timeout_ms=RESERVED_MS + 400)
    assert (world.logs.posts, tally.queued, tally.faults) == ([], 3, {"no_time": 1})


# The law


@settings(max_examples=300, deadline=None)
@given(
    script=st.lists(st.sampled_from(WORDS), max_size=40),
    puts=st.lists(st.sampled_from(["ok", "ok", "fails", "lost"]), max_size=8),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    twice=st.lists(st.sets(st.integers(0, 4)), max_size=4),
    most_lines=st.sampled_from([1, 3, 1_000]),
    pause_ms=st.sampled_from([0, 30_000, 61_000]),
)
def test_each_line_arrives_at_least_once_and_by_id_exactly_once(
    script: list[str],
    puts: list[str],
    sizes: list[int],
    twice: list[set[int]],
    most_lines: int,
    pause_ms: int,
) -> None:
    world = World(logs=script)
    world.logs.most_lines = most_lines
    world.queue.script.extend(puts)
    first = 0
    for size in sizes:
        found = lines(size, first=first)
        first += size
        while not world.ship_or_not(found):  # as Lambda does; more often than it, for the script is longer
            world.clock.advance(60_000)
        world.clock.advance(pause_ms)
    rounds = 0
    while world.queue.messages:
        world.redeliver(twice=twice[rounds] if rounds < len(twice) else ())
        rounds += 1
        assert rounds < 150, "it comes to an end"

    assert set(world.logs.received) == set(names(first))
    for body in world.logs.bodies:
        assert body == sorted(set(body)), "in order, none twice in a request"
    by_key: dict[str, list[str]] = {}
    for key, body in zip(world.logs.keys, world.logs.bodies, strict=True):
        assert by_key.setdefault(key, body) == body, "a key stands for the same lines, always"
