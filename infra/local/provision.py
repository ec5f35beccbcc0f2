"""
What the regions find when they start: tables, the keys of the house, a demo key of an administrator.

Keys are made once and kept under ``.local``, readable by their owner alone: a shell's history and a browser's tab go on
working over a restart.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from edge.auth.roles import SCOPES
from edge.regions import DEPLOYED, GLOBAL_STACK_REGION
from infra.local.emulator import LOCAL_CREDENTIALS
from infra.template import create_global_tables, create_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from infra.template import Stack

AUTH_SECRET_NAME: Final = "kaizen-edge-global-auth"  # noqa: S105 - a name
DEMO_KEY_FILE: Final = "demo-key"
TOKEN_ISSUER: Final = "kaizen-edge"  # noqa: S105 - a name; the template's default


class Provision:
    """
    Prepares one emulated account.

    Args:
        emulator_url: endpoint of every AWS API.
        local_dir: keys are kept there.

    Attributes:
        emulator_url: the same.
    """

    def __init__(self, emulator_url: str, local_dir: Path) -> None:
        self.emulator_url = emulator_url
        self._local_dir = local_dir

    def create_tables(self, regional: Mapping[str, Stack], once: Stack) -> None:
        """
        Create every table that is not there yet.

        Args:
            regional: what each region has, by our code for it.
            once: the global tables, which all have.
        """
        import boto3  # 0.2 s that the pre-checks and their errors need not wait for

        session = boto3.Session(
            LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"], LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
        )
        clients = {
            region.aws_region: session.client("dynamodb", region.aws_region, endpoint_url=self.emulator_url)
            for region in DEPLOYED
        }
        for region in DEPLOYED:
            create_tables(regional[region.code], clients[region.aws_region])
        create_global_tables(once, clients.__getitem__)
        from infra.auth_secret import put_auth_secret

        secret = self._auth_secret()

        for region in DEPLOYED:
            put_auth_secret(
                session.client("secretsmanager", region.aws_region, endpoint_url=self.emulator_url),
                AUTH_SECRET_NAME,
                secret,
            )

    def create_demo_key(self, keys_table: str) -> str:
        """
        Return the text of a key that may do everything, on the plan without a limit; the same at each start.

        Args:
            keys_table: name of the global table.
        """
        from edge.auth.apikeys.dynamo import DynamoKeyStore
        from edge.auth.apikeys.records import KeyMetadata, SecretVersion
        from edge.auth.apikeys.text import generate, parse
        from edge.aws.credentials import Credentials, FixedCredentials
        from edge.aws.dynamo import DynamoDB

        text = self._kept(DEMO_KEY_FILE, lambda: generate("dev", os.urandom).text).strip()
        shown = parse(text)
        client = DynamoDB(
            region=GLOBAL_STACK_REGION.aws_region,
            credentials=FixedCredentials(Credentials("local", "local")),
            endpoint=self.emulator_url,
        )
        now = int(time.time())
        metadata = KeyMetadata(
            id=shown.id,
            name="demo administrator of make up",
            role="ADMIN",
            plan="enterprise",
            scopes=SCOPES["ADMIN"],
            created_at=now,
            expires_at=None,
        )
        store = DynamoKeyStore(client, keys_table, region=GLOBAL_STACK_REGION.code)
        store.create(metadata, SecretVersion(1, shown.secret_hash, now, None))
        client.forget()
        return text

    def _auth_secret(self) -> str:
        from infra.auth_secret import completed

        kept = self._kept("auth-secret.json", self._new_secret)
        secret = completed(kept)
        if secret != kept:  # an earlier release kept it
            self._keep("auth-secret.json", secret)
        return secret

    def _new_secret(self) -> str:
        from infra.auth_secret import new_auth_secret

        return new_auth_secret(issuer=TOKEN_ISSUER, now_seconds=int(time.time()))

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """Return what the file holds, made now if there is none."""
        path = self._local_dir / name
        if not path.exists():
            self._keep(name, make())
        return path.read_text("utf-8")

    def _keep(self, name: str, text: str) -> None:
        """Write the file whole or not at all; only its owner can read it."""
        beside = self._local_dir / f"{name}.{os.getpid()}.tmp"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        beside.replace(self._local_dir / name)
