"""
Shards on DynamoDB: one conditional ``PutItem`` per flush, one ``Query`` per read, one transaction per fold.

All metrics of a region are under one partition key, ``M#<schema>``. Items by sort key:

=====================================  ==========================================================================
``S#<function>#<environment>#<gen>``   a shard: ``b`` blob, ``q`` sequence, ``a`` epoch ms of the flush, ``ttl``
the same                               its tombstone: ``f`` generation of the base that it is in, ``q``, ``a``, ``ttl``
``B#<function>``                       a base: ``b`` blob, ``g`` generation, ``l`` the shards of the last fold
=====================================  ==========================================================================

``B`` sorts before ``S``, and that matters: a query walks in key order, so bases are read before shards.
"""

from __future__ import annotations

import re
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from json.encoder import encode_basestring_ascii as json_string
from typing import TYPE_CHECKING, Final

from edge.aws.dynamo import ConditionFailed
from edge.aws.faults import Unavailable
from edge.telemetry.store import SCHEMA, SHARD_SECONDS, Contents, Obstacle, ShardKey, StoredBase, StoredShard

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.aws.wire import Item
    from edge.telemetry.store import Fold

FLUSH_BUDGET_MS: Final = 150
"""A request waits for this at most once in ten seconds."""

READ_BUDGET_MS: Final = 1_000
FOLD_BUDGET_MS: Final = 2_000

_MAX_PAGES: Final = 64
"""Of up to 1 MB each; beyond that somebody has filled the table with something else."""

_SHARD: Final = re.compile(r"S#([a-z_]{1,64})#([0-9a-f]{32})#([0-9]{1,6})")
_BASE: Final = re.compile(r"B#([a-z_]{1,64})")
_RECENT: Final = re.compile(r"([0-9a-f]{32})#([0-9]{1,6})")


