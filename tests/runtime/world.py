"""Runs the built functions in an emulated account and makes what their events need."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from infra.template import load_stack
from tests import engines, faults, rie
from tests.functional.health_setup import Server
from tests.http_events import http_event
from tests.runtime.pinned import ROOT

if TYPE_CHECKING:
    import socket
    import threading
    from contextlib import AbstractContextManager, ExitStack
    from pathlib import Path

    from infra.local.provision import Provision
    from infra.template import Function

AWS_REGION: Final = "us-west-1"
SIGNED: Final = {"method": "POST", "url": "https://shop.example/orders/7", "body_base64": "aGVsbG8="}


class World:
    """
    One emulated account with everything that the template names.

    Args:
        provision: of its tables and keys.
        folder: takes logs.
        stack: ends what is started.
    """

    def __init__(self, provision: Provision, folder: Path, stack: ExitStack) -> None:
        self._provision = provision
        self._folder = folder
        self._stack = stack
        self._started: dict[str, rie.Sandbox] = {}
        parameters = {"LogEndpoint": "https://collector.example.com/lines"}
        found = load_stack(ROOT / "template.yaml", aws_region=AWS_REGION, parameters=parameters)
        self.functions: dict[str, Function] = {function.name: function for function in found.functions}
        """As the template has them, by the names of their folders."""

    @cached_property
    def key(self) -> str:
        """An administrator's API key."""
        return self._provision.create_demo_key(self.variables("keys")["KEYS_TABLE"])

    @cached_property
    def collector(self) -> Collector:
        """What lines are shipped to."""
        collector = Collector()
        self._stack.enter_context(collector.server)
        return collector

    def variables(self, name: str) -> dict[str, str]:
        """Return the environment of function *name*, where the engine is told and the demo key is good."""
        function = self.functions[name]
        variables = {
            **function.environment,
            "AWS_ENDPOINT_URL": self._provision.emulator_url,
            "AWS_LAMBDA_FUNCTION_NAME": f"kaizen-edge-local-{name.replace('_', '-')}",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_seconds),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "EDGE_STAGE": "development",
        }
        if name == "log_shipper":
            queue_url = f"{self._provision.emulator_url}/000000000000/unshipped"
            variables |= {"LOG_ENDPOINT": self.collector.server.url, "SHIP_TOKEN_SECRET": ""}
            variables |= {"UNSHIPPED_QUEUE_URL": queue_url}
        return variables

    def sandbox(self, name: str, **changes: str) -> AbstractContextManager[rie.Sandbox]:
        """Return a new container of function *name*, its environment changed."""
        number = len(list(self._folder.iterdir()))
        return rie.sandbox(
            rie.built(self.functions[name].logical_id),
            layers=[rie.LAYER],
            variables={**self.variables(name), **changes},
            log_path=self._folder / f"{number}-{name}.log",
        )

    def sign_in(self) -> dict[str, Any]:
        """Return a new pair of tokens."""
        return self._ask("auth_token", http_event("POST", "/api/auth/token", {}, headers=self.shown))

    def sign(self) -> dict[str, Any]:
        """Return the headers of a request that is signed and not used yet."""
        headers: dict[str, Any] = self._ask(
            "sign_request", http_event("POST", "/api/sign/request", SIGNED, headers=self.shown)
        )["headers"]
        return headers

    @property
    def shown(self) -> dict[str, str]:
        """The header that names the caller."""
        return {"x-api-key": self.key}

    def environments(self, name: str) -> set[str]:
        """Return the numbers of the execution environments whose counts of function *name* are in the table."""
        client = engines.reference_client(self._provision.emulator_url, region=AWS_REGION)
        table = self.variables(name)["TELEMETRY_TABLE"]
        items = client.scan(TableName=table).get("Items", [])
        keys = [item["sk"]["S"].split("#") for item in items if item["sk"]["S"].startswith(f"S#{name}#")]
        return {environment for _, _, environment, _ in keys}

    def _ask(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        if name not in self._started:
            self._started[name] = self._stack.enter_context(self.sandbox(name))
        answer = self._started[name].invoke(event)
        assert answer.payload.get("statusCode") == 200, answer.payload
        return body_of(answer.payload)


class Collector:
    """
    Takes whatever is shipped.

    Attributes:
        server: to be entered.
        taken: requests.
    """

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.server = Server(self._take)

    def _take(self, connection: socket.socket, request: bytes, _stopped: threading.Event) -> bool:
        self.taken.append(request)
        connection.sendall(faults.answer(b"", status="202 Accepted"))
        return True


def body_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON body of a gateway's answer."""
    document = json.loads(payload["body"])
    assert isinstance(document, dict)
    return document
