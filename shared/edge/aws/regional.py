"""The DynamoDB clients of a process: one for each region, however many stores share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.aws.credentials import CredentialChain
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.settings import ENVIRON

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.regions import Region
    from edge.settings import Settings

REGIONAL_BUDGET: Final = Budget(attempt_ms=250, call_ms=600, attempts=2)
"""A caller of ours waits for this; what the table does not answer in a quarter of a second is tried once more."""

_clients: dict[tuple[str, str | None], DynamoDB] = {}


def regional_client(settings: Settings, clock: Clock) -> DynamoDB:
    """
    Return the DynamoDB client of this region, connected at the first call.

    Call it while the function starts: the connection is then open before the first request, when the processor is
    not yet throttled. A table that cannot be reached is no error here; the first call says so.

    Args:
        settings: region and endpoint.
        clock: for signatures, deadlines and the renewal of credentials.
    """
    is_new = (settings.region.aws_region, settings.dynamodb_endpoint) not in _clients
    client = client_of(settings.region, settings, clock, REGIONAL_BUDGET)
    if is_new:
        client.connect()
    return client


def client_of(region: Region, settings: Settings, clock: Clock, budget: Budget) -> DynamoDB:
    """
    Return the process's client of *region*, made at the first call.

    Args:
        region: whose tables it reaches; not always the one that the function runs in.
        settings: endpoint and stage.
        clock: for signatures, deadlines and the renewal of credentials.
        budget: how long its calls may take.
    """
    key = (region.aws_region, settings.dynamodb_endpoint)
    client = _clients.get(key)
    if client is None:
        client = _clients[key] = DynamoDB(
            region=region.aws_region,
            credentials=CredentialChain(ENVIRON, clock=clock, shared_config=settings.stage == "development"),
            endpoint=settings.dynamodb_endpoint,
            budget=budget,
            clock=clock,
        )
    return client


def forget_clients() -> None:
    """Drop every client's connections and credentials: neither outlives a SnapStart snapshot."""
    for client in _clients.values():
        client.forget()
