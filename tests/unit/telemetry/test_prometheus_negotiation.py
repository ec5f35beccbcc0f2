"""Which format a scraper gets: OpenMetrics for who asks for what is spoken here, text for all others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.telemetry.negotiation import MOST_ACCEPT_CHARS, prefers_openmetrics, rendered
from edge.telemetry.openmetrics import openmetrics_text
from edge.telemetry.prometheus import prometheus_text
from tests.unit.telemetry.test_prometheus_text import SMALL

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


@pytest.mark.parametrize(
    "accept",
    [
        # as Prometheus asks: plainly, with protobuf liked better, and as its third release with names in UTF-8
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
            "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        ),
        OPENMETRICS,
        "Application/OpenMetrics-Text ; Version=1.0.0 ; charset=utf-8",
        'application/openmetrics-text; version="1.0.0"',
        'application/openmetrics-text; x="a,b;q=0"; version=1.0.0',
        'application/openmetrics-text; version="1\\.0.0"',
        f"{OPENMETRICS};q=0.001",
        f"{OPENMETRICS},text/plain",
        f"text/plain,{OPENMETRICS}",
        f"{OPENMETRICS};q=0.5,text/plain;q=0.5,*/*",
        f"{OPENMETRICS};q=0.5,text/plain;version=1.0.0",
        f"{OPENMETRICS};q=0.5,text/*;q=0.4,*/*",
        f"{OPENMETRICS};q=0.5,text/html",
        f"{OPENMETRICS};q=0.5,text/plain;q=0.6,text/plain;version=0.0.4;q=0.1",
        f"{OPENMETRICS};q=0.5,text/*;version=0.0.4;q=0.6,text/plain;q=0.1",
        f"{OPENMETRICS};q=0,{OPENMETRICS};q=0.5",
        f"{OPENMETRICS};q=0.5,text/plain;q=2",
        f",, {OPENMETRICS} ,",
        f";, {OPENMETRICS};;q=1; ;",
    ],
)
def test_openmetrics_for_who_asks_for_it(accept: str) -> None:
    assert prefers_openmetrics(accept)


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        ";",
        ",;, ;;=;",
        ";" + OPENMETRICS,
        "*/*",
        "application/*",
        "text/plain",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/json",
        "application/openmetrics-text",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=1.0",
        "application/openmetrics-text;version=1.0.0.0",
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;q=1;version=",
        f"{OPENMETRICS};q=0",
        f"{OPENMETRICS};q=0.000",
        f"{OPENMETRICS};q=0.5,text/plain",
        f"{OPENMETRICS};q=0.5,text/plain;version=0.0.4;q=0.6",
        f"{OPENMETRICS};q=0.5,text/plain;q=0.1,text/plain;version=0.0.4;q=0.6",
        f"{OPENMETRICS};q=0.5,text/*;q=0.6,*/*;q=0.1",
        f"{OPENMETRICS};q=0.5,*/*",
        f"{OPENMETRICS};q=2",
        f"{OPENMETRICS};q=-1",
        f"{OPENMETRICS};q=",
        f"{OPENMETRICS};q=1.001",
        f"{OPENMETRICS};q=nan",
        f'text/plain;x=",{OPENMETRICS},"',
        f'text/plain;x="{OPENMETRICS},{OPENMETRICS}',
        OPENMETRICS + "," + " " * MOST_ACCEPT_CHARS,
    ],
)
def test_text_for_all_others(accept: str | None) -> None:
    assert not prefers_openmetrics(accept)


@settings(deadline=None, max_examples=300)
@given(st.text() | st.text('",;\\=q=01. application/openmetrics-text;version=1.0.0', max_size=200))
def test_any_header_gets_an_answer(accept: str) -> None:
    assert prefers_openmetrics(accept) in (True, False)


def test_answer_says_what_it_is_and_what_it_hangs_on() -> None:
    text = rendered(SMALL, None, created=True)
    openmetrics = rendered(SMALL, OPENMETRICS, created=True)

    assert text == ("text/plain; version=0.0.4; charset=utf-8", "Accept", prometheus_text(SMALL))
    assert openmetrics == (
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "Accept",
        openmetrics_text(SMALL, created=True),
    )


def test_time_of_creation_is_told_only_if_asked() -> None:
    assert b"_created" not in rendered(SMALL, OPENMETRICS, created=False).body
    assert b"_created" not in rendered(SMALL, None, created=True).body
