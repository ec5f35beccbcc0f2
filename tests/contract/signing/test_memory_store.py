"""The memory store keeps the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.clock import ManualClock
from edge.signing.memory import MemoryNonceStore
from tests.contract.signing.nonces_contract import NONCES, NonceStoreContract
from tests.unit.signing.letters import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.signing.nonces import NonceStore


@pytest.fixture
def store() -> MemoryNonceStore:
    return MemoryNonceStore(ManualClock(now_ms=NOW * 1000))


@pytest.fixture
def unreachable() -> MemoryNonceStore:
    return MemoryNonceStore(ManualClock(now_ms=NOW * 1000), max_claims=0)


@pytest.fixture
def contested() -> int:
    return NONCES


@pytest.fixture
def sibling(store: MemoryNonceStore) -> Callable[[], NonceStore]:
    """It is shared, not seen from elsewhere."""
    return lambda: store


class TestMemoryNonceStore(NonceStoreContract):
    pass
