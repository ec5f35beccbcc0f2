"""What operators and scrapers are told, from the gateway's event, on a real engine."""

from __future__ import annotations

import gzip
import json
import re
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from edge.aws.faults import Unavailable
from edge.regions import DEPLOYED
from tests.functional.auth_setup import later
from tests.functions import load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

METRICS, SUMMARY, ERRORS = (f"/api/monitoring/{name}" for name in ("metrics", "summary", "errors"))


@pytest.fixture(scope="module")
def metrics(ministack_environment: dict[str, str]) -> ModuleType:
    return load_function("metrics", ministack_environment)


@pytest.fixture
def geo(ministack_environment: dict[str, str]) -> ModuleType:
    """A fresh container of another function."""
    return load_function("geo_route", {**ministack_environment, "ANONYMOUS_TIER": "relaxed"})


def ask(function: ModuleType, path: str, key: str | None, query: str = "", **headers: str) -> Answer:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        shown["x-api-key"] = key
    return invoke(function.handler, http_event("GET", path, headers=shown, query=query))


def route(function: ModuleType, **members: Any) -> Answer:
    return invoke(function.handler, http_event("POST", "/api/geo/route", {"country": "JP"}, **members))


def requests_of(metrics: ModuleType, key: str, labels: dict[str, str]) -> float:
    """Return how many requests the scrape tells for *labels*."""
    text = ask(metrics, METRICS, key).body.decode()
    return sum(
        sample.value
        for family in prometheus(text)
        for sample in family.samples
        if sample.name == "edge_requests_total" and labels.items() <= sample.labels.items()
    )


@pytest.mark.parametrize("path", [METRICS, SUMMARY, ERRORS])
def test_only_who_may_read_monitoring_reads(
    metrics: ModuleType, path: str, user_key: str, admin_key: str
) -> None:
    assert ask(metrics, path, None).status == 401
    assert ask(metrics, path, user_key).status == 403
    assert ask(metrics, path, admin_key).status == 200
    assert ask(metrics, path, None, authorization=f"ApiKey {admin_key}").status == 200


def test_request_of_another_function_is_in_the_next_scrape(
    metrics: ModuleType, geo: ModuleType, admin_key: str
) -> None:
    labels = {"function": "geo_route", "route": "/api/geo/route", "method": "POST", "status": "2xx"}
    before = requests_of(metrics, admin_key, labels)
    route(geo)  # the first of its container is written at once
    assert requests_of(metrics, admin_key, labels) == before + 1


def test_what_a_container_has_not_written_yet_follows_with_its_next_flush(
    metrics: ModuleType, geo: ModuleType, admin_key: str
) -> None:
    labels = {"function": "geo_route", "status": "2xx"}
    before = requests_of(metrics, admin_key, labels)
    for _ in range(7):
        route(geo)
    assert requests_of(metrics, admin_key, labels) == before + 1
    with later(11):
        route(geo)
    assert requests_of(metrics, admin_key, labels) == before + 8


def test_format_follows_accept_to_the_letter(metrics: ModuleType, admin_key: str) -> None:
    plain = ask(metrics, METRICS, admin_key)
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    asked = ask(metrics, METRICS, admin_key, accept="application/openmetrics-text;version=1.0.0")
    assert asked.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    names = {family.name for family in openmetrics(asked.body.decode())}  # type: ignore[no-untyped-call]
    assert {"edge_requests", "edge_request_duration_seconds", "edge_errors"} <= names
    assert "Accept" in asked.headers["vary"]


