"""OpenMetrics 1.0.0: what is written is read back by its strict parser, and ends where it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from edge.telemetry.openmetrics import CONTENT_TYPE, openmetrics_text
from edge.telemetry.prometheus import prometheus_text
from edge.telemetry.snapshot import Definition, Family, Snapshot
from tests.unit.telemetry.exposition_snapshots import (
    Sample,
    comparable,
    expected,
    hostile,
    read_strictly,
    snapshots,
)
from tests.unit.telemetry.test_prometheus_text import SMALL

GOLDEN = Path(__file__).parent / "golden"


def parsed(body: bytes) -> list[Sample]:
    return [
        Sample(one.name, frozenset(one.labels.items()), one.value)
        for family in text_string_to_metric_families(body.decode())  # type: ignore[no-untyped-call]
        for one in family.samples
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots(), st.booleans())
def test_both_strict_readers_read_back_what_was_written(snapshot: Snapshot, created: bool) -> None:  # noqa: FBT001
    body = openmetrics_text(snapshot, created=created)

    assert comparable(parsed(body)) == comparable(expected(snapshot, created=created))
    assert comparable(read_strictly(body)) == comparable(expected(snapshot, created=created))
    assert body.endswith(b"# EOF\n") and body.count(b"# EOF\n") == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots())
def test_kind_unit_and_help_are_read_back(snapshot: Snapshot) -> None:
    families = list(text_string_to_metric_families(openmetrics_text(snapshot, created=True).decode()))  # type: ignore[no-untyped-call]

    assert [(one.name, one.type, one.documentation) for one in families] == [
        (one.definition.name.removesuffix("_total"), one.definition.kind, one.definition.help)
        for one in snapshot.families
    ]
    for family, source in zip(families, snapshot.families, strict=True):
        unit = source.definition.unit
        assert family.unit == (unit if unit and family.name.endswith(f"_{unit}") else "")


@pytest.mark.parametrize("created", [True, False])
def test_hostile_labels_stay_within_their_quotes(created: bool) -> None:  # noqa: FBT001
    body = openmetrics_text(hostile(), created=created)

    assert comparable(parsed(body)) == comparable(expected(hostile(), created=created))
    assert b"\nedge_forged_total" not in body


def test_small_snapshot_is_written_to_the_letter() -> None:
    assert openmetrics_text(SMALL, created=True) == (GOLDEN / "small.openmetrics").read_bytes()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots())
def test_series_are_the_same_in_both_formats(snapshot: Snapshot) -> None:
    def samples(body: bytes) -> list[bytes]:
        return [line for line in body.split(b"\n") if not line.startswith(b"#")]

    assert samples(openmetrics_text(snapshot, created=False)) == samples(prometheus_text(snapshot))


def test_nothing_counted_is_still_a_whole_answer() -> None:
    assert openmetrics_text(Snapshot("cdg1", [], 0.0), created=True) == b"# EOF\n"


def test_quotes_in_help_are_escaped() -> None:
    definition = Definition("edge_x", "gauge", 'A "quoted" \\ word.')

    body = openmetrics_text(Snapshot("cdg1", [Family(definition, [])], 0.0), created=False)

    assert body == b'# HELP edge_x A \\"quoted\\" \\\\ word.\n# TYPE edge_x gauge\n# EOF\n'


def test_content_type_is_exact() -> None:
    assert CONTENT_TYPE == "application/openmetrics-text; version=1.0.0; charset=utf-8"
