"""The client of the region that a function runs in: one for each process, however many stores share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.aws.credentials import CredentialChain
from edge.aws.dynamo import DynamoDB
from edge.settings import ENVIRON

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.settings import Settings

_clients: dict[tuple[str, str | None], DynamoDB] = {}


def regional_client(settings: Settings, clock: Clock) -> DynamoDB:
    """
    Return the DynamoDB client of this region, made and connected at the first call.

    Call it while the function starts: the connection is then open before the first request, when the processor is
    not yet throttled. A table that cannot be reached is no error here; the first call says so.

    Args:
        settings: region and endpoint.
        clock: for signatures, deadlines and the renewal of credentials.
    """
    key = (settings.region.aws_region, settings.dynamodb_endpoint)
    client = _clients.get(key)
    if client is None:
        client = _clients[key] = DynamoDB(
            region=settings.region.aws_region,
            credentials=CredentialChain(ENVIRON, clock=clock, shared_config=settings.stage == "development"),
            endpoint=settings.dynamodb_endpoint,
            clock=clock,
        )
        client.connect()
    return client
