"""What the life of a key asks of a store: facts that are inserted once, and one read that brings them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge.auth.apikeys.records import (
        KeyMetadata,
        KeySummary,
        Position,
        SecretVersion,
        StoredKey,
        Tombstone,
    )


class KeyReads(Protocol):
    """What telling whose a key is asks of a store; errors as in :class:`KeyStore`."""

    def read(self, key_id: str) -> StoredKey | None:
        """Return all of a key, with every write of this region that finished before; None if there is none."""

    def note_used(self, key_id: str, minute: int, *, kept_until: int | None) -> None:
        """
        Note that a key was used in this region, unless a later use is noted.

        Args:
            key_id: of the key.
            minute: epoch seconds of a full minute.
            kept_until: epoch seconds after which the note may be forgotten.
        """


class KeyStore(KeyReads, Protocol):
    """
    Holds the keys, as one region sees them.

    Every method raises :class:`edge.problems.DependencyUnavailable` when the store cannot be had. Writes can be
    repeated without harm, so one that failed may or may not have happened.
    """

    def create(self, metadata: KeyMetadata, secret: SecretVersion) -> bool:
        """
        Insert a key, its first secret and its entry in the list, all or none.

        Returns:
            Whether it is there now, by this call or by the same call before; False if the id is another key's.
        """

    def add_secret(self, metadata: KeyMetadata, secret: SecretVersion) -> bool:
        """
        Insert a version of a key's secret, if no version has that number.

        Returns:
            Whether it is there now, by this call or by the same call before; False if another has the number.
        """

    def forget_secret(self, key_id: str, version: int) -> None:
        """Delete a version that proves nothing any more: never the newest, nor the one before it."""

    def revoke(self, metadata: KeyMetadata, tombstone: Tombstone) -> None:
        """Insert the tombstone of a key, unless it has one."""

    def list_keys(self, limit: int, after: Position | None) -> list[KeySummary]:
        """
        Return up to *limit* keys, the newest first.

        Args:
            limit: >= 1.
            after: begin behind this position; None for the beginning.
        """
