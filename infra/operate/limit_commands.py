"""``limits``: what was counted against somebody, forgotten, by the product's own limiter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.breaker import Breaker
from edge.ratelimit.component import ComponentLimiter
from edge.ratelimit.dynamo import DynamoStore
from edge.ratelimit.home import HomeLimiter
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.published import PublishedLimiter, is_published
from edge.ratelimit.subjects import BadSubject, check_subject
from edge.ratelimit.tiers import configured_tiers
from edge.ratelimit.usage_dynamo import DynamoUsageStore
from edge.ratelimit.usage_exchange import UsageExchange
from edge.ratelimit.watched_store import WatchedStore
from edge.regions import DEPLOYED
from edge.settings import parse_tiers
from infra.operate.answers import Answer
from infra.operate.failures import Failure

if TYPE_CHECKING:
    from argparse import Namespace

    from edge.ratelimit.tiers import Tier
    from edge.regions import Region
    from infra.operate.place import Place


def reset(place: Place, arguments: Namespace) -> Answer:
    """Forget what a subject has used of a tier."""
    tiers = _tiers(arguments.rate_tiers)
    if arguments.tier not in tiers:
        raise Failure("unknown_tier", f"There is no such tier; there are {', '.join(sorted(tiers))}.")
    tier = tiers[arguments.tier]
    try:
        subject = check_subject(arguments.subject)
    except BadSubject as bad:
        raise Failure("bad_subject", f"No limit has such a subject: {bad.reason}.") from None
    if tier.unlimited:
        raise Failure("unlimited", "This tier has no limit, so nothing is counted.")
    limits = _Limits(place, longest_window_ms=max(one.window.window_ms for one in tiers.values()))
    if arguments.scope == "region":
        limits.of(place.region)[1].reset(subject, tier)
        where = place.region.code
    else:
        limits.across().reset(subject, tier)
        where = "all regions together"
    return Answer(
        {"reset": True, "subject": subject, "tier": tier.name, "scope": arguments.scope},
        f"What {subject} had used of {tier.name} in {where} is forgotten. "
        "A container that denied may go on until the moment that it told.",
    )


def _tiers(configured: str | None) -> dict[str, Tier]:
    try:
        return configured_tiers(parse_tiers(configured) if configured else {})
    except ValueError as error:
        raise Failure("bad_tiers", f"--rate-tiers must be {error}.") from None


class _Limits:
    """The limiters, put together as :func:`edge.ratelimit.dynamo.open_scopes` does for a function."""

    def __init__(self, place: Place, *, longest_window_ms: int) -> None:
        self._place = place
        self._longest_window_ms = longest_window_ms

    def of(self, region: Region) -> tuple[WatchedStore, Limiter]:
        """Return the table of a region and its limiter."""
        place = self._place
        store = WatchedStore(DynamoStore(place.dynamo(region), f"{place.names.stack}-rate-windows"))
        return store, Limiter(store, place.clock, longest_window_ms=self._longest_window_ms)

    def across(self) -> PublishedLimiter:
        """Return the limiter of all regions together."""
        place = self._place
        usage = DynamoUsageStore(
            place.dynamo(place.region), f"{place.names.global_stack}-rate-usage", place.clock
        )
        exchange = UsageExchange(place.region, usage, place.clock, breaker=Breaker(place.clock))

        def component_of(region: Region) -> ComponentLimiter:
            store, limits = self.of(region)
            return ComponentLimiter(region, limits, store, exchange, place.clock, published=is_published)

        return PublishedLimiter(
            place.region,
            component_of(place.region),
            HomeLimiter(place.region, DEPLOYED, component_of),
            published=is_published,
        )
