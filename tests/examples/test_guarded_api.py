"""``examples/guarded-api``: somebody else's API on local regions, guarded by our authorizer over our tables."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from edge.regions import DEPLOYED
from infra.local.functions import function_environment, region_environment
from infra.template import load_stack
from tests.functions import load_function
from tests.http_events import http_event, invoke
from tests.local.running import ROOT, LocalSetup, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from infra.local.state import State

EXAMPLE = ROOT / "examples" / "guarded-api"
TEMPLATE = EXAMPLE / "template.yaml"
TTL_SECONDS = 1
FRESH_SECONDS = 2
"""How long our authorizer itself goes on with what it read."""

BOUND_SECONDS = TTL_SECONDS + FRESH_SECONDS + 1
"""From a revocation to the first refusal; a second for this machine."""

CFN_LINT = [
    *(str(Path(sys.executable).with_name("cfn-lint")), "--regions"),
    *(region.aws_region for region in DEPLOYED),
]
REGION = next(region for region in DEPLOYED if region.code == "cdg1")


class House:
    """Our functions over the tables of a local setup: they make keys and tokens, and end them."""

    def __init__(self, state: State) -> None:
        key = state["admin_api_key"]
        assert key is not None
        self.admin_key = key
        shared = region_environment(
            code=REGION.code, aws_region=REGION.aws_region, emulator_url=state["emulator"]
        )
        of = {
            function.name: function
            for function in load_stack(ROOT / "template.yaml", aws_region=REGION.aws_region).functions
        }
        self._modules: dict[str, ModuleType] = {
            name: load_function(name, function_environment(of[name], shared))
            for name in ("keys", "auth_token", "auth_revoke")
        }

    def make_key(self) -> tuple[str, str]:
        """Return the id and the text of a new key."""
        made = self._call("keys", "POST", "/api/keys", {"name": "n", "role": "USER", "plan": "enterprise"})
        return made["id"], made["api_key"]

    def make_token(self, key: str) -> str:
        token: str = self._call("auth_token", "POST", "/api/auth/token", {}, key=key)["access_token"]
        return token

    def revoke_token(self, token: str) -> None:
        self._call("auth_revoke", "POST", "/api/auth/revoke", {"token": token})

    def revoke_key(self, key_id: str) -> None:
        self._call("keys", "DELETE", f"/api/keys/{key_id}", None)

    def _call(self, name: str, method: str, path: str, body: object, *, key: str | None = None) -> Any:
        event = http_event(method, path, body, headers={"x-api-key": key or self.admin_key})
        answer = invoke(self._modules[name].handler, event)
        assert 200 <= answer.status < 300, answer
        return answer.json() if answer.body else None


class Running(NamedTuple):
    """The example's API of one region, and what makes credentials for it."""

    url: str
    house: House
    state: State


@contextmanager
def run_example(folder: Path) -> Iterator[Running]:
    copy = folder / "example"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / "template.yaml"
    text = path.read_text("utf-8")
    assert text.count("Default: 30") == 1
    path.write_text(text.replace("Default: 30", f"Default: {TTL_SECONDS}"), "utf-8")
    setup = LocalSetup(folder, template=path)
    with pytest.MonkeyPatch.context() as patch:
        try:
            state = setup.wait_ready()
            patch.setenv("AWS_ACCESS_KEY_ID", "local")  # read when a function first needs them
            patch.setenv("AWS_SECRET_ACCESS_KEY", "local")
            yield Running(state["regions"][REGION.code]["url"], House(state), state)
        finally:
            assert setup.end() == 0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_example(tmp_path_factory.mktemp("guarded")) as found:
        yield found


def ask(running: Running, path: str, **headers: str) -> tuple[int, Any]:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    status, _, body = fetch(running.url, path, headers=shown)
    return status, json.loads(body)


def seconds_until_refused(running: Running, path: str, **headers: str) -> float:
    began = time.monotonic()
    while (status := ask(running, path, **headers)[0]) == 200:
        assert time.monotonic() - began < 15
        time.sleep(0.05)
    assert status == 403
    return time.monotonic() - began


