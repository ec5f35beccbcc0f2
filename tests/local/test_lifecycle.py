"""Starting, failing to start, losing a part, and ending: nothing may be left behind, whatever the end is."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.local.running import (
    FIXTURE_TEMPLATE,
    HOST,
    LocalSetup,
    fetch,
    free_base_port,
    is_alive,
    ports_are_free,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

STOP_SECONDS = 6.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    # Whatever a failed test left: the leash ends the rest with the launcher.
    for setup in _started:
        if setup.process.poll() is None:
            setup.process.kill()
            setup.process.wait()
    _started.clear()


_started: list[LocalSetup] = []


def start(folder: Path, **options: object) -> LocalSetup:
    setup = LocalSetup(folder, **options)  # type: ignore[arg-type] # passed on as they are
    _started.append(setup)
    return setup


def assert_nothing_left(setup: LocalSetup, pids: dict[str, int]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while (alive := [name for name, pid in pids.items() if is_alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive
    assert ports_are_free(setup.base_port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_end_leaves_no_process_and_no_port(number: signal.Signals, folder: Path) -> None:
    setup = start(folder)
    pids = setup.wait_ready()["pids"]
    assert len(pids) == 7
    began = time.monotonic()
    code = setup.end(number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert_nothing_left(setup, pids)
    assert time.monotonic() - began < STOP_SECONDS
    if number != signal.SIGKILL:
        assert not (folder / "state.json").exists()


def test_stop_while_starting_leaves_nothing(folder: Path) -> None:
    setup = start(folder)
    setup.wait_output("python")
    assert setup.end() == 0
    assert_nothing_left(setup, {})
    assert not (folder / "state.json").exists()


def test_request_in_flight_is_finished_before_the_end(folder: Path) -> None:
    setup = start(folder)
    state = setup.wait_ready()
    answers: list[int] = []
    url = state["global"]
    client = threading.Thread(target=lambda: answers.append(fetch(url, "/trouble?do=sleep&seconds=0.7")[0]))
    client.start()
    time.sleep(0.2)  # it has to be in the function when the signal comes; nothing outside can see that
    assert setup.end(signal.SIGTERM) == 0
    client.join()
    assert answers == [200]


def test_killed_region_is_told_and_gone_around(folder: Path) -> None:
    setup = start(folder)
    state = setup.wait_ready()
    assert fetch(state["global"], "/echo/1")[0] == 200  # leaves a pooled connection to iad1 behind
    assert fetch(state["regions"]["iad1"]["url"], "/trouble?do=sleep&seconds=0")[0] == 200
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        fetch(state["regions"]["iad1"]["url"], "/trouble?do=die")
    setup.wait_output("region iad1 ended (code 9), the rest keeps running")
    status, _, body = fetch(state["global"], "/echo/1")
    assert status == 200
    assert b'"EDGE_REGION": "sfo1"' in body
    assert setup.process.poll() is None
    assert setup.end() == 0
    assert_nothing_left(setup, state["pids"])


def test_taken_port_is_one_line_and_code_2(folder: Path) -> None:
    base_port = free_base_port()
    port = base_port + 3
    with socket.socket() as holder:
        holder.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as a server has it: old connections are no holder
        holder.bind((HOST, port))
        holder.listen()
        setup = start(folder, base_port=base_port)
        assert setup.process.wait(15) == 2
    assert f"port {port} is taken by pid" in setup.output
    assert len(setup.output.splitlines()) == 1


def test_engine_that_does_not_start_is_one_line(folder: Path) -> None:
    broken = folder / "broken" / "ministack"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("")
    (broken / "__main__.py").write_text("raise SystemExit(7)")
    path = f"{broken.parent}:{FIXTURE_TEMPLATE.parents[3] / 'shared'}:{FIXTURE_TEMPLATE.parents[3]}"
    setup = start(folder, environment={"PYTHONPATH": path})
    assert setup.process.wait(15) == 1
    assert setup.output.splitlines()[-1].startswith("error: the AWS emulator ended with code 7; see ")
    assert_nothing_left(setup, {})


def test_function_that_does_not_import_is_one_line(folder: Path) -> None:
    function = folder / "functions" / "broken"
    function.mkdir(parents=True)
    (function / "app.py").write_text("import nothing_like_this\n")
    template = folder / "template.yaml"
    template.write_text(
        "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: functions/broken, Handler: app.handler}}}"
    )
    setup = start(folder, template=template)
    assert setup.process.wait(15) == 1
    last = setup.output.splitlines()[-1]
    assert last.startswith(
        "error: function broken does not import: ModuleNotFoundError: No module named 'nothing_like_this'"
    )
    assert "logs/" in last
    assert_nothing_left(setup, {})


def test_template_that_cannot_be_read_is_one_line(folder: Path) -> None:
    template = folder / "template.yaml"
    template.write_text("Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Timeout: soon}}}")
    setup = start(folder, template=template)
    assert setup.process.wait(15) == 1
    assert setup.output.splitlines() == ["error: F.Timeout must be a whole number"]


def test_persist_keeps_the_tables_items(folder: Path) -> None:
    item = {"pk": {"S": "kept"}}
    setup = start(folder, persist=True)
    client = dynamodb(setup.wait_ready()["emulator"])
    client.put_item(TableName="kaizen-edge-local-Notes", Item=item)
    client.close()
    assert setup.end() == 0
    setup = start(folder, persist=True, base_port=setup.base_port)
    client = dynamodb(setup.wait_ready()["emulator"])
    assert client.get_item(TableName="kaizen-edge-local-Notes", Key=item).get("Item") == item
    ttl = client.describe_time_to_live(TableName="kaizen-edge-local-Notes")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "x")
    client.close()
    assert setup.end() == 0


def dynamodb(url: str) -> DynamoDBClient:
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
