"""
Whether the API key behind a signature is still good: looked up when the signature is right, remembered for two seconds.

A signing key is derived, so it outlives the API key that it belongs to (:mod:`~edge.signing.keys`). Asked only after the
MAC: whoever cannot sign as an API key cannot have it looked up either, and what is remembered is bounded by the keys that
sign.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from edge.problems import DependencyUnavailable
from edge.signing.problems import SignatureRefused

if TYPE_CHECKING:
    from edge.clock import Clock

FRESH_MS: Final = 2_000
DEFAULT_MAX_ENTRIES: Final = 10_000


class Standing(NamedTuple):
    """
    How an API key stands.

    Attributes:
        is_revoked: for good.
        expires_at: epoch seconds from which it is good no more; None for never.
    """

    is_revoked: bool
    expires_at: int | None


class SignerReads(Protocol):
    """Knows API keys."""

    def standing(self, api_key_id: str) -> Standing | None:
        """
        Return how a key stands, None if there is none.

        Raises:
            edge.problems.DependencyUnavailable: nobody can tell.
        """


class _Entry(NamedTuple):
    standing: Standing | None
    read_ms: int
    read_ns: int


class Signers:
    """
    Tells for one container whose signatures count; share one between its threads.

    Args:
        reads: knows API keys.
        clock: of this container.
        stale_seconds: for how long, counted from its last read, a key that was found good goes on while nobody can tell
            whether it still is, >= 0.
        max_entries: keys that are remembered.
    """

    def __init__(
        self,
        reads: SignerReads,
        clock: Clock,
        *,
        stale_seconds: int,
        max_entries: int = DEFAULT_MAX_ENTRIES,
    ) -> None:
        self._reads = reads
        self._clock = clock
        self._stale_ms = stale_seconds * 1_000
        self._max_entries = max_entries
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = Lock()

    def require_good(self, api_key_id: str) -> None:
        """
        Let signatures of *api_key_id* count.

        Raises:
            SignatureRefused: ``unknown_key``, ``signer_revoked`` or ``signer_expired``.
            edge.problems.DependencyUnavailable: nobody can tell.
        """
        standing = self._standing(api_key_id)
        if standing is None:
            raise SignatureRefused("unknown_key")
        if standing.is_revoked:
            raise SignatureRefused("signer_revoked")
        if standing.expires_at is not None and self._clock.now_ms() >= standing.expires_at * 1_000:
            raise SignatureRefused("signer_expired")

    def _standing(self, api_key_id: str) -> Standing | None:
        known = self._entries.get(api_key_id)
        if known is not None and self._age_ms(known) < FRESH_MS:
            return known.standing
        read_ms, read_ns = self._clock.now_ms(), self._clock.monotonic_ns()
        try:
            standing = self._reads.standing(api_key_id)
        except DependencyUnavailable:
            if known is None or known.standing is None or self._age_ms(known) >= self._stale_ms:
                raise
            return known.standing
        with self._lock:
            self._entries[api_key_id] = _Entry(standing, read_ms, read_ns)
            self._entries.move_to_end(api_key_id)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        return standing

    def _age_ms(self, entry: _Entry) -> int:
        """Return the longer of what two clocks say: one stands still in a frozen container, one can be set back."""
        elapsed_ms = (self._clock.monotonic_ns() - entry.read_ns) // 1_000_000
        return max(self._clock.now_ms() - entry.read_ms, elapsed_ms)
