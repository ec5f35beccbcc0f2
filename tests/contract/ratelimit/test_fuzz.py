"""The random lives that the memory store passes, on real engines: the expressions mean what the algorithm says."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from edge.ratelimit.dynamo import DynamoStore
from tests.contract.ratelimit.conftest import rate_windows
from tests.unit.ratelimit.fuzz import run_life

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB


@pytest.mark.parametrize("seed", range(4))
def test_engine_decides_as_memory_does(client: DynamoDB, seed: int) -> None:
    """Same seed, same life: every admission must be the same, and none above the limit."""
    store = DynamoStore(client, rate_windows().name)

    lived = run_life(seed, checks=400, store=store, subject=str(uuid.uuid4()))

    expected = run_life(seed, checks=400)
    assert lived.admissions == expected.admissions
    assert lived.calls == expected.calls
    assert lived.excess() == 0