class DynamoShardStore:
    """
    The metrics in one region's table.

    Args:
        client: of that region.
        table: its name.
        flush_budget_ms: a flush may take, its repetitions included.
        read_budget_ms: a page of a read may take.
        fold_budget_ms: a fold may take.
    """

    def __init__(
        self,
        client: DynamoDB,
        table: str,
        *,
        flush_budget_ms: int = FLUSH_BUDGET_MS,
        read_budget_ms: int = READ_BUDGET_MS,
        fold_budget_ms: int = FOLD_BUDGET_MS,
    ) -> None:
        self._client = client
        self._table = table
        self._table_json = json_string(table)
        self._flush_budget_ms = flush_budget_ms
        self._read_budget_ms = read_budget_ms
        self._fold_budget_ms = fold_budget_ms

    def put(self, shard: StoredShard, *, is_known: bool) -> Obstacle | None:
        """Store a state of a shard, if it is newer than what is there."""
        condition = '"attribute_not_exists(pk)"'
        if is_known:
            values = f'{{":q":{{"N":"{shard.sequence}"}}}}'
            condition = f'"q<:q AND attribute_not_exists(f)","ExpressionAttributeValues":{values}'
        request = (
            f'{{"TableName":{self._table_json},"Item":{{"pk":{{"S":"M#{SCHEMA}"}},"sk":{{"S":"{_sort_key(shard.key)}"}},'
            f'"b":{{"B":"{_base64(shard.blob)}"}},"q":{{"N":"{shard.sequence}"}},"a":{{"N":"{shard.flushed_at_ms}"}},'
            f'"ttl":{{"N":"{shard.flushed_at_ms // 1000 + SHARD_SECONDS}"}}}},"ConditionExpression":{condition},'
            '"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}'
        ).encode("ascii")
        # A repeated put that finds itself there is told apart by its number: see the flusher.
        outcome = self._client.put_item(request, repeatable=True, budget_ms=self._flush_budget_ms)
        if not isinstance(outcome, ConditionFailed):
            return None
        if outcome.item is None:
            return Obstacle(None, is_folded=False)
        try:
            return Obstacle(int(outcome.item["q"]["N"]), is_folded="f" in outcome.item)
        except (LookupError, TypeError, ValueError):
            raise Unavailable("garbled", outcome_unknown=True) from None

    def read(self) -> Contents:
        """Return everything, by consistent reads."""
        bases: list[StoredBase] = []
        shards: list[StoredShard] = []
        unreadable: list[str] = []
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "pk=:p",
            "ExpressionAttributeValues": {":p": {"S": f"M#{SCHEMA}"}},
            "ConsistentRead": True,
        }
        for number, page in enumerate(self._client.pages(request, budget_ms=self._read_budget_ms)):
            if number >= _MAX_PAGES:
                raise Unavailable("garbled", outcome_unknown=False)
            for item in page.items:
                found = _parse(item)
                if isinstance(found, StoredShard):
                    shards.append(found)
                elif isinstance(found, StoredBase):
                    bases.append(found)
                else:
                    unreadable.append(found)
        return Contents(bases, shards, unreadable)

    def fold(self, fold: Fold) -> bool:
        """Replace the base and turn the shards into tombstones; return False if any of them has changed."""
        base = fold.base
        is_first = base.generation == 1
        recent = ",".join(sorted([f"{environment}#{generation}" for environment, generation in base.recent]))
        put = {
            "TableName": self._table,
            "Item": {
                "pk": {"S": f"M#{SCHEMA}"},
                "sk": {"S": f"B#{base.function}"},
                "b": {"B": _base64(base.blob)},
                "g": {"N": str(base.generation)},
                "l": {"S": recent},
            },
            "ConditionExpression": "attribute_not_exists(pk)" if is_first else "g=:g",
        }
        if not is_first:
            put["ExpressionAttributeValues"] = {":g": {"N": str(base.generation - 1)}}
        bury = [
            {
                "Update": {
                    "TableName": self._table,
                    "Key": {"pk": {"S": f"M#{SCHEMA}"}, "sk": {"S": _sort_key(shard.key)}},
                    "UpdateExpression": "SET f=:f, #t=:t REMOVE b",
                    "ConditionExpression": "q=:q AND attribute_not_exists(f)",
                    "ExpressionAttributeNames": {"#t": "ttl"},
                    "ExpressionAttributeValues": {
                        ":f": {"N": str(base.generation)},
                        ":t": {"N": str(fold.expires_at_seconds)},
                        ":q": {"N": str(shard.sequence)},
                    },
                }
            }
            for shard in fold.shards
        ]
        cancelled = self._client.transact_write_items(
            {"TransactItems": [{"Put": put}, *bury], "ClientRequestToken": fold.token},
            repeatable=True,
            budget_ms=self._fold_budget_ms,
        )
        return cancelled is None


def _sort_key(key: ShardKey) -> str:
    return f"S#{key.function}#{key.environment}#{key.generation}"


def _base64(blob: bytes) -> str:
    return b2a_base64(blob, newline=False).decode("ascii")


def _parse(item: Item) -> StoredShard | StoredBase | str:
    """Return what *item* is, or its key if it is nothing of ours; ``repr`` keeps that to one line."""
    try:
        sort_key = item["sk"]["S"]
    except (LookupError, TypeError):
        return ""
    try:
        if found := _SHARD.fullmatch(sort_key):
            folded_in = int(item["f"]["N"]) if "f" in item else None
            blob = b"" if folded_in is not None else a2b_base64(item["b"]["B"], strict_mode=True)
            key = ShardKey(found[1], found[2], int(found[3]))
            return StoredShard(key, int(item["q"]["N"]), blob, int(item["a"]["N"]), folded_in)
        if found := _BASE.fullmatch(sort_key):
            recent = frozenset([(match[1], int(match[2])) for match in _RECENT.finditer(item["l"]["S"])])
            blob = a2b_base64(item["b"]["B"], strict_mode=True)
            return StoredBase(found[1], int(item["g"]["N"]), blob, recent)
    except (LookupError, TypeError, ValueError, NotBase64):
        pass
    return sort_key
