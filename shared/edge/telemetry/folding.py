"""
Takes the shards of environments that are gone into the base of their function, so that reading stays cheap.

Whoever runs on a schedule calls :func:`fold_idle`; when several do at once, one of them has its way with each function and the
others change nothing. It may die between any two steps: a fold is one transaction.

An environment that is merely asleep may be folded too. It finds a tombstone when it wakes, and goes on in a new shard
(:mod:`edge.telemetry.flushing`). No clock decides whether a sum is right, only how many items it is made of.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.telemetry.region_totals import is_torn, live_shards
from edge.telemetry.shards import MAX_BLOB_BYTES, Garbled, Shard, decode, encode
from edge.telemetry.store import MAX_FOLDED, TOMBSTONE_SECONDS, Fold, StoredBase
from edge.telemetry.totals import added

if TYPE_CHECKING:
    from edge.telemetry.store import Contents, ShardStore, StoredShard

IDLE_MS: Final = 3_600_000
"""An environment that did not flush for so long is taken for gone: Lambda keeps idle ones for minutes."""

MAX_FOLDS: Final = 10
"""In one call; each is one transaction."""

_MAX_BYTES: Final = 3 * 1024 * 1024
"""Of shards in one fold; a transaction has at most 4 MB."""


class Folded(NamedTuple):
    """
    What a call did.

    Attributes:
        shards: that went into their base.
        refused: folds that somebody else, or a flush, was quicker than.
        left: idle shards that are still to be folded.
    """

    shards: int
    refused: int
    left: int


def fold_idle(
    store: ShardStore, *, now_ms: int, idle_ms: int = IDLE_MS, max_folds: int = MAX_FOLDS
) -> Folded:
    """
    Fold the shards that nobody wrote for *idle_ms*.

    Args:
        store: of the region.
        now_ms: epoch milliseconds.
        idle_ms: >= 0.
        max_folds: transactions in this call, >= 1; what is left waits for the next call.

    Returns:
        What was done; nothing if the read was torn by another's fold.

    Raises:
        edge.problems.ServiceProblem: the store cannot be had; what was folded before that is folded.
    """
    contents = store.read()
    if is_torn(contents):
        return Folded(0, 0, 0)
    plans = plan_folds(contents, now_ms=now_ms, idle_ms=idle_ms)
    done = refused = 0
    for fold in plans[:max_folds]:
        if store.fold(fold):
            done += len(fold.shards)
        else:
            refused += 1
    return Folded(done, refused, _idle_count(contents, now_ms=now_ms, idle_ms=idle_ms) - done)


def plan_folds(contents: Contents, *, now_ms: int, idle_ms: int) -> list[Fold]:
    """Return at most one fold for each function; a shard or base that cannot be understood is left alone."""
    idle: dict[str, list[StoredShard]] = {}
    for stored in live_shards(contents):
        if _is_idle(stored, now_ms, idle_ms):
            idle.setdefault(stored.key.function, []).append(stored)
    bases = {base.function: base for base in contents.bases}
    seen_live = {
        (stored.key.environment, stored.key.generation)
        for stored in contents.shards
        if stored.folded_in is None
    }
    plans = []
    for function, shards in sorted(idle.items()):
        if f"B#{function}" in contents.unreadable:
            continue
        base = bases.get(function)
        plan = _plan(function, base, shards, now_ms)
        if plan is None:
            continue
        if base is not None:
            # A shard that was folded before and is still seen as one has to be told apart for longer.
            recent = plan.base.recent | (base.recent & seen_live)
            plan = plan._replace(base=plan.base._replace(recent=recent))
        plans.append(plan)
    return plans


def _is_idle(stored: StoredShard, now_ms: int, idle_ms: int) -> bool:
    return now_ms - stored.flushed_at_ms >= idle_ms


def _idle_count(contents: Contents, *, now_ms: int, idle_ms: int) -> int:
    return sum([_is_idle(stored, now_ms, idle_ms) for stored in live_shards(contents)])


def _plan(function: str, base: StoredBase | None, shards: list[StoredShard], now_ms: int) -> Fold | None:
    try:
        parts = [] if base is None else [decode(base.blob)]
    except Garbled:
        return None
    taken: list[StoredShard] = []
    room_bytes = _MAX_BYTES
    for stored in sorted(shards, key=lambda stored: stored.flushed_at_ms):
        room_bytes -= len(stored.blob)
        if len(taken) == MAX_FOLDED or room_bytes < 0:
            break
        try:
            parts.append(decode(stored.blob))
        except Garbled:
            continue
        taken.append(stored)
    if not taken:
        return None
    whole = Shard(min(part.started_at for part in parts), added([part.totals for part in parts]))
    blob = encode(whole, minute=now_ms // 60_000)
    if len(blob) > MAX_BLOB_BYTES:
        return None
    folded = frozenset([(stored.key.environment, stored.key.generation) for stored in taken])
    generation = 1 if base is None else base.generation + 1
    return Fold(
        StoredBase(function, generation, blob, folded),
        taken,
        now_ms // 1000 + TOMBSTONE_SECONDS,
        os.urandom(16).hex(),
    )
