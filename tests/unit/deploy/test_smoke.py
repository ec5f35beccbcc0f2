from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.deploy.smoke import (
    ATTEMPTS,
    PROBLEM,
    PROBLEM_MEMBERS,
    PUBLIC,
    SECURITY_HEADERS,
    UNKNOWN_PATH,
    Address,
    Check,
    Response,
    checks_for,
    run_checks,
    send_check,
)

if TYPE_CHECKING:
    from tests.unit.deploy.fakes import Region

ADDRESS = Address("https://api.test")
HEADERS = dict.fromkeys(SECURITY_HEADERS, "x") | {"x-edge-region": "sfo1", "content-type": "application/json"}
LIVE = Check("GET", "/live", 200, None, "application/json", frozenset({"status"}))


def answer(status: int = 200, body: object = None, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, HEADERS | named, json.dumps(body or {"status": "healthy"}).encode())


def test_good_answer_has_no_problem() -> None:
    assert LIVE.problem_of(answer(), "sfo1") is None
    assert LIVE.problem_of(answer(content_type="application/json; charset=utf-8"), "sfo1") is None


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (answer(503), "status 503, expected 200"),
        (answer(x_edge_region="iad1"), "x-edge-region is iad1, expected sfo1"),
        (answer(content_type="text/html"), "media type text/html, expected application/json"),
        (answer(body={"other": 1}), "without members status"),
        (answer(body=["status"]), "without members status"),
        (Response(200, HEADERS, b"<html>"), "without members status"),
    ],
)
def test_each_way_to_be_wrong_is_told(response: Response, problem: str) -> None:
    assert LIVE.problem_of(response, "sfo1") == problem


@pytest.mark.parametrize("name", SECURITY_HEADERS)
def test_missing_security_header_fails(name: str) -> None:
    headers = {key: value for key, value in HEADERS.items() if key != name}
    assert LIVE.problem_of(answer()._replace(headers=headers), "sfo1") == f"without {name}"


def test_other_routes_may_refuse_but_not_fail() -> None:
    check = Check("GET", "/api/keys")
    assert check.problem_of(answer(401), "sfo1") is None
    assert check.problem_of(answer(502), "sfo1") == "status 502, expected below 500"


def test_every_route_is_asked_once_and_variables_are_filled() -> None:
    routes = [check.path for check in PUBLIC if check.path != UNKNOWN_PATH]
    checks = checks_for([*routes, "$default", "/api/keys/{id}/rotate", "/api/auth/revoke"], has_keys=True)

    assert checks[: len(PUBLIC)] == PUBLIC
    assert checks[len(PUBLIC) :] == (
        Check("GET", "/api/keys/smoke-test/rotate"),
        Check("GET", "/api/auth/revoke"),
    )


def test_route_that_the_template_has_not_is_not_asked() -> None:
    assert checks_for(["/api/monitoring/live"], has_keys=True) == (PUBLIC[0],)


def test_without_keys_of_the_house_the_key_set_must_say_so() -> None:
    (check,) = checks_for(["/.well-known/jwks.json"], has_keys=False)
    assert (check.status, check.media_type, check.members) == (503, PROBLEM, PROBLEM_MEMBERS)


def test_only_what_stays_is_a_failure(region: Region) -> None:
    answers: list[Response | None] = [None, answer(503), answer()]

    def send(_check: Check, _address: Address) -> Response:
        found = answers.pop(0)
        if found is None:
            raise OSError
        return found

    assert run_checks([LIVE], ADDRESS, "sfo1", region.time.pace, send) == []
    assert answers == []


def test_what_stays_wrong_is_told_after_the_last_attempt(region: Region) -> None:
    asked: list[str] = []

    def send(check: Check, _address: Address) -> Response:
        asked.append(check.path)
        if check.path == "/down":
            raise ConnectionRefusedError
        return answer()

    problems = run_checks([LIVE, Check("GET", "/down")], ADDRESS, "sfo1", region.time.pace, send, at_once=1)

    assert problems == ["GET /down: no answer (ConnectionRefusedError)"]
    assert asked.count("/down") == ATTEMPTS and asked.count("/live") == 1


def test_after_one_failure_nothing_else_is_tried_again(region: Region) -> None:
    asked: list[str] = []

    def send(check: Check, _address: Address) -> Response:
        asked.append(check.path)
        return answer(500)

    checks = [Check("GET", "/first"), Check("GET", "/second")]
    problems = run_checks(checks, ADDRESS, "sfo1", region.time.pace, send, at_once=1)

    assert len(problems) == 2
    assert asked == ["/first"] * ATTEMPTS + ["/second"]


def test_region_is_reached_before_dns_knows_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Context:
        def wrap_socket(self, plain: object, *, server_hostname: str) -> object:
            asked.append((plain, server_hostname))
            raise ConnectionAbortedError

        def __getattr__(self, name: str) -> object:
            return lambda *_: None

    monkeypatch.setattr("infra.deploy.smoke.ssl.create_default_context", Context)
    monkeypatch.setattr("infra.deploy.smoke.socket.create_connection", lambda address, _timeout: address)

    with pytest.raises(ConnectionAbortedError):
        send_check(LIVE, Address("https://sfo1.api.test", via="d-1.execute-api.us-west-1.amazonaws.com"))

    assert asked == [(("d-1.execute-api.us-west-1.amazonaws.com", 443), "sfo1.api.test")]


def test_region_that_fails_what_everybody_asks_is_not_asked_the_rest(region: Region) -> None:
    def send(check: Check, _address: Address) -> Response:
        assert check == LIVE
        return answer(500)

    checks = [Check("GET", "/other"), LIVE]
    assert run_checks(checks, ADDRESS, "sfo1", region.time.pace, send) == [
        "GET /live: status 500, expected 200"
    ]
