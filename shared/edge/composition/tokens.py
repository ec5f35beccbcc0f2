"""Access tokens and the families of refresh tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.auth.house_keys import HouseKeys
    from edge.auth.sessions.families import Families
    from edge.auth.sessions.store import Marks, Names, RevocationReads
    from edge.auth.validation import TokenValidator
    from edge.breaker import Breaker
    from edge.clock import Clock
    from edge.settings import Settings


def open_token_validator(settings: Settings, clock: Clock, *, keys: HouseKeys) -> TokenValidator:
    """
    Return what tells whether an access token is good.

    Raises:
        edge.settings.SettingsError: a table is not set.
    """
    from edge.auth.sessions.dynamo import open_stores
    from edge.auth.sessions.revocations import Revocations
    from edge.auth.tokens.jwk import ALGORITHMS
    from edge.auth.tokens.verifier import TokenVerifier
    from edge.auth.validation import TokenValidator
    from edge.breaker import Breaker

    store_of = open_stores(settings, clock)
    return TokenValidator(
        TokenVerifier(
            keys.ring,
            clock,
            algorithms=frozenset(ALGORITHMS),
            issuer=settings.token_issuer,
            audience=settings.token_audience,
        ),
        Revocations(GuardedRevocationReads(store_of(settings.region), Breaker(clock)), clock),
        fail_closed=settings.revocation_fail_closed,
    )


class GuardedRevocationReads:
    """
    Revocations behind a circuit breaker, for the same reason.

    Args:
        store: the tables.
        breaker: of this store alone.
    """

    def __init__(self, store: RevocationReads, breaker: Breaker) -> None:
        self._store = store
        self._breaker = breaker

    def marks(self, names: Names) -> Marks:
        """Return what is known against a token, or raise what the store or the breaker raises."""
        return self._breaker.ask(lambda: self._store.marks(names))


def open_families(settings: Settings, clock: Clock, *, keys: HouseKeys) -> Families:
    """
    Return what begins, rotates and ends refresh families.

    Raises:
        edge.settings.SettingsError: a table is not set.
    """
    from edge.auth.sessions.dynamo import open_stores
    from edge.auth.sessions.families import Families

    return Families(
        own=settings.region,
        store_of=open_stores(settings, clock),
        keys_of=keys.refresh_keys,
        clock=clock,
        grace_seconds=settings.refresh_grace_seconds,
    )
