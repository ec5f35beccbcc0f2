"""The text format 0.0.4: what is written is read back, whatever the labels say; what is not sound is refused."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from edge.telemetry.exposition import NotExposable, canonical, escaped, number
from edge.telemetry.openmetrics import openmetrics_text
from edge.telemetry.prometheus import CONTENT_TYPE, prometheus_text
from edge.telemetry.snapshot import Definition, Distribution, Family, Quantiles, Series, Snapshot
from tests.unit.telemetry.exposition_snapshots import (
    HOSTILE,
    Sample,
    comparable,
    expected,
    hostile,
    read_strictly,
    snapshots,
)

GOLDEN = Path(__file__).parent / "golden"

REQUESTS = Definition("edge_requests_total", "counter", "Requests.", ("route",))
UPTIME = Definition("edge_uptime_seconds", "gauge", "Age.", unit="seconds")
DURATION = Definition(
    "edge_duration_seconds", "histogram", "Time.", ("route",), unit="seconds", bounds=(0.1, 1.0)
)
RECENT = Definition("edge_recent_seconds", "summary", "Time.", (), "seconds", quantiles=(0.5, 0.95))

SMALL = Snapshot(
    "cdg1",
    [
        Family(REQUESTS, [Series(("/api/geo",), 0), Series(('/"\\\n',), 12)]),
        Family(UPTIME, [Series((), 1.5)]),
        Family(DURATION, [Series(("/api/geo",), Distribution([3, 0, 2], 4.25))]),
        Family(RECENT, [Series((), Quantiles([0.02, nan], 5, 4.25))]),
    ],
    1_795_000_000.5,
)


def of(definition: Definition, *series: Series) -> Snapshot:
    return Snapshot("cdg1", [Family(definition, series)], 0.0)


def parsed(body: bytes) -> list[Sample]:
    return [
        Sample(one.name, frozenset(one.labels.items()), one.value)
        for family in text_string_to_metric_families(body.decode())
        for one in family.samples
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots())
def test_prometheus_client_reads_back_what_was_written(snapshot: Snapshot) -> None:
    body = prometheus_text(snapshot)

    assert comparable(parsed(body)) == comparable(expected(snapshot))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots())
def test_a_strict_reader_finds_nothing_wrong(snapshot: Snapshot) -> None:
    body = prometheus_text(snapshot)

    if snapshot.families:
        assert comparable(read_strictly(body)) == comparable(expected(snapshot))
    else:
        assert body == b""


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots())
def test_kind_and_help_are_read_back(snapshot: Snapshot) -> None:
    families = list(text_string_to_metric_families(prometheus_text(snapshot).decode()))

    assert [(family.name, family.type, family.documentation) for family in families] == [
        (one.definition.name.removesuffix("_total"), one.definition.kind, one.definition.help)
        for one in snapshot.families
    ]


def test_hostile_labels_stay_within_their_quotes() -> None:
    body = prometheus_text(hostile())

    assert comparable(parsed(body)) == comparable(read_strictly(body)) == comparable(expected(hostile()))
    assert b"\nedge_forged_total" not in body


def test_small_snapshot_is_written_to_the_letter() -> None:
    assert prometheus_text(SMALL) == (GOLDEN / "small.prom").read_bytes()


def test_backslash_in_help_is_no_escape() -> None:
    body = prometheus_text(of(Definition("edge_x", "gauge", 'A \\new "word".')))

    assert body == b'# HELP edge_x A \\\\new "word".\n# TYPE edge_x gauge\n'


def test_content_type_is_exact() -> None:
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_order_of_the_snapshot_is_kept() -> None:
    names = [
        line.split(" ")[2]
        for line in prometheus_text(SMALL).decode().split("\n")
        if line.startswith("# TYPE")
    ]

    assert names == [family.definition.name for family in SMALL.families]


# --- texts -----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text(st.characters()))
def test_an_escaped_label_is_utf8_without_what_ends_it(text: str) -> None:
    told = escaped(text)

    told.encode()
    bare = told.replace("\\\\", "").replace('\\"', "").replace("\\n", "")
    assert '"' not in bare and "\n" not in bare and "\\" not in bare


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_hostile_label_is_cut(text: str) -> None:
    assert len(escaped(text)) >= len(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (True, "1"),
        (-0.0, "0"),
        (3, "3"),
        (3.0, "3"),
        (2**63, "9223372036854775808"),
        (1e15, "1000000000000000.0"),
        (999_999_999_999_999.0, "999999999999999"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (-2.5, "-2.5"),
        (1e300, "1e+300"),
        (inf, "+Inf"),
        (-inf, "-Inf"),
        (nan, "NaN"),
    ],
)
def test_number_is_as_go_reads_it(value: float, text: str) -> None:
    assert number(value) == text


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_number_reads_back_as_the_same_float(value: float) -> None:
    assert float(number(value)) == value


@settings(deadline=None)
@given(st.floats(0, allow_nan=False))
def test_canonical_bound_reads_back_and_is_never_an_integer(value: float) -> None:
    text = canonical(value)

    assert float(text) == value
    assert "." in text or "e" in text or text == "+Inf"
    assert text == canonical(float(text))


@pytest.mark.parametrize(
    ("value", "text"),
    [  # the first are of OpenMetrics 1.0, Considerations: Canonical Numbers
        (0.01, "0.01"), (0.02, "0.02"), (0.1, "0.1"), (1, "1.0"), (10.0, "10.0"), (100, "100.0"), (1e10, "1e+10"),
        (1e5, "100000.0"), (999_999.0, "999999.0"), (1e6, "1e+06"), (1_234_567.5, "1.2345675e+06"), (1e16, "1e+16"),
        (1.5e-5, "1.5e-05"), (5e-324, "5e-324"), (0, "0.0"),
    ],
)  # fmt: skip
def test_bound_has_one_text(value: float, text: str) -> None:
    assert canonical(value) == text


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "definition",
    [
        Definition("edge-requests_total", "counter", "Help."),
        Definition("1edge_total", "counter", "Help."),
        Definition("edge_total\n", "counter", "Help."),
        Definition("edge_requests", "counter", "Help."),
        Definition("edge_things_total", "gauge", "Help."),
        Definition("edge_x_total", "counter", ""),
        Definition("edge_x_total", "counter", " blank in front"),
        Definition("edge_x_total", "counter", "two\nlines"),
        Definition("edge_x_total", "counter", "Help.", ("region",)),
        Definition("edge_x_total", "counter", "Help.", ("le",)),
        Definition("edge_x_total", "counter", "Help.", ("quantile",)),
        Definition("edge_x_total", "counter", "Help.", ("__name__",)),
        Definition("edge_x_total", "counter", "Help.", ("a-b",)),
        Definition("edge_x_total", "counter", "Help.", ("a", "a")),
        Definition("edge_x_total", "counter", "Help.", bounds=(1.0,)),
        Definition("edge_x_total", "counter", "Help.", quantiles=(0.5,)),
        Definition("edge_x", "histogram", "Help.", bounds=(1.0, 1.0)),
        Definition("edge_x", "histogram", "Help.", bounds=(2.0, 1.0)),
        Definition("edge_x", "histogram", "Help.", bounds=(-1.0, 1.0)),
        Definition("edge_x", "histogram", "Help.", bounds=(1.0, inf)),
        Definition("edge_x", "histogram", "Help.", bounds=(nan,)),
        Definition("edge_x", "summary", "Help.", quantiles=(0.9, 0.5)),
        Definition("edge_x", "summary", "Help.", quantiles=(0.5, 1.5)),
        Definition("edge_x", "summary", "Help.", quantiles=(nan,)),
    ],
    ids=str,
)
def test_unsound_definition_is_refused(definition: Definition) -> None:
    with pytest.raises(NotExposable):
        prometheus_text(of(definition))


@pytest.mark.parametrize(
    "snapshot",
    [
        of(REQUESTS, Series(("/a",), 1), Series(("/b",), 1), Series(("/a",), 2)),
        of(REQUESTS, Series((), 1)),
        of(REQUESTS, Series(("/a", "/b"), 1)),
        of(REQUESTS, Series(("/a",), -1)),
        of(REQUESTS, Series(("/a",), nan)),
        of(REQUESTS, Series(("/a",), Distribution([1], 1.0))),
        of(UPTIME, Series((), Quantiles([], 0, 0.0))),
        of(DURATION, Series(("/a",), 1)),
        of(DURATION, Series(("/a",), Distribution([1, 2], 1.0))),
        of(DURATION, Series(("/a",), Distribution([1, 2, 3, 4], 1.0))),
        of(DURATION, Series(("/a",), Distribution([1, -1, 3], 1.0))),
        of(DURATION, Series(("/a",), Distribution([1, 1, 3], -1.0))),
        of(DURATION, Series(("/a",), Distribution([1, 1, 3], nan))),
        of(RECENT, Series((), Quantiles([0.1], 1, 0.1))),
        of(RECENT, Series((), Quantiles([0.1, -0.2], 1, 0.1))),
        of(RECENT, Series((), Quantiles([0.1, 0.2], -1, 0.1))),
        of(RECENT, Series((), Quantiles([0.1, 0.2], 1, nan))),
        of(RECENT, Series((), Distribution([0, 1], 0.1))),
        Snapshot("cdg1", [Family(REQUESTS, []), Family(REQUESTS, [])], 0.0),
        Snapshot(
            "cdg1", [Family(UPTIME, []), Family(Definition(UPTIME.name + "_total", "counter", "X."), [])], 0.0
        ),
        Snapshot(
            "cdg1",
            [Family(DURATION, []), Family(Definition(DURATION.name + "_count", "gauge", "X."), [])],
            0.0,
        ),
    ],
    ids=str,
)
def test_unsound_snapshot_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(NotExposable):
        prometheus_text(snapshot)
    with pytest.raises(NotExposable):
        openmetrics_text(snapshot, created=True)


def test_refusal_names_the_metric_and_no_label() -> None:
    twice = of(REQUESTS, Series(("secret",), 1), Series(("secret",), 1))

    with pytest.raises(NotExposable, match=r"^edge_requests_total: a series is there twice$"):
        prometheus_text(twice)


def test_surrogate_that_becomes_another_label_is_refused_rather_than_written_twice() -> None:
    both = of(REQUESTS, Series(("\ud800",), 1), Series(("\\ud800",), 1))

    with pytest.raises(NotExposable):
        prometheus_text(both)