@pytest.mark.parametrize("path", ["/orders", "/reports"])
def test_without_its_identity_source_a_route_is_401(path: str, running: Running) -> None:
    assert ask(running, path) == (401, {"message": "Unauthorized"})


def test_each_route_takes_its_own_kind_of_credential(running: Running) -> None:
    _, key = running.house.make_key()
    token = running.house.make_token(key)
    assert ask(running, "/orders", x_api_key=key)[0] == 401
    assert ask(running, "/reports", authorization=f"Bearer {token}")[0] == 401


@pytest.mark.parametrize("shown", ["Bearer x.y.z", "Bearer ", "Basic dTpw", "Bearer"])
def test_bad_token_is_403(shown: str, running: Running) -> None:
    assert ask(running, "/orders", authorization=shown) == (403, {"message": "Forbidden"})


def test_bad_key_is_403(running: Running) -> None:
    assert ask(running, "/reports", x_api_key="ek_dev_nobody") == (403, {"message": "Forbidden"})


def test_both_credentials_at_once_are_403(running: Running) -> None:
    _, key = running.house.make_key()
    token = running.house.make_token(key)
    assert ask(running, "/reports", x_api_key=key, authorization=f"Bearer {token}")[0] == 403


def test_token_reaches_the_handler_as_an_identity(running: Running) -> None:
    key_id, key = running.house.make_key()
    token = running.house.make_token(key)
    for _ in range(2):  # asked, then remembered
        status, caller = ask(running, "/orders", authorization=f"Bearer {token}")
        assert status == 200
        assert caller.keys() == {"kind", "subject", "client_id", "role", "scope", "plan"}
        assert (caller["kind"], caller["client_id"], caller["role"]) == ("token", key_id, "USER")


def test_key_reaches_the_handler_as_an_identity(running: Running) -> None:
    key_id, key = running.house.make_key()
    status, caller = ask(running, "/reports", x_api_key=key)
    assert (status, caller["kind"], caller["subject"]) == (200, "key", key_id)
    assert "ratelimit:check" in caller["scope"].split()


def test_revoked_token_is_refused_once_the_answer_that_is_kept_is_over(running: Running) -> None:
    _, key = running.house.make_key()
    token = f"Bearer {running.house.make_token(key)}"
    assert ask(running, "/orders", authorization=token)[0] == 200
    running.house.revoke_token(token.removeprefix("Bearer "))
    assert seconds_until_refused(running, "/orders", authorization=token) < BOUND_SECONDS


def test_revoked_key_is_refused_once_the_answer_that_is_kept_is_over(running: Running) -> None:
    key_id, key = running.house.make_key()
    assert ask(running, "/reports", x_api_key=key)[0] == 200
    running.house.revoke_key(key_id)
    assert seconds_until_refused(running, "/reports", x_api_key=key) < BOUND_SECONDS


def test_without_the_store_nobody_can_tell_and_the_answer_is_500(tmp_path: Path) -> None:
    with run_example(tmp_path) as running:
        _, key = running.house.make_key()
        assert ask(running, "/reports", x_api_key=running.house.admin_key)[0] == 200
        os.kill(running.state["pids"]["emulator"], signal.SIGKILL)
        assert ask(running, "/reports", x_api_key=key) == (500, {"message": "Internal Server Error"})


@pytest.mark.parametrize(
    "command",
    [
        [*CFN_LINT, "--include-checks", "W", "E", "--template", str(TEMPLATE)],
        [str(ROOT / ".venv-sam" / "bin" / "sam"), "validate", "--lint", "--template", str(TEMPLATE)],
    ],
    ids=["cfn-lint", "sam"],
)
def test_template_is_clean(command: list[str]) -> None:
    environment = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-west-1", "PYTHONPATH": ""}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_template_asks_for_an_output_of_ours() -> None:
    own = load_stack(ROOT / "template.yaml", aws_region=REGION.aws_region)
    assert own.outputs["AuthorizerArn"] == "AuthorizerFunction"
    stack = load_stack(TEMPLATE, aws_region=REGION.aws_region)
    assert stack.borrowed == {"AuthorizerArn"}
    assert all(route.authorizer is not None for route in stack.routes)
