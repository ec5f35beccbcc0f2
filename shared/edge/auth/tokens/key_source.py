"""
The key table, kept fresh without ever being waited for twice.

Keys are fetched again when they are older than ``fresh_seconds``; when that fails, the last good table serves on until
``max_age_seconds``. A failed fetch never wipes good keys (pyjwt #1162), and it is not repeated at once. One thread fetches;
the others go on with what there is, and wait only when there is nothing.

A token that names an unknown key may have been signed with a newer one, so it may bring a fetch forward: once in
``unknown_key_pause_seconds``, however many such tokens come. Tokens with known keys never feel such a flood.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol

from edge.auth.tokens.keyring import KeyRing
from edge.auth.tokens.problems import KeysUnavailable
from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from edge.clock import Clock

FRESH_SECONDS: Final = 300
"""A key that is taken out of the secret is out of use everywhere after this; a key that is put in, at once."""

MAX_AGE_SECONDS: Final = 86_400
"""How long a source may be gone: a day, as long as the longest outage of a region so far, and not for ever."""

RETRY_PAUSE_SECONDS: Final = 5
UNKNOWN_KEY_PAUSE_SECONDS: Final = 30


class KeyDocumentSource(Protocol):
    """Where the key document is; used by one thread at a time."""

    def read(self) -> str:
        """
        Return the document's text as it is now.

        Raises:
            edge.problems.ServiceProblem: it cannot be had.
        """


class _Loaded:
    """A table and when it was fetched, on both clocks."""

    __slots__ = ("loaded_ms", "loaded_ns", "ring")

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self.ring = ring
        self.loaded_ms = clock.now_ms()
        self.loaded_ns = clock.monotonic_ns()

    def age_ms(self, clock: Clock) -> int:
        """
        Return the larger of the two clocks' answers.

        Monotonic time stands still while a container is frozen or lies in a snapshot; wall time can be set back.
        """
        return max(clock.now_ms() - self.loaded_ms, (clock.monotonic_ns() - self.loaded_ns) // 1_000_000)


class CachedKeyRing:
    """
    A key table from a source; share one between threads.

    Args:
        source: where the document is.
        clock: for ages and pauses.
        fresh_seconds: how old the table gets before it is fetched again, > 0.
        max_age_seconds: how old it gets at all, >= *fresh_seconds*.
        retry_pause_seconds: nobody asks a source again that failed less than this ago.
        unknown_key_pause_seconds: unknown keys bring at most one fetch forward in this time.

    Raises:
        ValueError: a duration is out of its range.
    """

    def __init__(
        self,
        source: KeyDocumentSource,
        clock: Clock,
        *,
        fresh_seconds: int = FRESH_SECONDS,
        max_age_seconds: int = MAX_AGE_SECONDS,
        retry_pause_seconds: int = RETRY_PAUSE_SECONDS,
        unknown_key_pause_seconds: int = UNKNOWN_KEY_PAUSE_SECONDS,
    ) -> None:
        if (
            not 0 < fresh_seconds <= max_age_seconds
            or retry_pause_seconds < 1
            or unknown_key_pause_seconds < 1
        ):
            raise ValueError("0 < fresh_seconds <= max_age_seconds, and pauses are at least a second")
        self._source = source
        self._clock = clock
        self._fresh_ms = fresh_seconds * 1000
        self._max_age_ms = max_age_seconds * 1000
        self._retry_pause_seconds = retry_pause_seconds
        self._unknown_key_pause_ns = unknown_key_pause_seconds * 1_000_000_000
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._failed_at_ns: int | None = None
        self._brought_forward_ns: int | None = None
        self._last_failure: ServiceProblem | None = None

    @property
    def last_failure(self) -> ServiceProblem | None:
        """Why the latest fetch failed, None when it did not; for logs and health, where stale keys must show."""
        return self._last_failure

    def current(self) -> KeyRing:
        """
        Return the table.

        Raises:
            KeysUnavailable: there is none, or only one beyond its age limit.
        """
        loaded = self._loaded
        if loaded is not None:
            age_ms = loaded.age_ms(self._clock)
            if age_ms < self._fresh_ms:
                return loaded.ring
            if age_ms < self._max_age_ms:
                return self._renewed(loaded)
        with self._lock:
            found = self._loaded
            if found is not None and found is not loaded:
                return found.ring  # another thread fetched it while this one waited
            if self._must_pause() or not self._fetch():
                raise KeysUnavailable(self._retry_pause_seconds)
            return self._usable()

    def after_unknown_key(self, ring: KeyRing) -> KeyRing:
        """
        Return a newer table than *ring* if there is one or may be one; else *ring* itself, at no cost.

        Args:
            ring: the table that the key was not in.
        """
        if not self._lock.acquire(blocking=False):
            return ring  # somebody fetches already; the caller's client tries again
        try:
            loaded = self._loaded
            if loaded is not None and loaded.ring is not ring:
                return loaded.ring
            now_ns = self._clock.monotonic_ns()
            last_ns = self._brought_forward_ns
            if last_ns is not None and now_ns - last_ns < self._unknown_key_pause_ns:
                return ring
            self._brought_forward_ns = now_ns
            return self._usable() if not self._must_pause() and self._fetch() else ring
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Drop the table, so that the next use fetches: after a restore from a snapshot."""
        with self._lock:
            self._loaded = self._failed_at_ns = self._brought_forward_ns = self._last_failure = None

    def _renewed(self, old: _Loaded) -> KeyRing:
        """Return the table fetched anew, or the old one if another thread is at it or it fails."""
        if not self._lock.acquire(blocking=False):
            return old.ring
        try:
            if self._loaded is old and not self._must_pause():
                self._fetch()
            return self._usable() if self._loaded is not None else old.ring
        finally:
            self._lock.release()

    def _usable(self) -> KeyRing:
        loaded = self._loaded
        if loaded is None:
            raise KeysUnavailable(self._retry_pause_seconds)
        return loaded.ring

    def _must_pause(self) -> bool:
        failed_at_ns = self._failed_at_ns
        return (
            failed_at_ns is not None
            and self._clock.monotonic_ns() - failed_at_ns < self._retry_pause_seconds * 1_000_000_000
        )

    def _fetch(self) -> bool:
        """Fetch and read the document; keep what there was if either fails. The lock is held."""
        try:
            ring = KeyRing.parse(self._source.read())
        except ServiceProblem as failure:
            self._failed_at_ns = self._clock.monotonic_ns()
            self._last_failure = failure
            return False
        self._loaded = _Loaded(ring, self._clock)
        self._failed_at_ns = self._last_failure = None
        return True
