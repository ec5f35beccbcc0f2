"""What takes regions out of service and puts them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.problems import DependencyUnavailable

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.health.drains import Drain, Drains
    from edge.health.observations import Report
    from edge.health.region_store import RegionStore, Stored
    from edge.settings import Settings

READ_MS: Final = 1_000
"""An operator's read of the regions; unlike a request's, it is worth waiting for."""

NO_TABLE_SECONDS: Final = 3_600
"""A table comes with a deployment: sooner it is not worth asking again."""


def open_drains(settings: Settings, clock: Clock) -> Drains:
    """Return what starts and ends drains; without ``REGION_HEALTH_TABLE`` it can do neither, and says so by 503."""
    from edge.health.drains import Drains
    from edge.health.verdicts import judge
    from edge.regions import DEPLOYED

    codes = tuple(region.code for region in DEPLOYED)

    def serving(stored: Stored) -> list[str]:
        return judge(stored.reports, stored.drains, regions=codes, now_ms=clock.now_ms()).serving

    return Drains(_open_region_store(settings, clock), clock, regions=codes, serving=serving)


def _open_region_store(settings: Settings, clock: Clock) -> RegionStore:
    from edge.aws.regional import regional_client
    from edge.health.region_dynamo import DynamoRegionStore

    if settings.region_health_table is None:
        return NoRegionStore()
    client = regional_client(settings, clock)
    return DynamoRegionStore(client, settings.region_health_table, read_budget_ms=READ_MS)


class NoRegionStore:
    """Stands for a table that this deployment does not have."""

    def read(self, *, latest: bool) -> Stored:  # noqa: ARG002 - the protocol's
        """Raise DependencyUnavailable, as all else here."""
        raise DependencyUnavailable(NO_TABLE_SECONDS)

    def put_report(self, report: Report) -> None:  # noqa: ARG002
        """Raise."""
        raise DependencyUnavailable(NO_TABLE_SECONDS)

    def put_drain(self, drain: Drain) -> None:  # noqa: ARG002
        """Raise."""
        raise DependencyUnavailable(NO_TABLE_SECONDS)

    def end_drain(self, region: str, *, only: Drain | None) -> None:  # noqa: ARG002
        """Raise."""
        raise DependencyUnavailable(NO_TABLE_SECONDS)
