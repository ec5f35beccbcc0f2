"""The key document in AWS Secrets Manager: one secret, replicated to every region, so that each reads its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.aws.secrets import SecretsManager


class SecretKeySource:
    """
    Reads the current version of a secret.

    Args:
        client: of this region.
        secret_id: name or ARN.
    """

    def __init__(self, client: SecretsManager, secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id

    def read(self) -> str:
        """
        Return the secret's text.

        Raises:
            edge.aws.faults.Unavailable: the service gave no usable answer.
            edge.aws.faults.Refused: there is no such secret, or our role may not read it.
        """
        return self._client.get_secret_value(self._secret_id)
