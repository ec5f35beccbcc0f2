"""
What tests of callers share: functions over ministack, keys of every kind, a network that can be told to fail.

Every call is held to what is true of every answer, and to what a log may hold: no key, token, secret or address, whatever
came in. So each test of these modules is a test of that too.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import itertools
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch
from urllib.parse import urlsplit

from edge.auth.apikeys.dynamo import DynamoKeyStore
from edge.auth.apikeys.records import KeyMetadata, SecretVersion
from edge.auth.apikeys.text import generate
from edge.auth.roles import SCOPES
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.clock import SystemClock
from infra.auth_secret import new_auth_secret, put_auth_secret
from infra.local.emulator import HOST, LOCAL_CREDENTIALS
from tests.faults import Fault, FaultServer, answer
from tests.functions import load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType
    from typing import Self

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from edge.auth.plans import Plan
    from edge.auth.roles import Role
    from edge.auth.tokens.jwk import Algorithm
    from infra.local.provision import Provision

REGION: Final = "eu-west-3"
OTHER_REGION: Final = "us-east-1"
ISSUER: Final = "kaizen-edge"

_addresses = itertools.count(1)


def an_address() -> str:
    """An IPv4 address that no other test has."""
    number = next(_addresses)
    return f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


class MadeKey:
    """An API key."""

    def __init__(self, key_id: str, text: str) -> None:
        self.id = key_id
        self.text = text


class House:
    """
    The functions of one account, loaded once each.

    Args:
        environ: what the template tells a function.
        admin_key: may do everything, on the plan without a limit.
    """

    def __init__(self, environ: Mapping[str, str], admin_key: str) -> None:
        self.environ = dict(environ)
        self.admin_key = admin_key
        self._functions: dict[str, ModuleType] = {}
        self.client = DynamoDB(
            region=REGION,
            credentials=FixedCredentials(Credentials("local", "local")),
            endpoint=environ["AWS_ENDPOINT_URL"],
            budget=Budget(attempt_ms=5_000, call_ms=10_000, attempts=2),
        )
        self.lines: list[str] = []

    def load(self, name: str, **changes: str) -> ModuleType:
        """A container of function *name*, cold, its environment changed."""
        return load_function(name, {**self.environ, **changes})

    def __getitem__(self, name: str) -> ModuleType:
        """The container of function *name* that a module's tests share."""
        if name not in self._functions:
            self._functions[name] = self.load(name)
        return self._functions[name]

    def call(
        self,
        function: str | ModuleType,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        bearer: str | None = None,
        address: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw_body: bytes | None = None,
        query: str = "",
    ) -> Answer:
        """Answer one request from *address*, by default one that nobody else has."""
        shown = dict(headers or {})
        if key is not None:
            shown["x-api-key"] = key
        if bearer is not None:
            shown["authorization"] = f"Bearer {bearer}"
        event = http_event(method, path, body, headers=shown, raw_body=raw_body, query=query)
        source = address or an_address()
        event["requestContext"]["http"]["sourceIp"] = source
        module = self[function] if isinstance(function, str) else function
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            said = invoke(module.handler, event)
        secrets = {source, *secrets_in(shown, body)}
        if said.body and said.headers.get("content-type") == "application/json":
            secrets |= set(secrets_in({}, said.json()))
        self._hold_log(out.getvalue(), err.getvalue(), secrets)
        hold_answer(said, secrets)
        return said

    def _hold_log(self, out: str, err: str, secrets: set[str]) -> None:
        lines = out.splitlines()
        assert err == ""
        assert len(lines) == 1, "one line for each request"
        assert isinstance(json.loads(lines[0]), dict)
        for secret in secrets:
            assert secret not in lines[0]
        self.lines += lines

    def last_line(self) -> dict[str, Any]:
        """What the log said of the last call."""
        line: dict[str, Any] = json.loads(self.lines[-1])
        return line

    def make_key(
        self,
        role: Role = "USER",
        plan: Plan = "enterprise",
        *,
        scopes: frozenset[str] | None = None,
        expires_in: int | None = None,
        env: str = "dev",
    ) -> MadeKey:
        """Put a key into the store, past its rules: one that has expired, too."""
        made = generate(env, os.urandom)
        now = int(time.time())
        metadata = KeyMetadata(
            id=made.id,
            name="test",
            role=role,
            plan=plan,
            scopes=SCOPES[role] if scopes is None else scopes,
            created_at=now - 100,
            expires_at=None if expires_in is None else now + expires_in,
        )
        store = DynamoKeyStore(self.client, self.environ["KEYS_TABLE"], region="cdg1")
        store.create(metadata, SecretVersion(1, made.secret_hash, now - 100, None))
        return MadeKey(made.id, made.text)

    def sign_in(self, key: str | None = None, *, function: ModuleType | None = None) -> dict[str, Any]:
        """The pair of tokens for *key*, by default the administrator's."""
        said = self.call(function or "auth_token", "POST", "/api/auth/token", key=key or self.admin_key)
        assert said.status == 200, said.body
        document: dict[str, Any] = said.json()
        return document

    def new_secret(self, name: str, *, algorithm: Algorithm = "ES256", text: str | None = None) -> str:
        """Put a secret with new keys, or *text*, and return its name."""
        made = text or new_auth_secret(issuer=ISSUER, now_seconds=int(time.time()), algorithm=algorithm)
        put_auth_secret(self.secrets_client(), name, made)
        return name

    def secrets_client(self) -> SecretsManagerClient:
        import boto3

        return boto3.client(
            "secretsmanager",
            region_name=REGION,
            endpoint_url=self.environ["AWS_ENDPOINT_URL"],
            aws_access_key_id=LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def family_item(self, family: str) -> dict[str, Any] | None:
        """What the table has of a refresh family."""
        found = self.client.batch_get_item(
            {
                "RequestItems": {
                    self.environ["SESSIONS_TABLE"]: {
                        "Keys": [{"pk": {"S": f"RF#{family}"}, "sk": {"S": "F"}}],
                        "ConsistentRead": True,
                    }
                }
            }
        )
        items = found.get(self.environ["SESSIONS_TABLE"], [])
        return dict(items[0]) if items else None


def open_house(environ: Mapping[str, str], admin_key: str) -> Iterator[House]:
    """A house, and its end: the body of a fixture."""
    house = House(environ, admin_key)
    yield house
    house.client.forget()


def secrets_in(headers: Mapping[str, str], body: object) -> Iterator[str]:
    """What of a request or an answer must stay out of a log: whole credentials and their telling parts."""
    texts = [value for name, value in headers.items() if name in ("x-api-key", "authorization")]
    if isinstance(body, dict):
        names = ("token", "access_token", "refresh_token", "api_key")
        texts += [value for name in names if isinstance(value := body.get(name), str)]
    for text in texts:
        bare = text.partition(" ")[2] or text
        if len(bare) < 12:
            continue
        yield bare
        if bare.startswith("ek_") and bare.count("_") == 3:
            yield bare.rpartition("_")[2]
        if bare.count(".") >= 2:
            yield from (part for part in (bare.split(".")[1], bare.rpartition(".")[2]) if len(part) >= 12)


def hold_answer(said: Answer, secrets: set[str]) -> None:
    """Hold what is true of every answer."""
    assert {"x-request-id", "x-edge-region", "server-timing", "x-content-type-options"} <= said.headers.keys()
    assert said.status != 500, said.body
    if said.status < 400:
        return
    assert not any(secret.encode("utf-8", "surrogatepass") in said.body for secret in secrets)
    assert "no-store" in said.headers["cache-control"]
    if said.body and said.headers["content-type"] == "application/problem+json":
        document = said.json()
        assert document.keys() >= {"type", "title", "status", "detail", "instance", "reason"}
        assert document["status"] == said.status
    needed = {401: "www-authenticate", 405: "allow", 429: "retry-after", 503: "retry-after"}.get(said.status)
    assert needed is None or said.headers[needed]
    if said.status in (429, 503) and said.body and "retry_after_seconds" in said.json():
        assert said.headers["retry-after"] == str(said.json()["retry_after_seconds"])


def reason(said: Answer) -> str:
    """Why *said* is an error."""
    assert said.headers["content-type"] == "application/problem+json"
    return str(said.json()["reason"])


def claims_of(token: str) -> dict[str, Any]:
    """What an access token says; its signature is not looked at."""
    text = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return claims


@contextlib.contextmanager
def later(seconds: float) -> Iterator[None]:
    """Let so much time pass for every container, wall and monotonic time alike; afterwards it has not."""
    moved_ns = int(seconds * 1_000_000_000)
    with (
        patch.object(SystemClock, "now_ms", lambda _: (time.time_ns() + moved_ns) // 1_000_000),
        patch.object(SystemClock, "monotonic_ns", lambda _: time.monotonic_ns() + moved_ns),
    ):
        yield


@contextlib.contextmanager
def stopped_at(seconds: int) -> Iterator[None]:
    """Let every container's wall clock stand still; monotonic time goes on, for what waits."""
    with patch.object(SystemClock, "now_ms", lambda _: seconds * 1_000):
        yield


class Weather:
    """
    A network between the functions and ministack: it passes on what it is not told to lose; a context manager.

    Attributes:
        url: the functions' endpoint.
        seen: what was asked, as service or table operation and body.
    """

    def __init__(self, engine_url: str) -> None:
        self._server = FaultServer()
        self._place = urlsplit(engine_url)
        self._fault: Fault | None = None
        self._concerns: Callable[[bytes], bool] = lambda _: True
        self.url = self._server.url
        self._server.script(*[Fault("weather", applies=True, play=self._play)] * 100_000)

    @property
    def lost_answer(self) -> Fault:
        """A fault after which the engine has done what was asked, and nobody is told."""
        return Fault("lost_answer", applies=True, play=lambda *_: self._ask() == b"")

    @contextlib.contextmanager
    def storm(self, fault: Fault, *about: bytes) -> Iterator[None]:
        """Play *fault* for requests that hold one of *about*; for all, if nothing is said."""
        self._fault = fault
        self._concerns = (lambda request: any(name in request for name in about)) if about else lambda _: True
        try:
            yield
        finally:
            self._fault = None

    @property
    def seen(self) -> list[bytes]:
        return self._server.requests

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__(None, None, None)

    def _play(self, connection: socket.socket, stopped: threading.Event) -> bool:
        request = self._server.requests[-1]
        fault = self._fault
        if fault is not None and self._concerns(request):
            return fault.play(connection, stopped)
        connection.sendall(self._ask())
        return not stopped.is_set()

    def _ask(self) -> bytes:
        """Let the engine answer the request that was read last."""
        head, _, body = self._server.requests[-1].partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        engine = http.client.HTTPConnection(self._place.hostname or HOST, self._place.port, timeout=10)
        try:
            engine.request("POST", "/", body, fields)
            response = engine.getresponse()
            return answer(response.read(), status=f"{response.status} {response.reason}")
        finally:
            engine.close()


def house_document(provision: Provision) -> dict[str, Any]:
    """The secret with the keys of the house."""
    document: dict[str, Any] = json.loads((provision._local_dir / "auth-secret.json").read_text("utf-8"))
    return document


def house_secrets(provision: Provision) -> list[str]:
    """The telling parts of it."""
    document = house_document(provision)
    private = [
        entry["key"][name] for entry in document["token_keys"] for name in ("d", "k") if name in entry["key"]
    ]
    return private + [entry["secret"] for entry in document["refresh_keys"]]
