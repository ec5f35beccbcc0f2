"""
The limiter's store behind a circuit breaker.

It stands between limiter and store, because only there it is seen whether the store was asked: a denial that the
limiter proves from a snapshot must neither close a circuit nor interrupt a row of failures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.breaker import Breaker
    from edge.ratelimit.store import (
        Amendment,
        Applied,
        AppliedTogether,
        NotApplied,
        NotAppliedTogether,
        Record,
        WindowStore,
        Write,
    )


class GuardedStore:
    """
    A store that is asked only while its circuit is not open.

    Args:
        store: the one that may fail.
        breaker: of this store alone.
    """

    def __init__(self, store: WindowStore, breaker: Breaker) -> None:
        self._store = store
        self._breaker = breaker

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        """
        Apply *write*, see :meth:`edge.ratelimit.store.WindowStore.apply`.

        Raises:
            CircuitOpen: the store was not asked.
            edge.problems.DependencyUnavailable: it was, and cannot be had; the write may or may not have been applied.
        """
        return self._breaker.ask(lambda: self._store.apply(key, write))

    def apply_together(self, writes: Sequence[tuple[str, Write]]) -> AppliedTogether | NotAppliedTogether:
        """Apply *writes*, all or none; errors as for :meth:`apply`."""
        return self._breaker.ask(lambda: self._store.apply_together(writes))

    def amend(self, key: str, amendment: Amendment) -> Applied | NotApplied:
        """Apply *amendment*; errors as for :meth:`apply`."""
        return self._breaker.ask(lambda: self._store.amend(key, amendment))

    def read(self, key: str) -> Record | None:
        """Return the record of *key*; errors as for :meth:`apply`."""
        return self._breaker.ask(lambda: self._store.read(key))

    def read_together(self, keys: Sequence[str]) -> dict[str, Record | None]:
        """Return the records of *keys*; errors as for :meth:`apply`."""
        return self._breaker.ask(lambda: self._store.read_together(keys))
