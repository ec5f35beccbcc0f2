"""The arithmetic of a bill: what grows, what does not, and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.regions import DEPLOYED
from infra.cost import prices, usage
from infra.cost.model import month, per_million
from infra.cost.usage import MIX, PER_REQUEST, Standing, Usage

if TYPE_CHECKING:
    from infra.cost.model import Month

NOTHING = Standing(0, 0, 0, 0, 0.0, 0, 0)
ONE = Standing(
    alarms=10,
    composite_alarms=1,
    dashboards=2,
    global_dashboards=1,
    probe_gb=0.125,
    route_metrics=60,
    probed_route_metrics=6,
)
REGIONS = len(DEPLOYED)

counts = st.integers(0, 10**11)
domains = st.booleans()
uses = st.builds(Usage, *[st.floats(0, 100)] * 5)


def of(
    requests: int, standing: Standing = ONE, *, domain: bool = False, architecture: str = "arm64"
) -> Month:
    return month(requests, standing, architecture=architecture, domain=domain)


@given(st.tuples(counts, counts), domains)
def test_more_requests_never_cost_less(pair: tuple[int, int], domain: bool) -> None:  # noqa: FBT001
    fewer, more = sorted(pair)
    assert of(fewer, domain=domain).total <= of(more, domain=domain).total + 1e-6


@given(counts)
def test_domain_costs_what_its_column_says_and_saves_the_way_out(requests: int) -> None:
    without, with_domain = of(requests), of(requests, domain=True)
    assert without.domain == 0 < with_domain.domain
    assert with_domain.standing == without.standing
    assert with_domain.containers == without.containers
    saved = requests * usage.ANSWER_BYTES / 1e9 * prices.INTERNET_GB
    assert without.requests - with_domain.requests == pytest.approx(saved, abs=1e-4)


@given(uses, uses)
def test_request_that_uses_more_costs_more(one: Usage, other: Usage) -> None:
    both = Usage(*(a + b for a, b in zip(one, other, strict=True)))
    assert per_million(both).total >= per_million(one).total - 1e-9


def test_nobody_asks_and_only_what_stands_is_paid() -> None:
    idle = of(0)
    assert idle.requests == idle.containers == idle.domain == 0
    assert idle.total == idle.standing > 0


def test_alarms_dashboards_and_secrets_are_paid_in_every_region_and_the_page_of_the_world_once() -> None:
    added = of(0).standing - of(0, NOTHING._replace(probe_gb=ONE.probe_gb)).standing
    regional = 10 * prices.ALARM_MONTH + prices.COMPOSITE_ALARM_MONTH + 2 * prices.DASHBOARD_MONTH + 6 * 0.30
    assert added == pytest.approx(REGIONS * regional + prices.DASHBOARD_MONTH)


def test_metrics_of_routes_count_once_somebody_asks() -> None:
    added = of(1).standing - of(0).standing
    assert added == pytest.approx((60 - 6) * prices.CUSTOM_METRIC_MONTH * REGIONS)


def test_regions_pay_for_looking_at_each_other() -> None:
    probe = of(0, NOTHING._replace(probe_gb=0.125)).standing
    rounds = prices.MONTH_SECONDS / 10
    memory = prices.MONTH_SECONDS * 0.125 * prices.LAMBDA_GB_SECOND["arm64"]
    reports = rounds * prices.DYNAMODB_REPLICATED_WRITE * REGIONS
    answers = rounds * (REGIONS - 1) / prices.MILLION * per_million(PER_REQUEST["health"]).total
    assert probe > REGIONS * (memory + reports + answers)


def test_write_to_a_global_table_is_paid_in_every_replica() -> None:
    regional = per_million(Usage(writes=1)).data
    assert per_million(Usage(replicated_writes=1)).data == pytest.approx(regional * REGIONS)


def test_authorizer_pays_no_gateway() -> None:
    assert per_million(Usage(), through_api=False).gateway == 0 < per_million(Usage()).gateway


def test_processor_of_the_other_make_costs_a_quarter_more() -> None:
    arm, intel = (per_million(Usage(), architecture=name).compute for name in ("arm64", "x86_64"))
    flat = prices.LAMBDA_REQUEST * prices.MILLION
    assert (intel - flat) / (arm - flat) == pytest.approx(1.25, rel=0.01)


def test_gateway_gets_cheaper_above_its_step_in_each_region() -> None:
    step = prices.HTTP_API_STEP * REGIONS
    below = of(step).requests - of(step - 10_000_000).requests
    above = of(step + 10_000_000).requests - of(step).requests
    assert below - above == pytest.approx(10 * 0.10)


def test_seldom_asked_function_is_traced_whole_and_a_busy_one_by_a_twentieth() -> None:
    assert of(1_000_000).requests / 1_000_000 > of(10**10).requests / 10**10
    whole = sum(
        share * (per_million(PER_REQUEST[name]).total + 0.95 * prices.XRAY_TRACE * prices.MILLION)
        for name, share in MIX.items()
    )
    assert of(1_000_000).requests == pytest.approx(whole)


def test_containers_write_every_ten_seconds_however_busy_and_never_more_often_than_asked() -> None:
    per_flush = usage.SHARD_WRITE_UNITS * prices.DYNAMODB_WRITE
    few = of(1_000).containers
    assert few == pytest.approx(1_000 * (per_flush + prices.SECRET_CALL))
    flushes = prices.MONTH_SECONDS / usage.FLUSH_SECONDS
    reads = prices.MONTH_SECONDS / usage.SECRET_SECONDS
    busy = len(MIX) * REGIONS * (flushes * per_flush + reads * prices.SECRET_CALL)
    assert of(1_000_000_000).containers == pytest.approx(busy, rel=0.05)


def test_mix_is_whole_and_of_functions_that_are_priced() -> None:
    assert sum(MIX.values()) == pytest.approx(1)
    assert MIX.keys() <= PER_REQUEST.keys()
