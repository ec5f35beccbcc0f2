"""Dollars: of a million requests to one function, and of a month of the whole product in every region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from edge.regions import DEPLOYED
from infra.cost import prices, usage
from infra.cost.usage import MIX, PER_REQUEST

if TYPE_CHECKING:
    from infra.cost.usage import Standing, Usage

GB: Final = 1e9
REGIONS: Final = len(DEPLOYED)
EMF_METRICS: Final = 3
"""That the lines of a region make; those of 5xx by function exist only while there are 5xx."""


class Million(NamedTuple):
    """
    Dollars for a million requests to one function that is asked all the time.

    Attributes:
        gateway: of API Gateway, and of what goes out to the clients.
        compute: of Lambda.
        data: of DynamoDB.
        logs: of CloudWatch, and of X-Ray's traces.
    """

    gateway: float
    compute: float
    data: float
    logs: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)


def per_million(
    each: Usage, *, architecture: str = "arm64", through_api: bool = True, through_cdn: bool = False
) -> Million:
    """
    Return what a million requests cost.

    Args:
        each: what one request uses.
        architecture: arm64 or x86_64.
        through_api: whether API Gateway takes them; not so for an authorizer.
        through_cdn: whether the CDN does, which is paid for bytes by itself.
    """
    busy_ms = usage.PROCESSOR_MS + each.processor_ms + usage.CALL_MS * each.calls
    seconds = (busy_ms + usage.COLD_SHARE * usage.COLD_MS) / 1000
    compute = prices.LAMBDA_REQUEST + seconds * usage.MEMORY_GB * prices.LAMBDA_GB_SECOND[architecture]
    data = (
        each.writes * prices.DYNAMODB_WRITE
        + each.replicated_writes * prices.DYNAMODB_REPLICATED_WRITE * REGIONS
        + each.reads * prices.DYNAMODB_READ
    )
    stored = usage.LOG_BYTES / GB * (prices.LOG_GB + prices.LOG_STORED_GB_MONTH)
    sent = 0.0 if through_cdn else usage.ANSWER_BYTES / GB * prices.INTERNET_GB
    gateway = prices.HTTP_API_REQUEST + sent if through_api else 0.0
    parts = (gateway, compute, data, stored + usage.TRACED_SHARE * prices.XRAY_TRACE)
    return Million(*(prices.MILLION * part for part in parts))


class Month(NamedTuple):
    """
    Dollars of a month, all regions together.

    Attributes:
        standing: what is there whether anybody asks or not, the regions' looks at each other among it.
        requests: gateway, compute, data, logs and traces of the requests.
        containers: what containers do beside requests: write what they counted, read the keys of the house.
        domain: names, their health checks, CDN and firewall; nothing without a domain.
    """

    standing: float
    requests: float
    containers: float
    domain: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)


def month(requests: int, standing: Standing, *, architecture: str = "arm64", domain: bool) -> Month:
    """
    Return what a month costs.

    Args:
        requests: in all regions together, spread evenly over them and over the month, in the mix of
            :data:`~infra.cost.usage.MIX`.
        standing: what the templates have.
        architecture: arm64 or x86_64.
        domain: whether there are names, a CDN and a firewall.
    """
    counts = {name: requests * share / REGIONS for name, share in MIX.items()}
    served = sum(
        _requests(PER_REQUEST[name], count, architecture=architecture, through_cdn=domain)
        for name, count in counts.items()
    )
    step = max(0.0, requests / REGIONS - prices.HTTP_API_STEP)
    served -= step * (prices.HTTP_API_REQUEST - prices.HTTP_API_REQUEST_ABOVE)
    beside = sum(_containers(count) for count in counts.values())
    metrics = standing.route_metrics if requests else standing.probed_route_metrics
    watched = (metrics + EMF_METRICS) * prices.CUSTOM_METRIC_MONTH
    return Month(
        (_standing(standing, architecture) + watched) * REGIONS
        + standing.global_dashboards * prices.DASHBOARD_MONTH,
        served * REGIONS,
        beside * REGIONS,
        _domain(requests, architecture) if domain else 0.0,
    )


def _requests(each: Usage, count: float, *, architecture: str, through_cdn: bool = False) -> float:
    """Return what *count* requests a month to one function in one region cost."""
    first = min(count, usage.TRACED_PER_SECOND * prices.MONTH_SECONDS)
    traced = first * (1 - usage.TRACED_SHARE) * prices.XRAY_TRACE
    million = per_million(each, architecture=architecture, through_cdn=through_cdn)
    return count / prices.MILLION * million.total + traced


def _containers(count: float) -> float:
    """Return what containers of one function in one region do beside *count* requests a month; none comes of itself."""
    if not count:
        return 0.0
    containers = max(1.0, count / prices.MONTH_SECONDS * usage.CONTAINERS_PER_RPS)
    flushes = min(count, containers * prices.MONTH_SECONDS / usage.FLUSH_SECONDS)
    secrets = min(count, containers * prices.MONTH_SECONDS / usage.SECRET_SECONDS)
    return flushes * usage.SHARD_WRITE_UNITS * prices.DYNAMODB_WRITE + secrets * prices.SECRET_CALL


def _standing(standing: Standing, architecture: str) -> float:
    """Return what one region costs that nobody asks but the others."""
    rounds = prices.MONTH_SECONDS / usage.ROUND_SECONDS
    looked_at = rounds * (REGIONS - 1)
    probe = (
        prices.MONTH_SECONDS * standing.probe_gb * prices.LAMBDA_GB_SECOND[architecture]
        + rounds * (prices.DYNAMODB_REPLICATED_WRITE * REGIONS + prices.DYNAMODB_READ)
        + _requests(PER_REQUEST["health"], looked_at, architecture=architecture)
        + _containers(looked_at)
    )
    folds = prices.MONTH_HOURS * usage.FOLDS_A_HOUR * usage.FOLD_READ_UNITS * prices.DYNAMODB_READ
    return (
        probe
        + folds
        + standing.alarms * prices.ALARM_MONTH
        + standing.composite_alarms * prices.COMPOSITE_ALARM_MONTH
        + standing.dashboards * prices.DASHBOARD_MONTH
        + prices.SECRET_MONTH
    )


def _domain(requests: int, architecture: str) -> float:
    checks = prices.MONTH_SECONDS / usage.ROUND_SECONDS * usage.CHECKERS
    region = (
        prices.HEALTH_CHECK_MONTH
        + prices.SECRET_MONTH
        + checks / prices.MILLION * per_million(PER_REQUEST["health"], architecture=architecture).total
    )
    each = prices.CDN_REQUEST + prices.WAF_REQUEST + usage.ANSWER_BYTES / GB * prices.CDN_GB
    return prices.WAF_MONTH + prices.ZONE_MONTH + REGIONS * region + requests * each
