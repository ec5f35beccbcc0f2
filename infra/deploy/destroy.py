"""
``destroy``: says what goes and what stays, asks for the stage's name, deletes the stacks and then the buckets.

Regions go first, the canary region last of them, what exists once at the very end. Tables and the secret that the templates
retain stay: deleting what cannot be made again is left to a person with the console open.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from infra.deploy.failures import DeployFailed
from infra.deploy.region import retained
from infra.deploy.stacks import REVIEW

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.regions import Region
    from infra.deploy.session import Session
    from infra.deploy.site import Site
    from infra.deploy.stacks import Stack


class Doomed(NamedTuple):
    """
    A stack that would be deleted.

    Attributes:
        site: where it is.
        stack: what it is; None if there is none, and the bucket alone goes.
        kept: physical ids of what stays.
    """

    site: Site
    stack: Stack | None
    kept: tuple[str, ...]


def destroy(
    session: Session, regions: Sequence[Region], *, everywhere: bool, confirm: Callable[[str], bool]
) -> bool:
    """
    Delete stacks and buckets; return False if the operator said no.

    Args:
        session: of this run.
        regions: in the order of a rollout.
        everywhere: what exists once goes too.
        confirm: is given the stage's name, and answers whether to go on.

    Raises:
        DeployFailed: a stack is of another stage, and nothing has changed; or a stack could not be deleted, and what was
            deleted before it is gone.
    """
    sites = [session.regional(region) for region in reversed(regions)]
    if everywhere:
        sites.append(session.once())
    doomed = [_doomed(site) for site in sites]
    for found in doomed:
        _check_stage(found, session.names.stage)
    note = session.progress.note
    for found in doomed:
        for line in _lines(found):
            note(line)
    if not any(found.stack or found.site.bucket.exists() for found in doomed):
        note("there is nothing to destroy")
        return True
    if not confirm(session.names.stage):
        return False
    emptied: set[str] = set()
    for found in doomed:
        site = found.site
        if found.stack is not None:
            session.progress.step(site.where, f"deleting {site.stack}")
            site.stacks.delete(found.stack)
        session.journal.end(site.where)
    for found in doomed:  # the global stack shares the bucket of its region
        bucket = found.site.bucket
        shared = not everywhere and session.once().bucket.name == bucket.name
        if bucket.name in emptied or shared or not bucket.exists():
            continue
        emptied.add(bucket.name)
        session.progress.step(found.site.where, f"deleted {bucket.name}, {bucket.delete()} objects")
    kept = [name for found in doomed for name in found.kept]
    note(f"destroyed; kept: {', '.join(kept) or 'nothing'}")
    return True


def _check_stage(found: Doomed, stage: str) -> None:
    """Refuse a stack that says that it is of another stage: with ``--stack`` a stage's name alone proves nothing."""
    if found.stack is None:
        return
    said = found.stack.tags.get("stage") or found.stack.parameters.get("Stage") or stage
    if said != stage:
        raise DeployFailed(
            "usage",
            f"{found.site.where}: the stack {found.site.stack} is of stage {said}, not {stage}; nothing was changed.",
        )


def _doomed(site: Site) -> Doomed:
    stack = site.stacks.find(site.stack)
    kept = retained(site, stack) if stack is not None and stack.status != REVIEW else ()
    return Doomed(site, stack, kept)


def _lines(found: Doomed) -> list[str]:
    site = found.site
    if found.stack is None:
        return [f"{site.where:<6}  {site.stack}: no stack"]
    counts = Counter(kind for _, kind, _ in site.stacks.resources(found.stack.id))
    lines = [f"{site.where:<6}  {site.stack}: {sum(counts.values())} resources, bucket {site.bucket.name}"]
    return lines + [f"          stays: {name}" for name in found.kept]
