"""Dollars: of a million requests to one function, and of a month of the whole product in every region."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge.regions import DEPLOYED
from infra.cost import prices
from infra.cost.usage import (
    CALL_MS,
    COLD_MS,
    COLD_SHARE,
    CONTAINERS_PER_RPS,
    LOG_BYTES,
    MEMORY_GB,
    MIX,
    PER_REQUEST,
    PROCESSOR_MS,
    SHARD_WRITE_UNITS,
    TRACED_SHARE,
)

if TYPE_CHECKING:
    from infra.cost.usage import Standing, Usage

GB = 1e9
FLUSHES_A_MONTH = prices.MONTH_SECONDS / 10
PROBE_ROUNDS_A_MONTH = prices.MONTH_SECONDS / 10


class Million(NamedTuple):
    """
    Dollars for a million requests to one function.

    Attributes:
        gateway: of API Gateway.
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


def per_million(usage: Usage, *, architecture: str = "arm64", through_api: bool = True) -> Million:
    """
    Return what a million requests cost.

    Args:
        usage: of one request.
        architecture: arm64 or x86_64.
        through_api: whether API Gateway takes them; not so for an authorizer.
    """
    seconds = (PROCESSOR_MS + usage.processor_ms + CALL_MS * usage.calls + COLD_SHARE * COLD_MS) / 1000
    compute = prices.LAMBDA_REQUEST + seconds * MEMORY_GB * prices.LAMBDA_GB_SECOND[architecture]
    data = (
        usage.writes * prices.DYNAMODB_WRITE
        + usage.replicated_writes * prices.DYNAMODB_REPLICATED_WRITE * len(DEPLOYED)
        + usage.reads * prices.DYNAMODB_READ
    )
    logs = LOG_BYTES / GB * (prices.LOG_GB + prices.LOG_STORED_GB_MONTH) + TRACED_SHARE * prices.XRAY_TRACE
    gateway = prices.HTTP_API_REQUEST if through_api else 0.0
    return Million(*(prices.MILLION * part for part in (gateway, compute, data, logs)))


class Month(NamedTuple):
    """
    Dollars of a month, all regions together.

    Attributes:
        standing: what is there whether anybody asks or not.
        requests: gateway, compute, data and logs of the requests.
        counters: what containers write of their metrics.
        cdn: names, CDN and firewall; nothing without a domain.
    """

    standing: float
    requests: float
    counters: float
    cdn: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)


def month(requests: int, standing: Standing, *, architecture: str = "arm64", domain: bool) -> Month:
    """
    Return what a month costs.

    Args:
        requests: in all regions together, spread evenly, in the mix of :data:`~infra.cost.usage.MIX`.
        standing: what one region has.
        architecture: arm64 or x86_64.
        domain: whether there are names, a CDN and a firewall.
    """
    mixed = sum(
        share * per_million(PER_REQUEST[name], architecture=architecture).total for name, share in MIX.items()
    )
    above = max(0, requests / len(DEPLOYED) - prices.HTTP_API_STEP) * len(DEPLOYED)
    discount = above * (prices.HTTP_API_REQUEST - prices.HTTP_API_REQUEST_ABOVE)
    rps = requests / prices.MONTH_SECONDS
    containers = max(len(DEPLOYED), rps * CONTAINERS_PER_RPS) if requests else 0
    counters = containers * FLUSHES_A_MONTH * SHARD_WRITE_UNITS * prices.DYNAMODB_WRITE
    active = standing.metrics * prices.CUSTOM_METRIC_MONTH * len(DEPLOYED) if requests else 0
    cdn = _cdn(requests) if domain else 0.0
    return Month(
        _standing(standing, architecture) + active,
        requests / prices.MILLION * mixed - discount,
        counters,
        cdn,
    )


def _standing(standing: Standing, architecture: str) -> float:
    probe = (
        prices.MONTH_SECONDS * standing.probe_gb * prices.LAMBDA_GB_SECOND[architecture]
        + PROBE_ROUNDS_A_MONTH * prices.DYNAMODB_REPLICATED_WRITE * len(DEPLOYED)
        + PROBE_ROUNDS_A_MONTH * prices.DYNAMODB_READ
    )
    region = (
        probe
        + standing.alarms * prices.ALARM_MONTH
        + prices.COMPOSITE_ALARM_MONTH
        + standing.dashboards * prices.DASHBOARD_MONTH
        + prices.SECRET_MONTH
    )
    return region * len(DEPLOYED) + prices.DASHBOARD_MONTH


def _cdn(requests: int) -> float:
    standing = (
        prices.WAF_MONTH
        + prices.ZONE_MONTH
        + len(DEPLOYED) * (prices.HEALTH_CHECK_MONTH + prices.SECRET_MONTH)
    )
    each = prices.CDN_REQUEST + prices.WAF_REQUEST + ANSWER_GB * prices.CDN_GB
    return standing + requests * each


ANSWER_GB = 1_500 / GB
"""Of one answer, headers included."""
