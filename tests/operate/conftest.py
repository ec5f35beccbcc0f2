"""The command line against ministack, under names of its own: other tests keep their keys of the house."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest

from edge.aws.regional import forget_clients
from edge.aws.secrets import forget_clients as forget_secret_clients
from edge.clock import SystemClock
from edge.regions import DEPLOYED, GLOBAL_STACK_REGION
from infra.local.emulator import LOCAL_CREDENTIALS
from infra.operate.cli import main
from infra.template import create_global_tables, create_tables, load_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from edge.clock import Clock

ROOT = Path(__file__).parents[2]
STACK = "operate-regional"
GLOBAL_STACK = "operate-global"
NEW = ("keys", "create", "--name", "ci", "--role", "USER", "--plan", "free")


class Later(SystemClock):
    """The machine's clock, ahead by *seconds*."""

    def __init__(self, seconds: int) -> None:
        self._ahead_ms = seconds * 1000

    def now_ms(self) -> int:
        return super().now_ms() + self._ahead_ms


class Stopped(SystemClock):
    """A clock that stays at the time of day that *clock* has now."""

    def __init__(self, clock: Clock) -> None:
        self._now_ms = clock.now_ms()

    def now_ms(self) -> int:
        return self._now_ms


class Outcome(NamedTuple):
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


class Operator:
    """Runs commands in this process, as ``python -m infra.operate`` would."""

    def __init__(
        self,
        local_dir: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        *,
        global_stack: str = GLOBAL_STACK,
    ) -> None:
        self.local_dir = local_dir
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.global_stack = global_stack

    @property
    def options(self) -> list[str]:
        return [
            *("--local", "--local-dir", str(self.local_dir)),
            *("--stack", STACK, "--global-stack", self.global_stack),
        ]

    def run(self, *argv: str, stdin: str = "", clock: Clock | None = None) -> Outcome:
        raw = io.TextIOWrapper(io.BytesIO(stdin.encode("utf-8", "surrogateescape")), "utf-8")
        self._monkeypatch.setattr("sys.stdin", raw)
        self._capsys.readouterr()
        code = main([*argv, *self.options], clock=clock or SystemClock())
        return Outcome(code, *self._capsys.readouterr())

    def text(self, *argv: str, stdin: str = "") -> str:
        """Run a command that is to succeed and return what it says to people."""
        outcome = self.run(*argv, stdin=stdin)
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out

    def json(self, *argv: str, stdin: str = "", clock: Clock | None = None) -> Any:
        """Run a command that is to succeed and return its document."""
        outcome = self.run(*argv, "--json", stdin=stdin, clock=clock)
        assert (outcome.code, outcome.err) == (0, "")
        return json.loads(outcome.out)

    def refused(self, *argv: str, stdin: str = "", clock: Clock | None = None) -> str:
        """Run a command that is to fail, both ways, and return the reason."""
        clock = Stopped(clock or SystemClock())  # both tell the same seconds
        told = self.run(*argv, stdin=stdin, clock=clock)
        assert (told.code, told.out) == (1, "")
        assert told.err.startswith("error: ") and told.err.count("\n") == 1
        outcome = self.run(*argv, "--json", stdin=stdin, clock=clock)
        assert (outcome.code, outcome.out) == (1, "")
        error = json.loads(outcome.err)["error"]
        assert error["exit_code"] == 1
        assert told.err == f"error: {error['message']}\n"
        return str(error["reason"])

    def admin(self) -> str:
        """Return the text of a new key that may do everything."""
        return str(self.json("admin-key", "--another")["api_key"])


@pytest.fixture(scope="session")
def tables(ministack_url: str) -> str:
    """Create the tables of both stacks; return the URL."""
    session = boto3.Session(
        LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"], LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    )
    clients = {
        region.aws_region: session.client("dynamodb", region.aws_region, endpoint_url=ministack_url)
        for region in DEPLOYED
    }
    for name, client in clients.items():
        create_tables(load_stack(ROOT / "template.yaml", aws_region=name, stack_name=STACK), client)
    once = load_stack(
        ROOT / "infra" / "global.yaml",
        aws_region=GLOBAL_STACK_REGION.aws_region,
        stack_name=GLOBAL_STACK,
    )
    create_global_tables(once, clients.__getitem__)
    return ministack_url


@pytest.fixture(scope="session", autouse=True)
def _one_session() -> Iterator[None]:
    """A process of one command makes one session; here they share what it read of AWS's interfaces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.operate.place.boto3", SimpleNamespace(Session=cache(boto3.Session)))
        yield


@pytest.fixture
def local_dir(ministack_url: str, tmp_path: Path) -> Path:
    (tmp_path / "state.json").write_text(json.dumps({"emulator": ministack_url}))
    return tmp_path


@pytest.fixture
def operate(
    tables: str, local_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Operator:
    """The command line where the tables are; the keys of the house are made by the first who asks."""
    assert tables
    operator = Operator(local_dir, capsys, monkeypatch)
    operator.run("secrets", "create")
    return operator


@pytest.fixture
def fresh(local_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Operator:
    """The command line with a secret of its own, which is not there yet, and no tables."""
    return Operator(local_dir, capsys, monkeypatch, global_stack=f"fresh-{local_dir.name}")


@pytest.fixture
def secret_of(ministack_url: str) -> Iterator[Any]:
    """Return what reads a secret's document in a region."""
    session = boto3.Session("local", "local")
    clients: dict[str, SecretsManagerClient] = {}

    def read(operator: Operator, aws_region: str = "us-east-1") -> Any:
        if aws_region not in clients:
            clients[aws_region] = session.client("secretsmanager", aws_region, endpoint_url=ministack_url)
        answer = clients[aws_region].get_secret_value(SecretId=f"{operator.global_stack}-auth")
        return json.loads(answer["SecretString"])

    yield read
    for client in clients.values():
        client.close()


@pytest.fixture
def function_environment(tables: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What a function needs to find what the command line works on."""
    for name, value in LOCAL_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    yield {
        "AWS_REGION": "eu-west-3",
        "AWS_ENDPOINT_URL": tables,
        "RATE_WINDOWS_TABLE": f"{STACK}-rate-windows",
        "RATE_USAGE_TABLE": f"{GLOBAL_STACK}-rate-usage",
        "SESSIONS_TABLE": f"{GLOBAL_STACK}-sessions",
        "KEYS_TABLE": f"{GLOBAL_STACK}-keys",
        "AUTH_SECRET": f"{GLOBAL_STACK}-auth",
        "EDGE_STAGE": "development",
    }
    forget_clients()
    forget_secret_clients()
