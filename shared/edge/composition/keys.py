"""The keys of the house, and the API keys of its callers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.auth.apikeys.authenticate import KeyVerifier
    from edge.auth.apikeys.keys import ApiKeys
    from edge.auth.apikeys.records import StoredKey
    from edge.auth.apikeys.store import KeyReads
    from edge.auth.house_keys import HouseKeys
    from edge.breaker import Breaker
    from edge.clock import Clock
    from edge.settings import Settings


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
