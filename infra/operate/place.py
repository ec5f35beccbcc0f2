"""
Where a command acts: an account or the emulator, a region, a stage, the names of what is there.

The product's own stores do the work, with credentials that boto3 found (environment, profile, SSO) and as they are at the
start: a command takes seconds. boto3 itself writes the secret, which the product only reads.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import boto3
from botocore.config import Config

from edge.auth.apikeys.dynamo import DynamoKeyStore
from edge.auth.apikeys.keys import ApiKeys
from edge.auth.apikeys.text import ENVIRONMENTS
from edge.auth.house_keys import HouseKeys
from edge.auth.sessions.dynamo import DynamoSessionStore
from edge.auth.sessions.families import Families
from edge.auth.sessions.refresh_token import RefreshKeys
from edge.auth.tokens.keyring import KeyRing
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.aws.secrets import SecretsManager
from edge.regions import GLOBAL_STACK_REGION
from edge.versioned_secrets import VersionedSecretsInvalid
from infra.local.emulator import LOCAL_CREDENTIALS
from infra.operate.failures import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from edge.clock import Clock
    from edge.regions import Region
    from edge.versioned_secrets import VersionedSecret

BUDGET: Final = Budget(connect_ms=3_000, attempt_ms=4_000, call_ms=10_000, attempts=3)
"""A person waits, perhaps on another continent; functions have theirs in :mod:`edge.aws.regional`."""

BOTO_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}
)


class Names(NamedTuple):
    """
    What is called what there.

    Attributes:
        stage: development, staging or production.
        stack: the regional stack; prefix of its tables.
        global_stack: the stack of what exists once; prefix of its tables and its secret.
        issuer: ``iss`` of tokens.
        audience: ``aud`` of tokens.
    """

    stage: str
    stack: str
    global_stack: str
    issuer: str
    audience: str

    @property
    def secret(self) -> str:
        """Return the name of the secret with the keys of the house."""
        return f"{self.global_stack}-auth"


class Place:
    """
    Opens what a command needs.

    Args:
        region: where commands act that act in one.
        names: of what is there.
        clock: of this machine.
        profile: of the AWS configuration; None for the default.
        local_dir: of a running local setup, which is then meant in place of AWS.

    Attributes:
        region: the same.
        names: the same.
        clock: the same.
        local_dir: the same.

    Raises:
        Failure: no local setup runs, or there are no credentials.
        botocore.exceptions.BotoCoreError: credentials cannot be had.
    """

    def __init__(
        self, region: Region, names: Names, clock: Clock, *, profile: str | None, local_dir: Path | None
    ) -> None:
        self.region = region
        self.names = names
        self.clock = clock
        self.local_dir = local_dir
        self._endpoint = None if local_dir is None else _emulator_url(local_dir)
        with _settings_of(local=local_dir is not None):
            if local_dir is None:
                self._session = boto3.Session(profile_name=profile)
            else:
                pair = LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"], LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
                self._session = boto3.Session(*pair)
            self._credentials = _frozen(self._session)
        self._dynamo: dict[Region, DynamoDB] = {}
        self._writers: dict[Region, SecretsManagerClient] = {}

    @property
    def is_local(self) -> bool:
        """Tell whether the emulator is meant."""
        return self._endpoint is not None

    def now_seconds(self) -> int:
        """Return epoch seconds."""
        return self.clock.now_ms() // 1000

    def dynamo(self, region: Region) -> DynamoDB:
        """Return the client of *region*'s tables."""
        if region not in self._dynamo:
            self._dynamo[region] = DynamoDB(
                region=region.aws_region,
                credentials=self._credentials,
                endpoint=self._endpoint,
                budget=BUDGET,
                clock=self.clock,
            )
        return self._dynamo[region]

    def api_keys(self) -> ApiKeys:
        """Return what manages API keys."""
        store = DynamoKeyStore(
            self.dynamo(self.region), f"{self.names.global_stack}-keys", region=self.region.code
        )
        return ApiKeys(store, self.clock, env=ENVIRONMENTS[self.names.stage], random=os.urandom)

    def sessions(self, region: Region) -> DynamoSessionStore:
        """Return the sessions of *region*."""
        prefix = self.names.global_stack
        return DynamoSessionStore(self.dynamo(region), f"{prefix}-sessions", f"{prefix}-keys")

    def house_keys(self) -> HouseKeys:
        """
        Return the keys of the house as a function of this region has them.

        Raises:
            edge.problems.ServiceProblem: they cannot be had, or are none.
        """
        client = SecretsManager(
            region=self.region.aws_region,
            credentials=self._credentials,
            endpoint=self._endpoint,
            budget=BUDGET,
            clock=self.clock,
        )
        try:
            text = client.get_secret_value(self.names.secret)
        finally:
            client.forget()
        # These say what is wrong, where a function only says that it has no keys.
        KeyRing.parse(text)
        refresh_entries(text)
        return HouseKeys(_Text(text), self.clock)

    def families(self, keys: HouseKeys) -> Families:
        """Return what begins and ends sessions; those that are begun are at home in this region."""
        return Families(own=self.region, store_of=self.sessions, keys_of=keys.refresh_keys, clock=self.clock)

    def secrets_manager(self, region: Region = GLOBAL_STACK_REGION) -> SecretsManagerClient:
        """Return boto3's client; the secret is written in the global stack's region, AWS replicates it."""
        if region not in self._writers:
            with _settings_of(local=self.is_local):
                self._writers[region] = self._session.client(
                    "secretsmanager", region.aws_region, endpoint_url=self._endpoint, config=BOTO_CONFIG
                )
        return self._writers[region]

    def close(self) -> None:
        """Close connections."""
        for client in self._dynamo.values():
            client.forget()
        for writer in self._writers.values():
            writer.close()


def refresh_entries(text: str) -> list[VersionedSecret]:
    """
    Return the refresh keys of the secret's text.

    Args:
        text: a JSON object, as :meth:`edge.auth.tokens.keyring.KeyRing.parse` has seen.

    Raises:
        Failure: it states none that can be used.
    """
    entries = json.loads(text).get("refresh_keys")
    try:
        RefreshKeys.parse(entries)
    except VersionedSecretsInvalid as invalid:
        raise Failure("keys_refused", f"The secret's content cannot be used: {invalid}.") from None
    return cast("list[VersionedSecret]", entries)


class _Text:
    """A secret's text that was read already."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> str:
        return self._text


def _emulator_url(local_dir: Path) -> str:
    try:
        url = json.loads((local_dir / "state.json").read_text("utf-8"))["emulator"]
    except FileNotFoundError:
        raise Failure(
            "no_local_setup", "No local setup runs in this tree: start one with `make up`."
        ) from None
    except (OSError, ValueError, LookupError, TypeError):
        raise Failure("no_local_setup", "The local setup's state.json cannot be read.") from None
    return str(url)


def _frozen(session: boto3.Session) -> FixedCredentials:
    found = session.get_credentials()
    if found is None:
        raise Failure("credentials", "There are no AWS credentials: sign in, or choose a --profile.")
    frozen = found.get_frozen_credentials()
    try:
        return FixedCredentials(
            Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token or None)
        )
    except ValueError:
        raise Failure("credentials", "The AWS credentials are incomplete or not printable ASCII.") from None


@contextmanager
def _settings_of(*, local: bool) -> Iterator[None]:
    """Keep a user's profile, region or endpoint from boto3 while it is set up for the emulator."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if local and name.startswith("AWS_")}
    try:
        yield
    finally:
        os.environ.update(hidden)
