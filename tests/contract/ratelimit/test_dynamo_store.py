"""The DynamoDB store keeps both contracts on every engine, and its items stay within one write unit."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from edge.ratelimit.dynamo import DynamoStore, boundary_name, render_update
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.tiers import TIERS, make_tier
from edge.ratelimit.window import plan
from tests.contract.ratelimit.conftest import rate_windows
from tests.contract.ratelimit.limiter_contract import START_MS, LimiterContract
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

        item = client.get_item(
            {"TableName": rate_windows().name, "Key": {"pk": {"S": f"{tier.key_prefix}={subject}"}}}
        )
        assert item is not None
        size_bytes = sum(len(name) + len("".join(map(str, value.values()))) for name, value in item.items())
        assert size_bytes < 1_024

    def test_first_check_ever_is_one_call(self, store: DynamoStore, clock: ManualClock, subject: str) -> None:
        for cost in (1, 2):
            write = plan(TIERS["strict"].window, None, clock.now_ms(), cost)
            assert write is not None
            outcome = store.apply(f"first-{cost}={subject}", write)
            assert outcome.snapshot is not None
            assert outcome.snapshot.total == cost


def test_request_is_within_the_limits_of_an_expression() -> None:
    """4 KB an expression and 300 operators, in the largest form: a cold check of a long window."""
    write = plan(make_tier("long", limit=10, window_ms=86_400_000).window, None, START_MS, 1)
    assert write is not None
    request = json.loads(render_update('"T"', "k", write))

    condition = request["ConditionExpression"]
    assert len(condition) < 4_096
    assert len(re.findall(r"<=|OR|AND|NOT|>", condition)) < 300


def test_boundary_names_never_wrap_and_sort_apart_from_the_key() -> None:
    assert [boundary_name(bucket) for bucket in (0, 35, 36, 36**6)] == ["p_0", "p_z", "p_10", "p_1000000"]
