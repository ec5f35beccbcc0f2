"""
The keys of the house: one secret, one fetch, and what each part of the product needs of it.

::

    {"token_keys": [...],        signs and verifies access tokens     edge.auth.tokens.keyring
     "refresh_keys": [...],      MACs refresh tokens                  edge.auth.sessions.refresh_token
     "signing_master": [...]}    derives the keys of signed requests  edge.signing.keys

A member that is not auth's own is parsed by whoever reads it (:meth:`HouseKeys.member`); others are left alone.
"""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING, Generic, TypeVar

from edge.auth.sessions.refresh_token import RefreshKeys
from edge.auth.tokens.key_source import CachedKeyRing
from edge.problems import Unexpected

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.tokens.key_source import KeyDocumentSource
    from edge.clock import Clock

Parsed = TypeVar("Parsed")


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
        self._source = Remembering(source)
        self.ring = CachedKeyRing(self._source, clock)
        self._refresh = self.member("refresh_keys", RefreshKeys.parse)

    def refresh_keys(self) -> RefreshKeys:
        """
        Return the keys of refresh tokens, as fresh as the token keys.

        Raises:
            edge.auth.tokens.problems.KeysUnavailable: the secret cannot be had.
            edge.problems.Unexpected: it states no refresh keys; a defect of whoever wrote it.
        """
        return self._refresh.current()

    def member(self, name: str, parse: Callable[[object], Parsed]) -> Member[Parsed]:
        """
        Return a member of the secret, as fresh as the token keys; nothing is fetched yet.

        Args:
            name: of the member.
            parse: makes of it what is used; a ``ValueError`` says that it is no good.
        """
        return Member(self._source, self.ring, name, parse)


class Member(Generic[Parsed]):
    """
    One member of the secret, parsed once for each text of it; :meth:`HouseKeys.member` makes it.

    Args:
        source: keeps the text that was read last.
        ring: decides when it is read.
        name: of the member.
        parse: makes of it what is used.
    """

    def __init__(
        self, source: Remembering, ring: CachedKeyRing, name: str, parse: Callable[[object], Parsed]
    ) -> None:
        self._source = source
        self._ring = ring
        self._name = name
        self._parse = parse
        self._known: tuple[str, Parsed] | None = None

    def current(self) -> Parsed:
        """
        Return what is current; a document that is no good leaves it as it was, as with the token keys.

        Raises:
            edge.auth.tokens.problems.KeysUnavailable: the secret cannot be had.
            edge.problems.Unexpected: it never stated this member; a defect of whoever wrote it.
        """
        self._ring.current()
        text = self._source.text
        known = self._known
        if known is None or known[0] is not text:
            try:
                known = (text, self._parse(loads(text)[self._name]))
            except (LookupError, TypeError, ValueError):
                if known is None:
                    raise Unexpected from None
            else:
                self._known = known
        return known[1]


class Remembering:
    """
    A source that keeps the text that it gave last.

    Args:
        source: of the text.
    """

    def __init__(self, source: KeyDocumentSource) -> None:
        self._source = source
        self.text = ""

    def read(self) -> str:
        """Return the text as it is now, and keep it."""
        text = self._source.read()
        self.text = text
        return text
