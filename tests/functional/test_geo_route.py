"""``POST /api/geo/route``, from the gateway's event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.regions import DEPLOYED
from tests.functions import load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from types import ModuleType

PATH = "/api/geo/route"
ENDPOINTS = "iad1=https://iad1.example.com,cdg1=https://cdg1.example.com"


@pytest.fixture(scope="module")
def function(ministack_environment: dict[str, str]) -> ModuleType:
    variables = {"ENDPOINTS": ENDPOINTS, "ANONYMOUS_TIER": "relaxed"}
    return load_function("geo_route", {**ministack_environment, **variables})


def ask(function: ModuleType, body: object = None, **members: Any) -> Answer:
    return invoke(function.handler, http_event("POST", PATH, body, **members))


def test_anybody_is_told_the_best_region_and_the_whole_ranking(function: ModuleType) -> None:
    answer = ask(function, {"latitude": 48.86, "longitude": 2.35})

    document = answer.json()
    assert answer.status == 200
    assert (document["region"], document["aws_region"]) == ("cdg1", "eu-west-3")
    assert document["endpoint"] == "https://cdg1.example.com"
    assert document["location"] == {"latitude": 48.86, "longitude": 2.35, "source": "body"}
    assert document["ranking"][0]["region"] == "cdg1"
    assert {one["region"] for one in document["ranking"]} == {region.code for region in DEPLOYED}
    assert {one["endpoint"] for one in document["ranking"]} == {
        "https://cdg1.example.com",
        "https://iad1.example.com",
        None,
    }
    assert {one["status"] for one in document["ranking"]} == {"unknown"}, "nobody observes the regions yet"
    assert answer.headers["x-ratelimit-limit"] == "1000", "and is counted"


@pytest.mark.parametrize(
    ("body", "region"),
    [
        ({"country": "JP"}, "hnd1"),
        ({"country": "BR"}, "iad1"),
        ({"latitude": 34.05, "longitude": -118.24}, "sfo1"),
        ({"measurements": {"hnd1": 20, "iad1": 300.5}}, "hnd1"),
        ({"latitude": 48.86, "longitude": 2.35, "exclude": ["cdg1"]}, "iad1"),
    ],
)
def test_place_measurements_and_wishes_decide(
    function: ModuleType, body: dict[str, object], region: str
) -> None:
    assert ask(function, body).json()["region"] == region


def test_location_headers_that_a_client_can_write_are_not_believed(function: ModuleType) -> None:
    forged = {"cloudfront-viewer-latitude": "35.6", "cloudfront-viewer-longitude": "139.7"}

    answer = ask(function, {}, headers={**forged, "x-forwarded-for": "203.0.113.9"})

    assert (answer.status, answer.json()["reason"]) == (422, "location_unknown")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"latitude": 91, "longitude": 0}, "/latitude"),
        ({"latitude": 1}, "/longitude"),
        ({"latitude": "1", "longitude": 2}, "/latitude"),
        ({"country": "XX"}, "/country"),
        ({"country": "jp"}, "/country"),
        ({"measurements": {"<script>": 1}}, "/measurements"),
        ({"measurements": {"hnd1": -1}}, "/measurements/*"),
        ({"country": "JP", "exclude": ["owl1"]}, "/exclude/0"),
        ({"owl": 1}, ""),
    ],
)
def test_wrong_value_is_named_and_not_echoed(
    function: ModuleType, body: dict[str, object], pointer: str
) -> None:
    answer = ask(function, body)

    assert answer.status == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert b"script" not in answer.body


def test_log_says_what_was_decided_and_not_where(
    function: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(function, {"latitude": 48.8566, "longitude": 2.3522})

    line = capsys.readouterr().out
    assert '"decision":"cdg1"' in line
    assert "48.8" not in line
    assert "203.0.113" not in line
