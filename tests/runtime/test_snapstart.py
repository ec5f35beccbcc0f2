"""SnapStart: what a picture must not hold, and that every clone of it connects, signs and counts for itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import pytest

from tests import faults, rie
from tests.functional.health_setup import Network, Server
from tests.runtime.cases import CASES
from tests.runtime.snapstart import clones, started_for_picture
from tests.runtime.test_functions import holds

if TYPE_CHECKING:
    import socket
    import threading
    from pathlib import Path

    from tests.runtime.world import World

NEVER_PICTURED: Final = {"cryptography", "jwt", "boto3"}
"""Cryptography has an OpenSSL of its own, whose random numbers nobody can seed anew."""


@pytest.mark.parametrize("name", sorted(CASES))
def test_clones_of_one_picture_differ(world: World, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    before = world.environments(name)
    code = rie.built(world.functions[name].logical_id)
    events = [case.event(world) for _ in range(2)]
    picture, *cloned = clones(code, events, variables=world.variables(name), log_path=tmp_path / "clones.log")

    assert picture["started"] >= 1, "what it needs most is connected while it starts"
    assert not NEVER_PICTURED & set(picture["modules"])
    assert picture["pictured"] == 0
    assert [clone["restored"] for clone in cloned] == [1, 1]
    for clone in cloned:
        holds(rie.Answer.of(clone["answer"]), case)
    for member in case.unique:
        first, second = (json.loads(clone["answer"]["body"])[member] for clone in cloned)
        assert first != second
    new = world.environments(name) - before
    assert len(new) == 2, "each counts under a number of its own"


class CredentialEndpoint:
    """Hands out other credentials each time, as the endpoint in a Lambda environment may; a context manager."""

    def __init__(self) -> None:
        self.handed_out = 0
        self.server = Server(self._answer)

    def _answer(self, connection: socket.socket, _request: bytes, _stopped: threading.Event) -> bool:
        self.handed_out += 1
        document = {
            "AccessKeyId": f"AKID{self.handed_out}",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        connection.sendall(faults.answer(json.dumps(document).encode()))
        return False


def signed_by(requests: list[bytes]) -> list[str]:
    """Return the ids of the keys that requests were signed with."""
    return [found.decode() for request in requests for found in re.findall(rb"Credential=(\w+)/", request)]


def test_bootstrap_runs_the_hooks_and_the_next_request_has_a_connection_and_credentials_of_its_own(
    world: World, tmp_path: Path
) -> None:
    name = "ratelimit_check"
    endpoint = CredentialEndpoint()
    variables = world.variables(name)
    with endpoint.server, Network(variables["AWS_ENDPOINT_URL"]) as network:
        variables |= {
            "AWS_ENDPOINT_URL": network.url,
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint.server.url}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token",
        }
        code = rie.built(world.functions[name].logical_id)
        with started_for_picture(code, variables=variables, log_path=tmp_path / "snap.log") as api:
            assert api.pictured.wait(20), (tmp_path / "snap.log").read_text()
            begun, connections, handed_out = (
                len(network.seen),
                network._server.connections,
                endpoint.handed_out,
            )
            assert connections >= 1, "the access list is read while it starts"
            assert handed_out >= 1
            api.restore()
            how, answer = api.invoke(CASES[name].event(world))
            assert network._server.connections > connections
    assert how == "response", answer
    holds(rie.Answer.of(answer), CASES[name])
    pictured = {f"AKID{number}" for number in range(1, handed_out + 1)}
    used = signed_by(network.seen[begun:])
    assert used
    assert not pictured & set(used)


def test_restore_without_a_table_still_serves(world: World, tmp_path: Path) -> None:
    variables = world.variables("health") | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    event = CASES["health"].event(world) | {"rawPath": "/api/monitoring/live"}
    event["requestContext"]["http"]["path"] = "/api/monitoring/live"
    code = rie.built(world.functions["health"].logical_id)
    with started_for_picture(code, variables=variables, log_path=tmp_path / "snap.log") as api:
        assert api.pictured.wait(20)
        api.restore()
        how, answer = api.invoke(event)
    assert (how, answer["statusCode"]) == ("response", 200)


def test_hook_that_fails_is_told_to_lambda(tmp_path: Path) -> None:
    code = tmp_path / "task"
    code.mkdir()
    lines = ["from snapshot_restore_py import register_after_restore", "@register_after_restore"]
    lines += ["def broken():", "    raise ValueError", "def handler(event, context):", "    return {}", ""]
    (code / "app.py").write_text("\n".join(lines), encoding="utf-8")
    with started_for_picture(code, variables={}, log_path=tmp_path / "snap.log") as api:
        assert api.pictured.wait(20)
        api.restore()
        how, told = api.ended()
    assert (how, told["errorType"]) == ("error", "ValueError")
