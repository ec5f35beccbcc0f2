"""A shard comes back as it was, is small, and what is none is told from one that is."""

from __future__ import annotations

import json
import random
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.telemetry.recorder import BODY_BOUNDS_BYTES, DURATION_BOUNDS_SECONDS, Recorder
from edge.telemetry.shards import Garbled, Shard, decode, encode
from edge.telemetry.sketch import COARSE_LEVEL, Sketch
from edge.telemetry.totals import Minute, Totals, added

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 2_000_000_000 // 60
small = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
whole = st.integers(0, 1 << 60)
sketches = st.builds(
    Sketch, st.just(COARSE_LEVEL), st.dictionaries(st.integers(0, 4096), st.integers(1, 1 << 40), max_size=9)
)
minutes = st.builds(Minute, whole, whole, whole, whole, whole, sketches)
rows = st.lists(whole, min_size=len(DURATION_BOUNDS_SECONDS) + 2, max_size=len(DURATION_BOUNDS_SECONDS) + 2)
totals = st.builds(
    Totals,
    st.dictionaries(st.text("abcq /{}", min_size=1, max_size=9), whole, max_size=9),
    st.dictionaries(st.sampled_from(["t /a", "t /b"]), rows),
    st.dictionaries(st.integers(NOW - 59, NOW), minutes, max_size=5),
    st.dictionaries(st.integers(NOW // 60 - 23, NOW // 60), st.tuples(whole, whole), max_size=5),
)


@small
@given(totals, st.integers(0, 1 << 40))
def test_what_is_encoded_is_decoded(counted: Totals, started_at: int) -> None:
    assert decode(encode(Shard(started_at, counted), minute=NOW)) == Shard(started_at, counted)


@small
@given(totals, totals, totals)
def test_sums_are_associative_and_commutative(one: Totals, two: Totals, three: Totals) -> None:
    assert added([added([one, two]), three]) == added([three, two, one])


@small
@given(totals, totals)
def test_difference_undoes_a_sum(one: Totals, two: Totals) -> None:
    rest = added([one, two]).less(two)

    assert {key: count for key, count in rest.counters.items() if count} == {
        key: count for key, count in one.counters.items() if count
    }
    for key, row in rest.histograms.items():
        assert row == one.histograms.get(key)
    for at, slot in rest.minutes.items():
        assert slot.numbers() == one.minutes.get(at, Minute()).numbers()


def test_slots_that_are_over_are_left_out_and_older_minutes_are_coarser() -> None:
    slots = {NOW - ago: Minute(1, sketch=Sketch(0, {100: 1, 101: 1})) for ago in (-6, -5, 0, 11, 12, 59, 60)}
    hours = {NOW // 60 - ago: (1, 0) for ago in (-2, -1, 0, 23, 24)}
    kept = decode(encode(Shard(0, Totals(minutes=slots, hours=hours)), minute=NOW)).totals

    assert sorted(NOW - at for at in kept.minutes) == [-5, 0, 11, 12, 59]
    assert [slot.sketch.level for slot in kept.minutes.values()] == [2, 2, 0, 0, 0]
    assert kept.minutes[NOW - 12].sketch.counts == {25: 2}
    assert sorted(NOW // 60 - at for at in kept.hours) == [-1, 0, 23]


@pytest.mark.parametrize(("per_minute", "most_bytes"), [(1, 1_000), (60, 2_600), (600, 4_600)])
def test_shard_of_a_day_of_traffic_is_small(per_minute: int, most_bytes: int) -> None:
    random_ = random.Random(1)
    clock = ManualClock(now_ms=NOW * 60_000)
    recorder = Recorder("geo_route", clock)
    for minute in range(90):
        for _ in range(per_minute):
            recorder.record(
                route="/api/geo/route",
                method="POST",
                status=random_.choice([200] * 20 + [422, 500]),
                duration_ns=int(random_.lognormvariate(0.7, 0.5) * 1e6),
                body_bytes=60,
                outcome={
                    "decision": random_.choice(["cdg1", "iad1"]),
                    "routed_by": "model",
                    "mode": "normal",
                },
            )
        clock.advance(60_000 * (minute < 30) * 45 or 60_000)
    blob = encode(Shard(NOW * 60, recorder.totals()), minute=clock.now_ms() // 60_000)

    assert len(blob) < most_bytes


def packed(change: Callable[[list[object]], object]) -> bytes:
    document = json.loads(
        zlib.decompress(
            encode(
                Shard(
                    5,
                    Totals(
                        {"q": 1},
                        {"b": [0] * (len(BODY_BOUNDS_BYTES) + 2)},
                        {NOW: Minute(1, sketch=Sketch(0, {7: 1}))},
                        {NOW // 60: (1, 0)},
                    ),
                ),
                minute=NOW,
            )
        )
    )
    change(document)
    return zlib.compress(json.dumps(document).encode())


def test_document_of_these_tests_is_a_shard() -> None:
    assert decode(packed(lambda _document: None)).totals.counters == {"q": 1}


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"garbage",
        zlib.compress(b""),
        zlib.compress(b"[]"),
        zlib.compress(b"{}"),
        zlib.compress(b"\xff"),
        zlib.compress(b"[" * 100_000),
        zlib.compress(b" " * 5_000_000),
        packed(lambda _document: None) + b"more",
        packed(lambda _document: None)[:-1],
        packed(lambda document: document.__setitem__(0, 2)),
        packed(lambda document: document.__setitem__(1, -1)),
        packed(lambda document: document.__setitem__(1, True)),
        packed(lambda document: document.__setitem__(2, {"q": 1.5})),
        packed(lambda document: document.__setitem__(2, {"q": -1})),
        packed(lambda document: document.__setitem__(2, {"q": None})),
        packed(lambda document: document.__setitem__(2, [])),
        packed(lambda document: document.__setitem__(2, {"q": 10**40})),
        packed(lambda document: document.__setitem__(3, {"b": [1, 2]})),
        packed(lambda document: document.__setitem__(3, {"": [1, 2]})),
        packed(lambda document: document.__setitem__(3, {"z": [1, 2]})),
        packed(lambda document: document.__setitem__(5, [[0, 1]])),
        packed(lambda document: document.__setitem__(5, [[0, 1, 0, 0, 0, 0, 99, 7, 1]])),
        packed(lambda document: document.__setitem__(5, [[0, 1, 0, 0, 0, 0, 0, 7, 0]])),
        packed(lambda document: document.__setitem__(5, [[0, 1, 0, 0, 0, 0, 0, 7, 1, 0, 1]])),
        packed(lambda document: document.__setitem__(5, [[0, 1, 0, 0, 0, 0, 0, 7]])),
        packed(lambda document: document.__setitem__(5, [[0, 1, 0, 0, 0, 0, 0, 10**9, 1]])),
        packed(lambda document: document.__setitem__(5, [[at, 0, 0, 0, 0, 0, 0] for at in range(200)])),
        packed(lambda document: document.__setitem__(6, [[1, 2]])),
        packed(lambda document: document.append(1)),
    ],
)
def test_what_is_no_shard_is_garbled(blob: bytes) -> None:
    with pytest.raises(Garbled):
        decode(blob)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_shard_or_garbled(noise: bytes) -> None:
    for blob in (noise, zlib.compress(noise)):
        with pytest.raises(Garbled):
            decode(blob)
