"""``POST /api/geo/route`` under hostile bodies and headers: always an answer of ours, never a 5xx, nothing echoed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.functions import load_function
from tests.http_events import http_event, invoke

if TYPE_CHECKING:
    from types import ModuleType

PATH = "/api/geo/route"


@pytest.fixture(scope="module")
def function(ministack_environment: dict[str, str]) -> ModuleType:
    variables = {"ENDPOINTS": "iad1=https://iad1.example.com", "ANONYMOUS_TIER": "relaxed"}
    return load_function("geo_route", {**ministack_environment, **variables})


HUGE = "9" * 400
NUMBERS = (
    HUGE, f"-{HUGE}", "9" * 5_000, "1e400", "-1e400", "1e-400", "NaN", "Infinity", "-Infinity", "90.0000000001",
    "-90.0000000001", "1e308", "0x10", "1_0", "+1", "01", '"48"', "true", "null", "[]", "{}", "1e99999999999999999999",
)  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=lambda text: str(text)[:24])
@pytest.mark.parametrize(
    "template",
    [
        '{"latitude": %s, "longitude": 2.35}',
        '{"latitude": 2.35, "longitude": %s}',
        '{"country": "FR", "measurements": {"cdg1": %s}}',
    ],
    ids=["latitude", "longitude", "measurement"],
)
def test_number_that_is_no_place_and_no_time(function: ModuleType, template: str, number: str) -> None:
    event = http_event(
        "POST", PATH, raw_body=(template % number).encode(), headers={"content-type": "application/json"}
    )
    answer = invoke(function.handler, event)

    told = answer.body.decode()
    assert answer.status in (200, 400, 422)
    assert HUGE[:40] not in told
    if answer.status == 200:
        json.loads(told, parse_constant=pytest.fail)


@pytest.mark.parametrize("latitude", [-90, -90.0, 90, 89.999999999999, -0.0, 5e-324, 0])
@pytest.mark.parametrize("longitude", [-180, 180, 179.99999999999997, -179.99999999999997, -0.0, 5e-324, 0])
def test_poles_and_the_antimeridian_are_places(
    function: ModuleType, latitude: float, longitude: float
) -> None:
    body = {"latitude": latitude, "longitude": longitude, "measurements": {"hnd1": 0, "cdg1": 60_000}}
    answer = invoke(function.handler, http_event("POST", PATH, body))

    assert answer.status == 200
    document = json.loads(answer.body, parse_constant=pytest.fail)
    assert len(document["ranking"]) == 4


@pytest.mark.parametrize("value", ["48.86", "91", "nan", "1e5", "9" * 400, "", " 1", "1\u0661", "-0", "--1"])
def test_forged_headers_of_the_cdn_say_nothing(function: ModuleType, value: str) -> None:
    """Without proof of the CDN a client's word is its body's alone; with a forged proof too."""
    headers = {
        "cloudfront-viewer-latitude": value,
        "cloudfront-viewer-longitude": value,
        "cloudfront-viewer-country": "JP",
        "x-edge-cdn": value or "x",
    }
    answer = invoke(function.handler, http_event("POST", PATH, {}, headers=headers))
    assert (answer.status, answer.json()["title"]) == (422, "Location unknown")
    answer = invoke(function.handler, http_event("POST", PATH, {"country": "FR"}, headers=headers))
    assert (answer.status, answer.json()["region"]) == (200, "cdg1")


@pytest.mark.parametrize(
    "body",
    [
        {"measurements": {f"r{number}": 1 for number in range(17)}, "country": "FR"},
        {"measurements": {"x" * 17: 1}, "country": "FR"},
        {"exclude": ["cdg1"] * 17, "country": "FR"},
        {"country": "FR\n"},
        {"country": "ＦＲ"},
        {"country": "ZZ"},
        {"latitude": 1.0},
        {"latitude": 1.0, "longitude": 1.0, "spread_key": "x"},
    ],
    ids=lambda body: str(sorted(body))[:40],
)
def test_members_outside_their_limits_are_refused(function: ModuleType, body: object) -> None:
    assert invoke(function.handler, http_event("POST", PATH, body)).status == 422


@pytest.mark.parametrize("name", ["__proto__", "cdg1\u0000", "", "CDG1", "cdg1.3", "ｃｄｇ１"])
def test_measurement_of_no_region_is_refused_and_not_quoted(function: ModuleType, name: str) -> None:
    answer = invoke(function.handler, http_event("POST", PATH, {"country": "FR", "measurements": {name: 7}}))
    assert (answer.status, answer.json()["title"]) == (422, "Invalid values")
    assert not name or name.encode() not in answer.body
