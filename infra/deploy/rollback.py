"""``rollback``: every region, or some, back to the release that was there before; its artifacts are still in the bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.deploy.failures import DeployFailed
from infra.deploy.packaging import ENDPOINTS
from infra.deploy.prove import region_proof
from infra.deploy.region import Deployment
from infra.deploy.report import Report
from infra.deploy.rollout import discard_all, plan_all, roll_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.regions import Region
    from infra.deploy.history import Entry
    from infra.deploy.session import Session


def roll_back(session: Session, regions: Sequence[Region], confirm: Callable[[], bool]) -> Report | None:
    """
    Go back; return the report, or None if the operator said no.

    What exists once stays as it is: its tables serve both versions.

    Args:
        session: of this run.
        regions: in the order of the rollout.
        confirm: is asked before anything changes.

    Raises:
        DeployFailed: a region has nothing to go back to; nothing has changed.
    """
    began = session.pace.timestamp()
    entries = {region.code: _previous(session, region) for region in regions}
    for code, entry in entries.items():
        session.progress.note(
            f"{code:<6}  back to version {entry.revision.version}, release {entry.revision.release}, of {entry.at}"
        )
    works = [_deployment(session, region, entries[region.code]) for region in regions]
    for plan in plan_all(works):
        for line in plan.lines():
            session.progress.note(line)
    if not confirm():
        discard_all(works)
        return None
    outcomes = []
    notes = []
    for outcome in roll_out(None, works, session.stopping):
        outcomes.append(outcome)
        if outcome.endpoint and outcome.endpoint not in entries[outcome.where].revision.parameters.get(
            ENDPOINTS, outcome.endpoint
        ):
            notes.append(
                f"{outcome.where}: the endpoints it knows are of then: run make deploy when the cause is mended"
            )
    some = entries[regions[0].code].revision
    ended = session.pace.timestamp()
    return Report("rollback", session.names.stage, some.version, some.release, began, ended, outcomes, notes)


def _previous(session: Session, region: Region) -> Entry:
    site = session.regional(region)
    if not site.bucket.exists() or (entry := site.history.previous()) is None:
        raise DeployFailed(
            "no_previous", f"{region.code}: there is no earlier release to go back to; nothing was changed."
        )
    return entry


def _deployment(session: Session, region: Region, entry: Entry) -> Deployment:
    site = session.regional(region)
    prove = region_proof(
        session.aws,
        site,
        secret=f"{session.names.global_stack}-auth",
        stage=session.names.stage,
        watch_seconds=0.0,
        known_alarms=site.alarms.ringing(),
        emulator=session.emulator,
        pace=session.pace,
        progress=session.progress,
    )
    return Deployment(
        site,
        entry.revision,
        entry.tags,
        prove=prove,
        pace=session.pace,
        progress=session.progress,
        journal=session.journal,
        how="rollback",
        what="rollback",
    )
