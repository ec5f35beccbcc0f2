"""Which form a client gets, and what the draft's form says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.health.checks import Finding
from edge.health.health_json import draft_answer
from edge.health.negotiation import MOST_CHARS, prefers_health_json
from edge.moments import Moment


@pytest.mark.parametrize(
    "accept",
    [
        "application/health+json",
        "Application/Health+JSON",
        "application/health+json, application/json;q=0.9",
        "application/json;q=0.5,application/health+json;q=0.6",
        "application/health+json, */*",
        "*/*, application/health+json",
        "application/health+json;q=0.8, application/*;q=0.8",
        "text/html, application/health+json ; Q=0.001",
        ",, application/health+json,",
        "application/json;q=0, application/health+json;q=0.1",
        "owl, application/health+json",
    ],
)
def test_draft_is_for_who_likes_it_better_or_names_it(accept: str) -> None:
    assert prefers_health_json(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/*",
        "application/json",
        "text/html",
        "application/health+json;q=0",
        "application/health+json, application/json",
        "application/health+json;q=0.5, */*",
        "application/health+json;q=0.5, application/*;q=0.6",
        "application/health+json;q=0, */*;q=0.1",
        "application/health+json;q=1.1",
        "application/health+json;q=.5",
        "application/health+json;version=2",
        "application/health+json, application/health+json;q=0",
        "application/health+jsonx",
        "xapplication/health+json",
        "application/health+json" + "," * MOST_CHARS,
    ],
)
def test_everybody_else_gets_json(accept: str) -> None:
    assert not prefers_health_json(accept)


@given(st.text(alphabet='aplicton/helts+jq;=.,*01 \t"\\', max_size=80))
def test_no_header_is_an_error(accept: str) -> None:
    assert prefers_health_json(accept) in (True, False)


FINDINGS = [
    Finding("rate_windows", True, None, 3, Moment(2_000_000_000_999, 0), 0, 2_000_000_000),
    Finding("keys", False, "throttled", 250, Moment(2_000_000_000_000, 0), 2, 2_000_000_000),
    Finding("secrets", False, None, 30, Moment(2_000_000_000_000, 0), 0, 2_000_000_000),
]


def test_draft_in_full() -> None:
    assert draft_answer("degraded", region="cdg1", version="1.2.3", findings=FINDINGS) == {
        "status": "warn",
        "serviceId": "cdg1",
        "releaseId": "1.2.3",
        "checks": {
            "rate_windows:responseTime": [
                {
                    "componentType": "datastore",
                    "observedValue": 3,
                    "observedUnit": "ms",
                    "status": "pass",
                    "time": "2033-05-18T03:33:20Z",
                }
            ],
            "keys:responseTime": [
                {
                    "componentType": "datastore",
                    "observedValue": 250,
                    "observedUnit": "ms",
                    "status": "warn",
                    "time": "2033-05-18T03:33:20Z",
                    "output": "throttled",
                }
            ],
            "secrets:responseTime": [
                {
                    "componentType": "component",
                    "observedValue": 30,
                    "observedUnit": "ms",
                    "status": "pass",
                    "time": "2033-05-18T03:33:20Z",
                }
            ],
        },
    }


def test_draft_fails_where_something_critical_does() -> None:
    critical = FINDINGS[0]._replace(fault="connection")
    answer = draft_answer("unhealthy", region="cdg1", version="1", findings=[critical])

    assert answer["status"] == answer["checks"]["rate_windows:responseTime"][0]["status"] == "fail"


def test_draft_for_anybody_is_a_word_and_a_place() -> None:
    words = {
        state: draft_answer(state, region="cdg1", version=None, findings=None)
        for state in ("healthy", "degraded", "unhealthy")
    }

    assert words == {
        "healthy": {"status": "pass", "serviceId": "cdg1"},
        "degraded": {"status": "warn", "serviceId": "cdg1"},
        "unhealthy": {"status": "fail", "serviceId": "cdg1"},
    }
