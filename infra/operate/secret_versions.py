"""
The secret's versions, and the one way to replace the current one: only if it is still the one that was read.

Secrets Manager has no conditional put, but it has a conditional move of a label. So a new version is put under a label of
its own, which nobody reads, and then ``AWSCURRENT`` is moved *from the version that was read* to it. Of two that do this at
the same time one is refused, and nobody's new key is lost behind a document that was written without it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import ClientError

from infra.auth_secret import check_auth_secret
from infra.operate.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT: Final = "AWSCURRENT"

_MISSING: Final = "ResourceNotFoundException"


class Current(NamedTuple):
    """
    The current version.

    Attributes:
        version_id: AWS's name of it; None if there is none.
        text: the document; None for a secret without a value.
        changed_at: epoch seconds; None without a value.
    """

    version_id: str | None
    text: str | None
    changed_at: int | None

    def __repr__(self) -> str:
        """Leave out the document."""
        return f"Current(version_id={self.version_id!r})"


class SecretVersions:
    """
    One secret in the region where it is written.

    Args:
        client: boto3's.
        name: of the secret.
    """

    def __init__(self, client: SecretsManagerClient, name: str) -> None:
        self._client = client
        self._name = name

    def current(self) -> Current:
        """
        Return the current version.

        Raises:
            Failure: there is no such secret.
        """
        try:
            answer = self._client.get_secret_value(SecretId=self._name)
        except ClientError as error:
            if _code(error) != _MISSING:
                raise
            return self._without_value()
        text: object = dict(answer).get("SecretString")
        if not isinstance(text, str):  # the emulator has a version without a text
            return Current(answer["VersionId"], None, None)
        return Current(answer["VersionId"], text, int(answer["CreatedDate"].timestamp()))

    def make(self) -> None:
        """Make the secret, without a value, if there is none: the emulator has no stack that does."""
        with suppress(self._client.exceptions.ResourceExistsException):
            self._client.create_secret(Name=self._name)

    def replace(self, before: Current, text: str) -> str:
        """
        Make *text* the current version in place of *before*; return its id.

        Args:
            before: what the new document was made from.
            text: is checked first.

        Raises:
            edge.problems.ServiceProblem: a function would refuse *text*; nothing was written.
            Failure: somebody else changed the secret meanwhile; theirs holds.
        """
        check_auth_secret(text)
        version_id = os.urandom(16).hex()
        label = f"operate-{version_id[:12]}"
        self._client.put_secret_value(
            SecretId=self._name, SecretString=text, ClientRequestToken=version_id, VersionStages=[label]
        )
        try:
            if before.version_id is None:
                self._client.update_secret_version_stage(
                    SecretId=self._name, VersionStage=CURRENT, MoveToVersionId=version_id
                )
            else:
                self._client.update_secret_version_stage(
                    SecretId=self._name,
                    VersionStage=CURRENT,
                    MoveToVersionId=version_id,
                    RemoveFromVersionId=before.version_id,
                )
        except ClientError:
            found = self.current().version_id
            if found not in (version_id, before.version_id):
                raise Failure(
                    "changed_meanwhile",
                    "Somebody else changed the secret at the same time; nothing was changed here. Look, then try again.",
                ) from None
            if found != version_id:  # else our own repetition was refused: the first try had happened
                raise
        finally:
            # A version without a label is forgotten by AWS.
            with suppress(ClientError):
                self._client.update_secret_version_stage(
                    SecretId=self._name, VersionStage=label, RemoveFromVersionId=version_id
                )
        return version_id

    def _without_value(self) -> Current:
        """Tell a secret without a value from none: AWS has one code for both."""
        try:
            self._client.describe_secret(SecretId=self._name)
        except ClientError as error:
            if _code(error) != _MISSING:
                raise
            raise Failure(
                "no_secret", "There is no such secret: deploy infra/global.yaml, or check --global-stack."
            ) from None
        return Current(None, None, None)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
