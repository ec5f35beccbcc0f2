"""
The store of cells on DynamoDB: the global table ``RegionHealth``, under a partition key of its own.

- ``pk`` = ``CELLS``, ``sk`` = ``C#<writer>#<cell>``: what one region learned of one cell, under 1 KB: ``a`` (S,
  ``<slot name>:<ms>:<samples>`` joined by commas), ``at`` (N, epoch milliseconds that the weights are as of), ``v`` (N, counts
  writes), ``by`` (S, names the write), ``ttl``
- ``pk`` = ``CELLS``, ``sk`` = ``T#<version>``: an installed table in one item: ``m`` (M of S by region code,
  ``<cell>:<ms>:<samples>`` joined by commas)

Observations and drains have another ``pk``: whoever watches the regions every few seconds does not pay for cells.

Two containers of a region write the same item. Each reads it, adds its samples and puts it back on the condition that the
version is still the one read; the condition is evaluated in the region, and no other region writes the item, so that
replication, where the last writer wins, has nothing to choose. A write whose answer was lost is found by its name.
An item holds a table whole: one write installs it, or nothing is installed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from edge.aws.dynamo import ConditionFailed
from edge.aws.faults import Unavailable
from edge.geo.cell_store import CellPage, InstalledTable, LearnedCell, Measured
from edge.geo.cells import (
    HALF_LIFE_MS,
    MOST_SAMPLES,
    Average,
    BadCellRow,
    CellRow,
    add_averages,
    checked_row,
)
from edge.geo.slots import SLOTS, is_slot_name
from edge.regions import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import AttributeValue, Item, Request

PAGE_CELLS: Final = 100
CALL_BUDGET_MS: Final = 150
"""How long a request may be held up by one call, once in a while."""

RESTAMP_MS: Final = 24 * 3_600_000
"""
Weights are stored as of ``at``, which moves on once a day and not with every write (forward decay: Cormode and others,
2009): rounded at every write, a weight that fades by less than the last digit would never fade.
"""

KEPT_MS: Final = 5 * HALF_LIFE_MS
"""After this, 200 samples weigh six: DynamoDB may delete the item."""

TABLE_DIGITS: Final = 13
_LAST_VERSION: Final = 10**TABLE_DIGITS - 1
LEAST_WEIGHT: Final = 0.05
_PARTITION: Final = "CELLS"
_TRIES: Final = 2


class DynamoCellStore:
    """
    Measured cells in a DynamoDB table, as one region writes them.

    Args:
        client: of the region that the table's replica is in.
        table: its name.
        writer: code of that region; nobody else may write under it.
        call_budget_ms: for one call.
        page_cells: how many items a page has at most, each under 1 KB.
        random: returns that many random bytes; they name writes.
    """

    def __init__(
        self,
        client: DynamoDB,
        table: str,
        *,
        writer: str,
        call_budget_ms: int = CALL_BUDGET_MS,
        page_cells: int = PAGE_CELLS,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._client = client
        self._table = table
        self._writer = writer
        self._budget_ms = call_budget_ms
        self._page_cells = page_cells
        self._random = random

    def page(self, after: str | None) -> CellPage:
        """
        Return some learned cells of all writers, by one eventually consistent Query.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had.
        """
        request: dict[str, object] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :c)",
            "ExpressionAttributeValues": {":pk": {"S": _PARTITION}, ":c": {"S": "C#"}},
            "Limit": self._page_cells,
        }
        if after is not None:
            request["ExclusiveStartKey"] = _key(after)
        page = self._client.query(request, budget_ms=self._budget_ms)
        cells: list[LearnedCell] = []
        unreadable = 0
        for item in page.items:
            try:
                _, writer, number = item["sk"]["S"].split("#")
                cells.append(LearnedCell(BY_CODE[writer].code, int(number), _averages(item)))
            except (LookupError, TypeError, ValueError, AttributeError):
                unreadable += 1
        return CellPage(tuple(cells), _after(page.last_key), unreadable)

    def add(self, cell: int, learned: Mapping[str, Average], *, now_ms: int) -> None:
        """
        Add samples to what this region has learned of *cell*: a consistent read and a conditional write.

        An item that cannot be read, of a newer version perhaps, is left as it is, and the samples are lost.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had; the samples may have been added.
        """
        key = _key(f"C#{self._writer}#{cell:04}")
        name = self._random(4).hex()
        item = self._client.get_item(
            {"TableName": self._table, "Key": key, "ConsistentRead": True}, budget_ms=self._budget_ms
        )
        for _ in range(_TRIES):
            try:
                known = {} if item is None else _averages(item)
                version, at_ms = (0, now_ms) if item is None else (int(item["v"]["N"]), int(item["at"]["N"]))
            except (LookupError, TypeError, ValueError, AttributeError):
                return
            added = add_averages(known, learned, now_ms=now_ms)
            outcome = self._client.put_item(
                self._put(
                    key,
                    added,
                    version=version,
                    name=name,
                    at_ms=at_ms if 0 <= now_ms - at_ms < RESTAMP_MS else now_ms,
                    now_ms=now_ms,
                ),
                repeatable=True,
                budget_ms=self._budget_ms,
            )
            if not isinstance(outcome, ConditionFailed):
                return
            item = outcome.item
            if item is not None and item.get("by") == {"S": name}:
                return  # its first try arrived, the answer did not

    def newer_table(self, than: int) -> InstalledTable | None:
        """
        Return the table with the highest version above *than*, or None; one that is known is not read again.

        Raises:
            edge.aws.faults.Unavailable: the table cannot be had, or is none.
        """
        if than >= _LAST_VERSION:
            return None
        page = self._client.query(
            {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
                "ExpressionAttributeValues": {
                    ":pk": {"S": _PARTITION},
                    ":low": {"S": _table_sk(than + 1)},
                    ":high": {"S": _table_sk(_LAST_VERSION)},
                },
                "ScanIndexForward": False,
                "Limit": 1,
            },
            budget_ms=self._budget_ms,
        )
        if not page.items:
            return None
        item = page.items[0]
        try:
            cells: dict[int, dict[str, Measured]] = {}
            for region, coded in item["m"]["M"].items():
                for cell, ms, samples in _entries(coded["S"]):
                    row = CellRow(
                        cell=int(cell), region=region, ms=float(ms), samples=float(samples), at_ms=0
                    )
                    number, code, average = checked_row(row)
                    cells.setdefault(number, {})[code] = Measured(average.ms, average.samples)
            return InstalledTable(int(item["sk"]["S"][2:]), cells)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise Unavailable("garbled", outcome_unknown=False) from None

    def install(self, table: InstalledTable) -> bool:
        """
        Put a table there by one write; False if there is one of its version already.

        Raises:
            ValueError: it holds what no table can.
            edge.aws.faults.Unavailable: the table cannot be had; it may be installed.
        """
        if not 0 < table.version <= _LAST_VERSION:
            raise ValueError("a version is epoch milliseconds")
        coded: dict[str, list[str]] = {}
        for cell, regions in sorted(table.cells.items()):
            for region, (ms, samples) in regions.items():
                checked_row(CellRow(cell=cell, region=region, ms=ms, samples=samples, at_ms=0))
                coded.setdefault(region, []).append(f"{cell}:{ms:.1f}:{samples:g}")
        values: dict[str, AttributeValue] = {
            region: {"S": ",".join(entries)} for region, entries in sorted(coded.items())
        }
        name = self._random(4).hex()
        outcome = self._client.put_item(
            {
                "TableName": self._table,
                "Item": {**_key(_table_sk(table.version)), "m": {"M": values}, "by": {"S": name}},
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
            repeatable=True,
            budget_ms=None,
        )
        if isinstance(outcome, ConditionFailed):
            return outcome.item is not None and outcome.item.get("by") == {"S": name}
        return True

    def _put(
        self,
        key: Item,
        averages: Mapping[str, Average],
        *,
        version: int,
        name: str,
        at_ms: int,
        now_ms: int,
    ) -> Request:
        item: Item = {
            **key,
            "a": {"S": averages_text(averages, at_ms=at_ms)},
            "at": {"N": str(at_ms)},
            "v": {"N": str(version + 1)},
            "by": {"S": name},
            "ttl": {"N": str((now_ms + KEPT_MS) // 1000)},
        }
        request: dict[str, object] = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if version:
            request |= {
                "ConditionExpression": "v = :v",
                "ExpressionAttributeValues": {":v": {"N": str(version)}},
            }
        return request


def averages_text(averages: Mapping[str, Average], *, at_ms: int) -> str:
    """
    Return averages as they are stored, weights as of *at_ms*; what weighs nothing any more is left out.

    Example:
        >>> averages_text({"iad1.3": Average(80.52, 12.0, 1_000)}, at_ms=1_000)
        'iad1.3:80.5:12.0'
    """
    coded: list[str] = []
    for name, (ms, samples, of_ms) in sorted(averages.items()):
        # A later sample weighs more than one; the clock of whoever wrote it is not let run away with it.
        half_lives = min(max((of_ms - at_ms) / HALF_LIFE_MS, -100.0), 1.0)
        weight = min(samples * 2.0**half_lives, MOST_SAMPLES)
        if weight >= LEAST_WEIGHT:
            coded.append(f"{name}:{max(ms, 0.1):.1f}:{weight:.1f}")
    return ",".join(coded)


def _averages(item: Item) -> dict[str, Average]:
    """
    Return the averages of an item.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: it has none.
    """
    cell, at_ms = int(item["sk"]["S"].rpartition("#")[2]), int(item["at"]["N"])
    found: dict[str, Average] = {}
    for name, ms, samples in _entries(item["a"]["S"]):
        if not is_slot_name(name, BY_CODE) or len(found) >= len(BY_CODE) * SLOTS:
            raise BadCellRow
        row = CellRow(cell=cell, region=name, ms=float(ms), samples=float(samples), at_ms=at_ms)
        found[name] = checked_row(row)[2]
    return found


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    for entry in text.split(",") if text else ():
        name, first, second = entry.split(":")
        yield name, first, second


def _after(last_key: Item | None) -> str | None:
    if last_key is None:
        return None
    try:
        return last_key["sk"]["S"]
    except (LookupError, TypeError):
        raise Unavailable("garbled", outcome_unknown=False) from None


def _key(sk: str) -> Item:
    return {"pk": {"S": _PARTITION}, "sk": {"S": sk}}


def _table_sk(version: int) -> str:
    return f"T#{version:0{TABLE_DIGITS}}"
