"""
The access list as one item of the ``RateWindows`` table: each region has its own, read at most once a minute.

The item's key is ``!access``, which no subject's record has; its attribute ``document`` is the JSON of
:class:`edge.ratelimit.access.AccessList`. ``python -m infra.operate access put`` writes it.
"""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING, Final

from edge.aws.faults import Unavailable
from edge.aws.regional import regional_client
from edge.ratelimit.cached_access import CachedAccessList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.aws.dynamo import DynamoDB
    from edge.clock import Clock
    from edge.settings import Settings

ACCESS_KEY: Final = "!access"

READ_BUDGET_MS: Final = 150
"""A request may wait for it, once a minute, and is to be answered within 800 ms whatever breaks."""


def open_access_list(settings: Settings, clock: Clock) -> CachedAccessList:
    """
    Return the list of this region, read once already: a request need not wait for the first time.

    Raises:
        edge.settings.SettingsError: ``RATE_WINDOWS_TABLE`` is not set.
    """
    source = DynamoAccessSource(regional_client(settings, clock), settings.require("rate_windows_table"))
    access = CachedAccessList(source, clock)
    access.current()
    return access


class DynamoAccessSource:
    """
    Reads the item.

    Args:
        client: of the region.
        table: name of ``RateWindows``.
    """

    def __init__(self, client: DynamoDB, table: str) -> None:
        self._client = client
        self._table = table

    def read(self) -> Mapping[str, object] | None:
        """
        Return the document, or None if there is none; a minute old is as good as a second, so the read is a cheap one.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had.
            ValueError: the item holds no JSON.
        """
        item = self._client.get_item(
            {"TableName": self._table, "Key": {"pk": {"S": ACCESS_KEY}}}, budget_ms=READ_BUDGET_MS
        )
        if item is None:
            return None
        try:
            text = item["document"]["S"]
        except (LookupError, TypeError):
            raise Unavailable("garbled", outcome_unknown=False) from None
        document: Mapping[str, object] = loads(text)
        return document
