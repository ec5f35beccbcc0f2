"""
The order of a rollout: what exists once, the canary region alone, then the others side by side.

The first failure stops it: what has not begun stays untouched. Regions that work side by side do not stop each other; each
ends by itself, good or taken back.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from infra.deploy.failures import told
from infra.deploy.report import Outcome

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from infra.deploy.plan import StackPlan


class Work(Protocol):
    """The deployment of one stack; :class:`infra.deploy.region.Deployment`."""

    @property
    def where(self) -> str:
        """Code of the region, or ``global``."""

    def plan(self, *, looking_only: bool = False) -> StackPlan:
        """Ask what would change."""

    def apply(self) -> Outcome:
        """Do it."""

    def discard(self) -> None:
        """Remove the plan without executing it."""


def plan_all(works: Sequence[Work], *, looking_only: bool = False) -> list[StackPlan]:
    """
    Plan every stack, side by side, and return the plans in the order of *works*.

    Args:
        works: the stacks.
        looking_only: as in a dry run.

    Raises:
        Exception: that of the first that cannot be planned; what was planned is removed again.
    """
    if not works:
        return []
    with ThreadPoolExecutor(len(works), thread_name_prefix="plan") as pool:
        futures = [pool.submit(work.plan, looking_only=looking_only) for work in works]
    failed = next((future.exception() for future in futures if future.exception() is not None), None)
    if failed is not None:
        discard_all(works)
        raise failed
    return [future.result() for future in futures]


def discard_all(works: Sequence[Work]) -> None:
    """Remove every plan that was not executed."""
    for work in works:
        work.discard()


def roll_out(
    once: Work | None, regional: Sequence[Work], stopping: threading.Event, *, canary: bool = True
) -> list[Outcome]:
    """
    Apply what was planned and return what became of each, in order.

    Args:
        once: what exists once; None if it is not part of this rollout.
        regional: the regions, the canary region first.
        stopping: is set at Ctrl-C, so that threads end soon.
        canary: whether the first region goes alone; False when all have proved themselves in this run already.
    """
    outcomes: list[Outcome] = []
    stages: list[Sequence[Work]] = [[once]] if once is not None else []
    stages += [regional[:1], regional[1:]] if canary else [regional]
    remaining = [stage for stage in stages if stage]
    while remaining:
        outcomes += _side_by_side(remaining.pop(0), stopping)
        if not all(outcome.good for outcome in outcomes):
            break
    left = [work for stage in remaining for work in stage]
    discard_all(left)
    return outcomes + [Outcome(work.where, "untouched") for work in left]


def _side_by_side(works: Sequence[Work], stopping: threading.Event) -> list[Outcome]:
    with ThreadPoolExecutor(len(works), thread_name_prefix="region") as pool:
        futures = [pool.submit(_applied, work) for work in works]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            stopping.set()
            raise


def _applied(work: Work) -> Outcome:
    try:
        return work.apply()
    except Exception as error:  # a defect in one region must not hide what became of the others
        return Outcome(work.where, "broken", told(error)[1])
