"""
The sum of a region's bases and shards, exact although they are read one after the other while others write and fold.

A fold moves shards into a base in one transaction, but no reader sees it in one: a query of several pages takes its time, and
even between the items of a transaction that is done there are moments. So the items tell on each other:

- a tombstone names the generation of the base that it went into. If the base that was read is older, the shard's numbers
  are in neither: the read is *torn*, and is done again;
- a base names the shards of its last folds. If one of them is read as a shard still, its numbers are in both: it is
  left out.

What is left is exact: every shard counts once, as it was at a moment of the read. And since each of them only grows, and a fold
takes only the state that it read, no sum is less than one that was read before.

An item that cannot be understood is left out and counted: ``edge_metric_shards{state="unreadable"}``. If it is a base, its
function is left out altogether: no number rather than one that steps back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from edge.problems import DependencyUnavailable
from edge.telemetry.labels import ROUTES
from edge.telemetry.shards import Garbled, decode
from edge.telemetry.totals import Totals, added

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.telemetry.store import Contents, ShardStore, StoredShard

READ_TRIES: Final = 4
"""Folds come once a minute at most; a read that each of four tears is no coincidence."""

WINDOW_MS: Final = 600_000


class TotalsUnavailable(DependencyUnavailable):
    """The metrics of a region cannot be told now: folds got in the way of every try."""

    slug, title, reason = "totals-unavailable", "Totals unavailable", "totals_unavailable"
    detail = "The metrics of this region cannot be read now."

    def __init__(self) -> None:
        super().__init__(1)


class FunctionTotals(NamedTuple):
    """
    What a function counted in a region.

    Attributes:
        totals: of all its environments, dead ones too.
        environments: that flushed within the last ten minutes.
    """

    totals: Totals
    environments: int


class RegionTotals(NamedTuple):
    """
    What was counted in a region, or in several.

    Attributes:
        functions: by name; every function is here but those whose base is unreadable.
        read_at_ms: epoch milliseconds, by the reader's clock.
        flushed_at_ms: the newest flush; None if there never was one.
        created_at: epoch seconds since when counters count; *read_at_ms* in seconds if none does.
        shards: of environments, that were read.
        unreadable: items that were not.
    """

    functions: dict[str, FunctionTotals]
    read_at_ms: int
    flushed_at_ms: int | None
    created_at: int
    shards: int
    unreadable: int


def read_totals(store: ShardStore, *, now_ms: int, tries: int = READ_TRIES) -> RegionTotals:
    """
    Read and sum a region's metrics.

    Args:
        store: of the region.
        now_ms: epoch milliseconds.
        tries: how often a torn read is done again, >= 1.

    Raises:
        TotalsUnavailable: every read was torn.
        edge.problems.ServiceProblem: as :meth:`~edge.telemetry.store.ShardStore.read`.
    """
    for _ in range(tries):
        contents = store.read()
        if not is_torn(contents):
            return sum_contents(contents, now_ms=now_ms)
    raise TotalsUnavailable


def is_torn(contents: Contents) -> bool:
    """Return whether a tombstone went into a base that is newer than the one that was read."""
    generations = {base.function: base.generation for base in contents.bases}
    unreadable = _unreadable_functions(contents)
    return any(
        shard.folded_in is not None
        and shard.key.function not in unreadable
        and shard.folded_in > generations.get(shard.key.function, 0)
        for shard in contents.shards
    )


def live_shards(contents: Contents) -> list[StoredShard]:
    """Return the shards whose numbers are in no base that was read."""
    recent = {base.function: base.recent for base in contents.bases}
    return [
        shard
        for shard in contents.shards
        if shard.folded_in is None
        and (shard.key.environment, shard.key.generation) not in recent.get(shard.key.function, ())
    ]


def sum_contents(contents: Contents, *, now_ms: int) -> RegionTotals:
    """Return the sum of *contents*, which are not torn."""
    parts: dict[str, list[Totals]] = {function: [] for function in ROUTES}
    environments = dict.fromkeys(ROUTES, 0)
    created_at = now_ms // 1000
    without = _unreadable_functions(contents)
    unreadable = len(contents.unreadable)
    for base in contents.bases:
        try:
            shard = decode(base.blob)
        except Garbled:
            unreadable += 1
            without.add(base.function)
            continue
        parts.setdefault(base.function, []).append(shard.totals)
        created_at = min(created_at, shard.started_at)
    flushed_at_ms = None
    live = live_shards(contents)
    for stored in live:
        function = stored.key.function
        try:
            shard = decode(stored.blob)
        except Garbled:
            unreadable += 1
            continue
        parts.setdefault(function, []).append(shard.totals)
        created_at = min(created_at, shard.started_at)
        if now_ms - stored.flushed_at_ms < WINDOW_MS:
            environments[function] = environments.get(function, 0) + 1
    for stored in contents.shards:  # tombstones too: a region of which all is folded is old, not unknown
        flushed_at_ms = max(flushed_at_ms or 0, stored.flushed_at_ms)
    functions = {
        function: FunctionTotals(added(found).trimmed(now_ms // 60_000), environments.get(function, 0))
        for function, found in parts.items()
        if function not in without
    }
    return RegionTotals(functions, now_ms, flushed_at_ms, created_at, len(live), unreadable)


def merge_regions(regions: Iterable[RegionTotals]) -> RegionTotals:
    """Return the sum of several regions, at least one; a function that one of them leaves out is the sum of the others."""
    read = list(regions)
    names = sorted({name for region in read for name in region.functions})
    functions = {}
    for name in names:
        found = [region.functions[name] for region in read if name in region.functions]
        functions[name] = FunctionTotals(
            added([each.totals for each in found]), sum([each.environments for each in found])
        )
    return RegionTotals(
        functions,
        max(region.read_at_ms for region in read),
        max((region.flushed_at_ms for region in read if region.flushed_at_ms is not None), default=None),
        min(region.created_at for region in read),
        sum(region.shards for region in read),
        sum(region.unreadable for region in read),
    )


def _unreadable_functions(contents: Contents) -> set[str]:
    return {key[2:] for key in contents.unreadable if key.startswith("B#")}
