"""
The keys of the house: one secret, one fetch, and what each part of the product needs of it.

::

    {"token_keys": [...],      signs and verifies access tokens   edge.auth.tokens.keyring
     "refresh_keys": [...]}    MACs refresh tokens                edge.auth.sessions.refresh_token

Members that somebody else reads are left alone.
"""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING

from edge.auth.sessions.refresh_token import RefreshKeys, RefreshKeysInvalid
from edge.auth.tokens.key_source import CachedKeyRing
from edge.problems import Unexpected

if TYPE_CHECKING:
    from edge.auth.tokens.key_source import KeyDocumentSource
    from edge.clock import Clock


class HouseKeys:
    """
    The keys of one container; share one between threads.

    Args:
        source: of the secret's text.
        clock: of this container.

    Attributes:
        ring: the token keys; its rules of freshness and age hold for all keys.
    """

    def __init__(self, source: KeyDocumentSource, clock: Clock) -> None:
        self._source = _Remembering(source)
        self.ring = CachedKeyRing(self._source, clock)
        self._refresh: tuple[str, RefreshKeys] | None = None

    def refresh_keys(self) -> RefreshKeys:
        """
        Return the keys of refresh tokens, as fresh as the token keys.

        Raises:
            edge.auth.tokens.problems.KeysUnavailable: the secret cannot be had.
            edge.problems.Unexpected: it states no refresh keys; a defect of whoever wrote it.
        """
        self.ring.current()
        text = self._source.text
        known = self._refresh
        if known is None or known[0] is not text:
            try:
                known = (text, RefreshKeys.parse(loads(text)["refresh_keys"]))
            except (RefreshKeysInvalid, LookupError, TypeError, ValueError):
                # A document that is no good leaves the keys as they were, as with the token keys.
                if known is None:
                    raise Unexpected from None
            else:
                self._refresh = known
        return known[1]


class _Remembering:
    """A source that keeps the text that it gave last."""

    def __init__(self, source: KeyDocumentSource) -> None:
        self._source = source
        self.text = ""

    def read(self) -> str:
        text = self._source.read()
        self.text = text
        return text
