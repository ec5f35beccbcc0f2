"""What requests are signed and verified with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.composition.keys import GuardedKeyReads
from edge.composition.limits import OWN
from edge.problems import Unexpected
from edge.ratelimit.decisions import Charge
from edge.settings import SettingsError

if TYPE_CHECKING:
    from edge.auth.apikeys.store import KeyReads
    from edge.auth.house_keys import HouseKeys, Member
    from edge.breaker import Breaker
    from edge.clock import Clock
    from edge.composition.limits import Limits
    from edge.regions import Region
    from edge.settings import Settings
    from edge.signing.keys import SigningKey, SigningKeys
    from edge.signing.nonces import NonceClaim, NonceStore
    from edge.signing.signers import Signers, Standing


class HouseSigningKeys:
    """
    The signing keys of the house; the secret is fetched when a key is first needed, so not for another region's.

    Args:
        member: of the house's secret, parsed.
    """

    def __init__(self, member: Member[SigningKeys]) -> None:
        self._member = member

    def current(self) -> SigningKeys:
        """
        Return all keys of this moment.

        Raises:
            edge.signing.problems.SigningKeysMissing: the secret states none.
            edge.problems.DependencyUnavailable: it cannot be had.
        """
        from edge.signing.problems import SigningKeysMissing

        try:
            return self._member.current()
        except Unexpected:
            raise SigningKeysMissing from None

    def find(self, key_id: str, region: Region) -> SigningKey | None:
        """Return the key of *key_id*, as :meth:`edge.signing.keys.SigningKeys.find`, or raise as :meth:`current`."""
        return self.current().find(key_id, region)


def open_signing_keys(keys: HouseKeys) -> HouseSigningKeys:
    """Return what requests are signed and verified with."""
    from edge.signing.keys import SigningKeys

    return HouseSigningKeys(keys.member("signing_master", SigningKeys.parse))


class StandingOfKeys:
    """
    How API keys stand, for whoever verifies what they signed.

    Args:
        store: the table, behind a breaker.
    """

    def __init__(self, store: KeyReads) -> None:
        self._store = store

    def standing(self, api_key_id: str) -> Standing | None:
        """Return how a key stands, None if there is none."""
        from edge.signing.signers import Standing

        stored = self._store.read(api_key_id)
        return stored and Standing(stored.tombstone is not None, stored.metadata.expires_at)


class AdmittedSigners:
    """
    Whose signatures count, and how many of each: asked between a right signature and the use of its nonce.

    Args:
        signers: tells whose API key is still good.
        limits: counts.
        tier: name of the limit.

    Raises:
        edge.settings.SettingsError: there is no such tier.
    """

    def __init__(self, signers: Signers, limits: Limits, *, tier: str) -> None:
        if tier not in limits.tiers:
            raise SettingsError(["SIGNER_TIER must be the name of a tier"])
        self._signers = signers
        self._scopes = limits.scopes
        self._tier = limits.tiers[tier]

    def admit(self, api_key_id: str) -> None:
        """
        Let one signature of an API key count.

        Raises:
            edge.signing.problems.SignatureRefused: the API key is not there, revoked or expired.
            edge.ratelimit.problems.TooManyRequests: it has signed too much.
            edge.problems.DependencyUnavailable: nobody can tell.
        """
        from edge.ratelimit.problems import TooManyRequests

        self._signers.require_good(api_key_id)
        verdict = self._scopes.charge("region", f"{OWN}signer:{api_key_id}", [Charge(self._tier, 1)])
        if not verdict.allowed:
            raise TooManyRequests(verdict)


def open_signers(settings: Settings, clock: Clock, limits: Limits) -> AdmittedSigners:
    """
    Return what tells whose signatures count.

    Raises:
        edge.settings.SettingsError: ``KEYS_TABLE`` is not set, or ``SIGNER_TIER`` is no tier.
    """
    from edge.auth.apikeys.dynamo import DynamoKeyStore
    from edge.aws.regional import regional_client
    from edge.breaker import Breaker
    from edge.signing.signers import Signers

    store = DynamoKeyStore(
        regional_client(settings, clock), settings.require("keys_table"), region=settings.region.code
    )
    reads = StandingOfKeys(GuardedKeyReads(store, Breaker(clock)))
    signers = Signers(reads, clock, stale_seconds=settings.key_stale_seconds)
    return AdmittedSigners(signers, limits, tier=settings.signer_tier)


class GuardedNonces:
    """
    Nonces behind a circuit breaker: while their table is gone, every request is refused, and at once.

    Args:
        store: the table.
        breaker: of this store alone.
    """

    def __init__(self, store: NonceStore, breaker: Breaker) -> None:
        self._store = store
        self._breaker = breaker

    def claim(self, claim: NonceClaim, *, now_seconds: int) -> str:
        """Return who has a nonce, or raise what the store or the breaker raises."""
        return self._breaker.ask(lambda: self._store.claim(claim, now_seconds=now_seconds))


def open_nonces(settings: Settings, clock: Clock) -> NonceStore:
    """
    Return this region's used nonces.

    Raises:
        edge.settings.SettingsError: ``NONCES_TABLE`` is not set.
    """
    from edge.aws.regional import regional_client
    from edge.breaker import Breaker
    from edge.signing.dynamo import DynamoNonceStore

    store = DynamoNonceStore(regional_client(settings, clock), settings.require("nonces_table"))
    return GuardedNonces(store, Breaker(clock))
