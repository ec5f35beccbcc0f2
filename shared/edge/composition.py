"""
Puts the objects of a function together from its settings: the one place that knows which store stands behind what.

A function calls what it needs while it starts; each opens the region's connection, once. Imports are deferred to the
calls: a function loads what it uses and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from edge.problems import Unexpected
from edge.ratelimit.decisions import Charge, Verdict
from edge.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.apikeys.authenticate import KeyVerifier
    from edge.auth.apikeys.keys import ApiKeys
    from edge.auth.apikeys.records import StoredKey
    from edge.auth.apikeys.store import KeyReads
    from edge.auth.house_keys import HouseKeys, Member
    from edge.auth.sessions.families import Families
    from edge.auth.sessions.store import Marks, Names, RevocationReads
    from edge.auth.validation import TokenValidator, Validated
    from edge.breaker import Breaker
    from edge.callers import Callers
    from edge.clock import Clock
    from edge.geo.router import Router
    from edge.ratelimit.admission import Admission
    from edge.ratelimit.scopes import Scopes
    from edge.ratelimit.tiers import Tier
    from edge.regions import Region
    from edge.settings import Settings
    from edge.signing.keys import SigningKey, SigningKeys
    from edge.signing.nonces import NonceClaim, NonceStore
    from edge.signing.signers import Signers, Standing


OWN: Final = "\x1f"
"""
Begins the subjects that we count our own callers by. No subject that comes over the wire has a control character, so
nobody can look at another's plan, spend it or reset it by asking about a subject of that name.
"""


class Limits(NamedTuple):
    """
    What a function limits by.

    Attributes:
        scopes: the limiters.
        tiers: the limits, by name.
    """

    scopes: Scopes
    tiers: dict[str, Tier]


def open_limits(settings: Settings, clock: Clock) -> Limits:
    """
    Return the limiters and the limits that settings name.

    Raises:
        edge.settings.SettingsError: a table is not set.
    """
    from edge.ratelimit.dynamo import open_scopes
    from edge.ratelimit.tiers import configured_tiers

    tiers = configured_tiers(settings.rate_tiers)
    return Limits(open_scopes(settings, clock, tiers), tiers)


def open_admission(settings: Settings, clock: Clock, limits: Limits) -> Admission:
    """
    Return what rules on checks, this region's access list already read.

    Raises:
        edge.settings.SettingsError: ``RATE_WINDOWS_TABLE`` is not set.
    """
    from edge.ratelimit.access_dynamo import open_access_list
    from edge.ratelimit.admission import Admission

    return Admission(limits.scopes, open_access_list(settings, clock), clock)


def open_callers(
    settings: Settings,
    clock: Clock,
    *,
    limits: Limits,
    keys: HouseKeys | None = None,
    validator: TokenValidator | None = None,
) -> Callers:
    """
    Return what tells who calls.

    Args:
        settings: tables, secret, issuer and audience.
        clock: of this container.
        limits: that calls are counted by.
        keys: of the house, where the function has them already.
        validator: of tokens, the same.

    Raises:
        edge.settings.SettingsError: a table or the secret is not set, or the anonymous tier is none.
    """
    from edge.callers import Callers

    for name in ("auth_secret", "sessions_table"):
        settings.require(name)
    return Callers(
        keys=open_key_verifier(settings, clock),
        tokens=validator
        or TokensWhenShown(
            lambda: open_token_validator(settings, clock, keys=keys or open_house_keys(settings, clock))
        ),
        quotas=LimiterQuotas(limits, anonymous_tier=settings.anonymous_tier),
    )


class TokensWhenShown:
    """
    A token validator that is opened when the first token is shown: most functions are called by key, and need not load
    what reads tokens while they start (measured: tests/bench/cold_start.py).

    Args:
        open_validator: makes it.
    """

    def __init__(self, open_validator: Callable[[], TokenValidator]) -> None:
        self._open_validator = open_validator
        self._validator: TokenValidator | None = None

    def validate(self, token: str) -> Validated:
        """Return what *token* says, as :meth:`edge.auth.validation.TokenValidator.validate`."""
        if self._validator is None:
            self._validator = self._open_validator()
        return self._validator.validate(token)


class LimiterQuotas:
    """
    Counts calls by the limiter: a client's in all regions together, an address's in this one.

    Args:
        limits: among the tiers ``plan:<name>`` for each plan.
        anonymous_tier: name of the one that addresses are limited to.

    Raises:
        edge.settings.SettingsError: there is no such tier.
    """

    def __init__(self, limits: Limits, *, anonymous_tier: str) -> None:
        if anonymous_tier not in limits.tiers:
            raise SettingsError(["ANONYMOUS_TIER must be the name of a tier"])
        self._scopes, self._tiers = limits
        self._anonymous = limits.tiers[anonymous_tier]

    def charge_client(self, client_id: str, plan: str) -> Verdict | None:
        """Charge a call to a client's plan; None if the plan has no limit."""
        tier = self._tiers[f"plan:{plan}"]
        if tier.unlimited:
            return None
        return self._scopes.charge("global", f"{OWN}client:{client_id}", [Charge(tier, 1)])

    def charge_address(self, network: str) -> Verdict:
        """Charge a call to an address."""
        return self._scopes.charge("region", f"{OWN}address:{network}", [Charge(self._anonymous, 1)])


