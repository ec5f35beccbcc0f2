"""What ranks the regions for a client, what is known of them, and who proves where a client is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edge.breaker import Breaker
    from edge.clock import Clock
    from edge.geo.cdn_secrets import CdnProof
    from edge.geo.learning import Learning
    from edge.geo.router import Router
    from edge.geo.wire import HealthAnswer
    from edge.health.region_store import RegionReads, Stored
    from edge.health.region_watch import Known, RegionWatch
    from edge.settings import Settings

FAILURES_TO_OPEN: Final = 3
"""
A request waits 200 ms for a table that hangs, every 3 s; after three of them one in 10 s does. The knowledge is then 9 s
old, which observations outlast by 20.
"""


def open_router(learning: Learning | None) -> Router:
    """
    Return what ranks the deployed regions for a client.

    Args:
        learning: what clients measured, or None where nobody keeps it.
    """
    from edge.geo.router import Router
    from edge.regions import DEPLOYED

    return Router(DEPLOYED, cells=learning)


def open_learning(settings: Settings, clock: Clock) -> Learning | None:
    """
    Return what clients measured, read now; None without ``REGION_HEALTH_TABLE``.

    Args:
        settings: the table.
        clock: of this container.
    """
    if settings.region_health_table is None:
        return None
    from edge.aws.regional import regional_client
    from edge.geo.cells_dynamo import DynamoCellStore
    from edge.geo.learning import Learning

    client = regional_client(settings, clock)
    store = DynamoCellStore(client, settings.region_health_table, writer=settings.region.code)
    return Learning(store, clock)


def open_cdn_proof(settings: Settings, clock: Clock) -> CdnProof | None:
    """
    Return what tells whether a request came through the CDN; None without ``CDN_SECRET``: then none did.

    Args:
        settings: name of the secret.
        clock: of this container.
    """
    if settings.cdn_secret is None:
        return None
    from edge.aws.secrets import regional_secrets
    from edge.geo.cdn_secrets import CdnProof

    client = regional_secrets(settings, clock, endpoint=settings.secrets_endpoint)
    return CdnProof(client, settings.cdn_secret, clock)


def open_region_watch(settings: Settings, clock: Clock) -> RegionWatch:
    """
    Return what knows the health of the deployed regions: without ``REGION_HEALTH_TABLE``, nothing.

    Args:
        settings: the table.
        clock: of this container.
    """
    from edge.health.region_watch import RegionWatch
    from edge.regions import DEPLOYED

    codes = [region.code for region in DEPLOYED]
    if settings.region_health_table is None:
        return RegionWatch(None, clock, regions=codes)
    from edge.aws.regional import regional_client
    from edge.breaker import Breaker
    from edge.health.region_dynamo import DynamoRegionStore

    store = DynamoRegionStore(regional_client(settings, clock), settings.region_health_table)
    guarded = GuardedRegionReads(store, Breaker(clock, failures_to_open=FAILURES_TO_OPEN))
    return RegionWatch(guarded, clock, regions=codes)


def health_answer(known: Known) -> HealthAnswer:
    """Return what a routing answer says of the knowledge that it rests on."""
    return {
        "basis": known.judgement.basis,
        "source": known.source,
        "age_seconds": None if known.age_ms is None else known.age_ms // 1000,
    }


class GuardedRegionReads:
    """
    Regional health behind a circuit breaker: while the table is gone, requests do not wait for it every few seconds.

    Args:
        store: the table.
        breaker: of this store alone.
    """

    def __init__(self, store: RegionReads, breaker: Breaker) -> None:
        self._store = store
        self._breaker = breaker

    def read(self, *, latest: bool) -> Stored:
        """Return all that is stored, or raise what the store or the breaker raises."""
        return self._breaker.ask(lambda: self._store.read(latest=latest))
