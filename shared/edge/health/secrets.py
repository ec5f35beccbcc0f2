"""The probe of the secret store: one read of the secret of the house, whose text is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.aws.secrets import regional_secrets

if TYPE_CHECKING:
    from edge.aws.secrets import SecretsManager
    from edge.clock import Clock
    from edge.settings import Settings

SECRET_BUDGET_MS: Final = 400
"""It answers in tens of milliseconds, some hundred where it asks KMS first or the connection is new."""

FRESH_SECRET_MS: Final = 60_000
"""Each read is paid for, and keys in use do not wait for the store: asked as seldom as the keys themselves are."""


def open_secret_probe(settings: Settings, clock: Clock) -> SecretProbe:
    """
    Return the probe of this region's secret store.

    Raises:
        edge.settings.SettingsError: ``AUTH_SECRET`` is not set.
    """
    client = regional_secrets(settings, clock, endpoint=settings.secrets_endpoint)
    return SecretProbe(client, settings.require("auth_secret"))


class SecretProbe:
    """
    Asks for a secret.

    Args:
        client: of the region that the secret is in.
        secret_id: name or ARN.
    """

    def __init__(self, client: SecretsManager, secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id

    def ask(self) -> None:
        """
        Return if the secret can be read within :data:`SECRET_BUDGET_MS`.

        Raises:
            edge.problems.ServiceProblem: it cannot.
        """
        self._client.get_secret_value(self._secret_id, budget_ms=SECRET_BUDGET_MS)