def open_house_keys(settings: Settings, clock: Clock) -> HouseKeys:
    """
    Return the keys of the house; the secret is fetched when a key is first needed.

    Raises:
        edge.settings.SettingsError: ``AUTH_SECRET`` is not set.
    """
    from edge.auth.house_keys import HouseKeys
    from edge.auth.tokens.secrets import SecretKeySource
    from edge.aws.secrets import regional_secrets

    client = regional_secrets(settings, clock, endpoint=settings.secrets_endpoint)
    return HouseKeys(SecretKeySource(client, settings.require("auth_secret")), clock)


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


class GuardedKeyReads:
    """
    Keys behind a circuit breaker: while their table is gone, a call with a key does not wait for it each time.

    Args:
        store: the table.
        breaker: of this store alone.
    """

    def __init__(self, store: KeyReads, breaker: Breaker) -> None:
        self._store = store
        self._breaker = breaker

    def read(self, key_id: str) -> StoredKey | None:
        """Return all of a key, or raise what the store or the breaker raises."""
        return self._breaker.ask(lambda: self._store.read(key_id))

    def note_used(self, key_id: str, minute: int, *, kept_until: int | None) -> None:
        """Note that a key was used."""
        self._breaker.ask(lambda: self._store.note_used(key_id, minute, kept_until=kept_until))


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


def open_key_verifier(settings: Settings, clock: Clock) -> KeyVerifier:
    """
    Return what tells whose an API key is.

    Raises:
        edge.settings.SettingsError: ``KEYS_TABLE`` is not set.
    """
    from edge.auth.apikeys.authenticate import KeyVerifier
    from edge.auth.apikeys.dynamo import DynamoKeyStore
    from edge.auth.apikeys.text import ENVIRONMENTS
    from edge.aws.regional import regional_client
    from edge.breaker import Breaker

    store = DynamoKeyStore(
        regional_client(settings, clock), settings.require("keys_table"), region=settings.region.code
    )
    return KeyVerifier(
        GuardedKeyReads(store, Breaker(clock)),
        clock,
        env=ENVIRONMENTS[settings.stage],
        stale_seconds=settings.key_stale_seconds,
    )


def open_router() -> Router:
    """Return what ranks the deployed regions for a client."""
    from edge.geo.router import Router
    from edge.regions import DEPLOYED

    return Router(DEPLOYED)


def open_api_keys(settings: Settings, clock: Clock) -> ApiKeys:
    """
    Return what manages API keys.

    Raises:
        edge.settings.SettingsError: ``KEYS_TABLE`` is not set.
    """
    from os import urandom

    from edge.auth.apikeys.dynamo import DynamoKeyStore
    from edge.auth.apikeys.keys import ApiKeys
    from edge.auth.apikeys.text import ENVIRONMENTS
    from edge.aws.regional import regional_client

    store = DynamoKeyStore(
        regional_client(settings, clock), settings.require("keys_table"), region=settings.region.code
    )
    return ApiKeys(store, clock, env=ENVIRONMENTS[settings.stage], random=urandom)


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
