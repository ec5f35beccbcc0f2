"""What Secrets Manager is asked, and what its answers mean. No socket, no real time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.aws import secrets
from edge.aws.connection import BrokenExchange, HttpAnswer
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.faults import AccessRefused, Unavailable
from edge.aws.secrets import SECRETS_BUDGET, SecretMissing, SecretsManager, regional_secrets
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, Unexpected
from edge.settings import Settings

NOW_MS = 1_700_000_000_000


def ok(document: object) -> HttpAnswer:
    return HttpAnswer(200, {}, json.dumps(document).encode())


def failed(code: str, status: int = 400) -> HttpAnswer:
    return HttpAnswer(status, {}, json.dumps({"__type": code, "Message": "SECRET"}).encode())


class Script:
    """A transport that plays steps and keeps the requests."""

    def __init__(self, *steps: HttpAnswer | BrokenExchange) -> None:
        self.steps = list(steps)
        self.clock = ManualClock(now_ms=NOW_MS)
        self.requests: list[bytes] = []
        self.closed = 0

    def connect(self) -> bool:
        return True

    def close(self) -> None:
        self.closed += 1

    def exchange(self, request: bytes, deadline_ns: int) -> HttpAnswer:
        assert deadline_ns > self.clock.monotonic_ns()
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, BrokenExchange):
            raise step
        return step

    def client(self, endpoint: str | None = None) -> SecretsManager:
        return SecretsManager(
            region="eu-west-3",
            credentials=FixedCredentials(Credentials("AKIDEXAMPLE", "secret")),
            endpoint=endpoint,
            clock=self.clock,
            random=lambda: 1.0,
            sleep=lambda seconds: self.clock.advance(round(seconds * 1000)),
            transport=self,
        )


def test_text_of_the_current_version_is_returned() -> None:
    script = Script(
        ok({"Name": "edge/keys", "SecretString": '{"token_keys":[]}', "VersionStages": ["AWSCURRENT"]})
    )

    assert script.client().get_secret_value("edge/keys") == '{"token_keys":[]}'


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [(None, b"secretsmanager.eu-west-3.amazonaws.com"), ("http://127.0.0.1:4566", b"127.0.0.1:4566")],
)
def test_request_is_the_one_that_the_service_s_model_describes(endpoint: str | None, host: bytes) -> None:
    script = Script(ok({"SecretString": "x"}))
    script.client(endpoint).get_secret_value("edge/keys")
    head, _, body = script.requests[0].partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])

    assert json.loads(body) == {"SecretId": "edge/keys"}
    assert fields[b"content-type"] == b"application/x-amz-json-1.1"
    assert fields[b"x-amz-target"] == b"secretsmanager.GetSecretValue"
    assert fields[b"host"] == host
    assert b"/eu-west-3/secretsmanager/aws4_request" in fields[b"authorization"]


def test_signature_covers_the_content_type_as_botocore_computes_it() -> None:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Reference

    script = Script(ok({"SecretString": "x"}))
    script.client().get_secret_value("edge/keys")
    head, _, body = script.requests[0].partition(b"\r\n\r\n")
    fields = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
    names = ("content-type", "x-amz-target", "x-amz-date", "host")
    request = AWSRequest(
        method="POST",
        url="https://secretsmanager.eu-west-3.amazonaws.com/",
        data=body,
        headers={name: fields[name] for name in names},
    )
    request.context["timestamp"] = fields["x-amz-date"]
    signer: Any = SigV4Auth(Reference("AKIDEXAMPLE", "secret"), "secretsmanager", "eu-west-3")
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)

    assert fields["authorization"].rpartition("Signature=")[2] == signature


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (failed("ResourceNotFoundException"), SecretMissing),
        (failed("AccessDeniedException"), AccessRefused),
        (failed("DecryptionFailure"), Unexpected),
        (ok({"SecretBinary": "AAAA"}), Unavailable),
        (ok({"SecretString": 5}), Unavailable),
        (ok({}), Unavailable),
    ],
)
def test_answer_without_text_is_an_error_that_does_not_quote_it(
    answer: HttpAnswer, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        Script(answer).client().get_secret_value("edge/keys")
    assert "SECRET" not in f"{raised.value!r}{raised.value}"
    assert "edge/keys" not in f"{raised.value!r}{raised.value}"


def test_faults_that_pass_are_tried_again() -> None:
    script = Script(
        BrokenExchange("timed_out", sent=True),
        failed("InternalServiceError", 500),
        ok({"SecretString": "x"}),
    )

    assert script.client().get_secret_value("edge/keys") == "x"


def test_fault_that_stays_ends_the_call() -> None:
    script = Script(*[failed("ThrottlingException") for _ in range(9)])
    with pytest.raises(DependencyUnavailable):
        script.client().get_secret_value("edge/keys")
    assert len(script.requests) == SECRETS_BUDGET.attempts


def test_forgetting_drops_connections() -> None:
    script = Script()
    script.client().forget()
    assert script.closed == 1


@pytest.fixture
def no_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_clients", {})


@pytest.mark.usefixtures("no_clients")
def test_process_has_one_client_for_each_region_and_endpoint() -> None:
    clock = ManualClock(now_ms=NOW_MS)
    paris = Settings.from_env({"AWS_REGION": "eu-west-3"})
    tokyo = Settings.from_env({"AWS_REGION": "ap-northeast-1"})
    first = regional_secrets(paris, clock, endpoint=None)

    assert regional_secrets(paris, clock, endpoint=None) is first
    assert regional_secrets(tokyo, clock, endpoint=None) is not first
    assert regional_secrets(paris, clock, endpoint="http://127.0.0.1:1") is not first
    secrets.forget_clients()  # nothing is open: it must not fail
