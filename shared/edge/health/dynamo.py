"""
The probe of a table: one read of a key that nobody has.

By the client that requests use, so that it meets what they meet: a connection that broke is made anew within the same
budget, as theirs is. A table that throttles or hangs has no such second chance in 300 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item

PROBE_BUDGET_MS: Final = 300

CANARY: Final = "health"
"""Both keys of the item that is asked for; nothing is stored under it."""


class TableProbe:
    """
    Asks a table.

    Args:
        client: of the region that the table is in.
        table: its name.
        has_sort_key: whether its key is ``pk`` and ``sk``, and not ``pk`` alone.
    """

    def __init__(self, client: DynamoDB, table: str, *, has_sort_key: bool) -> None:
        self._client = client
        key: Item = {"pk": {"S": CANARY}}
        if has_sort_key:
            key["sk"] = {"S": CANARY}
        self._request = {"TableName": table, "Key": key, "ProjectionExpression": "pk"}

    def ask(self) -> None:
        """
        Return if the table answers within :data:`PROBE_BUDGET_MS`.

        Raises:
            edge.problems.ServiceProblem: it does not.
        """
        self._client.get_item(self._request, budget_ms=PROBE_BUDGET_MS)
