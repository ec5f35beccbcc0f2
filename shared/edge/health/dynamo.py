"""The probe of the regional table: one read of a key that nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.aws.regional import regional_client

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.clock import Clock
    from edge.settings import Settings

PROBE_BUDGET_MS: Final = 300


def open_probe(settings: Settings, clock: Clock) -> TableProbe:
    """
    Return the probe of this region's rate windows, the table that every request needs.

    Raises:
        edge.settings.SettingsError: ``RATE_WINDOWS_TABLE`` is not set.
    """
    return TableProbe(regional_client(settings, clock), settings.require("rate_windows_table"))


class TableProbe:
    """
    Asks a table.

    Args:
        client: of the region that the table is in.
        table: its name; its hash key is ``pk``.
    """

    def __init__(self, client: DynamoDB, table: str) -> None:
        self._client = client
        self._table = table

    def ask(self) -> None:
        """
        Return if the table answers within :data:`PROBE_BUDGET_MS`.

        Raises:
            edge.problems.ServiceProblem: it does not.
        """
        self._client.get_item(
            {"TableName": self._table, "Key": {"pk": {"S": "health"}}, "ProjectionExpression": "pk"},
            budget_ms=PROBE_BUDGET_MS,
        )
