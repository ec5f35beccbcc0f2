"""
What a container remembers of the keys that were presented to it: bounded twice over, so that nobody is pushed out by
callers who have proved nothing.

Keys whose secret was once found right are kept apart from the rest: unknown ids, and known ids with a wrong secret.
However many of those come, they push out each other. Each part forgets its least recently used.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from edge.auth.apikeys.records import KeyRecord, StoredKey

MAX_UNPROVED: Final = 1_000
"""Ids remembered of callers who have proved nothing; it saves reads when one of them insists."""


class Entry(NamedTuple):
    """
    What a read found.

    Attributes:
        stored: the key; None if there was none.
        record: what callers are told of it; None if there was none.
        read_ms: wall time at which the read began.
        read_ns: monotonic time at which the read began.
        insisted: the read was made because a secret did not fit an entry that was still fresh.
    """

    stored: StoredKey | None
    record: KeyRecord | None
    read_ms: int
    read_ns: int
    insisted: bool

    @property
    def is_final(self) -> bool:
        """Whether no later read can find anything else that matters: a tombstone is for ever."""
        return self.stored is not None and self.stored.tombstone is not None


class KeyCache:
    """
    Entries by key id; safe for threads.

    Args:
        max_entries: proved keys that are kept, >= 1.
        max_unproved: other ids that are kept, >= 1.
    """

    def __init__(self, max_entries: int, *, max_unproved: int = MAX_UNPROVED) -> None:
        self._max_proved = max_entries
        self._max_unproved = max_unproved
        self._proved: OrderedDict[str, Entry] = OrderedDict()
        self._unproved: OrderedDict[str, Entry] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._proved) + len(self._unproved)

    def get(self, key_id: str) -> Entry | None:
        """Return what was last read of a key, or None; asking does not keep it longer."""
        with self._lock:
            return self._proved.get(key_id) or self._unproved.get(key_id)

    def put(self, key_id: str, entry: Entry) -> Entry:
        """
        Keep what a read found, unless a read that began later, or one that saw the key revoked, was kept meanwhile.

        Returns:
            What is kept: an answer that was long on its way must not bring back a revoked key.
        """
        with self._lock:
            part = self._proved if key_id in self._proved else self._unproved
            kept = part.get(key_id)
            if kept is not None and (kept.is_final or kept.read_ns > entry.read_ns):
                return kept
            part[key_id] = entry
            if part is self._unproved:
                part.move_to_end(key_id)
                if len(part) > self._max_unproved:
                    part.popitem(last=False)
            return entry

    def prove(self, key_id: str, entry: Entry) -> None:
        """Note that somebody has just shown the secret of a key."""
        with self._lock:
            if key_id not in self._proved:
                self._proved[key_id] = self._unproved.pop(key_id, entry)
                if len(self._proved) > self._max_proved:
                    self._proved.popitem(last=False)
            self._proved.move_to_end(key_id)
