"""What operators and scrapers read: the metrics of this region, and the numbers and errors of all of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from edge.moments import Moment
from edge.regions import DEPLOYED

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, TypeVar

    from edge.clock import Clock
    from edge.health.region_watch import RegionWatch
    from edge.regions import Region
    from edge.settings import Settings
    from edge.telemetry.error_dynamo import DynamoErrorStore
    from edge.telemetry.error_wire import ErrorsAnswer
    from edge.telemetry.negotiation import Rendered
    from edge.telemetry.shard_dynamo import DynamoShardStore
    from edge.telemetry.summary_shapes import Health, Summary

    Scope = Literal["region", "all"]
    Found = TypeVar("Found")

KEPT_MS: Final = 4_000
"""How long an answer about regions is given again: pages ask every five seconds, and often several of them."""


class Monitoring:
    """
    Reads what functions wrote; share one between threads.

    Args:
        settings: region, stage and version.
        clock: of this container.
        shards: the metrics of each deployed region.
        errors: the errors of each.
        watch: what regions know of each other.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        shards: dict[Region, DynamoShardStore],
        errors: dict[Region, DynamoErrorStore],
        watch: RegionWatch,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._shards = shards
        self._errors = errors
        self._watch = watch
        self._kept: dict[object, tuple[Moment, object]] = {}

    def scrape(self, accept: str | None) -> Rendered:
        """
        Return this region's metrics, read now: a scraper must never be told less than before.

        Args:
            accept: the header of that name.

        Raises:
            edge.problems.ServiceProblem: they cannot be read; a scraper notes that it got none.
        """
        from edge.telemetry.negotiation import rendered
        from edge.telemetry.region_totals import read_totals
        from edge.telemetry.snapshots import snapshot

        settings = self._settings
        totals = read_totals(self._shards[settings.region], now_ms=self._clock.now_ms())
        found = snapshot(
            totals,
            region=settings.region.code,
            version=settings.version,
            stage=settings.stage,
            health={code: str(status) for code, status in self._watch.look().judgement.statuses.items()},
        )
        return rendered(found, accept, created=False)  # _created would double the series

    def summary(self, scope: Scope) -> Summary:
        """Return the numbers of this region or of all; a region that cannot be read is not known."""
        return self._remembered(("summary", scope), partial(self._summary, scope))

    def errors(self, scope: Scope, *, limit: int) -> ErrorsAnswer:
        """Return the error groups of this region or of all, those that were seen last, at most *limit*."""
        # Read once for all limits: else who asks for one after the other reads all regions each time.
        found = self._remembered(("errors", scope), partial(self._error_groups, scope))
        return {**found, "groups": found["groups"][:limit]}

    def _summary(self, scope: Scope) -> Summary:
        from edge.telemetry.gathering import gather
        from edge.telemetry.region_totals import read_totals
        from edge.telemetry.summaries import summarise

        now_ms = self._clock.now_ms()
        totals = gather(
            {
                region: partial(read_totals, self._shards[region], now_ms=now_ms)
                for region in self._asked(scope)
            },
            self._clock,
        )
        return summarise(totals, self._health(), here=self._settings.region, scope=scope, now_ms=now_ms)

    def _error_groups(self, scope: Scope) -> ErrorsAnswer:
        from edge.telemetry.error_wire import MAX_LIMIT, errors_answer
        from edge.telemetry.gathering import gather

        stored = gather({region: self._errors[region].read for region in self._asked(scope)}, self._clock)
        return errors_answer(
            {region.code: found for region, found in stored.items() if found is not None},
            missing=[region.code for region, found in stored.items() if found is None],
            region=self._settings.region.code,
            scope=scope,
            now_seconds=self._clock.now_ms() // 1000,
            limit=MAX_LIMIT,
        )

    def _asked(self, scope: Scope) -> list[Region]:
        return list(self._shards) if scope == "all" else [self._settings.region]

    def _health(self) -> dict[str, Health]:
        verdicts = self._watch.look().judgement.verdicts
        return {
            code: {
                "status": verdict.status,
                "voices": verdict.voices,
                "down": verdict.down,
                "since": verdict.since,
                "latency_ms": verdict.latency_ms,
                "drain": None
                if verdict.drain is None
                else {"until": verdict.drain.until, "reason": verdict.drain.reason},
            }
            for code, verdict in verdicts.items()
        }

    def _remembered(self, question: object, answer: Callable[[], Found]) -> Found:
        """Return the last answer to *question* while it is fresh; there are four questions."""
        kept = self._kept.get(question)
        if kept is None or kept[0].elapsed_ms(self._clock) >= KEPT_MS:
            kept = self._kept[question] = (Moment.now(self._clock), answer())
        found: Found = kept[1]  # type: ignore[assignment]  # of the same question
        return found


def open_monitoring(settings: Settings, clock: Clock) -> Monitoring:
    """
    Return what reads metrics and errors; nothing is read yet.

    Args:
        settings: region and table.
        clock: of this container.

    Raises:
        edge.settings.SettingsError: ``TELEMETRY_TABLE`` is not set.
    """
    from edge.aws.regional import client_of, regional_client
    from edge.aws.retries import Budget
    from edge.composition.routing import open_region_watch
    from edge.telemetry.error_dynamo import DynamoErrorStore
    from edge.telemetry.shard_dynamo import DynamoShardStore

    table = settings.require("telemetry_table")
    regional_client(settings, clock)
    regions = dict.fromkeys(
        (*DEPLOYED, settings.region)
    )  # in the catalogue's order; this one too if it is none of them
    far = Budget(connect_ms=600, attempt_ms=700, call_ms=1_200, attempts=2)  # half around the world and back
    clients = {region: client_of(region, settings, clock, far) for region in regions}
    return Monitoring(
        settings,
        clock,
        shards={region: DynamoShardStore(client, table) for region, client in clients.items()},
        errors={region: DynamoErrorStore(client, table, clock) for region, client in clients.items()},
        watch=open_region_watch(settings, clock),
    )


def open_fold(settings: Settings, clock: Clock) -> Callable[[], dict[str, int]]:
    """
    Return what adds the counts of containers that are gone to the base of their function, once each call.

    Args:
        settings: region and table.
        clock: of this container.

    Raises:
        edge.settings.SettingsError: ``TELEMETRY_TABLE`` is not set.
    """
    from edge.aws.regional import regional_client
    from edge.telemetry.shard_dynamo import DynamoShardStore

    store = DynamoShardStore(regional_client(settings, clock), settings.require("telemetry_table"))

    def fold() -> dict[str, int]:
        from edge.telemetry.folding import fold_idle

        return fold_idle(store, now_ms=clock.now_ms())._asdict()

    return fold
