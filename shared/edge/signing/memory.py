"""
The store in memory: for unit tests, simulations, and a service of one process.

It keeps the same rule as DynamoDB does, atomically under a lock. What it knows ends with the process; two processes do
not see each other's, so a service of several would accept a request once in each.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from edge.problems import DependencyUnavailable
from edge.signing.nonces import NonceClaim, nonce_name

if TYPE_CHECKING:
    from edge.clock import Clock

DEFAULT_MAX_CLAIMS: Final = 1_000_000
_RETRY_AFTER_SECONDS: Final = 60


class MemoryNonceStore:
    """
    A bounded dictionary of claims.

    Args:
        clock: tells what may be forgotten.
        max_claims: beyond this nothing more is claimed until something may be forgotten: to forget early would let a
            replay through.
    """

    def __init__(self, clock: Clock, *, max_claims: int = DEFAULT_MAX_CLAIMS) -> None:
        self._clock = clock
        self._max_claims = max_claims
        self._claims: dict[str, NonceClaim] = {}
        self._swept_at = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._claims)

    def claim(self, claim: NonceClaim, *, now_seconds: int) -> str:
        """Give the nonce to ``claim.holder`` unless somebody has it; return who has it."""
        name = nonce_name(claim.key_id, claim.nonce)
        with self._lock:
            self._forget()
            known = self._claims.get(name)
            if known is not None and known.keep_until > now_seconds:
                return known.holder
            if known is None and len(self._claims) >= self._max_claims:
                raise DependencyUnavailable(_RETRY_AFTER_SECONDS)
            self._claims[name] = claim
            return claim.holder

    def _forget(self) -> None:
        """Once a second at most: it looks at every claim."""
        now_seconds = self._clock.now_ms() // 1000
        if now_seconds == self._swept_at:
            return
        self._swept_at = now_seconds
        self._claims = {name: claim for name, claim in self._claims.items() if claim.keep_until > now_seconds}