def test_scrape_is_compressed_for_who_takes_it(metrics: ModuleType, admin_key: str) -> None:
    answer = ask(metrics, METRICS, admin_key, accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert b"edge_requests_total" in gzip.decompress(answer.body)
    assert len(answer.body) < 20_000


def test_every_series_is_told_once_and_none_has_a_free_label(metrics: ModuleType, admin_key: str) -> None:
    route_free = ask(metrics, "/api/monitoring/metrics", admin_key)
    lines = [line for line in route_free.body.decode().splitlines() if not line.startswith("#")]
    series = [line.rpartition(" ")[0] for line in lines]
    assert len(set(series)) == len(series)
    assert all('region="cdg1"' in one for one in series)


def test_path_that_nobody_has_makes_no_series(metrics: ModuleType, admin_key: str) -> None:
    def count() -> int:
        return len(ask(metrics, METRICS, admin_key).body.splitlines())

    ask(metrics, METRICS, admin_key)
    before = count()
    for number in range(30):
        ask(metrics, f"/api/monitoring/{number}", admin_key)
    assert count() == before


def test_summary_of_all_regions_is_the_sum_of_those_that_are_known(
    metrics: ModuleType, geo: ModuleType, admin_key: str
) -> None:
    route(geo)
    document = ask(metrics, SUMMARY, admin_key, "scope=all").json()

    assert list(document["regions"]) == [region.code for region in DEPLOYED]
    here = document["regions"]["cdg1"]
    assert here["data"] == "fresh"
    assert here["numbers"]["requests"]["total"] >= 1
    views = document["regions"].values()
    assert all((view["data"] == "unknown") == (view["numbers"] is None) for view in views)
    known = [view["numbers"]["requests"]["total"] for view in views if view["numbers"] is not None]
    assert document["total"]["requests"]["total"] == sum(known)


def test_region_that_does_not_answer_is_missing_and_is_waited_for_briefly(
    ministack_environment: dict[str, str], admin_key: str
) -> None:
    function = load_function("metrics", ministack_environment)
    tokyo = next(region for region in function.monitoring._shards if region.code == "hnd1")

    def hangs() -> object:
        time.sleep(3)
        raise Unavailable("timed_out", outcome_unknown=False)

    with patch.object(function.monitoring._shards[tokyo], "read", hangs):
        began = time.monotonic()
        document = ask(function, SUMMARY, admin_key, "scope=all").json()
    assert time.monotonic() - began < 2.5
    assert document["missing"] == ["hnd1"]
    assert document["regions"]["hnd1"]["numbers"] is None
    assert document["regions"]["cdg1"]["numbers"] is not None


def test_answer_is_given_again_for_some_seconds_and_then_read_anew(
    ministack_environment: dict[str, str], admin_key: str
) -> None:
    function = load_function("metrics", ministack_environment)
    first = ask(function, SUMMARY, admin_key, "scope=all")
    again = ask(function, SUMMARY, admin_key, "scope=all", if_none_match=first.headers["etag"])
    assert again.status == 304
    with later(5):
        anew = ask(function, SUMMARY, admin_key, "scope=all", if_none_match=first.headers["etag"])
    assert anew.status == 200


def test_another_limit_is_no_reason_to_read_all_regions_again(
    ministack_environment: dict[str, str], admin_key: str
) -> None:
    function = load_function("metrics", ministack_environment)
    reads: list[str] = []

    def counting(code: str, read: Callable[[], object]) -> SimpleNamespace:
        def counted() -> object:
            reads.append(code)
            return read()

        return SimpleNamespace(read=counted)

    errors = function.monitoring._errors
    for region, store in list(errors.items()):
        errors[region] = counting(region.code, store.read)
    answers = [ask(function, ERRORS, admin_key, f"scope=all&limit={limit}") for limit in (1, 2, 50, 200)]

    assert {answer.status for answer in answers} == {200}
    assert sorted(reads) == sorted(region.code for region in DEPLOYED)
    for answer, limit in zip(answers, (1, 2, 50, 200), strict=True):
        assert len(answer.json()["groups"]) == min(limit, answer.json()["unique"], 200)
    assert len({answer.json()["unique"] for answer in answers}) == 1


@pytest.mark.parametrize("query", ["scope=world", "limit=0", "limit=x", "limit=100000"])
def test_question_that_is_none_is_refused(metrics: ModuleType, admin_key: str, query: str) -> None:
    answer = ask(metrics, ERRORS, admin_key, query)
    assert (answer.status, answer.json()["reason"]) == (422, "invalid_values")


SECRET = "hunter2-8f3a9c71"


def test_defect_is_an_error_group_without_what_the_client_sent(
    metrics: ModuleType, geo: ModuleType, admin_key: str
) -> None:
    with patch.object(geo, "route_answer", side_effect=ValueError(f"password={SECRET} at 203.0.113.9")):
        failed = route(geo)
    assert failed.status == 500

    document = ask(metrics, ERRORS, admin_key, "scope=all&limit=7").json()
    group = next(group for group in document["groups"] if group["type"] == "builtins.ValueError")
    assert group["functions"] == ["geo_route"]
    assert (group["severity"], group["by_region"]) == ("critical", {"cdg1": group["count"]})
    assert failed.json()["instance"] in [sample["request_id"] for sample in group["samples"]]
    told = json.dumps(document)
    assert SECRET not in told
    assert "203.0.113" not in told
    assert requests_of(metrics, admin_key, {"function": "geo_route", "status": "5xx"}) >= 1


def test_store_that_is_gone_is_a_group_of_its_own_kind(
    metrics: ModuleType, ministack_environment: dict[str, str], admin_key: str
) -> None:
    keys = load_function("keys", ministack_environment)
    fault = Unavailable("throttled", outcome_unknown=False)
    with patch.object(keys.api_keys, "list", side_effect=fault):
        assert ask(keys, "/api/keys", admin_key).status == 503
    with later(5):  # whatever was answered before is given again until then
        document = ask(metrics, ERRORS, admin_key, "limit=9").json()
    assert "error" in {group["severity"] for group in document["groups"] if "keys" in group["functions"]}


def test_requests_do_not_suffer_when_the_table_is_gone(
    ministack_environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    lost = {**ministack_environment, "TELEMETRY_TABLE": "no-such-table", "ANONYMOUS_TIER": "relaxed"}
    function = load_function("geo_route", lost)
    began = time.monotonic()
    assert {route(function).status for _ in range(20)} == {200}
    assert time.monotonic() - began < 2
    assert "exception" not in capsys.readouterr().out


def test_containers_that_are_gone_are_folded_and_no_number_steps_back(
    metrics: ModuleType, geo: ModuleType, ministack_environment: dict[str, str], admin_key: str
) -> None:
    route(geo)
    fold = load_function("metrics_fold", ministack_environment)
    before = requests_of(metrics, admin_key, {"function": "geo_route"})
    with later(7_200):
        done = fold.handler({"task": "fold"}, None)
    assert done["shards"] > 0
    assert requests_of(metrics, admin_key, {"function": "geo_route"}) == before


def test_line_of_a_request_is_what_cloudwatch_makes_metrics_of(
    geo: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    route(geo)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "KaizenEdge"
    for metric in directive["Metrics"]:
        assert isinstance(line[metric["Name"]], int | float)
    for dimension in directive["Dimensions"][0]:
        assert re.fullmatch(r"[a-z0-9_-]+", line[dimension])
