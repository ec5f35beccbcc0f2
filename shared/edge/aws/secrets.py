"""
AWS Secrets Manager, the one operation that the product uses; thin, as :mod:`edge.aws.dynamo` is.

A secret's text is returned and kept nowhere. Reading is repeatable, so every fault is tried again within the budget.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from edge.aws.answers import ErrorAnswer
from edge.aws.credentials import CredentialChain
from edge.aws.faults import Refused, Unavailable
from edge.aws.jsonrpc import JsonService, encode
from edge.aws.retries import Budget, jitter
from edge.clock import SystemClock
from edge.settings import ENVIRON

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.aws.credentials import CredentialSource
    from edge.aws.jsonrpc import Transport
    from edge.clock import Clock
    from edge.settings import Settings

SECRETS_BUDGET: Final = Budget(connect_ms=500, attempt_ms=1_000, call_ms=2_500, attempts=3)
"""It answers in tens of milliseconds, some hundred where it asks KMS first; keys in use do not wait for it."""

MAX_ANSWER_BYTES: Final = 512 * 1024
"""A secret has at most 65,536 bytes; as escaped JSON six times that."""

_MISSING: Final = frozenset({"ResourceNotFoundException"})


class SecretMissing(Refused):
    """There is no such secret in this region, or no current version of it."""


class SecretsManager:
    """
    Secrets Manager in one region; one object serves a whole process and all its threads.

    Args:
        region: AWS's region name.
        credentials: asked at each call.
        endpoint: URL of a local engine or a VPC endpoint, or None for AWS.
        budget: how long calls may take.
        clock: wall time for signatures, monotonic time for deadlines.
        random: uniform in [0, 1), for jitter.
        sleep: takes seconds; pauses between attempts.
        ca_bundle: as for :class:`edge.aws.dynamo.DynamoDB`.
        transport: in place of sockets, for tests.

    Raises:
        ValueError: *endpoint* is no ``http(s)://host[:port]``.
    """

    def __init__(
        self,
        *,
        region: str,
        credentials: CredentialSource,
        endpoint: str | None = None,
        budget: Budget = SECRETS_BUDGET,
        clock: Clock = SystemClock(),  # noqa: B008 - stateless
        random: Callable[[], float] = jitter,
        sleep: Callable[[float], None] = time.sleep,
        ca_bundle: str = "amazon",
        transport: Transport | None = None,
    ) -> None:
        self._service = JsonService(
            service="secretsmanager",
            target="secretsmanager",
            region=region,
            credentials=credentials,
            endpoint=endpoint,
            clock=clock,
            random=random,
            sleep=sleep,
            budget=budget,
            ca_bundle=ca_bundle,
            max_answer_bytes=MAX_ANSWER_BYTES,
            json_version="1.1",
            transport=transport,
        )

    def forget(self) -> None:
        """Drop connections and cached credentials; call it after a restore from a snapshot."""
        self._service.forget()

    def get_secret_value(self, secret_id: str, *, budget_ms: int | None = None) -> str:
        """
        Return the text of a secret's current version.

        Args:
            secret_id: name or ARN.
            budget_ms: for the whole call, in place of the budget's.

        Raises:
            SecretMissing: there is none.
            Unavailable: no usable answer; ``garbled`` also for a secret that is bytes, not text.
            Refused: the service will not, such as for want of permission.
        """
        answer = self._service.call(
            b"GetSecretValue",
            encode({"SecretId": secret_id}),
            writes=False,
            repeatable=True,
            retries=self._service.retries(budget_ms),
            results=_MISSING,
        )
        if isinstance(answer, ErrorAnswer):
            raise SecretMissing(answer.code)
        text = answer.get("SecretString")
        if not isinstance(text, str):
            raise Unavailable("garbled", outcome_unknown=False)
        return text


_clients: dict[tuple[str, str | None], SecretsManager] = {}


def regional_secrets(settings: Settings, clock: Clock, *, endpoint: str | None) -> SecretsManager:
    """
    Return the process's client of this region, made at the first call; nothing is connected.

    Args:
        settings: region and stage.
        clock: for signatures, deadlines and the renewal of credentials.
        endpoint: URL of a local engine, or None for AWS.
    """
    key = (settings.region.aws_region, endpoint)
    client = _clients.get(key)
    if client is None:
        client = _clients[key] = SecretsManager(
            region=settings.region.aws_region,
            credentials=CredentialChain(ENVIRON, clock=clock, shared_config=settings.stage == "development"),
            endpoint=endpoint,
            clock=clock,
        )
    return client


def forget_clients() -> None:
    """Drop every client's connections and credentials: neither outlives a SnapStart snapshot."""
    for client in _clients.values():
        client.forget()
