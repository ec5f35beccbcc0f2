"""Every function as it is built, under AWS's emulator and bootstrap: its work, cold and warm, and events that are none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.http_events import http_event
from tests.runtime.cases import CASES, EVENTS, NO_REQUESTS, REQUESTS, Case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.rie import Answer
    from tests.runtime.world import World

MAX_RSS_MB: Final = 50
MAX_SIGNING_RSS_MB: Final = 60
SIGNING: Final = frozenset({"auth_refresh", "auth_revoke", "auth_token", "auth_validate"})
"""They sign or check tokens: ``cryptography`` maps 14 MB."""


def test_every_function_of_the_template_is_here(world: World) -> None:
    assert set(CASES) == set(world.functions)


def holds(answer: Answer, case: Case) -> None:
    """Assert that *answer* is the one that *case* expects."""
    payload: Mapping[str, Any] = answer.payload
    assert "errorType" not in payload, payload
    document = payload
    if "statusCode" in payload:
        assert payload["statusCode"] == 200, payload
        assert payload["headers"]["x-content-type-options"] == "nosniff"
        media_type = payload["headers"]["content-type"].partition(";")[0]
        is_json = media_type.endswith("json")
        document = json.loads(payload["body"]) if is_json else {"media_type": media_type}
    found = {name: document[name] for name in case.expected}
    assert found == {name: found[name] if value is ... else value for name, value in case.expected.items()}


def problem_of(answer: Answer) -> tuple[object, object]:
    """Return status and reason of a problem, in the form that the gateway reads."""
    payload: Mapping[str, Any] = answer.payload
    assert payload.keys() <= {"statusCode", "headers", "cookies", "body", "isBase64Encoded"}
    assert payload["isBase64Encoded"] is False
    assert payload["headers"]["content-type"] == "application/problem+json"
    return payload["statusCode"], json.loads(payload["body"])["reason"]


@pytest.mark.parametrize("name", sorted(CASES))
def test_function_works_cold_and_warm_and_after_events_that_are_none(world: World, name: str) -> None:
    case = CASES[name]
    before = world.environments(name)
    with world.sandbox(name) as running:
        cold = running.invoke(case.event(world))
        holds(cold, case)
        holds(running.invoke(case.event(world)), case)
        assert "Traceback" not in running.log()
        assert running.cold_starts() == 1

        for event in NO_REQUESTS:
            refused = running.invoke(event)
            if name in REQUESTS:
                assert {"errorType", "errorMessage"} <= refused.payload.keys(), event
        assert running.cold_starts() == 1, "an event that is none ends no container"
        if name in REQUESTS:
            broken = http_event("POST", "/", raw_body=b"{}") | {"body": "not base64!"}
            assert problem_of(running.invoke(broken)) == (400, "malformed_request")
            assert problem_of(running.invoke(http_event("GET", "/no/such/%00"))) == (404, "unknown_route")

        holds(running.invoke(case.event(world)), case)
        assert running.peak_rss_mb() <= (MAX_SIGNING_RSS_MB if name in SIGNING else MAX_RSS_MB)
    new = world.environments(name) - before
    assert len(new) == 1, "counts are written before the first answer"


def test_lines_are_shipped(world: World) -> None:
    before = len(world.collector.taken)
    with world.sandbox("log_shipper") as running:
        holds(running.invoke(EVENTS["log_shipper"].event(world)), EVENTS["log_shipper"])
    assert len(world.collector.taken) == before + 1


def test_caller_without_a_key_is_not_authorized(world: World) -> None:
    event = EVENTS["authorizer"].event(world) | {"headers": {}}
    with world.sandbox("authorizer") as running:
        assert running.invoke(event).payload["isAuthorized"] is False


def test_authorizer_that_cannot_tell_fails_so_that_nothing_is_cached(world: World) -> None:
    with world.sandbox("authorizer", AWS_ENDPOINT_URL="http://127.0.0.1:1") as running:
        refused = running.invoke(EVENTS["authorizer"].event(world))
    assert refused.payload["errorType"] == "Unavailable"


def test_probe_keeps_to_the_time_that_lambda_gives_it(world: World) -> None:
    endpoints = "iad1=http://127.0.0.1:1"
    with world.sandbox("health_probe", ENDPOINTS=endpoints, AWS_LAMBDA_FUNCTION_TIMEOUT="1") as running:
        told = running.invoke(EVENTS["health_probe"].event(world))
    assert told.payload["rounds"] in (0, 1)
    assert told.wall_ms < 3_000
