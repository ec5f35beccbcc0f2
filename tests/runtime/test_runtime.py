"""The built functions under AWS's own emulator and bootstrap: what unit tests of a handler cannot show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import rie
from tests.http_events import http_event
from tests.runtime.world import body_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.runtime.world import World

CLOSED_PORT_URL = "http://127.0.0.1:1"
"""Nothing listens there and nobody may: the connection is refused at once."""

FORBIDDEN_IN_A_FUNCTION = {"boto3", "botocore", "jwt", "cryptography"}


@pytest.fixture(scope="module", autouse=True)
def _called_by(world: World) -> None:
    """Every check of this module comes with the demo key."""
    CALLER.update(world.shown)


CALLER: dict[str, str] = {}


@pytest.fixture(scope="module")
def ratelimit_check(world: World) -> Iterator[rie.Sandbox]:
    """The rate limiter in one container."""
    with world.sandbox("ratelimit_check") as running:
        yield running


def check(subject: str, **members: object) -> dict[str, object]:
    return http_event("POST", "/api/ratelimit/check", {"subject": subject, **members}, headers=CALLER)


def headers_of(answer: rie.Answer) -> dict[str, str]:
    headers = answer.payload["headers"]
    assert isinstance(headers, dict)
    return headers


def content_of(answer: rie.Answer) -> dict[str, Any]:
    return body_of(answer.payload)


def test_cold_and_warm_invocations_count_in_one_table(ratelimit_check: rie.Sandbox) -> None:
    cold = ratelimit_check.invoke(check("runtime-counts", tier="strict"))
    warm = ratelimit_check.invoke(check("runtime-counts", tier="strict"))
    assert (cold.payload["statusCode"], warm.payload["statusCode"]) == (200, 200)
    assert (content_of(cold)["remaining"], content_of(warm)["remaining"]) == (9, 8)
    assert content_of(cold)["degraded"] is False
    assert headers_of(warm)["x-ratelimit-limit"] == "10"


def test_denial_is_429_with_retry_after(ratelimit_check: rie.Sandbox) -> None:
    answers = [ratelimit_check.invoke(check("runtime-denied", tier="strict", cost=6)) for _ in range(2)]
    assert [answer.payload["statusCode"] for answer in answers] == [200, 429]
    assert int(headers_of(answers[1])["retry-after"]) > 0


def test_problem_leaves_lambda_as_text(ratelimit_check: rie.Sandbox) -> None:
    answer = ratelimit_check.invoke(check("runtime-problem", cost="much"))
    assert answer.payload["statusCode"] == 422
    assert answer.payload["isBase64Encoded"] is False
    assert headers_of(answer)["content-type"].startswith("application/problem+json")


def test_wrong_method_is_ours_and_not_the_gateways(ratelimit_check: rie.Sandbox) -> None:
    answer = ratelimit_check.invoke(http_event("GET", "/api/ratelimit/check"))
    assert answer.payload["statusCode"] == 405
    assert "POST" in headers_of(answer)["allow"]


def test_body_in_base64_is_read(ratelimit_check: rie.Sandbox) -> None:
    event = http_event(
        "POST", "/api/ratelimit/check", raw_body=b'{"subject":"runtime-base64"}', headers=CALLER
    )
    assert event["isBase64Encoded"] is True
    assert ratelimit_check.invoke(event).payload["statusCode"] == 200


def test_caller_whom_nobody_can_know_is_told_to_come_back(world: World) -> None:
    with world.sandbox("ratelimit_check", AWS_ENDPOINT_URL=CLOSED_PORT_URL) as running:
        answers = [running.invoke(check("runtime-gone")) for _ in range(2)]
    for answer in answers:
        assert answer.payload["statusCode"] == 503
        assert int(headers_of(answer)["retry-after"]) >= 1
        assert content_of(answer)["reason"] == "dependency_unavailable"


def test_health_is_live_without_its_table_and_not_ready(world: World) -> None:
    with world.sandbox("health", AWS_ENDPOINT_URL=CLOSED_PORT_URL) as running:
        live = running.invoke(http_event("GET", "/api/monitoring/live"))
        ready = running.invoke(http_event("GET", "/api/monitoring/ready"))
    assert (live.payload["statusCode"], ready.payload["statusCode"]) == (200, 503)


@pytest.mark.parametrize("name", ["ratelimit_check", "health"])
def test_no_heavy_package_is_imported_before_the_first_event(world: World, tmp_path: Path, name: str) -> None:
    code = tmp_path / "task"
    code.mkdir()
    (code / "app.py").write_bytes((rie.built(world.functions[name].logical_id) / "app.py").read_bytes())
    probe = "import sys\nimport app\n\n\ndef handler(event, context):\n    return {'modules': sorted(sys.modules)}\n"
    (code / "probe.py").write_text(probe, encoding="utf-8")
    with rie.sandbox(
        code,
        layers=[rie.LAYER],
        variables=world.variables(name),
        log_path=tmp_path / "probe.log",
        handler="probe.handler",
    ) as running:
        modules = running.invoke({}).payload["modules"]
    assert isinstance(modules, list)
    assert {name.partition(".")[0] for name in modules}.isdisjoint(FORBIDDEN_IN_A_FUNCTION)
    assert "pydantic.v1" not in modules
