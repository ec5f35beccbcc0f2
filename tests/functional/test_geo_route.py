"""``POST /api/geo/route``, from the gateway's event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from edge.aws.regional import regional_client
from edge.geo.cells import cell_of
from edge.geo.cells_dynamo import DynamoCellStore
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
    assert {one["status"] for one in document["ranking"]} == {"unknown"}, "nobody has looked yet"
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


def test_log_has_both_the_method_of_the_request_and_what_it_was_routed_by(
    function: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(function, {"latitude": 48.8566, "longitude": 2.3522})

    line = capsys.readouterr().out
    assert '"method":"POST"' in line
    assert '"routed_by":"haversine"' in line


CDN_SECRET = "kaizen-edge-global-cdn"
PROOF = "p" * 64
VIEWER = {"cloudfront-viewer-latitude": "35.6", "cloudfront-viewer-longitude": "139.7"}


@pytest.fixture(scope="module")
def behind_cdn(ministack_environment: dict[str, str]) -> ModuleType:
    """The function, where the CDN has a secret to prove itself with."""
    client = boto3.client(
        "secretsmanager", "eu-west-3", endpoint_url=ministack_environment["AWS_ENDPOINT_URL"]
    )
    client.create_secret(Name=CDN_SECRET, SecretString=PROOF)
    variables = {"CDN_SECRET": CDN_SECRET, "ANONYMOUS_TIER": "relaxed"}
    return load_function("geo_route", {**ministack_environment, **variables})


def test_location_headers_are_believed_from_the_cdn(behind_cdn: ModuleType) -> None:
    answer = ask(behind_cdn, {}, headers={**VIEWER, "x-edge-cdn": PROOF})

    assert answer.status == 200
    assert answer.json()["region"] == "hnd1"
    assert answer.json()["location"] == {"latitude": 35.6, "longitude": 139.7, "source": "cloudfront"}


def test_own_word_of_a_client_comes_before_the_cdns(behind_cdn: ModuleType) -> None:
    body = {"latitude": 48.86, "longitude": 2.35}
    answer = ask(behind_cdn, body, headers={**VIEWER, "x-edge-cdn": PROOF})
    assert answer.json()["location"]["source"] == "body"


@pytest.mark.parametrize("proof", [None, "", "p", PROOF + "p", PROOF.upper(), "q" * 64])
def test_location_headers_without_the_cdns_proof_are_not_believed(
    behind_cdn: ModuleType, proof: str | None
) -> None:
    headers = VIEWER if proof is None else {**VIEWER, "x-edge-cdn": proof}
    answer = ask(behind_cdn, {}, headers=headers)
    assert (answer.status, answer.json()["reason"]) == (422, "location_unknown")
    assert PROOF.encode() not in answer.body


def test_measurements_of_a_caller_with_a_key_are_learned_and_those_of_strangers_are_not(
    ministack_environment: dict[str, str], user_key: str
) -> None:
    function = load_function("geo_route", {**ministack_environment, "ANONYMOUS_TIER": "relaxed"})
    measured = {"latitude": -33.9, "longitude": 18.4, "measurements": {"cdg1": 150, "iad1": 220}}

    ask(function, measured)
    assert function.learning.waiting == 0, "anybody can claim anything"
    assert ask(function, measured, headers={"x-api-key": user_key}).status == 200
    assert function.learning.waiting == 1
    ask(function, measured, headers={"x-api-key": user_key})  # finds it due, and writes

    table = ministack_environment["REGION_HEALTH_TABLE"]
    client = regional_client(function.settings, function.clock)
    stored = DynamoCellStore(client, table, writer="test").page(None)
    learned = [averages for _, cell, averages in stored.cells if cell == cell_of(-33.9, 18.4)]
    assert [sorted({name.split("/")[0][:4] for name in averages}) for averages in learned] == [
        ["cdg1", "iad1"]
    ]
    assert {round(average.ms) for averages in learned for average in averages.values()} == {150, 220}
