"""
Who presents an API key: from its text to the key's record, with at most one read of the store in two seconds.

What it costs to try. Text with a wrong form, checksum or environment: no I/O, some microseconds. A wrong secret for a key
that exists: two reads in *fresh_ms*, however often it is tried. A random id with a right checksum (the checksum is no
secret): one read, half a kilobyte at most, each time another id is tried. Nothing here limits that: a limit here would
refuse callers whose key this container has not met yet, and they are the ones to protect. Whoever calls this limits what
an address may try; what a flood cannot do is to push out what the container knows of good keys
(:mod:`edge.auth.apikeys.cache`), or to make it grow.

How long a revoked key goes on. In its region: *fresh_ms*, counted from when a read began. In another: replication, about
a second, on top. A new secret is good at once where it was made; elsewhere when replication has brought it.

When the store is gone, a key that is due to be read again is answered by 503. *stale_seconds* lets those go on, in their
container, that were found good within that time; a key revoked meanwhile goes on with them. It is 0 unless set: who
calls with a key is told 503 for as long as the store is gone, access tokens go on, and a revocation is never late.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final

from edge.auth.apikeys.cache import Entry, KeyCache
from edge.auth.apikeys.problems import KeyRefused
from edge.auth.apikeys.records import RETENTION_SECONDS, key_record
from edge.auth.apikeys.text import parse
from edge.problems import DependencyUnavailable, ServiceProblem

try:  # the C function itself: hmac costs 1 ms at start to arrive at the same
    from _hashlib import compare_digest
except ImportError:  # an interpreter without OpenSSL
    from hmac import compare_digest

if TYPE_CHECKING:
    from edge.auth.apikeys.records import KeyRecord, StoredKey
    from edge.auth.apikeys.store import KeyReads
    from edge.clock import Clock

FRESH_MS: Final = 2_000

_NO_HASH: Final = bytes(32)
"""Stands for a secret that is not there: nothing is known to have this SHA-256."""


class KeyVerifier:
    """
    Authenticates for one container; share one between its threads.

    Args:
        store: holds the keys.
        clock: of this container.
        env: keys of any other environment are refused, see :data:`edge.auth.apikeys.text.ENVIRONMENTS`.
        fresh_ms: how long what was read is relied on, >= 0; 0 reads each time.
        max_entries: proved keys that are remembered, at about 1 KB each.
        stale_seconds: for how long, counted from its last read, a proved key goes on while the store is gone, >= 0.
    """

    def __init__(
        self,
        store: KeyReads,
        clock: Clock,
        *,
        env: str,
        fresh_ms: int = FRESH_MS,
        max_entries: int = 10_000,
        stale_seconds: int = 0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._env = env
        self._fresh_ms = fresh_ms
        self._stale_ms = stale_seconds * 1000
        self._cache = KeyCache(max_entries)
        self._max_noted = max_entries
        self._noted: OrderedDict[str, int] = OrderedDict()
        self._noting = Lock()

    def authenticate(self, text: str) -> KeyRecord:
        """
        Return the key that *text* is, if it is good now.

        Args:
            text: as it was presented, neither trimmed nor decoded.

        Raises:
            KeyRefused: it is not; the reason says why.
            edge.problems.DependencyUnavailable: the store must be asked and cannot be had.
        """
        presented = parse(text)
        if presented.env != self._env:
            raise KeyRefused("wrong_environment")
        entry = self._entry(presented.id, presented.secret_hash)
        stored, record = entry.stored, entry.record
        now_ms = self._clock.now_ms()
        if stored is None or record is None or not proves(presented.secret_hash, stored, now_ms):
            raise KeyRefused("unknown_key")
        if stored.tombstone is not None:
            raise KeyRefused("key_revoked")
        if record.expires_at is not None and now_ms >= record.expires_at * 1000:
            raise KeyRefused("key_expired")
        self._cache.prove(presented.id, entry)
        return record

    def note_used(self, record: KeyRecord) -> None:
        """
        Note that a key was used, at most once a minute for each key in this container.

        It is a convenience for who manages keys: a store that fails fails nothing else, and the note is then lost.

        Args:
            record: as :meth:`authenticate` returned it.
        """
        minute = self._clock.now_ms() // 60_000 * 60
        with self._noting:
            if self._noted.get(record.id, -1) >= minute:
                return
            self._noted[record.id] = minute
            self._noted.move_to_end(record.id)
            if len(self._noted) > self._max_noted:
                self._noted.popitem(last=False)
        kept_until = None if record.expires_at is None else record.expires_at + RETENTION_SECONDS
        try:
            self._store.note_used(record.id, minute, kept_until=kept_until)
        except ServiceProblem:
            return

    def _entry(self, key_id: str, secret_hash: bytes) -> Entry:
        """Return what is known of a key, read anew if it is old, or if it is not and the secret does not fit."""
        entry = self._cache.get(key_id)
        if entry is None or not (entry.is_final or self._age_ms(entry) < self._fresh_ms):
            return self._read(key_id, secret_hash, entry, insisted=False)
        # The key may have been rotated since: its new secret shall be good at once. But only one read in the life of
        # an entry is made for that, or whoever knows an id could have us read without end.
        if (
            entry.stored is not None
            and not entry.is_final
            and not entry.insisted
            and not proves(secret_hash, entry.stored, self._clock.now_ms())
        ):
            return self._read(key_id, secret_hash, entry, insisted=True)
        return entry

    def _read(self, key_id: str, secret_hash: bytes, known: Entry | None, *, insisted: bool) -> Entry:
        read_ms, read_ns = self._clock.now_ms(), self._clock.monotonic_ns()
        try:
            stored = self._store.read(key_id)
        except DependencyUnavailable:
            if (
                known is None
                or known.stored is None
                or self._age_ms(known) >= self._stale_ms
                or not proves(secret_hash, known.stored, self._clock.now_ms())
            ):
                raise
            return known
        record = None if stored is None else key_record(stored)
        return self._cache.put(key_id, Entry(stored, record, read_ms, read_ns, insisted))

    def _age_ms(self, entry: Entry) -> int:
        """Return the longer of what two clocks say: one stands still in a frozen container, one can be set back."""
        elapsed_ms = (self._clock.monotonic_ns() - entry.read_ns) // 1_000_000
        return max(self._clock.now_ms() - entry.read_ms, elapsed_ms)


def proves(secret_hash: bytes, stored: StoredKey, now_ms: int) -> bool:
    """
    Tell, in constant time, whether a secret is the current one of a key, or the one before it within the overlap.

    Args:
        secret_hash: SHA-256, 32 bytes.
        stored: the key.
        now_ms: epoch milliseconds.
    """
    current = previous = _NO_HASH
    if stored.secrets:
        newest = stored.secrets[0]
        current = newest.secret_hash
        if newest.previous_until is not None and now_ms < newest.previous_until * 1000:
            previous = stored.secrets[-1].secret_hash
    return compare_digest(secret_hash, current) | compare_digest(secret_hash, previous)
