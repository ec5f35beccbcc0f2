"""The JSON: what is taken, what is refused and how, and what is answered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.geo.locations import Location
from edge.geo.problems import LocationUnknown
from edge.geo.router import Router
from edge.geo.wire import RankedAnswer, RouteAnswer, RouteRequest, route_answer, route_outcome
from edge.problems import InvalidValues
from edge.regions import BY_CODE, DEPLOYED, ROUTABLE

if TYPE_CHECKING:
    from edge.geo.decisions import Status

ENDPOINTS = {region.code: f"https://{region.code}.example.net" for region in ROUTABLE}
ROOT = Path(__file__).parents[3]
FORGED = {"cloudfront-viewer-latitude": "35.7", "cloudfront-viewer-longitude": "139.7"}


def answer(
    body: str, *, headers_trusted: bool = False, statuses: dict[str, Status] | None = None
) -> RouteAnswer:
    request = RouteRequest.model_validate_json(body)
    location = request.locate(FORGED, headers_trusted=headers_trusted)
    decision = request.route(Router(DEPLOYED), location, now_ms=0, statuses=statuses or {}, spread_key=None)
    return route_answer(decision, ENDPOINTS)


def errors(body: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidValues) as refused:
        answer(body)
    return [(error["pointer"], error["reason"]) for error in refused.value.errors]


def test_answer_in_full() -> None:
    document = answer(
        '{"latitude":48.8566,"longitude":2.3522,"exclude":["hnd1"]}', statuses={"sfo1": "degraded"}
    )

    assert document == {
        "region": "cdg1",
        "aws_region": "eu-west-3",
        "endpoint": "https://cdg1.example.net",
        "distance_km": 22.4,
        "estimated_latency_ms": 10.0,
        "method": "haversine",
        "confidence": "clear",
        "reason": "nearest",
        "mode": "normal",
        "health": None,
        "location": {"latitude": 48.8566, "longitude": 2.3522, "source": "body"},
        "ranking": [
            {
                "region": "cdg1", "aws_region": "eu-west-3", "endpoint": "https://cdg1.example.net",
                "distance_km": 22.4, "estimated_latency_ms": 10.0, "status": "unknown",
            },
            {
                "region": "iad1", "aws_region": "us-east-1", "endpoint": "https://iad1.example.net",
                "distance_km": 6189.9, "estimated_latency_ms": 109.9, "status": "unknown",
            },
            {
                "region": "sfo1", "aws_region": "us-west-1", "endpoint": "https://sfo1.example.net",
                "distance_km": 8965.9, "estimated_latency_ms": 154.8, "status": "degraded",
            },
        ],
    }  # fmt: skip
    assert list(document) == list(get_type_hints(RouteAnswer))
    assert list(document["ranking"][0]) == list(get_type_hints(RankedAnswer))


def test_nothing_known_is_answered_with_nulls() -> None:
    document = answer("{}")

    assert (document["region"], document["method"], document["location"]) == ("iad1", "default", None)
    assert (document["distance_km"], document["estimated_latency_ms"]) == (None, None)


def test_forged_headers_move_nobody() -> None:
    assert answer("{}", headers_trusted=False)["location"] is None
    assert answer("{}", headers_trusted=True)["region"] == "hnd1"
    assert answer('{"country":"FR"}', headers_trusted=False)["region"] == "cdg1"


@pytest.mark.parametrize(
    "body",
    [
        '{"latitude":90.0000001,"longitude":0}', '{"latitude":-90.0000001,"longitude":0}',
        '{"latitude":0,"longitude":180.0000001}', '{"latitude":0,"longitude":-181}',
        '{"latitude":NaN,"longitude":0}', '{"latitude":0,"longitude":Infinity}', '{"latitude":-Infinity,"longitude":0}',
        '{"latitude":1e308,"longitude":0}', '{"latitude":1e999,"longitude":0}',
        '{"latitude":' + "9" * 400 + ',"longitude":0}',
        '{"latitude":"48.85","longitude":2.35}', '{"latitude":true,"longitude":false}', '{"latitude":[48],"longitude":2}',
        '{"latitude":{"degrees":48},"longitude":2}', '{"lat":48.85,"lon":2.35}', "[]", "null", '"x"', "",
        '{"country":"fr"}', '{"country":"FRA"}', '{"country":""}', '{"country":7}', '{"country":"FR\\n"}',
        '{"measurements":{"iad1":NaN}}', '{"measurements":{"iad1":Infinity}}', '{"measurements":{"iad1":-0.1}}',
        '{"measurements":{"iad1":60000.1}}', '{"measurements":{"iad1":"5"}}', '{"measurements":{"iad1":true}}',
        '{"measurements":{"iad1":null}}', '{"measurements":[5]}', '{"measurements":null}',
        '{"measurements":{"' + "x" * 17 + '":5}}', '{"exclude":"iad1"}', '{"exclude":[1]}', '{"exclude":null}',
        '{"exclude":["' + "x" * 17 + '"]}', json.dumps({"exclude": ["iad1"] * 17}),
        json.dumps({"measurements": {str(number): 1.0 for number in range(17)}}), '{"endpoint":"https://evil"}',
    ],
)  # fmt: skip
def test_hostile_bodies_are_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        RouteRequest.model_validate_json(body)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), True, "0"])
def test_hostile_values_are_refused_in_python_too(value: object) -> None:
    for member in ("latitude", "longitude"):
        with pytest.raises(ValidationError):
            RouteRequest.model_validate({"latitude": 0.0, "longitude": 0.0, member: value})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"latitude":48.85}', [("/longitude", "missing")]),
        ('{"longitude":2.35}', [("/latitude", "missing")]),
        ('{"latitude":48.85,"longitude":null}', [("/longitude", "missing")]),
        ('{"country":"XX"}', [("/country", "unknown_country")]),
        ('{"exclude":["iad1","lhr1"]}', [("/exclude/1", "unknown_region")]),
        ('{"measurements":{"lhr1":5}}', [("/measurements", "unknown_region")]),
        ('{"exclude":["iad1","sfo1","cdg1","hnd1"]}', [("/exclude", "excludes_every_region")]),
    ],
)
def test_values_that_make_no_sense_together_are_told_by_pointer(
    body: str, expected: list[tuple[str, str]]
) -> None:
    assert errors(body) == expected


def test_no_input_gets_into_an_error() -> None:
    with pytest.raises(InvalidValues) as refused:
        answer('{"exclude":["<script>"],"measurements":{"<script>":5}}')

    assert "script" not in json.dumps(refused.value.extensions())


def test_edges_are_places() -> None:
    for latitude in (-90, 90, -0.0, 0):
        for longitude in (-180, 180, -0.0, 0):
            document = answer(json.dumps({"latitude": latitude, "longitude": longitude}))
            assert document["location"] is not None
            assert "-0.0" not in json.dumps(document)


def test_a_region_that_is_no_candidate_may_be_measured_and_excluded() -> None:
    document = answer('{"latitude":1.3,"longitude":103.8,"measurements":{"sin1":2},"exclude":["gru1"]}')

    assert {ranked["region"] for ranked in document["ranking"]} == {region.code for region in DEPLOYED}


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.dictionaries(st.sampled_from(list(BY_CODE)), st.floats(0, 60_000), max_size=6),
    st.lists(st.sampled_from(["iad1", "sfo1", "cdg1", "sin1"]), max_size=8),
)
def test_every_valid_request_is_answered_in_plain_json(
    latitude: float, longitude: float, measurements: dict[str, float], exclude: list[str]
) -> None:
    document = answer(
        json.dumps(
            {"latitude": latitude, "longitude": longitude, "measurements": measurements, "exclude": exclude}
        )
    )

    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["region"] == document["ranking"][0]["region"]
    assert not {ranked["region"] for ranked in document["ranking"]} & set(exclude)
    assert document["endpoint"] == ENDPOINTS[document["region"]]


def test_the_log_is_not_told_where_the_client_is() -> None:
    decision = Router(DEPLOYED).decide(Location(48.8566, 2.3522, "body"), now_ms=0, statuses={})

    assert route_outcome(decision) == {
        "decision": "cdg1", "because": "nearest", "routed_by": "haversine", "mode": "normal", "located_by": "body",
    }  # fmt: skip


def test_unknown_location_is_a_problem_of_the_request() -> None:
    problem = LocationUnknown()

    assert (problem.status, problem.slug, problem.reason) == (422, "location-unknown", "location_unknown")


def loaded_with(modules: str) -> set[str]:
    script = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "shared"},
        cwd=ROOT,
    )
    return set(done.stdout.split())


def test_routing_imports_no_sdk_and_no_cryptography() -> None:
    loaded = loaded_with("edge.geo.wire, edge.geo.cells")

    assert "edge.geo.router" in loaded
    assert not {"boto3", "botocore", "jwt", "cryptography", "edge.aws", "edge.geo.countries"} & loaded


def test_deciding_imports_next_to_nothing() -> None:
    loaded = loaded_with("edge.geo.router, edge.geo.locations")

    assert not {"pydantic", "hashlib", "_hashlib", "hmac", "zlib", "dataclasses", "asyncio", "json"} & loaded
