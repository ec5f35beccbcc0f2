from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)

from infra.deploy import cli
from infra.deploy.cli import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, main
from infra.deploy.failures import MAX_MESSAGE_CHARS, one_line

if TYPE_CHECKING:
    from infra.deploy.session import Session


def denied(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateChangeSet")


@pytest.mark.parametrize(
    ("error", "reason", "said"),
    [
        (NoCredentialsError(), "credentials", "There are no AWS credentials"),
        (ProfileNotFound(profile="x"), "credentials", "There is no such AWS profile."),
        (TokenRetrievalError(provider="sso", error_msg="x"), "credentials", "run `aws sso login`"),
        (denied("ExpiredToken"), "credentials", "sign in again"),
        (
            denied("AccessDenied", "User u is not authorized"),
            "denied",
            "may not call CreateChangeSet: User u",
        ),
        (
            denied("ValidationError", "Template format\nerror"),
            "aws_refused",
            "ValidationError: Template format error",
        ),
        (EndpointConnectionError(endpoint_url="https://x"), "unreachable", "No connection to AWS"),
        (
            ZeroDivisionError("text of a defect"),
            "unexpected",
            "A defect of this program: ZeroDivisionError at ",
        ),
    ],
)
def test_operator_sees_a_line_and_no_trace(
    error: Exception,
    reason: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: object, **__: object) -> Session:
        raise error

    monkeypatch.setattr(cli, "open_session", fails)

    assert main(["status"]) == EXIT_FAILED
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and said in err and err.count("\n") == 1
    assert "text of a defect" not in err
    assert main(["status", "--json"]) == EXIT_FAILED
    assert json.loads(capsys.readouterr().err)["error"]["reason"] == reason


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["deploy", "--region", "lhr1"],
        ["deploy", "--stage", "test"],
        ["deploy", "--set", "Version"],
        ["status", "--stack", "a_b"],
        ["rollback", "--dry-run"],
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(
    argv: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "open_session", lambda *_, **__: pytest.fail("AWS was asked"))
    assert main(argv) == EXIT_USAGE


def test_help_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == EXIT_DONE
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("deploy", "rollback", "status", "destroy"))


def test_long_texts_of_aws_are_cut() -> None:
    assert len(one_line("x" * 1000)) == MAX_MESSAGE_CHARS
