"""What four local regions answer: the same as API Gateway and Lambda would."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from edge.regions import DEPLOYED
from tests.local.running import fetch

if TYPE_CHECKING:
    from infra.local.state import State
    from tests.local.running import LocalSetup


def echo(url: str, path: str = "/echo/1", **request: Any) -> dict[str, Any]:
    status, _, body = fetch(url, path, **request)
    assert status == 200, body
    answer: dict[str, Any] = json.loads(body)
    return answer


def test_state_names_everything(shared_setup: LocalSetup, state: State) -> None:
    base = shared_setup.base_port
    assert state["global"] == f"http://127.0.0.1:{base}"
    assert state["regions"] == {
        region.code: {"url": f"http://127.0.0.1:{base + 1 + index}", "aws_region": region.aws_region}
        for index, region in enumerate(DEPLOYED)
    }
    assert str(state["admin_api_key"]).startswith("ek_dev_")
    assert state["emulator"] == f"http://127.0.0.1:{base + 10}"


@pytest.mark.parametrize("code", [region.code for region in DEPLOYED])
def test_each_region_runs_as_itself(code: str, state: State) -> None:
    region = state["regions"][code]
    environment = echo(region["url"])["environment"]
    assert environment["EDGE_REGION"] == code
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == region["aws_region"]
    assert environment["AWS_ENDPOINT_URL"] == state["emulator"]
    assert environment["NOTES_TABLE"] == "kaizen-edge-local-Notes"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "echo"


def test_global_endpoint_answers_with_the_first_region(state: State) -> None:
    with httpx.Client(base_url=state["global"]) as client:
        answer = client.get("/echo/7", params={"q": "1"}, headers={"x-forwarded-for": "10.1.2.3"})
    body = answer.json()
    assert body["environment"]["EDGE_REGION"] == "iad1"
    assert body["event"]["pathParameters"] == {"id": "7"}
    assert body["event"]["headers"]["x-forwarded-for"] == "10.1.2.3, 127.0.0.1, 127.0.0.1"
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]


def test_suggested_curl_works(shared_setup: LocalSetup) -> None:
    line = next(line.strip() for line in shared_setup.output.splitlines() if line.strip().startswith("curl "))
    url = line.split()[-1]
    assert httpx.get(url).status_code == 200


def test_module_state_stays_in_its_sandbox(state: State) -> None:
    url = state["regions"]["hnd1"]["url"]
    first, second = echo(url)["calls"], echo(url)["calls"]
    assert second == first + 1


@pytest.mark.parametrize(
    ("what", "status"),
    [("raise", 500), ("exit", 500), ("shape", 500), ("unserializable", 500), ("large", 500)],
)
def test_fault_of_a_function_is_internal_server_error(what: str, status: int, state: State) -> None:
    answer = fetch(state["regions"]["sfo1"]["url"], f"/trouble?do={what}")
    assert answer[0] == status
    assert answer[2] == b'{"message":"Internal Server Error"}'


def test_stuck_function_times_out_and_a_fresh_sandbox_takes_over(
    shared_setup: LocalSetup, state: State
) -> None:
    url = state["regions"]["cdg1"]["url"]
    before = fetch(url, "/trouble")[2]
    began = time.monotonic()
    assert fetch(url, "/trouble?do=sleep&seconds=30")[0] == 500
    assert 1.0 <= time.monotonic() - began < 3.0
    after = fetch(url, "/trouble")
    assert after[0] == 200
    assert after[2] != before
    assert "function timed out" in (shared_setup.folder / "logs" / "cdg1.log").read_text()


def test_binary_and_head_pass_both_hops(state: State) -> None:
    for url in (state["global"], state["regions"]["hnd1"]["url"]):
        status, headers, body = fetch(url, "/trouble?do=binary")
        assert (status, headers["content-type"], body) == (200, "image/png", bytes(range(256)))
        status, headers, body = fetch(url, "/asgi/light", method="HEAD")
        assert (status, headers["content-length"], body) == (200, "14", b"")
        sent = bytes(range(256)) * 4096
        assert (
            fetch(url, "/asgi/body", method="POST", body=sent, headers={"content-type": "image/x"})[2] == sent
        )


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/nowhere", 404, b'{"message":"Not Found"}'),
        ("/echo/a%25z", 400, b'{"message":"Bad Request"}'),
        ("/echo/" + "x" * 10_300, 431, b'{"message":"Request Header Fields Too Large"}'),
    ],
)
def test_gateway_refuses_as_aws_does(path: str, status: int, body: bytes, state: State) -> None:
    answer = fetch(state["regions"]["iad1"]["url"], path)
    assert (answer[0], answer[2]) == (status, body)
    if status != 431:  # refused before there is a request to name
        assert len(answer[1]["apigw-requestid"]) == 16


def test_event_over_lambdas_limit_is_too_large(state: State) -> None:
    answer = fetch(state["regions"]["iad1"]["url"], "/asgi/body", method="POST", body=b"x" * (7 << 20))
    assert (answer[0], answer[2]) == (413, b'{"message":"Request Entity Too Large"}')


def test_many_clients_at_once_are_answered_without_error(state: State) -> None:
    statuses: list[int] = []

    def ask() -> None:
        with httpx.Client(base_url=state["global"]) as client:
            statuses.extend(client.get("/asgi/light").status_code for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 320


def test_functions_and_gateway_write_json_lines_to_the_regions_log(
    shared_setup: LocalSetup, state: State
) -> None:
    echo(state["regions"]["sfo1"]["url"], "/echo/logged")
    path = shared_setup.folder / "logs" / "sfo1.log"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    access = [line for line in lines if line.get("target") == "/echo/logged"]
    assert [(line["status"], line["routeKey"]) for line in access] == [(200, "ANY /echo/{id}")]
    assert any(line.get("message") == "echo" for line in lines)


def test_second_setup_on_the_same_ports_is_refused_in_one_line(
    shared_setup: LocalSetup, tmp_path: Any
) -> None:
    from tests.local.running import LocalSetup as Setup  # the fixture's type above is for the checker only

    second = Setup(tmp_path, base_port=shared_setup.base_port)
    assert second.process.wait(15) == 2
    (line,) = second.output.splitlines()
    assert line.startswith(f"error: port {shared_setup.base_port} is taken by pid ")
    assert line.endswith("choose others: make up PORT=9000")
