"""The container credentials endpoint, over real sockets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edge.aws.container_credentials import from_container
from edge.aws.credentials import CredentialChain
from edge.aws.faults import Unavailable
from edge.clock import SystemClock
from tests.faults import FaultServer, answer, sends

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOCK = SystemClock()
DOCUMENT = {
    "AccessKeyId": "AKIDEXAMPLE",
    "SecretAccessKey": "secret",
    "Token": "token",
    "Expiration": "2036-11-20T13:00:00Z",
}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def give(server: FaultServer, document: object, status: str = "200 OK") -> None:
    server.script(sends("credentials", answer(json.dumps(document).encode(), status=status), applies=False))


def test_credentials_and_their_expiry(server: FaultServer) -> None:
    give(server, DOCUMENT)
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/2021-04-23/credentials?a=b",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic abc",
    }
    found = from_container(environ, clock=CLOCK)
    assert found is not None
    assert (found.access_key_id, found.secret_access_key, found.session_token) == (
        "AKIDEXAMPLE",
        "secret",
        "token",
    )
    assert found.expires_at_ms == 2_110_798_800_000
    head = server.requests[0].decode()
    assert head.startswith("GET /2021-04-23/credentials?a=b HTTP/1.1\r\n")
    assert "\r\nauthorization: Basic abc\r\n" in head


def test_token_file_is_read_anew_each_time(server: FaultServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "stale",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
    }
    chain = CredentialChain(environ, clock=CLOCK, shared_config=False)
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        give(server, DOCUMENT)
        chain.forget()
        chain.current()
        assert f"\r\nauthorization: {token}\r\n".encode() in server.requests[-1]


def test_nothing_is_asked_when_nothing_is_named() -> None:
    assert from_container({}, clock=CLOCK) is None
    with pytest.raises(Unavailable, match="credentials"):
        CredentialChain({}, clock=CLOCK, shared_config=False).current()


@pytest.mark.parametrize(
    "uri",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://example.com/",
        "http://127.0.0.1.example.com/",
        "http://127.evil/",
        "http://localhost.example.com/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1:80:80/",
        "http://[::2]/",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "127.0.0.1",
        "http://127.0.0.1/\r\nx: y",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/#a",
    ],
)
def test_other_hosts_over_plain_http_are_refused(uri: str) -> None:
    with pytest.raises(Unavailable, match="credentials"):
        from_container({"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}, clock=CLOCK)


def test_refused_host_is_not_even_connected_to(server: FaultServer) -> None:
    give(server, DOCUMENT)
    # Linux takes 0.0.0.0 for this machine, so this would get an answer.
    uri = server.url.replace("127.0.0.1", "0.0.0.0")
    with pytest.raises(Unavailable, match="credentials"):
        from_container({"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}, clock=CLOCK)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ([], "200 OK"),
        ({}, "200 OK"),
        ({**DOCUMENT, "AccessKeyId": ""}, "200 OK"),
        ({**DOCUMENT, "AccessKeyId": 5}, "200 OK"),
        ({**DOCUMENT, "Token": "a\r\nx: y"}, "200 OK"),
        ({**DOCUMENT, "Expiration": "soon"}, "200 OK"),
        ({**DOCUMENT, "Expiration": 5}, "200 OK"),
        (DOCUMENT, "403 Forbidden"),
        (DOCUMENT, "302 Found"),
    ],
)
def test_nonsense_is_refused(document: object, status: str, server: FaultServer) -> None:
    give(server, document, status)
    with pytest.raises(Unavailable, match="credentials"):
        from_container({"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url}, clock=CLOCK)


def test_expired_credentials_from_the_endpoint_do_not_serve(server: FaultServer) -> None:
    give(server, {**DOCUMENT, "Expiration": "2020-01-01T00:00:00Z"})
    chain = CredentialChain(
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url}, clock=CLOCK, shared_config=False
    )
    with pytest.raises(Unavailable, match="credentials"):
        chain.current()


@pytest.mark.parametrize("token", ["a\nb", "a\r\nx: y", "tök"])
def test_token_that_could_not_stand_in_a_header_is_refused(token: str, server: FaultServer) -> None:
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": token}
    with pytest.raises(Unavailable, match="credentials"):
        from_container(environ, clock=CLOCK)
    assert server.requests == []
