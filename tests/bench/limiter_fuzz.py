"""
The limiter's random lives on ministack, 100,000 checks: never above the limit, and what memory admits, an engine admits.

A life is tests/unit/ratelimit/fuzz.py: late writes, lost snapshots, costs, refunds, resets, changed limits, and clocks
that disagree, on a virtual clock. Each has a subject of its own, so that several run at once. "Violations" are lives in
which some window of stamps holds more than its limit; "differing" are lives whose admissions or calls are not those of
the same life in memory. Calls are all writes, also those that a denial or a sweep costs.

It ends after so many checks. The contract tests run the same lives on every engine, only fewer.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.ratelimit.dynamo import DynamoStore
from infra.template import create_tables, load_stack
from tests.contract.ratelimit.conftest import REGION, TEMPLATE, open_client, rate_windows
from tests.engines import reference_client, run_ministack
from tests.unit.ratelimit.fuzz import run_life

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.aws.dynamo import DynamoDB

LIVES: Final = 250
CHECKS: Final = 400
"""Begun at top level in each life; those of other containers, before a late write arrives, come on top."""

THREADS: Final = 4
ROW_LIVES: Final = 50


class Lived(NamedTuple):
    """
    One life on an engine, or the sum of several.

    Attributes:
        checks: begun at top level.
        admitted: checks that were charged.
        calls: writes that reached the engine, amendments aside.
        violations: lives with a window that holds more than its limit.
        differing: lives that went otherwise than in memory.
    """

    checks: int
    admitted: int
    calls: int
    violations: int
    differing: int


def live(client: DynamoDB, seed: int, *, checks: int) -> Lived:
    """Return what became of the life of *seed* on the engine of *client*, beside the same in memory."""
    store = DynamoStore(client, rate_windows().name)
    lived = run_life(seed, checks=checks, store=store, subject=str(uuid.uuid4()))
    expected = run_life(seed, checks=checks)
    is_same = (lived.admissions, lived.calls) == (expected.admissions, expected.calls)
    return Lived(checks, len(lived.admissions), lived.calls, int(lived.excess() > 0), int(not is_same))


def total(lives: Iterable[Lived]) -> Lived:
    """Return the sum of *lives*."""
    return Lived(*map(sum, zip(*lives, strict=True)))


def main() -> None:
    """Start the engine, live, print a row as soon as it is known, stop."""
    print("| lives | checks | admitted | violations | differing | calls per admitted check | seconds |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder, run_ministack(Path(folder) / "ministack.log") as url:
        create_tables(load_stack(TEMPLATE, aws_region=REGION), reference_client(url, region=REGION))
        client = open_client(url)
        began = time.monotonic()
        rows: list[Lived] = []
        with ThreadPoolExecutor(THREADS) as pool:
            for first in range(0, LIVES, ROW_LIVES):
                seeds = range(first, min(first + ROW_LIVES, LIVES))
                row_began = time.monotonic()
                rows.append(total(pool.map(lambda seed: live(client, seed, checks=CHECKS), seeds)))
                _print_row(f"{seeds.start} to {seeds.stop - 1}", rows[-1], time.monotonic() - row_began)
        _print_row("all", total(rows), time.monotonic() - began)
        client.forget()


def _print_row(name: str, lived: Lived, seconds: float) -> None:
    calls = lived.calls / lived.admitted
    print(
        f"| {name} | {lived.checks:,} | {lived.admitted:,} | {lived.violations} | {lived.differing} "
        f"| {calls:.3f} | {seconds:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
