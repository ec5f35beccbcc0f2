"""The command line as a process: exit codes, streams, what is never repeated."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
import pytest

from infra.local.emulator import free_port
from infra.operate.cli import main
from tests.operate.conftest import ROOT

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from tests.operate.conftest import Operator

SECRET = "ek_live_000000000000" + "A" * 49


def run(*argv: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-m", "infra.operate", *argv],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**bare, "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}", "HOME": "/nonexistent", **environment},
    )


def test_process_answers_one_document_and_takes_no_setting_of_the_user(operate: Operator) -> None:
    done = run(
        *("admin-key", "--another", "--json", *operate.options),
        AWS_PROFILE="missing",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_REGION="eu-central-1",
        PYTHONIOENCODING="ascii",
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["api_key"].startswith("ek_dev_")


@pytest.mark.parametrize(
    "argv",
    [
        ("keys", "list"),
        ("keys", "create", "--name", "x", "--role", "USER", "--plan", "free"),
        ("tokens", "inspect", "a.b.c"),
        ("tokens", "revoke-subject", "user"),
        ("secrets", "show"),
        ("secrets", "rotate"),
        ("access", "put"),
        ("access", "put", "--all-regions"),
        ("limits", "reset", "u", "--tier", "strict"),
        ("admin-key",),
    ],
    ids=" ".join,
)
def test_endpoint_that_is_gone_is_one_clear_line(
    argv: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"emulator": f"http://127.0.0.1:{free_port()}"}))
    (tmp_path / "list").write_text("{}")
    file = ("--file", str(tmp_path / "list")) if "put" in argv else ()

    code = main([*argv, *file, "--local", "--local-dir", str(tmp_path)])

    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert err.startswith("error: ") and err.count("\n") == 1
    assert "no connection to AWS, or to the local emulator, can be made" in err


def test_without_a_local_setup_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = run("keys", "list", "--local", "--local-dir", str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: No local setup runs in this tree: start one with `make up`.\n"


def test_tables_that_are_not_there_are_told(operate: Operator) -> None:
    operate.global_stack = "not-deployed"

    assert operate.refused("keys", "list") == "no_table"
    assert operate.refused("admin-key", "--region", "cdg1") == "no_table"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "There are no AWS credentials"),
        ({"AWS_PROFILE": "missing"}, "There is no such AWS profile."),
        ({"AWS_ACCESS_KEY_ID": "AKID"}, "There are no AWS credentials"),
        ({"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "a b"}, "incomplete or not printable"),
    ],
)
def test_without_credentials_it_says_so(
    environment: dict[str, str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("infra.operate.place.boto3", boto3)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert main(["keys", "list"]) == 1

    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and told in err


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("keys",),
        ("keys", "nope"),
        ("keys", "show"),
        ("keys", "show", "a", SECRET),
        ("keys", "list", f"--cursr={SECRET}"),
        ("keys", "revoke", "a", "--why", SECRET),
        ("keys", "rotate", "a", f"--overlap-seconds={SECRET}"),
        ("keys", "create", "--name", "x", "--role", "ANONYMOUS", "--plan", "free"),
        (SECRET,),
        ("secrets", "rotate", "--algorithm", "none"),
    ],
)
def test_wrong_usage_ends_with_two_and_repeats_no_key(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == "" and "error: " in err and "usage: " in err
    assert SECRET not in err and SECRET[8:] not in err

    assert main([*argv, "--json"]) == 2
    out, err = capsys.readouterr()
    error = json.loads(err)["error"]
    assert out == "" and (error["reason"], error["exit_code"]) == ("usage", 2)
    assert SECRET not in err


@pytest.mark.parametrize("argv", [("--help",), ("tokens", "--help"), ("secrets", "rotate", "--help")])
def test_help_is_no_failure(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    assert "usage: python -m infra.operate" in capsys.readouterr().out


def test_defect_is_told_by_its_place_alone(operate: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("infra.operate.place.Place.api_keys", broken)

    assert operate.refused("keys", "list") == "unexpected"
    outcome = operate.run("keys", "list")
    assert "RuntimeError" in outcome.err and "test_command_line.py" in outcome.err
    assert SECRET not in outcome.err


def test_reader_that_has_gone_makes_no_traceback(operate: Operator) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "infra.operate", "keys", "list", *operate.options],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"},
        )

    assert (done.returncode, done.stderr) == (1, "")


DOCUMENTED = [
    shlex.split(line.removeprefix("operate ").partition(" > ")[0], comments=True)
    for line in (ROOT / "docs" / "operate.md").read_text("utf-8").splitlines()
    if line.startswith("operate ")
]


@pytest.mark.parametrize("argv", DOCUMENTED, ids=" ".join)
def test_documented_command_exists(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Namespace] = []
    monkeypatch.setattr("infra.operate.cli._place", lambda arguments, _: asked.append(arguments))

    assert main(argv) == 1  # without a place nothing is done; a wrong command line would be 2
    assert asked[0].command.__name__


def test_every_command_is_documented() -> None:
    commands = {" ".join(argv[: 1 if argv[0] == "admin-key" else 2]) for argv in DOCUMENTED}

    assert len(DOCUMENTED) > 15
    assert {
        *("keys create", "keys list", "keys rotate", "keys revoke", "admin-key"),
        *("tokens inspect", "tokens revoke", "tokens revoke-subject", "limits reset"),
        *("secrets rotate", "secrets show", "secrets remove-key", "secrets promote-refresh-key"),
        *("access get", "access put", "access clear"),
    } <= commands
