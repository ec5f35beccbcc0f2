"""The DynamoDB store keeps both contracts on every engine, and its items stay within one write unit."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from edge.ratelimit.decisions import Charge
from edge.ratelimit.dynamo import DynamoStore
from edge.ratelimit.expressions import boundary_name, render_write
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.store import Counter, Write
from edge.ratelimit.subjects import record_key
from edge.ratelimit.tiers import TIERS, make_tier
from edge.ratelimit.window import plan, within_expression
from tests.contract.ratelimit.conftest import rate_windows
from tests.contract.ratelimit.limiter_contract import START_MS, CountingStore, LimiterContract
from tests.contract.ratelimit.store_contract import StoreContract

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.clock import ManualClock


@pytest.fixture
def store(client: DynamoDB) -> DynamoStore:
    return DynamoStore(client, rate_windows().name)


class TestDynamoStore(StoreContract):
    pass


class TestLimiterOnDynamoStore(LimiterContract):
    def test_item_of_a_busy_window_is_under_one_kilobyte(
        self, store: DynamoStore, client: DynamoDB, clock: ManualClock, subject: str
    ) -> None:
        tier = make_tier("busy", limit=1_000, window_ms=60_000)
        limiter = Limiter(store, clock)
        for _ in range(400):
            limiter.check(subject, tier)
            clock.advance(431)

        item = client.get_item({"TableName": rate_windows().name, "Key": {"pk": {"S": record_key(subject)}}})
        assert item is not None
        size_bytes = sum(len(name) + len("".join(map(str, value.values()))) for name, value in item.items())
        assert size_bytes < 1_024

    def test_first_check_ever_is_one_call(
        self, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        for cost in (1, 2):
            assert Limiter(counting, clock).check(f"{subject}-{cost}", TIERS["strict"], cost=cost).allowed

        assert (counting.writes, counting.reads) == (2, 0)

    def test_five_charges_of_a_cold_container_are_one_request(
        self, store: DynamoStore, counting: CountingStore, clock: ManualClock, subject: str
    ) -> None:
        charges = [Charge(tier, 1) for tier in list(TIERS.values())[:5]]
        for _ in range(3):
            assert Limiter(counting, clock).check_all(subject, charges).allowed
            clock.advance(999)

        record = store.read(record_key(subject))
        assert record is not None
        assert {counter.total for counter in record.counters.values()} == {3}


def test_request_is_within_the_limits_of_an_expression() -> None:
    """4 KB an expression and 300 operators, in the largest form: a cold check of as much as fits."""
    tiers = [TIERS["burst"], TIERS["default"], TIERS["plan:free"], TIERS["relaxed"], TIERS["strict"]]
    planned = [plan(tier.window, tier.code, None, START_MS, 1) for tier in tiers]
    changes = within_expression([change for change in planned if change is not None])
    request = json.loads(render_write('"T"', "k", Write(changes, 0)))

    assert [change.chain is not None for change in changes] == [True, True, True, False, False]
    for expression in (request["ConditionExpression"], request["UpdateExpression"]):
        assert len(expression) < 4_096
    assert len(re.findall(r"<=|OR|AND|NOT|>|attribute_not_exists", request["ConditionExpression"])) < 300


def test_boundary_names_never_wrap_and_are_no_reserved_word() -> None:
    assert [boundary_name("0aa", bucket) for bucket in (0, 35, 36, 36**6)] == [
        "p0aa0",
        "p0aaz",
        "p0aa10",
        "p0aa1000000",
    ]


def test_removal_of_many_dead_boundaries_is_within_an_expression() -> None:
    """Exact counters may leave thousands behind: one write removes what fits, and the floor covers the rest."""
    tiers = [
        make_tier(f"exact-{number}", limit=5_000, window_ms=10_000, buckets=10_000) for number in range(5)
    ]
    now_ms = START_MS + 60_000
    old = Counter(400, {START_MS + number: number for number in range(400)}, 0, START_MS + 10_000, 5_000, 0)
    planned = [plan(tier.window, tier.code, old, now_ms, 1) for tier in tiers]
    changes = within_expression([change for change in planned if change is not None])
    request = json.loads(render_write('"T"', "k", Write(changes, 0)))

    assert sum(len(change.dead_buckets) for change in changes) == 150
    assert all(change.new_floor is not None for change in changes)
    assert len(request["UpdateExpression"]) < 4_096
