"""The built functions under AWS's own emulator and bootstrap: what unit tests of a handler cannot show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edge.regions import DEPLOYED
from infra.local.provision import Provision
from infra.template import load_stack
from tests import rie
from tests.http_events import http_event
from tests.runtime.pinned import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AWS_REGION = "us-west-1"
CLOSED_PORT_URL = "http://127.0.0.1:1"
"""Nothing listens there and nobody may: the connection is refused at once."""

MAX_RSS_MB = 50
FORBIDDEN_IN_A_FUNCTION = {"boto3", "botocore", "jwt", "cryptography"}


@pytest.fixture(scope="module")
def provision(ministack_url: str, tmp_path_factory: pytest.TempPathFactory) -> Provision:
    """Tables and keys, as ``make up`` prepares them."""
    provision = Provision(ministack_url, tmp_path_factory.mktemp("house"))
    template, once = ROOT / "template.yaml", ROOT / "infra" / "global.yaml"
    provision.create_tables(
        {region.code: load_stack(template, aws_region=region.aws_region) for region in DEPLOYED},
        load_stack(once, aws_region="us-east-1", stack_name="kaizen-edge-global"),
    )
    return provision


@pytest.fixture(scope="module")
def variables(provision: Provision) -> dict[str, str]:
    """Environment of a function whose tables exist; the demo key is one of development."""
    stack = load_stack(ROOT / "template.yaml", aws_region=AWS_REGION)
    function = next(function for function in stack.functions if function.name == "ratelimit_check")
    return {**function.environment, "AWS_ENDPOINT_URL": provision.emulator_url, "EDGE_STAGE": "development"}


@pytest.fixture(scope="module", autouse=True)
def _called_by(provision: Provision, variables: dict[str, str]) -> None:
    """Every check of this module comes with the demo key."""
    CALLER["x-api-key"] = provision.create_demo_key(variables["KEYS_TABLE"])


CALLER: dict[str, str] = {}


@pytest.fixture(scope="module")
def ratelimit_check(
    variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[rie.Sandbox]:
    """The rate limiter in one container."""
    log_path = tmp_path_factory.mktemp("rie") / "ratelimit_check.log"
    code = rie.built("RatelimitCheckFunction")
    with rie.sandbox(code, layers=[rie.LAYER], variables=variables, log_path=log_path) as running:
        yield running


def check(subject: str, **members: object) -> dict[str, object]:
    return http_event("POST", "/api/ratelimit/check", {"subject": subject, **members}, headers=CALLER)


def body_of(answer: rie.Answer) -> dict[str, object]:
    content = answer.payload["body"]
    assert isinstance(content, str)
    document = json.loads(content)
    assert isinstance(document, dict)
    return document


def headers_of(answer: rie.Answer) -> dict[str, str]:
    headers = answer.payload["headers"]
    assert isinstance(headers, dict)
    return headers


def test_cold_and_warm_invocations_count_in_one_table(ratelimit_check: rie.Sandbox) -> None:
    cold = ratelimit_check.invoke(check("runtime-counts", tier="strict"))
    warm = ratelimit_check.invoke(check("runtime-counts", tier="strict"))
    assert (cold.payload["statusCode"], warm.payload["statusCode"]) == (200, 200)
    assert (body_of(cold)["remaining"], body_of(warm)["remaining"]) == (9, 8)
    assert body_of(cold)["degraded"] is False
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


def test_event_that_is_no_request_fails_alone(ratelimit_check: rie.Sandbox) -> None:
    refused = ratelimit_check.invoke({"source": "aws.events", "detail": {}})
    assert "errorType" in refused.payload
    assert ratelimit_check.invoke(check("runtime-after-bad-event")).payload["statusCode"] == 200


def test_container_stays_within_its_memory_budget(ratelimit_check: rie.Sandbox) -> None:
    ratelimit_check.invoke(check("runtime-memory"))
    assert ratelimit_check.peak_rss_mb() <= MAX_RSS_MB


def test_caller_whom_nobody_can_know_is_told_to_come_back(variables: dict[str, str], tmp_path: Path) -> None:
    gone = {**variables, "AWS_ENDPOINT_URL": CLOSED_PORT_URL}
    code = rie.built("RatelimitCheckFunction")
    with rie.sandbox(code, layers=[rie.LAYER], variables=gone, log_path=tmp_path / "gone.log") as running:
        answers = [running.invoke(check("runtime-gone")) for _ in range(2)]
    for answer in answers:
        assert answer.payload["statusCode"] == 503
        assert int(headers_of(answer)["retry-after"]) >= 1
        assert body_of(answer)["reason"] == "dependency_unavailable"


def test_health_is_live_without_its_table_and_not_ready(variables: dict[str, str], tmp_path: Path) -> None:
    gone = {**variables, "AWS_ENDPOINT_URL": CLOSED_PORT_URL}
    code = rie.built("HealthFunction")
    with rie.sandbox(code, layers=[rie.LAYER], variables=gone, log_path=tmp_path / "health.log") as running:
        live = running.invoke(http_event("GET", "/api/monitoring/live"))
        ready = running.invoke(http_event("GET", "/api/monitoring/ready"))
    assert (live.payload["statusCode"], ready.payload["statusCode"]) == (200, 503)


def test_health_answers_for_routes_that_nobody_has(variables: dict[str, str], tmp_path: Path) -> None:
    code = rie.built("HealthFunction")
    with rie.sandbox(
        code, layers=[rie.LAYER], variables=variables, log_path=tmp_path / "health.log"
    ) as running:
        ready = running.invoke(http_event("GET", "/api/monitoring/ready"))
        unknown = running.invoke(http_event("GET", "/no/such/route"))
    assert (ready.payload["statusCode"], unknown.payload["statusCode"]) == (200, 404)
    assert body_of(unknown)["reason"] == "unknown_route"


def test_handler_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    code = tmp_path / "task"
    code.mkdir()
    (code / "app.py").write_text("import no_such_module\n", encoding="utf-8")
    with rie.sandbox(code, layers=[rie.LAYER], variables={}, log_path=tmp_path / "import.log") as running:
        answer = running.invoke(check("runtime-import"))
    assert answer.payload["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module" in str(answer.payload["errorMessage"])


def test_bad_settings_stop_the_start_and_name_every_fault(variables: dict[str, str], tmp_path: Path) -> None:
    wrong = {**variables, "EDGE_STAGE": "moon", "ALLOWED_ORIGINS": "*"}
    code = rie.built("RatelimitCheckFunction")
    with rie.sandbox(
        code, layers=[rie.LAYER], variables=wrong, log_path=tmp_path / "settings.log"
    ) as running:
        answer = running.invoke(check("runtime-settings"))
    message = str(answer.payload["errorMessage"])
    assert "EDGE_STAGE" in message
    assert "ALLOWED_ORIGINS" in message
    assert "moon" not in message


@pytest.mark.parametrize("function", ["RatelimitCheckFunction", "HealthFunction"])
def test_no_heavy_package_is_imported_before_the_first_event(
    variables: dict[str, str], tmp_path: Path, function: str
) -> None:
    code = tmp_path / "task"
    code.mkdir()
    (code / "app.py").write_bytes((rie.built(function) / "app.py").read_bytes())
    probe = "import sys\nimport app\n\n\ndef handler(event, context):\n    return {'modules': sorted(sys.modules)}\n"
    (code / "probe.py").write_text(probe, encoding="utf-8")
    log_path = tmp_path / "probe.log"
    with rie.sandbox(
        code, layers=[rie.LAYER], variables=variables, log_path=log_path, handler="probe.handler"
    ) as running:
        modules = running.invoke({}).payload["modules"]
    assert isinstance(modules, list)
    assert {name.partition(".")[0] for name in modules}.isdisjoint(FORBIDDEN_IN_A_FUNCTION)
    assert "pydantic.v1" not in modules
