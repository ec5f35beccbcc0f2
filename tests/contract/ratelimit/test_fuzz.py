"""
The random lives that the memory store passes, on real engines: the expressions mean what the algorithm says.

``python -m tests.bench limiter_fuzz`` is the long run: 100,000 checks on ministack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.bench.limiter_fuzz import Lived, live

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB

CHECKS: Final = 400
"""In each of four lives on each engine; what a test may take of the time of all."""


@pytest.mark.parametrize("seed", range(4))
def test_engine_decides_as_memory_does(client: DynamoDB, seed: int) -> None:
    """Same seed, same life: every admission must be the same, and none above the limit."""
    lived = live(client, seed, checks=CHECKS)

    assert lived.admitted >= 20
    assert lived == Lived(CHECKS, lived.admitted, lived.calls, violations=0, differing=0)
