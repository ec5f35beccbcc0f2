"""The frame with fresh keys and this service's rules: what a function asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.auth.tokens.frame import LEEWAY_SECONDS, verify
from edge.auth.tokens.problems import TokenRefused

if TYPE_CHECKING:
    from edge.auth.tokens.claims import AccessToken
    from edge.auth.tokens.jwk import Algorithm
    from edge.auth.tokens.key_source import CachedKeyRing
    from edge.auth.tokens.keyring import KeyRing
    from edge.clock import Clock


class TokenVerifier:
    """
    Verifies access tokens; share one between threads.

    Args:
        keys: the key table.
        clock: tells when a token is valid.
        algorithms: as for :func:`edge.auth.tokens.frame.verify`, and so are the others.
        issuer: the only issuer.
        audience: the only audience.
        leeway_seconds: for ``iat`` and ``nbf``.
    """

    def __init__(
        self,
        keys: CachedKeyRing,
        clock: Clock,
        *,
        algorithms: frozenset[Algorithm],
        issuer: str,
        audience: str,
        leeway_seconds: int = LEEWAY_SECONDS,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._algorithms = algorithms
        self._issuer = issuer
        self._audience = audience
        self._leeway_seconds = leeway_seconds

    def verify(self, token: str) -> AccessToken:
        """
        Return what *token* says; whether it is revoked is another question.

        Raises:
            TokenRefused: it is not valid.
            KeysUnavailable: there are no keys to tell.
        """
        ring = self._keys.current()
        now_seconds = self._clock.now_ms() // 1000
        try:
            return self._verify(token, ring, now_seconds)
        except TokenRefused as refused:
            if refused.reason != "unknown_key":
                raise
            newer = self._keys.after_unknown_key(ring)
            if newer is ring:
                raise
        return self._verify(token, newer, now_seconds)

    def _verify(self, token: str, ring: KeyRing, now_seconds: int) -> AccessToken:
        return verify(
            token,
            ring,
            algorithms=self._algorithms,
            issuer=self._issuer,
            audience=self._audience,
            now_seconds=now_seconds,
            leeway_seconds=self._leeway_seconds,
        )
